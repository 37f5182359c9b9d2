import { assertEquals } from "@std/assert";
import { bare, CODE, DATA, DATA_BYTES, inEveryEngine, READ_ONLY } from "./bare.ts";

const REP_MOVSB = "f3 a4",
  REP_MOVSQ = "f3 48 a5",
  REP_STOSD = "f3 ab",
  REPE_CMPSB = "f3 a6",
  REPNE_SCASB = "f2 ae";
const DF = 0x400n;

/** MOVSB, one byte at a time, on a copy of memory. */
function movsb(memory: Uint8Array, from: number, to: number, count: number, step: 1 | -1): Uint8Array {
  const result = memory.slice();
  for (let i = 0; i < count; i++) result[to + i * step] = result[from + i * step]!;
  return result;
}

const PATTERN = Uint8Array.from({ length: DATA_BYTES }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

inEveryEngine("REP MOVSB copies as byte after byte, whatever the overlap and the direction", (engine) => {
  const cpu = bare(engine, REP_MOVSB);
  for (const distance of [-4097, -17, -8, -1, 0, 1, 2, 7, 8, 31, 4095, 4096, 4097]) {
    for (const step of [1, -1] as const) {
      const from = 0x1ff0, to = from + distance, count = 5000;
      const start = step === 1 ? 0 : count - 1;
      cpu.write(DATA, PATTERN);
      cpu.set("rip", CODE);
      cpu.set("rflags", step === 1 ? 2n : 2n | DF);
      cpu.set("rsi", DATA + BigInt(from + start - 2500));
      cpu.set("rdi", DATA + BigInt(to + start - 2500));
      cpu.set("rcx", BigInt(count));
      assertEquals(cpu.run(), { kind: "interrupt", vector: 3 });
      const expected = movsb(PATTERN, from + start - 2500, to + start - 2500, count, step);
      assertEquals(cpu.read(DATA, DATA_BYTES), expected, `distance ${distance}, step ${step}`);
      assertEquals(cpu.get("rcx"), 0n);
      assertEquals(cpu.get("rsi"), DATA + BigInt(from + start - 2500 + step * count));
    }
  }
});

inEveryEngine("REP STOSD fills across pages and from odd addresses", (engine) => {
  const cpu = bare(engine, REP_STOSD);
  for (const [at, count] of [[0, 1024], [0xffe, 3], [1, 2000], [0xffd, 1]] as const) {
    cpu.write(DATA, PATTERN);
    cpu.set("rip", CODE);
    cpu.set("rax", 0x1_1234_5678n);
    cpu.set("rdi", DATA + BigInt(at));
    cpu.set("rcx", BigInt(count));
    cpu.run();
    const expected = PATTERN.slice();
    for (let i = 0; i < count; i++) expected.set([0x78, 0x56, 0x34, 0x12], at + 4 * i);
    assertEquals(cpu.read(DATA, DATA_BYTES), expected, `${count} at ${at}`);
  }
});

inEveryEngine("REP MOVSQ stops at the element that faults, the registers as before it", (engine) => {
  const cpu = bare(engine, REP_MOVSQ);
  cpu.write(DATA, PATTERN);
  const room = 3 * 0x1000 + 0x10; // the destination starts so far before the page that cannot be written
  cpu.set("rsi", DATA);
  cpu.set("rdi", READ_ONLY - BigInt(room));
  cpu.set("rcx", 5000n);
  const stop = cpu.run();
  assertEquals(stop, { kind: "fault", vector: 14, error: 7, address: READ_ONLY });
  assertEquals(cpu.get("rip"), CODE);
  assertEquals(cpu.get("rcx"), 5000n - BigInt(room / 8));
  assertEquals(cpu.get("rsi"), DATA + BigInt(room));
  assertEquals(cpu.get("rdi"), READ_ONLY);
});

inEveryEngine(
  "an element of REP MOVSQ that crosses into a page that faults is not stored at all",
  (engine) => {
    const cpu = bare(engine, REP_MOVSQ);
    cpu.set("rsi", DATA);
    cpu.write(DATA, new Uint8Array(8).fill(0xaa));
    cpu.set("rdi", READ_ONLY - 4n);
    cpu.set("rcx", 1n);
    assertEquals(cpu.run(), { kind: "fault", vector: 14, error: 7, address: READ_ONLY });
    assertEquals(cpu.read(READ_ONLY - 4n, 4), new Uint8Array(4));
    assertEquals(cpu.get("rcx"), 1n);
  },
);

inEveryEngine("REPE CMPSB and REPNE SCASB stop behind the element that decides, with its flags", (engine) => {
  const compare = bare(engine, REPE_CMPSB);
  compare.write(DATA + 0x1ffen, Uint8Array.of(1, 2, 3, 4));
  compare.write(DATA + 0x2ffen, Uint8Array.of(1, 2, 3, 5));
  compare.set("rsi", DATA + 0x1ffen);
  compare.set("rdi", DATA + 0x2ffen);
  compare.set("rcx", 100n);
  compare.run();
  assertEquals(compare.get("rcx"), 96n);
  assertEquals(compare.get("rsi"), DATA + 0x2002n);
  assertEquals(compare.get("rflags") & 0x8d5n, 0x95n); // CF PF AF SF: 4 - 5

  const scan = bare(engine, REPNE_SCASB);
  scan.write(DATA + 0x1005n, Uint8Array.of(0x42));
  scan.set("rax", 0x42n);
  scan.set("rdi", DATA);
  scan.set("rcx", 0xffff_ffff_ffff_ffffn);
  scan.run();
  assertEquals(scan.get("rdi"), DATA + 0x1006n);
  assertEquals(scan.get("rcx"), BigInt.asUintN(64, -1n - 0x1006n));
  assertEquals(scan.get("rflags") & 0x40n, 0x40n);
});

inEveryEngine("a repeated comparison that faults leaves the flags from before it", (engine) => {
  const cpu = bare(engine, REPE_CMPSB);
  cpu.set("rflags", 0x8d7n);
  cpu.set("rsi", DATA);
  cpu.set("rdi", READ_ONLY + 0xff0n); // equal zeros up to the end of what is mapped
  cpu.set("rcx", 100n);
  assertEquals(cpu.run(), { kind: "fault", vector: 14, error: 4, address: READ_ONLY + 0x1000n });
  assertEquals(cpu.get("rcx"), 84n);
  assertEquals(cpu.get("rflags") & 0x8d5n, 0x8d5n);
});

inEveryEngine("a count of 0 does nothing, and no flag changes", (engine) => {
  for (const code of [REP_MOVSB, REP_STOSD, REPE_CMPSB, REPNE_SCASB]) {
    const cpu = bare(engine, code);
    cpu.set("rflags", 0x8d7n);
    cpu.set("rsi", 1n);
    cpu.set("rdi", 2n);
    cpu.set("rcx", 0n);
    assertEquals(cpu.run(), { kind: "interrupt", vector: 3 });
    assertEquals([cpu.get("rsi"), cpu.get("rdi"), cpu.get("rflags") & 0x8d5n], [1n, 2n, 0x8d5n]);
  }
});

Deno.test("a repeated string instruction counts an instruction for each chunk, in every engine the same", () => {
  const counts = (["interpreter", "js"] as const).map((engine) => {
    const cpu = bare(engine, "90 f3 a4 90"); // NOP; REP MOVSB; NOP
    cpu.set("rsi", DATA + 0x800n);
    cpu.set("rdi", DATA + 0x2400n);
    cpu.set("rcx", 0x1a00n);
    cpu.run();
    return cpu.instructions;
  });
  // Chunks end where a pointer leaves its page: after 0x800, 0xc00 and 0x1800 bytes, and at the end. Then NOP NOP INT3.
  assertEquals(counts, [4 + 3, 4 + 3]);
});
