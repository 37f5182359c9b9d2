/** Loads, stores and constants. SDM vol. 1, section 8.3.3 and 8.3.4. */
import { FCW, FSW, RETURN_HI } from "../../state.ts";
import {
  A_CLASS,
  A_EXP,
  A_HI,
  A_LO,
  A_SIGN,
  B_CLASS,
  B_SIGN,
  FLAGS,
  FpClass,
  FpException,
  normalize,
  OUT_HI,
  R_CLASS,
  R_EXP,
  R_EXT,
  R_HI,
  R_LO,
  R_SIGN,
  ROUNDED_UP,
  w,
} from "../significand.ts"; // deno-fmt-ignore
import { DOUBLE, type Format, roundFinite, SINGLE } from "../soft.ts";
import { pack32 } from "../float32.ts";
import { pack64 } from "../float64.ts";
import { fromInt64, toInt32, toInt64 } from "../convert.ts";
import { Rounding } from "../round.ts";
import { Fsw, PRE_COMPUTATION, Registers, STACK_FAULT } from "./registers.ts";
import { decimalDigits, fromDecimal } from "./decimal.ts";

/** Constants: significand rounded down, exponent field, and the 32 bits that follow. SDM vol. 1, section 8.3.8. */
const CONSTANTS = {
  L2T: [0xd49a784b, 0xcd1b8afe, 0x4000, 0x492bf700],
  L2E: [0xb8aa3b29, 0x5c17f0bb, 0x3fff, 0xbe87fed0],
  PI: [0xc90fdaa2, 0x2168c234, 0x4000, 0xc4c6628b],
  LG2: [0x9a209a84, 0xfbcff798, 0x3ffd, 0x8f8959ac],
  LN2: [0xb17217f7, 0xd1cf79ab, 0x3ffe, 0xc9e3b398],
} as const;

/**
 * The instructions that move. A store returns what is to be stored and changes nothing: after the store has
 * succeeded the caller calls `COMMIT`, which accounts for exceptions and pops. `stores()` tells, between the two,
 * whether there is anything to store: an unmasked exception can forbid it.
 */
export class LoadStore extends Registers {
  #flags = 0;
  #c1 = 0;
  #suppressed = false;

  /** FLD m32fp. */
  FLD32(bits: number): void {
    this.#load(this.unpackSingle(B_SIGN, bits));
  }

  /** FLD m64fp. */
  FLD64(lo: number, hi: number): void {
    this.#load(this.unpackDouble(B_SIGN, lo, hi));
  }

  #load(denormal: boolean): void {
    if (!this.isEmpty(7)) {
      this.push();
      return;
    }
    const b = w[B_CLASS]!;
    const flags = b === FpClass.SNAN ? FpException.IE : denormal ? FpException.DE : 0;
    this.raise(flags, 0);
    if (this.unmasked(flags & FpException.IE)) return; // an unmasked DE does not keep processors from loading
    this.rotate(-1);
    const sign = w[B_SIGN]! << 15, hi = w[B_SIGN + 2]!, lo = w[B_SIGN + 3]!;
    if (b === FpClass.FINITE) this.write(0, lo, hi, sign | (w[B_SIGN + 1]! + 16383));
    else if (b === FpClass.ZERO) this.write(0, 0, 0, sign);
    else if (b === FpClass.INFINITY) this.write(0, 0, 0x8000_0000, sign | 0x7fff);
    else this.write(0, lo, hi | 0x4000_0000, sign | 0x7fff);
  }

  /** FLD m80fp: `signExponent` are bits 79:64. */
  FLD80(lo: number, hi: number, signExponent: number): void {
    this.raise(0, 0);
    if (this.push()) this.write(0, lo, hi, signExponent & 0xffff);
  }

  /** FLD ST(i). */
  FLD(i: number): void {
    if (this.isEmpty(i)) {
      if (!this.unmasked(FpException.IE)) {
        this.rotate(-1);
        this.writeIndefinite(0);
      }
      this.raise(STACK_FAULT, 0);
      return;
    }
    const cell = this.cell(i), state = this.state;
    const lo = state[cell]!, hi = state[cell + 1]!, signExponent = state[cell + 2]!;
    this.raise(0, 0);
    if (this.push()) this.write(0, lo, hi, signExponent);
  }

  /** FILD m16int (sign-extended). */
  FILD16(x: number): void {
    this.FILD64(x, x >> 31);
  }

  /** FILD m32int. */
  FILD32(x: number): void {
    this.FILD64(x, x >> 31);
  }

  /** FILD m64int. */
  FILD64(lo: number, hi: number): void {
    this.raise(0, 0);
    if (!this.push()) return;
    fromInt64(lo, hi);
    if (w[R_CLASS] === FpClass.ZERO) this.write(0, 0, 0, 0);
    else this.write(0, w[R_LO]!, w[R_HI]!, (w[R_SIGN]! << 15) | (w[R_EXP]! + 16383));
  }

  /** FBLD: 18 decimal digits and the sign in bit 79; digits above 9 give what arithmetic gives. */
  FBLD(lo: number, hi: number, top: number): void {
    this.raise(0, 0);
    if (!this.push()) return;
    fromDecimal(lo, hi, top);
    const sign = top & 0x8000;
    if ((w[R_HI]! | w[R_LO]!) === 0) return this.write(0, 0, 0, sign);
    w[R_EXP] = 63;
    w[R_EXT] = 0;
    normalize();
    this.write(0, w[R_LO]!, w[R_HI]!, sign | (w[R_EXP]! + 16383));
  }

  /** FLD1. */
  FLD1(): void {
    this.FLD80(0, 0x8000_0000, 0x3fff);
  }

  /** FLDZ. */
  FLDZ(): void {
    this.FLD80(0, 0, 0);
  }

  /** FLDPI. */
  FLDPI(): void {
    this.#constant("PI");
  }

  /** FLDL2E. */
  FLDL2E(): void {
    this.#constant("L2E");
  }

  /** FLDL2T. */
  FLDL2T(): void {
    this.#constant("L2T");
  }

  /** FLDLG2. */
  FLDLG2(): void {
    this.#constant("LG2");
  }

  /** FLDLN2. */
  FLDLN2(): void {
    this.#constant("LN2");
  }

  #constant(name: keyof typeof CONSTANTS): void {
    const [hi, lo, field, rest] = CONSTANTS[name];
    const rc = this.rounding();
    const up = rc === Rounding.UP || (rc === Rounding.NEAREST && rest >= 0x8000_0000);
    this.FLD80(up ? lo + 1 : lo, hi, field); // none of the constants carries
  }

  /** After a successful store: exceptions, and `pops` times a pop. */
  COMMIT(pops: number): void {
    this.raise(this.#flags, this.#c1);
    if (pops !== 0 && !this.#suppressed) this.pop();
  }

  /** Whether the store that was just computed is to be done. */
  stores(): boolean {
    return !this.#suppressed;
  }

  /** Remembers for COMMIT. */
  #outcome(flags: number, c1: number): void {
    const pre = this.unmasked(flags & PRE_COMPUTATION);
    const post = this.unmasked(flags & (FpException.OE | FpException.UE));
    this.#suppressed = pre || post;
    this.#c1 = this.#suppressed ? 0 : c1;
    this.#flags = pre ? flags & (PRE_COMPUTATION | Fsw.SF) : post ? flags & ~FpException.PE : flags;
  }

  #narrow(format: Format): void {
    const a = w[A_CLASS]!;
    w[ROUNDED_UP] = 0;
    w[FLAGS] = 0;
    w[R_SIGN] = w[A_SIGN]!;
    if (a === FpClass.FINITE) {
      w[R_EXP] = w[A_EXP]!;
      w[R_HI] = w[A_HI]!;
      w[R_LO] = w[A_LO]!;
      w[R_EXT] = 0;
      roundFinite(format, this.controls());
    } else if (a <= FpClass.INFINITY) w[R_CLASS] = a;
    else if (a > FpClass.SNAN) {
      w[R_CLASS] = FpClass.NAN_DEFAULT;
      w[FLAGS] = FpException.IE;
    } else {
      w[R_CLASS] = FpClass.NAN_A;
      w[FLAGS] = a === FpClass.SNAN ? FpException.IE : 0;
    }
  }

  /** FST m32fp: the bits. */
  FST32(): number {
    if (this.isEmpty(0)) {
      this.#outcome(STACK_FAULT, 0);
      return 0xffc00000 | 0;
    }
    this.unpack(A_SIGN, 0);
    this.#narrow(SINGLE);
    const bits = pack32((w[A_SIGN]! << 31) | 0x7fc00000 | (w[A_HI]! >>> 8) & 0x3fffff, 0);
    this.#outcome(w[FLAGS]!, w[ROUNDED_UP]!);
    return bits;
  }

  /** FST m64fp: the low half, the upper one in RETURN_HI. */
  FST64(): number {
    if (this.isEmpty(0)) {
      this.#outcome(STACK_FAULT, 0);
      this.state[RETURN_HI >> 2] = 0xfff80000;
      return 0;
    }
    this.unpack(A_SIGN, 0);
    this.#narrow(DOUBLE);
    const hi = w[A_HI]!, lo = w[A_LO]!;
    const result = pack64(
      (hi << 21) | (lo >>> 11),
      (w[A_SIGN]! << 31) | 0x7ff80000 | (hi >>> 11) & 0x7ffff,
      0,
      0,
    );
    this.state[RETURN_HI >> 2] = w[OUT_HI]!;
    this.#outcome(w[FLAGS]!, w[ROUNDED_UP]!);
    return result;
  }

  /** FSTP m80fp: the low word; RETURN_HI the middle one, RETURN_V128 all 80 bits. */
  FST80(): number {
    if (this.isEmpty(0)) {
      this.#outcome(STACK_FAULT, 0);
      return this.give80(0, 0xc0000000 | 0, 0xffff);
    }
    this.#outcome(0, 0);
    const cell = this.cell(0);
    return this.give80(this.state[cell]!, this.state[cell + 1]!, this.state[cell + 2]!);
  }

  /** FST ST(i). */
  FST(i: number): void {
    if (this.isEmpty(0)) {
      this.underflow(i);
      return;
    }
    const cell = this.cell(0), state = this.state;
    this.raise(0, 0);
    this.write(i, state[cell]!, state[cell + 1]!, state[cell + 2]!);
  }

  /** FSTP ST(i). */
  FSTP(i: number): void {
    if (this.isEmpty(0)) {
      if (this.underflow(i)) this.pop();
      return;
    }
    this.FST(i);
    this.pop();
  }

  #integer(bits: number, rc: number): number {
    if (this.isEmpty(0)) {
      this.#outcome(STACK_FAULT, 0);
      this.state[RETURN_HI >> 2] = -0x8000_0000;
      return bits === 64 ? 0 : bits === 32 ? -0x8000_0000 : -0x8000;
    }
    this.unpack(A_SIGN, 0);
    if (w[A_CLASS]! >= FpClass.INFINITY) w[A_CLASS] = FpClass.QNAN;
    let result: number;
    if (bits === 64) {
      result = toInt64(rc);
      this.state[RETURN_HI >> 2] = w[OUT_HI]!;
    } else {
      result = toInt32(rc);
      if (bits === 16 && (w[FLAGS] === FpException.IE || result !== (result << 16) >> 16)) {
        result = -0x8000;
        w[FLAGS] = FpException.IE;
      }
    }
    const up = w[FLAGS] === FpException.PE ? w[ROUNDED_UP]! : 0;
    this.#outcome(w[FLAGS]!, up);
    return result;
  }

  /** FIST m16int. */
  FIST16(): number {
    return this.#integer(16, this.rounding());
  }

  /** FIST m32int. */
  FIST32(): number {
    return this.#integer(32, this.rounding());
  }

  /** FISTP m64int: the low half, the upper one in RETURN_HI. */
  FIST64(): number {
    return this.#integer(64, this.rounding());
  }

  /** FISTTP m16int. */
  FISTT16(): number {
    return this.#integer(16, Rounding.ZERO);
  }

  /** FISTTP m32int. */
  FISTT32(): number {
    return this.#integer(32, Rounding.ZERO);
  }

  /** FISTTP m64int: the low half, the upper one in RETURN_HI. */
  FISTT64(): number {
    return this.#integer(64, Rounding.ZERO);
  }

  /** FBSTP: the low word; RETURN_HI the middle one, RETURN_V128 all 80 bits. */
  FBST(): number {
    const sign = this.isEmpty(0) ? 0 : this.state[this.cell(0) + 2]! & 0x8000;
    const low = this.#integer(64, this.rounding());
    if ((this.#flags & FpException.IE) === 0) {
      const hi = this.state[RETURN_HI >> 2]!;
      const negative = hi < 0;
      const mlo = negative ? -low | 0 : low, mhi = negative ? (~hi + (low === 0 ? 1 : 0)) | 0 : hi;
      // 10^18 = 0x0de0b6b3_a7640000
      if ((mhi >>> 0) < 0x0de0b6b3 || (mhi === 0x0de0b6b3 && (mlo >>> 0) < 0xa7640000)) {
        const [d0, d1, d2] = decimalDigits(mlo, mhi);
        return this.give80(d0, d1, d2 | sign);
      }
    }
    this.#outcome(this.#flags & Fsw.SF | FpException.IE, 0);
    return this.give80(0, 0xc0000000 | 0, 0xffff);
  }

  /** FNSTSW: the status word. */
  FNSTSW(): number {
    return this.state[FSW >> 2]!;
  }

  /** FNSTCW: the control word. */
  FNSTCW(): number {
    return this.state[FCW >> 2]!;
  }
}
