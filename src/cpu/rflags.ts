/** RFLAGS: bit names, and packing and unpacking of the flag cells. SDM vol. 1, section 3.4.3. */
import { AF, CF, DF, OF, PF, RFLAGS_SYSTEM, SF, ZF } from "./state.ts";

/** RFLAGS bits. */
export const Flag = {
  CF: 1,
  FIXED: 2,
  PF: 4,
  AF: 0x10,
  ZF: 0x40,
  SF: 0x80,
  TF: 0x100,
  IF: 0x200,
  DF: 0x400,
  OF: 0x800,
  IOPL: 0x3000,
  NT: 0x4000,
  RF: 0x1_0000,
  VM: 0x2_0000,
  AC: 0x4_0000,
  VIF: 0x8_0000,
  VIP: 0x10_0000,
  ID: 0x20_0000,
} as const; // deno-fmt-ignore

/** CF, PF, AF, ZF, SF and OF. */
export const STATUS_FLAGS = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;
/** What the RFLAGS_SYSTEM cell holds. */
export const SYSTEM_FLAGS = Flag.TF | Flag.IF | Flag.IOPL | Flag.NT | Flag.RF | Flag.VM | Flag.AC | Flag.VIF |
  Flag.VIP | Flag.ID;

/** 1 if the low eight bits of `x` have an even number of ones, as PF. */
export function evenParity(x: number): number {
  return (0x9669 >>> ((x ^ (x >>> 4)) & 15)) & 1;
}

/** Reads RFLAGS (as 32 bits; the upper half is 0) from the state. */
export function readRflags(state: Int32Array): number {
  return state[CF >> 2]! | Flag.FIXED | (evenParity(state[PF >> 2]!) << 2) | (state[AF >> 2]! & Flag.AF) |
    (state[ZF >> 2] === 0 ? Flag.ZF : 0) | ((state[SF >> 2]! >>> 31) << 7) | (state[DF >> 2]! << 10) |
    ((state[OF >> 2]! >>> 31) << 11) | state[RFLAGS_SYSTEM >> 2]!;
}

/** Writes all of RFLAGS to the state; reserved bits are ignored. */
export function writeRflags(state: Int32Array, rflags: number): void {
  writeStatusFlags(state, rflags);
  state[DF >> 2] = (rflags >>> 10) & 1;
  state[RFLAGS_SYSTEM >> 2] = rflags & SYSTEM_FLAGS;
}

/** Writes those of STATUS_FLAGS. */
export function writeStatusFlags(state: Int32Array, rflags: number): void {
  state[CF >> 2] = rflags & Flag.CF;
  state[PF >> 2] = (rflags & Flag.PF) === 0 ? 1 : 0;
  state[AF >> 2] = rflags & Flag.AF;
  state[ZF >> 2] = (rflags & Flag.ZF) === 0 ? 1 : 0;
  state[SF >> 2] = rflags << 24;
  state[OF >> 2] = rflags << 20;
}
