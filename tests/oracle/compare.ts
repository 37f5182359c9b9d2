/** Compares the results of two processors. */
import type { Case, Result } from "./case.ts";

/** RFLAGS bits that instructions at CPL 3 determine: status flags, TF, DF, NT, AC, ID. */
const FLAGS = 0x24_4dd5;
const PAGE_FAULT = 14;
const WITH_ERROR_CODE = new Set([10, 11, 12, 13, 14, 17]);
/** MXCSR_MASK's place in the image: it is the machine's, not the program's. */
const MXCSR_MASK_WORD = 7;

const REGISTERS = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const hex = (value: bigint | number): string => value.toString(16);

/** What differs, in words; empty if nothing does. A case that did not end in time is not compared. */
export function differences(one: Case, expected: Result, actual: Result): string[] {
  if (expected.end === "timeout" || actual.end === "timeout") {
    return expected.end === actual.end ? [] : [`end: ${expected.end}, here ${actual.end}`];
  }
  if (expected.end !== actual.end || (expected.end === "fault" && expected.vector !== actual.vector)) {
    return [`end: ${describe(expected)}, here ${describe(actual)}`];
  }
  const found: string[] = [];
  const check = (name: string, want: bigint | number, got: bigint | number): void => {
    if (want !== got) found.push(`${name}: ${hex(want)}, here ${hex(got)}`);
  };
  check("rip", expected.rip, actual.rip);
  if (expected.end === "fault") {
    if (WITH_ERROR_CODE.has(expected.vector)) {
      // Linux reports page faults beyond user space as protection violations, so that nothing can be learned there.
      const beyond = expected.vector === PAGE_FAULT && expected.cr2 >> 47n !== 0n ? 1 : 0;
      check("error", expected.error, actual.error | beyond);
    }
    if (expected.vector === PAGE_FAULT) check("cr2", expected.cr2, actual.cr2);
  }
  for (let n = 0; n < 16; n++) check(REGISTERS[n]!, expected.gpr[n]!, actual.gpr[n]!);
  check(`rflags (from ${hex(one.rflags)})`, expected.rflags & FLAGS, actual.rflags & FLAGS);
  compareFx(expected.fx, actual.fx, check);
  for (const offset of new Set([...expected.memory.keys(), ...actual.memory.keys()])) {
    check(`memory+${hex(offset)}`, expected.memory.get(offset) ?? -1n, actual.memory.get(offset) ?? -1n);
  }
  return found;
}

function compareFx(
  expected: Uint8Array,
  actual: Uint8Array,
  check: (name: string, want: number, got: number) => void,
): void {
  const want = new DataView(expected.buffer, expected.byteOffset),
    got = new DataView(actual.buffer, actual.byteOffset);
  for (let word = 0; word < expected.length / 4; word++) {
    if (word === MXCSR_MASK_WORD) continue;
    check(fxName(word), want.getUint32(4 * word, true), got.getUint32(4 * word, true));
  }
}

function fxName(word: number): string {
  if (word >= 40) return `xmm${(word - 40) >> 2}[${word & 3}]`;
  if (word >= 8) return `st${(word - 8) >> 2}[${word & 3}]`;
  return ["fsw:fcw", "fop:ftw", "fip", "fip high", "fdp", "fdp high", "mxcsr"][word]!;
}

function describe({ end, vector, error, cr2, rip }: Result): string {
  return end === "fault" ? `fault ${vector} (error ${hex(error)}, cr2 ${hex(cr2)}) at ${hex(rip)}` : end;
}
