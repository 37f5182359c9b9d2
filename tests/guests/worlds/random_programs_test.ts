/**
 * Random programs on the worlds' kernel: random bytes among system calls with random arguments. Whatever they do, the kernel
 * goes on, and all engines see the same.
 */
import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { ustar } from "../../../_tools/ustar.ts";
import { ENGINE_NAMES } from "../../../src/machine/engines.ts";
import { bootMachine } from "../../../src/machine/machine.ts";
import { forced } from "../../_support/forced.ts";

const WORLDS = new URL("../../../src/guests/worlds/", import.meta.url);
const kernel = readFileSync(new URL("kernel.elf", WORLDS));
const initrd = readFileSync(new URL("initrd.tar", WORLDS));

/** The last one once made the kernel execute VMCALL where there is no hypervisor. */
const SEEDS = [1, 2, 3, 4, 5, 132];
const PROGRAMS = 10;
const LIMIT = 4e7;
/** As src/guests/worlds/abi.h has them. */
const USER_CODE = 0x80_0040_0000n, USER_STACK = 0x80_7fff_f000n, KERNEL = 0x40_0000n;
const CODE_SIZE = 0x600;
const END_MARK = "end of the script\n";
/** System calls, known and unknown; not exit (60) alone, or nothing would run for long. */
// deno-fmt-ignore
const CALLS = [
  0, 1, 2, 3, 4, 5, 9, 22, 24, 39, 60, 61, 63, 172, 217, 228, 7, 1000, 1001, 1002, 1010, 1011, 1012, 1013, 1020, 1021, 1022,
  1030, 1031, 1032, 1033, 1034, 1047, 1048, 0xffff_ffff,
];

/** Numbers below `end`, the same for each seed. */
function randomNumbers(seed: number): (end: number) => number {
  let state = seed * 0x9e37_79b9 + 1;
  return (end) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % end;
  };
}

const le = (value: bigint, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, n) => Number((value >> BigInt(8 * n)) & 0xffn));

/** MOV of a number into RDI, RSI or RDX. */
function moveArgument(register: number, random: (end: number) => number): number[] {
  const opcode = [0xbf, 0xbe, 0xba][register]!;
  const values = [
    BigInt(random(8)),
    USER_CODE + BigInt(random(CODE_SIZE)),
    USER_STACK + BigInt(random(0x1000)),
    KERNEL + BigInt(random(0x1_0000)),
    BigInt(random(0x1_0000)) << BigInt(random(48)),
  ];
  return [0x48, opcode, ...le(values[random(values.length)]!, 8)];
}

function piece(random: (end: number) => number): number[] {
  if (random(2) === 0) return Array.from({ length: 1 + random(6) }, () => random(256));
  const number = [0xb8, ...le(BigInt(CALLS[random(CALLS.length)]!), 4)];
  return [
    ...moveArgument(0, random),
    ...moveArgument(1, random),
    ...moveArgument(2, random),
    ...number,
    0x0f,
    0x05,
  ];
}

/** A program: an ELF file with one segment, which every third program can write as well as execute. */
function program(random: (end: number) => number): Uint8Array {
  const headers = 0x78;
  const file = new Uint8Array(headers + CODE_SIZE);
  const put = (at: number, value: bigint, bytes: number): void => file.set(le(value, bytes), at);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  put(0x10, 2n, 2);
  put(0x12, 62n, 2);
  put(0x18, USER_CODE, 8);
  put(0x20, 0x40n, 8);
  put(0x36, 56n, 2);
  put(0x38, 1n, 2);
  put(0x40, 1n, 4);
  put(0x44, random(3) === 0 ? 7n : 5n, 4);
  put(0x48, BigInt(headers), 8);
  put(0x50, USER_CODE, 8);
  put(0x60, BigInt(CODE_SIZE), 8);
  put(0x68, BigInt(CODE_SIZE), 8);
  for (let at = headers; at < file.length;) {
    const bytes = piece(random).slice(0, file.length - at);
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/** The archive of the kernel, with random programs, and a script that runs them. */
function archive(seed: number): Uint8Array {
  const random = randomNumbers(seed);
  const names = Array.from({ length: PROGRAMS }, (_, n) => `tmp/p${n}`);
  const lines = [...names.map((name) => `/${name} &`), "sleep 20", "ps", `echo ${END_MARK.trimEnd()}`];
  const more = ustar([
    ...names.map((path) => ({ path, bytes: program(random), mode: 0o755 })),
    { path: "tmp/rc", bytes: new TextEncoder().encode(`${lines.join("\n")}\n`), mode: 0o644 },
  ]);
  const end = 1024;
  const result = new Uint8Array(initrd.length - end + more.length);
  result.set(initrd.subarray(0, initrd.length - end));
  result.set(more, initrd.length - end);
  return result;
}

for (const seed of SEEDS) {
  Deno.test(`the kernel survives random programs, on every engine alike (seed ${seed})`, () => {
    const runs = ENGINE_NAMES.map((engine) => {
      const machine = bootMachine({
        kernel,
        modules: [{ bytes: archive(seed) }],
        commandLine: "kernel.elf init=/bin/sh /tmp/rc",
        memory: 0x200_0000,
        ...forced(engine),
      });
      const stop = machine.run({ instructions: LIMIT });
      return { text: machine.console.text, stop, instructions: machine.instructions };
    });
    const [first] = runs;
    assert(first!.text.endsWith(END_MARK), first!.text);
    assertEquals(first!.stop, { kind: "exit", code: 1 });
    for (const run of runs) assertEquals(run, first);
  });
}
