import { assertEquals } from "@std/assert";
import { DATA, DATA_END, faulted, halted, test } from "./run.ts";

const LOW = (1n << 64n) - 1n;
const xmm = (high: bigint, low: bigint): bigint => (high << 64n) | low;
const GP = 13, PF = 14, XM = 19;

test("MOVSD from memory clears the upper half of the register", "f2 0f 10 0f", {
  xmm1: -1n & ((1n << 128n) - 1n),
}, (o) => {
  halted(o);
  assertEquals(o.cpu.get("xmm1"), 0x1122334455667788n);
}, new Uint8Array([0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 1, 2, 3]));

test(
  "MOVSD between registers keeps the upper half",
  "f2 0f 10 ca",
  { xmm1: xmm(7n, 8n), xmm2: xmm(1n, 2n) },
  (o) => {
    assertEquals(o.cpu.get("xmm1"), xmm(7n, 2n));
  },
);

test("MOVAPS keeps the payload of a signaling NaN", "0f 28 ca", {
  xmm2: 0x7ff0000000001234_7f800001_ff800123n,
}, (o) => {
  assertEquals(o.cpu.get("xmm1"), 0x7ff0000000001234_7f800001_ff800123n);
});

test(
  "ADDPS with a misaligned operand raises #GP(0) and changes nothing",
  "0f 58 4f 08",
  { xmm1: 5n },
  (o) => {
    faulted(o, GP);
    assertEquals(o.cpu.get("xmm1"), 5n);
  },
);

test("MOVUPS and PCMPISTRI take misaligned operands", "0f 10 4f 01 66 0f 3a 63 4f 03 00", {}, halted);

test("MOVUPS across a page that is not mapped reports the first byte of that page", "0f 11 0f", {
  rdi: DATA_END - 5n,
}, (o) => {
  faulted(o, PF);
  assertEquals(o.stop.kind === "fault" && o.stop.address, DATA_END);
  assertEquals(o.cpu.read(DATA_END - 5n, 5), new Uint8Array(5));
});

test("ADDSD adds to the low double, and PE and the rest of the register stay as they are", "f2 0f 58 ca", {
  xmm1: xmm(9n, 0x3ff8000000000000n),
  xmm2: 0x4004000000000000n,
}, (o) => {
  assertEquals(o.cpu.get("xmm1"), xmm(9n, 0x4010000000000000n));
  assertEquals(o.cpu.get("mxcsr"), 0x1f80n);
});

test("an inexact result sets PE, also in the blocks that follow", "f2 0f 5e ca eb 00 f2 0f 58 ca", {
  xmm1: 0x3ff0000000000000n,
  xmm2: 0x4008000000000000n,
}, (o) => {
  halted(o);
  assertEquals(o.cpu.get("mxcsr"), 0x1fa0n);
  assertEquals(o.cpu.get("xmm1"), 0x400aaaaaaaaaaaabn);
});

test("DIVPD by zero, unmasked in one lane, raises #XM and leaves the destination", "66 0f 5e ca", {
  mxcsr: 0x1d80,
  xmm1: xmm(0x3ff0000000000000n, 0x3ff0000000000000n),
  xmm2: xmm(0n, 0x4008000000000000n),
}, (o) => {
  faulted(o, XM);
  assertEquals(o.cpu.get("xmm1"), xmm(0x3ff0000000000000n, 0x3ff0000000000000n));
  assertEquals(o.cpu.get("mxcsr"), 0x1d84n);
});

test("LDMXCSR with a reserved bit raises #GP(0)", "0f ae 17", {}, (o) => {
  faulted(o, GP);
  assertEquals(o.cpu.get("mxcsr"), 0x1f80n);
}, new Uint8Array([0x80, 0x1f, 1, 0]));

test("LDMXCSR changes the rounding of the next instruction", "0f ae 17 f2 0f 5e ca 0f ae 5f 08", {
  xmm1: 0x3ff0000000000000n,
  xmm2: 0x4008000000000000n,
}, (o) => {
  halted(o);
  assertEquals(o.cpu.get("xmm1"), 0x3fd5555555555556n); // 1/3 rounded up
  assertEquals(o.cpu.read(DATA + 8n, 4), new Uint8Array([0xa0, 0x5f, 0, 0]));
}, new Uint8Array([0x80, 0x5f, 0, 0]));

test("UCOMISD with a NaN sets ZF, PF and CF and clears the rest", "66 0f 2e ca", {
  rflags: 0x8d7n,
  xmm1: 0x7ff8000000000000n,
}, (o) => {
  assertEquals(o.cpu.get("rflags") & 0x8d5n, 0x45n);
});

test("CVTTSD2SI of what does not fit is the integer indefinite with IE", "f2 48 0f 2c c1", {
  xmm1: 0x43f0000000000000n,
}, (o) => {
  assertEquals(o.cpu.get("rax"), 0x8000000000000000n);
  assertEquals(o.cpu.get("mxcsr"), 0x1f81n);
});

test("PTEST tells whether all and whether none of the bits are set", "66 0f 38 17 ca", {
  xmm1: xmm(1n, 2n),
  xmm2: xmm(0n, 2n),
}, (o) => {
  assertEquals(o.cpu.get("rflags") & 0x8d5n, 1n);
});

test(
  "PCMPISTRI finds a byte and sets the flags",
  "66 0f 3a 63 ca 00",
  { xmm1: 0x63n, xmm2: 0x64636261n },
  (o) => {
    assertEquals(o.cpu.get("rcx"), 2n);
    assertEquals(o.cpu.get("rflags") & 0x8d5n, 0xc1n);
  },
);

test("MASKMOVDQU stores only the bytes that the mask chooses", "66 0f f7 ca", {
  xmm1: 0x1111111122222222n,
  xmm2: 0x8000000000000080n,
}, (o) => {
  assertEquals(o.cpu.read(DATA, 9), new Uint8Array([0x22, 0, 0, 0, 0, 0, 0, 0x11, 0]));
});

test("FXSAVE and FXRSTOR carry all registers", "0f ae 07 0f 57 c0 45 0f 57 ff d9 ee 0f ae 0f", {
  xmm0: xmm(1n, 2n),
  xmm15: xmm(3n, LOW),
  ftw: 0x80,
  fsw: 0x3800,
  st0: 0x4000c90fdaa22168c235n,
}, (o) => {
  halted(o);
  assertEquals([o.cpu.get("xmm0"), o.cpu.get("xmm15")], [xmm(1n, 2n), xmm(3n, LOW)]);
  assertEquals([o.cpu.get("st0"), o.cpu.get("fsw"), o.cpu.get("ftw")], [
    0x4000c90fdaa22168c235n,
    0x3800n,
    0x80n,
  ]);
});

test("XSAVE and XRSTOR work on the components asked for", "0f ae 27 0f 57 c0 d9 e8 0f ae 2f", {
  rax: 2n,
  rdx: 0n,
  xmm0: 77n,
}, (o) => {
  halted(o);
  assertEquals([o.cpu.get("xmm0"), o.cpu.get("ftw")], [77n, 0x80n]);
  assertEquals(o.cpu.read(DATA + 512n, 8), new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0]));
});

test("XRSTOR of a component that is not there initializes it", "0f ae 2f", {
  rax: 3n,
  rdx: 0n,
  xmm0: 77n,
  ftw: 0xff,
}, (o) => {
  halted(o);
  assertEquals([o.cpu.get("xmm0"), o.cpu.get("ftw"), o.cpu.get("fcw")], [0n, 0n, 0x37fn]);
}, new Uint8Array(576).fill(0x80, 24, 25).fill(0x1f, 25, 26));
