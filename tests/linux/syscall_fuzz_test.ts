import { assert } from "@std/assert";
import { SyscallError } from "../../src/linux/abi/errno.ts";
import { NotExecutable } from "../../src/linux/elf.ts";
import { MemoryFileSystem } from "../../src/linux/fs/memory.ts";
import { RandomSource } from "../../src/linux/random.ts";
import { SYSTEM_CALLS } from "../../src/linux/syscalls/table.ts";
import type { Task } from "../../src/linux/task.ts";
import { ScriptedProcessor, startTask } from "./_support/task.ts";
import { buildElf } from "./_support/elf.ts";

/** Calls to make; CAUSEWAY_FUZZ_CALLS sets another number. */
const CALLS = Number(Deno.env.get("CAUSEWAY_FUZZ_CALLS") ?? 60_000);
/** Calls until the task is replaced: it has closed, unmapped or ended too much by then. */
const CALLS_PER_TASK = 300;
const DATA = 0x1_0000, DATA_BYTES = 0x8000;
const PATHS = [
  "/a",
  "/d",
  "/d/f",
  "/d/../a",
  "/l",
  "/proc/self/maps",
  "/dev/zero",
  "/proc/self/fd/3",
  "d",
  "",
  ".",
  "/elf",
  "/x/y",
  "/dev/ptmx",
];

/** A task with some memory full of numbers and paths, and some open files. */
function makeTask(random: RandomSource): Task {
  const fileSystem = new MemoryFileSystem({ "/a": "text of a", "/d/f": "text of f", "/elf": buildElf() });
  fileSystem.symlink("/d/f", "/l");
  const task = startTask(fileSystem, { seed: random.next() }, new ScriptedProcessor(1 << 21));
  const { memory, space } = task;
  const run = (number: number, ...args: number[]): void => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
    SYSTEM_CALLS[number]!.run(task, a, b, c, d, e, f);
  };
  run(9, DATA, DATA_BYTES, 3, 0x32, -1, 0);
  run(9, DATA + DATA_BYTES, 0x2000, 1, 0x32, -1, 0);
  for (let at = 0; at < DATA_BYTES; at += 8) {
    if (random.next() % 3 === 0) memory.setI64(DATA + at, interesting(random));
  }
  PATHS.forEach((path, i) => memory.write(DATA + 64 * i, new TextEncoder().encode(`${path}\0`)));
  run(2, DATA, 2, 0); // 0: /a
  run(2, DATA + 64, 0o200000, 0); // 1: /d
  run(293, DATA + 0x1000, 0o4000); // 2 and 3: a pipe
  run(290, 1, 0o4000); // 4: eventfd
  run(291, 0); // 5: epoll
  run(53, 1, 1 | 0o4000, 0, DATA + 0x1008); // 6 and 7: sockets
  run(2, DATA + 64 * 6, 2, 0); // 8: /dev/zero
  run(319, DATA, 0); // 9: memfd
  run(41, 2, 1 | 0o4000, 0); // 10: a socket of TCP that listens
  run(50, 10, 1);
  run(41, 2, 2 | 0o4000, 0); // 11: UDP
  run(41, 16, 3 | 0o4000, 0); // 12: netlink
  run(294, 0o4000); // 13: inotify
  run(254, 13, DATA + 64, 0xfff);
  run(2, DATA + 64 * (PATHS.length - 1), 2, 0); // 14: a pseudo-terminal
  run(434, task.group.pid, 0); // 15: this process
  for (const make of [29, 64, 68]) run(make, 0, make === 68 ? 0o600 : 3, 0o600);
  space.brkStart = space.brk = 0x40_0000;
  return task;
}

/** A number as arguments have them: small, a flag, an address, an edge. */
function interesting(random: RandomSource): number {
  switch (random.next() % 10) {
    case 0:
      return DATA + random.next() % (DATA_BYTES + 0x3000);
    case 1:
    case 2:
      return DATA + 64 * (random.next() % PATHS.length);
    case 3:
      return 2 ** (random.next() % 64);
    case 4:
      return [
        -1,
        2 ** 63,
        2 ** 64 - 1,
        2 ** 47,
        0x7fff_ffff,
        0xffff_ffff,
        -4096,
        0x1000,
        0x2000,
      ][random.next() % 9]!;
    case 5:
      return random.next() % 256;
    case 6:
      return 0;
    default:
      return random.next() % 17;
  }
}

/** A value as the dispatcher converts it. */
function convert(value: number, conversion: string): number {
  const big = BigInt.asUintN(64, BigInt(value));
  if (conversion === "i32") return Number(BigInt.asIntN(32, big));
  if (conversion === "u32") return Number(BigInt.asUintN(32, big));
  return Number(conversion === "i64" ? BigInt.asIntN(64, big) : big);
}

Deno.test(`${CALLS} system calls with arguments that make little sense fail or succeed, but do not throw`, () => {
  const random = new RandomSource(Number(Deno.env.get("CAUSEWAY_FUZZ_SEED") ?? 1));
  const numbers = SYSTEM_CALLS.flatMap((call, number) => call === undefined ? [] : [number]);
  let task = makeTask(random);
  let failed = 0;
  for (let i = 0; i < CALLS; i++) {
    if (i % CALLS_PER_TASK === 0 || task.dead) task = makeTask(random);
    const number = numbers[random.next() % numbers.length]!;
    const call = SYSTEM_CALLS[number]!;
    const [a, b, c, d, e, f] = Array.from(
      { length: 6 },
      (_, n) => convert(interesting(random), call.conversions[n] ?? "u64"),
    ) as [number, number, number, number, number, number];
    try {
      const outcome = call.run(task, a, b, c, d, e, f);
      if (typeof outcome === "object") outcome.poll();
      else if (typeof outcome === "number") {
        assert(Number.isInteger(outcome), `${call.name}(${[a, b, c, d, e, f]}) answers ${outcome}`);
        if (outcome < 0) failed++;
      }
    } catch (error) {
      if (!(error instanceof SyscallError || error instanceof NotExecutable)) {
        throw new Error(`call ${i}: ${call.name}(${[a, b, c, d, e, f].join(", ")})`, { cause: error });
      }
      failed++;
    }
  }
  assert(failed > CALLS / 4 && failed < CALLS * 0.95, `${failed} of ${CALLS} failed`);
});
