/** Registers of tasks: which part of the processor state is theirs, and how system calls read and set them. */
import { Flag } from "../cpu/rflags.ts";
import * as state from "../cpu/state.ts";

/** 32-bit words of the state that a task's saved registers take. */
export const SAVED_WORDS = (state.YMM_HIGH + 0x200) >> 2;

/** Ranges of the state (in words) that belong to a task. */
const RANGES: readonly (readonly [number, number])[] = [
  [0, state.FP_RAISED >> 2],
  [state.SEGMENT >> 2, (state.SEGMENT + 6 * state.SEGMENT_STRIDE) >> 2],
  [state.X87 >> 2, (state.FDS + 4) >> 2],
  [state.XMM >> 2, (state.XMM + 0x100) >> 2],
  [state.YMM_HIGH >> 2, (state.YMM_HIGH + 0x100) >> 2],
];

/** Copies a task's registers. */
export function copyRegisters(from: Int32Array, to: Int32Array): void {
  for (const [start, end] of RANGES) to.set(from.subarray(start, end), start);
}

/** Value of register `n` as an unsigned number, rounded above 2^53. */
export function gpr(registers: Int32Array, n: number): number {
  const at = (state.GPR >> 2) + 2 * n;
  return (registers[at]! >>> 0) + (registers[at + 1]! >>> 0) * 0x1_0000_0000;
}

/** Value of register `n` exactly. */
export function gprBig(registers: Int32Array, n: number): bigint {
  return big(registers, state.GPR + 8 * n);
}

/** The 64-bit cell at a state offset. */
export function big(registers: Int32Array, offset: number): bigint {
  return BigInt(registers[offset >> 2]! >>> 0) | (BigInt(registers[(offset >> 2) + 1]! >>> 0) << 32n);
}

/** Sets the 64-bit cell at a state offset. */
export function setBig(registers: Int32Array, offset: number, value: bigint): void {
  registers[offset >> 2] = Number(BigInt.asIntN(32, value));
  registers[(offset >> 2) + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

/** Sets the 64-bit cell at a state offset to a signed or unsigned number of at most 53 bits. */
export function setNumber(registers: Int32Array, offset: number, value: number): void {
  registers[offset >> 2] = value | 0;
  registers[(offset >> 2) + 1] = Math.floor(value / 0x1_0000_0000) | 0;
}

/** Sets register `n`. */
export function setGpr(registers: Int32Array, n: number, value: number): void {
  setNumber(registers, state.GPR + 8 * n, value);
}

/** RIP as a number. */
export function rip(registers: Int32Array): number {
  return (registers[state.RIP >> 2]! >>> 0) + (registers[(state.RIP >> 2) + 1]! >>> 0) * 0x1_0000_0000;
}

/** Selectors of 64-bit user code and of its data, as Linux has them. */
export const USER_CS = 0x33;
export const USER_SS = 0x2b;

/** Attributes of a flat segment: descriptor bits 55:40. */
const CODE64 = 0xa0fb;
const DATA = 0xc0f3;

/** Registers as a fresh program finds them: all zero, the FPU as FINIT leaves it. */
export function resetRegisters(registers: Int32Array, entry: number, stack: number): void {
  for (const [start, end] of RANGES) registers.fill(0, start, end);
  setNumber(registers, state.RIP, entry);
  setGpr(registers, state.Gpr.RSP, stack);
  // The flag cells are not all zero for clear flags (rflags.ts).
  registers[state.PF >> 2] = 1;
  registers[state.ZF >> 2] = 1;
  registers[state.RFLAGS_SYSTEM >> 2] = Flag.IF;
  for (let n = 0; n < 6; n++) {
    const at = (state.SEGMENT + state.SEGMENT_STRIDE * n) >> 2;
    const isCode = n === state.Segment.CS;
    registers[at + (state.SEG_SELECTOR >> 2)] = isCode ? USER_CS : n === state.Segment.SS ? USER_SS : 0;
    registers[at + (state.SEG_LIMIT >> 2)] = -1;
    registers[at + (state.SEG_ATTRIBUTES >> 2)] = isCode ? CODE64 : DATA;
  }
  resetFpu(registers);
}

/** The FPU and SSE state as a fresh program and a signal's entry find it. */
export function resetFpu(registers: Int32Array): void {
  registers.fill(0, state.X87 >> 2, (state.FDS + 4) >> 2);
  registers.fill(0, state.XMM >> 2, (state.XMM + 0x100) >> 2);
  registers.fill(0, state.YMM_HIGH >> 2, (state.YMM_HIGH + 0x100) >> 2);
  registers[state.FCW >> 2] = 0x37f;
  registers[state.MXCSR >> 2] = 0x1f80;
}

/** Control registers for user code under four-level paging: set once. SDM vol. 3A, section 2.5. */
export function enterUserMode(registers: Int32Array): void {
  setNumber(registers, state.CR0, 0x8005_0033); // PG AM WP NE ET MP PE: alignment checks (RFLAGS.AC) as Linux has them
  setNumber(registers, state.CR4, 0x5_0620); // PAE OSFXSR OSXMMEXCPT FSGSBASE OSXSAVE
  setNumber(registers, state.EFER, 0xd01); // SCE LME LMA NXE
  setNumber(registers, state.XCR0, 3); // x87 and SSE
  registers[state.CPL >> 2] = 3;
}
