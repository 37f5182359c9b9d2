import { assertEquals } from "@std/assert";
import { DATA, DATA_END, faulted, halted, test } from "./run.ts";

const MF = 16, PF = 14;
/** IE with ES and B: pending if FCW unmasks it. */
const PENDING = { fcw: 0x37e, fsw: 0x8081 };

test("an MMX instruction sets TOP to 0, makes all registers valid and the exponent all ones", "0f fc ca", {
  fsw: 0x1800,
  ftw: 0,
  mm1: 0x01020304ff060708n,
  mm2: 0x0101010101010101n,
}, (o) => {
  halted(o);
  assertEquals([o.cpu.get("fsw"), o.cpu.get("ftw")], [0n, 0xffn]);
  assertEquals(o.cpu.get("mm1"), 0x0203040500070809n);
  assertEquals(o.cpu.get("st1") >> 64n, 0xffffn);
});

test("EMMS empties the registers", "0f 77", { fsw: 0x1800, ftw: 0xff }, (o) => {
  assertEquals([o.cpu.get("fsw"), o.cpu.get("ftw")], [0n, 0n]);
});

test("a pending x87 exception comes before an MMX instruction and its page fault", "0f fc 0f", {
  ...PENDING,
  rdi: DATA_END,
}, (o) => faulted(o, MF));

test(
  "an MMX load that faults leaves the x87 state",
  "0f 6f 0f",
  { rdi: DATA_END, fsw: 0x1800, ftw: 3 },
  (o) => {
    faulted(o, PF);
    assertEquals([o.cpu.get("fsw"), o.cpu.get("ftw")], [0x1800n, 3n]);
  },
);

test("SSE instructions do not look at pending x87 exceptions", "66 0f fc ca", PENDING, halted);

test(
  "CVTPI2PD with memory leaves the x87 state, with a register it does not",
  "66 0f 2a 0f",
  { fsw: 0x1800 },
  (o) => {
    halted(o);
    assertEquals([o.cpu.get("fsw"), o.cpu.get("xmm1")], [
      0x1800n,
      (0xbff0000000000000n << 64n) | 0x4000000000000000n,
    ]);
  },
  new Uint8Array([2, 0, 0, 0, 255, 255, 255, 255]),
);
test("CVTPI2PD with a register is an MMX instruction", "66 0f 2a ca", { fsw: 0x1800 }, (o) => {
  assertEquals([o.cpu.get("fsw"), o.cpu.get("ftw")], [0n, 0xffn]);
});

test(
  "PACKSSWB, PUNPCKHBW, PHADDW and PALIGNR work on 64 bits",
  "0f 63 ca 0f 68 da 0f 38 01 e2 0f 3a 0f ea 03",
  {
    mm1: 0x7fff_8000_0001_0080n,
    mm2: 0x0005_0004_0003_0002n,
    mm3: 0x8877665544332211n,
    mm4: 0x0001_0002_0003_0004n,
    mm5: 0xffeeddccbbaa9988n,
  },
  (o) => {
    assertEquals(o.cpu.get("mm1"), 0x05040302_7f80017fn);
    assertEquals(o.cpu.get("mm3"), 0x00_88_05_77_00_66_04_55n);
    assertEquals(o.cpu.get("mm4"), 0x0009_0005_0003_0007n);
    assertEquals(o.cpu.get("mm5"), 0xaa99880005000400n);
  },
);

test("MOVQ and MOVD to memory store 8 and 4 bytes", "0f 7f 0f 0f 7e 57 08", {
  mm1: 0x1122334455667788n,
  mm2: 0xaabbccddeeff0011n,
}, (o) => {
  assertEquals(
    [...o.cpu.read(DATA, 13)].map((x) => x.toString(16)).join(" "),
    "88 77 66 55 44 33 22 11 11 0 ff ee 0",
  );
});
