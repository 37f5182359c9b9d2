/**
 * Compares the results of two processors.
 *
 * There is no table of undefined results: what the SDM leaves undefined (flags after shifts, multiplications, BSF and
 * the like) is compared as well, and Causeway does as the current Intel processors it was compared with do.
 */
import { decode } from "../../src/frontend/decode.ts";
import type { Case, Result } from "./case.ts";
import { TRANSCENDENTAL } from "./forms.ts";
import { CODE } from "./layout.ts";

/** RFLAGS bits that instructions at CPL 3 determine: status flags, TF, DF, NT, AC, ID. */
const FLAGS = 0x24_4dd5;
const PAGE_FAULT = 14, ALIGNMENT_CHECK = 17;
const WITH_ERROR_CODE = new Set([10, 11, 12, 13, 14, 17]);
/** MXCSR_MASK's place in the image: it is the machine's, not the program's. */
const MXCSR_MASK_WORD = 7;
const INT_LENGTH = 2n, INT3 = 0xcc;
const STATUS_WORD = 0, FIRST_REGISTER_WORD = 8, FIRST_XMM_WORD = 40;
/** C1 (rounded up) and PE in the status word: they follow from the last place of a result. */
const ROUNDING_STATUS = 0x220 << 16;

const REGISTERS = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const hex = (value: bigint | number): string => value.toString(16);

/** What differs, in words; empty if nothing does. A case that did not end in time is not compared. */
export function differences(one: Case, expected: Result, actual: Result): string[] {
  // Causeway does not check alignment (DEVIATIONS.md).
  if (expected.vector === ALIGNMENT_CHECK && expected.end === "fault") return [];
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
  if (actual.behind !== true || !isIntBetween(one, expected.rip, actual.rip)) {
    check("rip", expected.rip, actual.rip);
  }
  if (expected.end === "fault") {
    if (WITH_ERROR_CODE.has(expected.vector)) {
      // Linux reports page faults beyond user space as protection violations, so that nothing can be learned there.
      const beyond = expected.vector === PAGE_FAULT && expected.cr2 >> 47n !== 0n ? 1 : 0;
      check("error", expected.error, actual.error | beyond);
    }
    if (expected.vector === PAGE_FAULT) check("cr2", expected.cr2, actual.cr2);
  }
  compareGeneral(one, expected, actual, check);
  check(`rflags (from ${hex(one.rflags)})`, expected.rflags & FLAGS, actual.rflags & FLAGS);
  compareFx(expected.fx, actual.fx, isTranscendental(one), check);
  for (const offset of new Set([...expected.memory.keys(), ...actual.memory.keys()])) {
    check(`memory+${hex(offset)}`, expected.memory.get(offset) ?? -1n, actual.memory.get(offset) ?? -1n);
  }
  return found;
}

type Check = (name: string, want: bigint | number, got: bigint | number) => void;

/** In 32-bit code there are eight registers, and their upper halves are undefined afterwards. SDM vol. 1, section 3.4.1.1. */
function compareGeneral(
  { codeSize }: Case,
  { gpr: want, end }: Result,
  { gpr: got }: Result,
  check: Check,
): void {
  for (let n = 0; n < (codeSize === 32 ? 8 : 16); n++) {
    // Linux truncates RAX at a system call from 32-bit code.
    if (end === "syscall" && n === 0) continue;
    check(REGISTERS[n]!, BigInt.asUintN(codeSize, want[n]!), BigInt.asUintN(codeSize, got[n]!));
  }
}

/** Whether the instruction between two places is INT. */
function isIntBetween({ code, offset, codeSize }: Case, from: bigint, to: bigint): boolean {
  if (to - from === INT_LENGTH) return true; // also one that the case itself has written
  const at = Number(from - CODE) - offset;
  if (at < 0 || at >= code.length) return false;
  const padded = new Uint8Array(code.length + 2).fill(INT3);
  padded.set(code);
  const instruction = decode(padded, at, padded.length - at, codeSize);
  return "mnemonic" in instruction && instruction.mnemonic === "INT" &&
    from + BigInt(instruction.length) === to;
}

function isTranscendental({ code, codeSize, whole }: Case): boolean {
  if (whole !== true) return false;
  const first = decode(code, 0, code.length, codeSize);
  return "mnemonic" in first && TRANSCENDENTAL.has(first.mnemonic);
}

function compareFx(expected: Uint8Array, actual: Uint8Array, approximate: boolean, check: Check): void {
  const want = new DataView(expected.buffer, expected.byteOffset),
    got = new DataView(actual.buffer, actual.byteOffset);
  for (let word = 0; word < expected.length / 4; word++) {
    if (word === MXCSR_MASK_WORD) continue;
    let ignored = 0;
    if (approximate && word === STATUS_WORD) ignored = ROUNDING_STATUS;
    if (approximate && word >= FIRST_REGISTER_WORD && word < FIRST_XMM_WORD) {
      const at = 4 * (word & ~3);
      const distance = order(want, at) - order(got, at);
      if (distance >= -1n && distance <= 1n) continue;
    }
    check(
      fxName(word),
      (want.getUint32(4 * word, true) & ~ignored) >>> 0,
      (got.getUint32(4 * word, true) & ~ignored) >>> 0,
    );
  }
}

/** The place of an 80-bit number among all of its sign: neighbours differ by one. */
function order(view: DataView, at: number): bigint {
  const exponent = BigInt(view.getUint16(at + 8, true));
  return (exponent << 63n) | BigInt.asUintN(63, view.getBigUint64(at, true));
}

function fxName(word: number): string {
  if (word >= FIRST_XMM_WORD) return `xmm${(word - FIRST_XMM_WORD) >> 2}[${word & 3}]`;
  if (word >= FIRST_REGISTER_WORD) return `st${(word - FIRST_REGISTER_WORD) >> 2}[${word & 3}]`;
  return ["fsw:fcw", "fop:ftw", "fip", "fip high", "fdp", "fdp high", "mxcsr"][word]!;
}

function describe({ end, vector, error, cr2, rip }: Result): string {
  return end === "fault" ? `fault ${vector} (error ${hex(error)}, cr2 ${hex(cr2)}) at ${hex(rip)}` : end;
}
