/** The x87 register stack, its status word, and what all instructions of the unit share. SDM vol. 1, section 8.1. */
import { FCW, FSW, FTW, RETURN_HI, RETURN_V128, X87 } from "../../state.ts";
import {
  A_CLASS,
  A_SIGN,
  B_CLASS,
  FLAGS,
  FpClass,
  FpException,
  R_CLASS,
  R_EXP,
  R_HI,
  R_LO,
  R_SIGN,
  ROUNDED_UP,
  w,
} from "../significand.ts"; // deno-fmt-ignore
import type { Format } from "../soft.ts";
import { unpack32 } from "../float32.ts";
import { unpack64 } from "../float64.ts";
import { unpack80 } from "./extended.ts";

/** Bits of the status word. */
export const Fsw = {
  EXCEPTIONS: 0x3f,
  SF: 0x40,
  ES: 0x80,
  C0: 0x100,
  C1: 0x200,
  C2: 0x400,
  TOP: 0x3800,
  TOP_SHIFT: 11,
  C3: 0x4000,
  B: 0x8000,
} as const; // deno-fmt-ignore

/** Invalid operation on the stack: IE with SF. */
export const STACK_FAULT: number = FpException.IE | Fsw.SF;

/** Exceptions that keep an instruction from computing if they are unmasked. */
export const PRE_COMPUTATION: number = FpException.IE | FpException.DE | FpException.ZE;

/** What an unmasked overflow or underflow into a register adds to or takes from the exponent. SDM vol. 1, section 8.5.4. */
export const BIAS_ADJUST = 24576;

/** The formats of the precision control: 24, (reserved), 53, 64 bits; all with the exponents of 80-bit numbers. */
const PRECISIONS: readonly Format[] = ([24, 64, 53, 64] as const).map((precision) => ({
  precision,
  minExponent: -16382,
  maxExponent: 16383,
}));
/** Double extended precision, whatever the precision control says. */
export const EXTENDED: Format = PRECISIONS[3]!;

/** Registers, tags and status; the base of the unit's layers. */
export class Registers {
  /** The processor state. */
  protected readonly state: Int32Array;

  constructor(state: Int32Array) {
    this.state = state;
  }

  /** Whether an unmasked exception waits to be reported: the next waiting instruction raises #MF. */
  pending(): boolean {
    return (this.state[FSW >> 2]! & Fsw.ES) !== 0;
  }

  /** Index of the cells of ST(i) in the state. */
  protected cell(i: number): number {
    return (X87 >> 2) + (((this.state[FSW >> 2]! >>> Fsw.TOP_SHIFT) + i) & 7) * 4;
  }

  protected isEmpty(i: number): boolean {
    return ((this.state[FTW >> 2]! >>> (((this.state[FSW >> 2]! >>> Fsw.TOP_SHIFT) + i) & 7)) & 1) === 0;
  }

  /** Whether exception `flags` include an unmasked one. */
  protected unmasked(flags: number): boolean {
    return (flags & ~this.state[FCW >> 2]! & Fsw.EXCEPTIONS) !== 0;
  }

  /** Sets exceptions (and SF) in the status word, C1 to `c1`, and ES and B if one is unmasked. */
  protected raise(flags: number, c1: number): void {
    const summary = this.unmasked(flags) ? Fsw.ES | Fsw.B : 0;
    this.state[FSW >> 2] = (this.state[FSW >> 2]! & ~Fsw.C1) | flags | summary | (c1 !== 0 ? Fsw.C1 : 0);
  }

  /** Sets C3, C2 and C0 (`codes`, at their bits) and clears C1. */
  protected setCodes(codes: number): void {
    this.state[FSW >> 2] = (this.state[FSW >> 2]! & ~(Fsw.C0 | Fsw.C1 | Fsw.C2 | Fsw.C3)) | codes;
  }

  protected write(i: number, lo: number, hi: number, signExponent: number): void {
    const cell = this.cell(i), state = this.state;
    state[cell] = lo;
    state[cell + 1] = hi;
    state[cell + 2] = signExponent;
    state[FTW >> 2] = state[FTW >> 2]! | (1 << ((cell - (X87 >> 2)) >> 2));
  }

  /** Writes the QNaN floating-point indefinite, the masked response to an invalid operation. */
  protected writeIndefinite(i: number): void {
    this.write(i, 0, 0xc0000000, 0xffff);
  }

  /** Adds `n` to TOP. */
  protected rotate(n: number): void {
    const fsw = this.state[FSW >> 2]!;
    this.state[FSW >> 2] = (fsw & ~Fsw.TOP) | ((fsw + (n << Fsw.TOP_SHIFT)) & Fsw.TOP);
  }

  protected pop(): void {
    this.state[FTW >> 2] = this.state[FTW >> 2]! & ~(1 << ((this.state[FSW >> 2]! >>> Fsw.TOP_SHIFT) & 7));
    this.rotate(1);
  }

  /** Makes room for a push. On overflow returns false, and has done all that is to be done. */
  protected push(): boolean {
    if (this.isEmpty(7)) {
      this.rotate(-1);
      return true;
    }
    this.raise(STACK_FAULT, 1);
    if (!this.unmasked(FpException.IE)) {
      this.rotate(-1);
      this.writeIndefinite(0);
    }
    return false;
  }

  /** Raises a stack underflow; if it is masked ST(`dst`) becomes the indefinite. Returns whether it was masked. */
  protected underflow(dst: number): boolean {
    this.raise(STACK_FAULT, 0);
    if (this.unmasked(FpException.IE)) return false;
    if (dst >= 0) this.writeIndefinite(dst);
    return true;
  }

  /** MXCSR-like controls (masks and rounding) for the soft operations, from the control word. */
  protected controls(): number {
    const fcw = this.state[FCW >> 2]!;
    return ((fcw & 0x3f) << 7) | ((fcw & 0xc00) << 3);
  }

  protected rounding(): number {
    return (this.state[FCW >> 2]! >>> 10) & 3;
  }

  /** The format that the precision control selects. */
  protected format(): Format {
    return PRECISIONS[(this.state[FCW >> 2]! >>> 8) & 3]!;
  }

  /** Unpacks ST(i) as operand A or B (`slot` A_SIGN or B_SIGN). Returns whether it is denormal. */
  protected unpack(slot: number, i: number): boolean {
    const cell = this.cell(i), state = this.state;
    return unpack80(
      slot,
      slot === A_SIGN ? A_CLASS : B_CLASS,
      state[cell]!,
      state[cell + 1]!,
      state[cell + 2]!,
    );
  }

  /** Unpacks a single from memory as operand A or B. */
  protected unpackSingle(slot: number, bits: number): boolean {
    const classCell = slot === A_SIGN ? A_CLASS : B_CLASS;
    const denormal = unpack32(slot, classCell, bits, 0);
    if (w[classCell]! >= FpClass.QNAN) {
      w[slot + 2] = (bits << 8) | 0x8000_0000;
      w[slot + 3] = 0;
    }
    return denormal;
  }

  /** Unpacks a double from memory as operand A or B. */
  protected unpackDouble(slot: number, lo: number, hi: number): boolean {
    const classCell = slot === A_SIGN ? A_CLASS : B_CLASS;
    const denormal = unpack64(slot, classCell, lo, hi, 0);
    if (w[classCell]! >= FpClass.QNAN) {
      w[slot + 2] = (hi << 11) | (lo >>> 21) | 0x8000_0000;
      w[slot + 3] = lo << 11;
    }
    return denormal;
  }

  /** Makes operand A or B a 32-bit integer. */
  protected unpackInteger(slot: number, x: number): boolean {
    w[slot] = x >>> 31;
    const classCell = slot === A_SIGN ? A_CLASS : B_CLASS;
    if (x === 0) {
      w[classCell] = FpClass.ZERO;
      return false;
    }
    const magnitude = x < 0 ? -x | 0 : x;
    const n = Math.clz32(magnitude);
    w[classCell] = FpClass.FINITE;
    w[slot + 1] = 31 - n;
    w[slot + 2] = magnitude << n;
    w[slot + 3] = 0;
    return false;
  }

  /**
   * Accounts for FLAGS and writes the result R to ST(dst), unless an unmasked exception forbids it.
   * Returns whether it was written (then the instruction may pop).
   */
  protected deliver(dst: number): boolean {
    const flags = w[FLAGS]!;
    if (this.unmasked(flags & PRE_COMPUTATION)) {
      this.raise(flags & PRE_COMPUTATION, 0);
      return false;
    }
    this.raise(flags, w[ROUNDED_UP]!);
    const sign = w[R_SIGN]! << 15;
    switch (w[R_CLASS]) {
      case FpClass.FINITE: {
        const hi = w[R_HI]!;
        let exp = w[R_EXP]!;
        if (exp > 16383) exp -= BIAS_ADJUST;
        else if (exp < -16382) exp += BIAS_ADJUST;
        this.write(dst, w[R_LO]!, hi, sign | (hi < 0 ? exp + 16383 : 0));
        break;
      }
      case FpClass.INFINITY:
        this.write(dst, 0, 0x8000_0000, sign | 0x7fff);
        break;
      case FpClass.ZERO:
        this.write(dst, 0, 0, sign);
        break;
      case FpClass.NAN_A:
        this.write(dst, w[R_LO]!, w[R_HI]! | 0x4000_0000, sign | 0x7fff);
        break;
      default:
        this.writeIndefinite(dst);
    }
    return true;
  }

  /** Leaves an 80-bit value for the caller: RETURN_V128 has all, RETURN_HI the middle word, the low word is returned. */
  protected give80(lo: number, hi: number, top: number): number {
    const state = this.state;
    state[RETURN_HI >> 2] = hi;
    state[RETURN_V128 >> 2] = lo;
    state[(RETURN_V128 >> 2) + 1] = hi;
    state[(RETURN_V128 >> 2) + 2] = top;
    state[(RETURN_V128 >> 2) + 3] = 0;
    return lo;
  }
}
