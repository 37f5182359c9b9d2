import { assertEquals } from "@std/assert";
import { CODE, DATA, DATA_END, faulted, halted, test } from "./run.ts";

const MF = 16, PF = 14;
const ONE = 0x3fff_8000000000000000n;
const PENDING = { fcw: 0x37e, fsw: 0x8081 };

test("FLD1, FLDPI and FADDP calculate at 80 bits", "d9 e8 d9 eb de c1", {}, (o) => {
  halted(o);
  assertEquals([o.cpu.get("st0"), o.cpu.get("ftw")], [0x4001_8487ed5110b4611an, 0x80n]);
});

test("FLD m64 and FSTP m80 store ten bytes", "dd 07 db 7f 10", {}, (o) => {
  const stored = o.cpu.read(DATA + 16n, 11);
  assertEquals([...stored], [0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0xbf, 0]);
}, new Uint8Array([0, 0, 0, 0, 0, 0, 0xf0, 0xbf]));

test(
  "a pending exception is raised by the next waiting instruction, not by FNSTSW",
  "df e0 d9 e8",
  PENDING,
  (o) => {
    faulted(o, MF, 2);
    assertEquals(o.cpu.get("rax") & 0xffffn, 0x8081n);
  },
);

test("FNCLEX clears a pending exception", "db e2 d9 e8", PENDING, halted);
test("FWAIT raises a pending exception", "9b", PENDING, (o) => faulted(o, MF));
test(
  "FLDCW that unmasks an exception makes it pending for the next instruction",
  "d9 2f d9 e8",
  {
    fsw: 1,
  },
  (o) => faulted(o, MF, 2),
  new Uint8Array([0x7e, 3]),
);

test("a store with an unmasked exception stores nothing and does not pop", "d9 1f 90", {
  fcw: 0x377, // overflow unmasked
  ftw: 1,
  st0: 0x7ffe_8000000000000000n,
}, (o) => {
  halted(o);
  assertEquals(o.cpu.read(DATA, 4), new Uint8Array(4));
  assertEquals([o.cpu.get("fsw") & 0x8088n, o.cpu.get("ftw")], [0x8088n, 1n]);
});

test("a store that faults leaves the stack and the pointers", "dd 1f", {
  ftw: 1,
  st0: ONE,
  rdi: DATA_END,
}, (o) => {
  faulted(o, PF);
  assertEquals([o.cpu.get("ftw"), o.cpu.get("fsw"), o.cpu.get("fip")], [1n, 0n, 0n]);
});

test(
  "FIP is that of the last instruction that is not a control instruction",
  "d9 e8 d9 c0 d9 3f df e0",
  {},
  (o) => {
    assertEquals(o.cpu.get("fip"), CODE + 2n);
    assertEquals([o.cpu.get("fop"), o.cpu.get("fdp")], [0n, 0n]);
  },
);

test(
  "FOP and FDP are noted with an unmasked exception",
  "90 dc 77 08",
  { fcw: 0x37b, ftw: 1, st0: ONE },
  (o) => {
    assertEquals([o.cpu.get("fip"), o.cpu.get("fop"), o.cpu.get("fdp")], [CODE + 1n, 0x477n, DATA + 8n]);
    assertEquals(o.cpu.get("fsw") & 0x8084n, 0x8084n);
  },
);

test("FCOMI sets ZF, PF and CF and clears OF, SF and AF", "db f1", {
  rflags: 0x8d6n,
  ftw: 3,
  st0: ONE,
  st1: ONE,
}, (o) => {
  assertEquals(o.cpu.get("rflags") & 0x8d5n, 0x40n);
});
test(
  "FCOMI with an unmasked invalid operand writes the flags all the same",
  "db f1",
  { rflags: 0x8d6n, fcw: 0x37e },
  (o) => {
    assertEquals(o.cpu.get("rflags") & 0x8d5n, 0x45n);
  },
);

test(
  "FCMOVE moves only if ZF is set",
  "db c9 da ca",
  { rflags: 0x42n, ftw: 7, st0: 5n, st1: 6n, st2: 7n },
  (o) => {
    assertEquals(o.cpu.get("st0"), 7n);
  },
);

test("FNSTENV masks exceptions; FLDENV brings all back", "d9 77 40 d9 67 40", {
  fcw: 0x300,
  fsw: 0x4700,
  ftw: 0,
}, (o) => {
  halted(o);
  assertEquals([o.cpu.get("fcw"), o.cpu.get("fsw")], [0x340n, 0x4700n]);
});

test(
  "FNSAVE leaves an initialized unit, FRSTOR brings the registers back",
  "dd 37 d9 3f dd 77 00 db e3 dd 27",
  {
    ftw: 1,
    st0: ONE,
  },
  (o) => {
    halted(o);
    assertEquals(o.cpu.get("fcw"), 0x37fn);
  },
);

test("FSTP of an empty register delivers the indefinite with a stack fault", "dd d9", {}, (o) => {
  assertEquals([o.cpu.get("fsw"), o.cpu.get("st0")], [0x841n, 0xffff_c000000000000000n]);
});
