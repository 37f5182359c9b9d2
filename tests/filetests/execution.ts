/** Runs the tests of a file on a processor and compares all registers and memory. */
import { assertEquals } from "@std/assert";
import type { EngineName } from "../../src/machine/engines.ts";
import { BareProcessor, type RegisterName } from "../../src/machine/api/bare_processor.ts";
import type { BareStop } from "../../src/machine/api/bare_processor.ts";
import { Vector } from "../../src/cpu/fault.ts";
import { type FileTest, hexBytes, type Run } from "./format.ts";

const CODE = 0x10000, DATA = 0x20000, DATA_BYTES = 0x10000, STACK = 0x28000;
const HLT = 0xf4;
const FLAGS = { CF: 0x1, PF: 0x4, AF: 0x10, ZF: 0x40, SF: 0x80, DF: 0x400, OF: 0x800 } as const;
const FLAG_MASK = Object.values(FLAGS).reduce((mask, bit) => mask | bit, 0);

/** Registers that a test sees. RIP and RFLAGS are treated apart, segments' selectors do not change. */
const VISIBLE = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
  "xmm0",
  "xmm1",
  "xmm2",
  "xmm3",
  "xmm4",
  "xmm5",
  "xmm6",
  "xmm7",
  "xmm8",
  "xmm9",
  "xmm10",
  "xmm11",
  "xmm12",
  "xmm13",
  "xmm14",
  "xmm15",
  "mxcsr",
  "fcw",
  "fsw",
  "ftw",
  "st0",
  "st1",
  "st2",
  "st3",
  "st4",
  "st5",
  "st6",
  "st7",
  "fs_base",
  "gs_base",
] as const satisfies readonly RegisterName[]; // deno-fmt-ignore

/** A processor on which tests of one mode run, one after the other. */
export class FileTestProcessor {
  readonly #cpu: BareProcessor;
  readonly #initial: ReadonlyMap<RegisterName, bigint>;

  constructor(readonly mode: 16 | 32 | 64, engine: EngineName) {
    this.#cpu = new BareProcessor({ mode, engine, memory: 1 << 22 });
    this.#cpu.map(CODE, 0x1000);
    this.#cpu.map(DATA, DATA_BYTES);
    this.#initial = new Map(VISIBLE.map((name) => [name, this.#cpu.get(name)]));
  }

  /** Runs a test `times` times, so that its code also gets compiled, and compares every time. */
  check(test: FileTest, times: number): void {
    for (const run of test.runs) {
      for (let n = 0; n < times; n++) this.#once(test, run);
    }
  }

  #once({ name, code }: FileTest, { before, after }: Run): void {
    const cpu = this.#cpu;
    for (const [register, value] of this.#initial) cpu.set(register, value);
    cpu.set("rsp", STACK);
    cpu.set("rflags", 0x202n);
    const memory = new Uint8Array(DATA_BYTES);
    apply(before, memory, (register, value) => cpu.set(register, value));
    cpu.write(DATA, memory);
    cpu.write(CODE, Uint8Array.of(...code, HLT));
    if (this.mode === 16) cpu.set("cs", BigInt(CODE >> 4));
    cpu.set("rip", this.mode === 16 ? 0 : CODE);
    const expected = new Map<string, bigint>(VISIBLE.map((register) => [register, cpu.get(register)]));
    expected.set("rflags", cpu.get("rflags"));
    apply(after, memory, (register, value) => expected.set(register, value));

    const stop = cpu.run({ instructions: 100_000 });

    const what = [name, ...[...before].map((pair) => pair.join("="))].join(" ");
    assertEquals(this.#stopText(stop), after.get("stop") ?? `end+${code.length}`, what);
    const ignored = BigInt(flagBits(after.get("ignore") ?? "none"));
    const differences = [...expected].flatMap(([register, value]) => {
      const actual = cpu.get(register as RegisterName);
      const same = register === "rflags" ? ((actual ^ value) & ~ignored) === 0n : actual === value;
      return same ? [] : [`${register}: 0x${actual.toString(16)}, not 0x${value.toString(16)}`];
    });
    assertEquals(differences, [], what);
    assertEquals(changes(memory, cpu.read(DATA, DATA_BYTES)), [], what);
  }

  /** How the code ended, with the offset of RIP. */
  #stopText(stop: BareStop): string {
    const start = this.mode === 16 ? 0n : BigInt(CODE);
    const offset = this.#cpu.get("rip") - start;
    switch (stop.kind) {
      case "halt":
        return `end+${offset - 1n}`;
      case "fault": {
        const vector = Object.entries(Vector).find(([, number]) => number === stop.vector)![0];
        const error = stop.error >= 0 ? `(${stop.error})` : "";
        return `#${vector}${error}${offset < 0 || offset > 0x1000 ? "" : `+${offset}`}`;
      }
      case "interrupt":
        return `interrupt(${stop.vector})+${offset}`;
      case "syscall":
      case "budget":
      case "breakpoint":
      case "watchpoint":
        return `${stop.kind}+${offset}`;
    }
  }
}

/** Applies assignments to memory and, through `set`, to registers. */
function apply(
  values: ReadonlyMap<string, string>,
  memory: Uint8Array,
  set: (register: RegisterName, value: bigint) => void,
): void {
  for (const [name, value] of values) {
    if (name === "stop" || name === "ignore") continue;
    if (name === "flags") set("rflags", BigInt(0x202 | flagBits(value)));
    else if (name.startsWith("[")) memory.set(hexBytes(value), Number(name.slice(1, -1)) - DATA);
    else set(name as RegisterName, BigInt(value));
  }
}

function flagBits(text: string): number {
  if (text === "none") return 0;
  const bits = text.split(",").reduce((mask, flag) => mask | FLAGS[flag as keyof typeof FLAGS], 0);
  if ((bits & ~FLAG_MASK) !== 0 || bits === 0) throw new SyntaxError(`not flags: ${text}`);
  return bits;
}

function changes(expected: Uint8Array, actual: Uint8Array): string[] {
  const result: string[] = [];
  expected.forEach((byte, i) => {
    if (actual[i] !== byte) {
      result.push(`[0x${(DATA + i).toString(16)}]: ${actual[i]!.toString(16)}, not ${byte.toString(16)}`);
    }
  });
  return result;
}
