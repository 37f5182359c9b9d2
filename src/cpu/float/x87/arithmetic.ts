/** Arithmetic of the x87 unit. SDM vol. 1, section 8.3.5. */
import {
  A_CLASS,
  A_EXP,
  A_HI,
  A_LO,
  A_SIGN,
  B_CLASS,
  B_EXP,
  B_HI,
  B_LO,
  B_SIGN,
  FLAGS,
  FpClass,
  FpException,
  normalize,
  R_CLASS,
  R_EXP,
  R_EXT,
  R_HI,
  R_LO,
  R_SIGN,
  ROUNDED_UP,
  w,
} from "../significand.ts"; // deno-fmt-ignore
import { arithmetic, Mxcsr, Op, roundFinite } from "../soft.ts";
import { roundToInteger } from "../convert.ts";
import { BIAS_ADJUST, EXTENDED, Fsw, PRE_COMPUTATION, STACK_FAULT } from "./registers.ts";
import { LoadStore } from "./load_store.ts";
import { binaryNan, unaryNan } from "./extended.ts";

/** R ← A, to be rounded. */
function copyOperand(): void {
  w[R_SIGN] = w[A_SIGN]!;
  w[R_CLASS] = w[A_CLASS]!;
  w[R_EXP] = w[A_EXP]!;
  w[R_HI] = w[A_HI]!;
  w[R_LO] = w[A_LO]!;
  w[R_EXT] = 0;
}

function invalid(): void {
  w[FLAGS] = FpException.IE;
  w[R_CLASS] = FpClass.NAN_DEFAULT;
}

/**
 * The instructions that calculate. `dst` and `src` are numbers of stack registers; names that end in 32 and 64 take a
 * single or double from memory, FI…16 and FI…32 an integer (sign-extended); those combine ST(0) with it.
 */
export class Arithmetic extends LoadStore {
  #compute(op: number, dst: number, denormal: boolean): boolean {
    w[ROUNDED_UP] = 0;
    if (w[A_CLASS]! >= FpClass.QNAN || w[B_CLASS]! >= FpClass.QNAN) binaryNan();
    else arithmetic(op, this.format(), this.controls(), denormal);
    return this.deliver(dst);
  }

  /** ST(dst) ← ST(a) op ST(b); returns whether a pop may follow. */
  #registers(op: number, dst: number, a: number, b: number): boolean {
    if (this.isEmpty(a) || this.isEmpty(b)) return this.underflow(dst);
    const da = this.unpack(A_SIGN, a), db = this.unpack(B_SIGN, b);
    return this.#compute(op, dst, da || db);
  }

  #single(op: number, bits: number, reversed: boolean): void {
    if (this.isEmpty(0)) {
      this.underflow(0);
      return;
    }
    const da = this.unpack(reversed ? B_SIGN : A_SIGN, 0);
    const db = this.unpackSingle(reversed ? A_SIGN : B_SIGN, bits);
    this.#compute(op, 0, da || db);
  }

  #double(op: number, lo: number, hi: number, reversed: boolean): void {
    if (this.isEmpty(0)) {
      this.underflow(0);
      return;
    }
    const da = this.unpack(reversed ? B_SIGN : A_SIGN, 0);
    const db = this.unpackDouble(reversed ? A_SIGN : B_SIGN, lo, hi);
    this.#compute(op, 0, da || db);
  }

  #integerOperand(op: number, x: number, reversed: boolean): void {
    if (this.isEmpty(0)) {
      this.underflow(0);
      return;
    }
    const denormal = this.unpack(reversed ? B_SIGN : A_SIGN, 0);
    this.unpackInteger(reversed ? A_SIGN : B_SIGN, x);
    this.#compute(op, 0, denormal);
  }

  FADD(dst: number, src: number): void {
    this.#registers(Op.ADD, dst, dst, src);
  }
  FSUB(dst: number, src: number): void {
    this.#registers(Op.SUB, dst, dst, src);
  }
  /** ST(dst) ← ST(src) − ST(dst). */
  FSUBR(dst: number, src: number): void {
    this.#registers(Op.SUB, dst, src, dst);
  }
  FMUL(dst: number, src: number): void {
    this.#registers(Op.MUL, dst, dst, src);
  }
  FDIV(dst: number, src: number): void {
    this.#registers(Op.DIV, dst, dst, src);
  }
  /** ST(dst) ← ST(src) ÷ ST(dst). */
  FDIVR(dst: number, src: number): void {
    this.#registers(Op.DIV, dst, src, dst);
  }
  FADDP(dst: number, src: number): void {
    if (this.#registers(Op.ADD, dst, dst, src)) this.pop();
  }
  FSUBP(dst: number, src: number): void {
    if (this.#registers(Op.SUB, dst, dst, src)) this.pop();
  }
  FSUBRP(dst: number, src: number): void {
    if (this.#registers(Op.SUB, dst, src, dst)) this.pop();
  }
  FMULP(dst: number, src: number): void {
    if (this.#registers(Op.MUL, dst, dst, src)) this.pop();
  }
  FDIVP(dst: number, src: number): void {
    if (this.#registers(Op.DIV, dst, dst, src)) this.pop();
  }
  FDIVRP(dst: number, src: number): void {
    if (this.#registers(Op.DIV, dst, src, dst)) this.pop();
  }
  FADD32(bits: number): void {
    this.#single(Op.ADD, bits, false);
  }
  FSUB32(bits: number): void {
    this.#single(Op.SUB, bits, false);
  }
  FSUBR32(bits: number): void {
    this.#single(Op.SUB, bits, true);
  }
  FMUL32(bits: number): void {
    this.#single(Op.MUL, bits, false);
  }
  FDIV32(bits: number): void {
    this.#single(Op.DIV, bits, false);
  }
  FDIVR32(bits: number): void {
    this.#single(Op.DIV, bits, true);
  }
  FADD64(lo: number, hi: number): void {
    this.#double(Op.ADD, lo, hi, false);
  }
  FSUB64(lo: number, hi: number): void {
    this.#double(Op.SUB, lo, hi, false);
  }
  FSUBR64(lo: number, hi: number): void {
    this.#double(Op.SUB, lo, hi, true);
  }
  FMUL64(lo: number, hi: number): void {
    this.#double(Op.MUL, lo, hi, false);
  }
  FDIV64(lo: number, hi: number): void {
    this.#double(Op.DIV, lo, hi, false);
  }
  FDIVR64(lo: number, hi: number): void {
    this.#double(Op.DIV, lo, hi, true);
  }
  /** FIADD with a 16- or 32-bit integer, sign-extended; so are the other FI instructions. */
  FIADD(x: number): void {
    this.#integerOperand(Op.ADD, x, false);
  }
  FISUB(x: number): void {
    this.#integerOperand(Op.SUB, x, false);
  }
  FISUBR(x: number): void {
    this.#integerOperand(Op.SUB, x, true);
  }
  FIMUL(x: number): void {
    this.#integerOperand(Op.MUL, x, false);
  }
  FIDIV(x: number): void {
    this.#integerOperand(Op.DIV, x, false);
  }
  FIDIVR(x: number): void {
    this.#integerOperand(Op.DIV, x, true);
  }

  FSQRT(): void {
    if (this.isEmpty(0)) {
      this.underflow(0);
      return;
    }
    const denormal = this.unpack(A_SIGN, 0);
    w[ROUNDED_UP] = 0;
    if (w[A_CLASS]! >= FpClass.QNAN) unaryNan();
    else arithmetic(Op.SQRT, this.format(), this.controls(), denormal);
    this.deliver(0);
  }

  #sign(and: number, xor: number): void {
    if (this.isEmpty(0)) {
      this.underflow(0);
      return;
    }
    const cell = this.cell(0) + 2;
    this.raise(0, 0);
    this.state[cell] = (this.state[cell]! & and) ^ xor;
  }
  FABS(): void {
    this.#sign(0x7fff, 0);
  }
  FCHS(): void {
    this.#sign(0xffff, 0x8000);
  }

  /** FRNDINT: to an integer, as the rounding control says. */
  FRNDINT(): void {
    if (this.isEmpty(0)) {
      this.underflow(0);
      return;
    }
    const denormal = this.unpack(A_SIGN, 0);
    w[ROUNDED_UP] = 0;
    w[FLAGS] = denormal ? FpException.DE : 0;
    if (w[A_CLASS]! >= FpClass.QNAN) unaryNan();
    else {
      copyOperand();
      if (w[A_CLASS] === FpClass.FINITE && w[A_EXP]! < 63) {
        const carried = roundToInteger(this.rounding());
        w[R_EXP] = 63;
        w[R_EXT] = 0;
        if (carried) {
          w[R_HI] = 0x8000_0000;
          w[R_EXP] = 64;
        } else if ((w[R_HI]! | w[R_LO]!) === 0) w[R_CLASS] = FpClass.ZERO;
        else normalize();
      }
    }
    this.deliver(0);
  }

  /** FSCALE: ST(0) × 2^truncated ST(1). A denormal that is not scaled at all does not underflow; nor in FPREM. */
  FSCALE(): void {
    if (this.isEmpty(0) || this.isEmpty(1)) {
      this.underflow(0);
      return;
    }
    const da = this.unpack(A_SIGN, 0), db = this.unpack(B_SIGN, 1);
    const a = w[A_CLASS]!, b = w[B_CLASS]!;
    w[ROUNDED_UP] = 0;
    w[FLAGS] = da || db ? FpException.DE : 0;
    if (a >= FpClass.QNAN || b >= FpClass.QNAN) binaryNan();
    else {
      copyOperand();
      if (b === FpClass.INFINITY) {
        if (w[B_SIGN] !== 0) {
          if (a === FpClass.INFINITY) invalid();
          else w[R_CLASS] = FpClass.ZERO;
        } else if (a === FpClass.ZERO) invalid();
        else w[R_CLASS] = FpClass.INFINITY;
      } else if (a === FpClass.FINITE) {
        if (b === FpClass.FINITE && w[B_EXP]! >= 0) {
          const n = w[B_EXP]! > 16 ? 0x1_ffff : w[B_HI]! >>> (31 - w[B_EXP]!);
          w[R_EXP] = w[R_EXP]! + (w[B_SIGN] !== 0 ? -n : n);
        }
        if (!this.unmasked(w[FLAGS]!)) {
          roundFinite(EXTENDED, b === FpClass.ZERO ? this.controls() | Mxcsr.UM : this.controls());
          this.#boundScale();
        }
      }
    }
    this.deliver(0);
  }

  /** An unmasked overflow or underflow of FSCALE too large for the adjusted exponent. SDM vol. 1, section 8.5.4. */
  #boundScale(): void {
    const exp = w[R_EXP]!;
    if (exp - BIAS_ADJUST > 16383) {
      w[FLAGS] = w[FLAGS]! | FpException.PE;
      w[ROUNDED_UP] = 1;
      w[R_CLASS] = FpClass.INFINITY;
    } else if (exp + BIAS_ADJUST < -16382) {
      w[FLAGS] = w[FLAGS]! | FpException.PE;
      w[ROUNDED_UP] = 0;
      w[R_CLASS] = FpClass.ZERO;
    }
  }

  /** FPREM: the remainder of ST(0) ÷ ST(1), quotient truncated. */
  FPREM(): void {
    this.#remainder(false);
  }

  /** FPREM1: the IEEE remainder, quotient to nearest. */
  FPREM1(): void {
    this.#remainder(true);
  }

  #remainder(nearest: boolean): void {
    this.setCodes(this.FNSTSW() & (Fsw.C0 | Fsw.C3)); // C2 is cleared even where the operation is invalid
    if (this.isEmpty(0) || this.isEmpty(1)) {
      this.underflow(0);
      return;
    }
    const da = this.unpack(A_SIGN, 0), db = this.unpack(B_SIGN, 1);
    const a = w[A_CLASS]!, b = w[B_CLASS]!;
    let codes = -1;
    w[ROUNDED_UP] = 0;
    w[FLAGS] = da || db ? FpException.DE : 0;
    if (a >= FpClass.QNAN || b >= FpClass.QNAN) binaryNan();
    else if (a === FpClass.INFINITY || b === FpClass.ZERO) invalid();
    else {
      copyOperand();
      codes = 0;
      if (a === FpClass.FINITE) {
        if (b === FpClass.FINITE) codes = reduce(nearest);
        if (w[R_CLASS] === FpClass.FINITE && !this.unmasked(w[FLAGS]!)) {
          roundFinite(EXTENDED, b === FpClass.INFINITY ? this.controls() | Mxcsr.UM : this.controls());
        }
      }
    }
    if (this.deliver(0) && codes >= 0) this.setCodes(codes);
  }

  /** FXTRACT: ST(0) ← the exponent, then push the significand. */
  FXTRACT(): void {
    if (this.isEmpty(0) || !this.isEmpty(7)) {
      this.raise(STACK_FAULT, this.isEmpty(0) ? 0 : 1);
      if (this.unmasked(FpException.IE)) return;
      this.writeIndefinite(0);
      this.rotate(-1);
      this.writeIndefinite(0);
      return;
    }
    const denormal = this.unpack(A_SIGN, 0), a = w[A_CLASS]!, sign = w[A_SIGN]! << 15;
    w[FLAGS] = a === FpClass.ZERO ? FpException.ZE : denormal ? FpException.DE : 0;
    if (a >= FpClass.QNAN) {
      unaryNan();
      w[ROUNDED_UP] = 0;
      if (!this.deliver(0)) return;
      this.rotate(-1);
      this.deliver(0);
      return;
    }
    const flags = w[FLAGS]!;
    this.raise(flags, 0);
    if (this.unmasked(flags & PRE_COMPUTATION)) return;
    const hi = w[A_HI]!, lo = w[A_LO]!;
    if (a === FpClass.FINITE) {
      this.unpackInteger(B_SIGN, w[A_EXP]!);
      if (w[B_CLASS] === FpClass.ZERO) this.write(0, 0, 0, 0);
      else this.write(0, w[B_LO]!, w[B_HI]!, (w[B_SIGN]! << 15) | (w[B_EXP]! + 16383));
      this.rotate(-1);
      this.write(0, lo, hi, sign | 16383);
    } else {
      this.write(0, 0, 0x8000_0000, a === FpClass.ZERO ? 0xffff : 0x7fff);
      this.rotate(-1);
      if (a === FpClass.ZERO) this.write(0, 0, 0, sign);
      else this.write(0, 0, 0x8000_0000, sign | 0x7fff);
    }
  }
}

/**
 * R ← remainder of finite A and B, or a partial one that takes 32 to 63 off the difference of exponents.
 * Returns C2 if partial, else the low three bits of the quotient in C0, C3 and C1.
 */
function reduce(nearest: boolean): number {
  const difference = w[A_EXP]! - w[B_EXP]!;
  if (difference < (nearest ? -1 : 0)) return 0;
  const bh = w[B_HI]! >>> 0, bl = w[B_LO]! >>> 0;
  let hi = w[A_HI]! >>> 0, lo = w[A_LO]! >>> 0, quotient = 0, carry = 0;
  const partial = difference >= 64;
  const steps = partial ? (difference & 31) | 32 : difference;
  let exp = w[B_EXP]! + (partial ? difference - steps : 0);
  if (difference < 0) {
    // Half the divisor's exponent below it: only rounding to nearest can make the quotient 1.
    exp = w[A_EXP]!;
  } else {
    for (let n = steps; n >= 0; n--) {
      quotient <<= 1;
      if (carry !== 0 || hi > bh || (hi === bh && lo >= bl)) {
        lo -= bl;
        hi -= bh;
        if (lo < 0) {
          lo += 4294967296;
          hi--;
        }
        hi >>>= 0;
        quotient |= 1;
      }
      if (n > 0) {
        carry = hi >>> 31;
        hi = ((hi << 1) | (lo >>> 31)) >>> 0;
        lo = (lo << 1) >>> 0;
      }
    }
  }
  if (nearest && !partial) {
    // Compare the remainder with half the divisor; at a tie the even quotient wins.
    let order: number;
    if (difference < 0) {
      order = hi !== bh ? hi - bh : lo - bl;
    } else {
      const double = hi >= 0x8000_0000 ? 1 : 0;
      const dh = ((hi << 1) | (lo >>> 31)) >>> 0, dl = (lo << 1) >>> 0;
      order = double !== 0 ? 1 : dh !== bh ? dh - bh : dl - bl;
    }
    if (order > 0 || (order === 0 && (quotient & 1) !== 0)) {
      quotient++;
      // divisor − remainder, with the opposite sign
      let rh: number, rl: number;
      if (difference < 0) {
        // 2·divisor − remainder in units of the remainder, which is above the divisor's half: below 2^64
        rl = (bl * 2) % 4294967296 - lo;
        rh = (bh * 2 + Math.floor(bl / 2147483648)) - hi;
      } else {
        rl = bl - lo;
        rh = bh - hi;
      }
      if (rl < 0) {
        rl += 4294967296;
        rh--;
      }
      hi = rh;
      lo = rl;
      w[R_SIGN] = w[R_SIGN]! ^ 1;
    }
  }
  w[R_HI] = hi;
  w[R_LO] = lo;
  w[R_EXT] = 0;
  w[R_EXP] = exp;
  if ((w[R_HI]! | w[R_LO]!) === 0) {
    w[R_CLASS] = FpClass.ZERO;
    w[R_SIGN] = w[A_SIGN]!;
  } else normalize();
  if (partial) return Fsw.C2;
  return ((quotient & 4) !== 0 ? Fsw.C0 : 0) | ((quotient & 2) !== 0 ? Fsw.C3 : 0) |
    ((quotient & 1) !== 0 ? Fsw.C1 : 0);
}
