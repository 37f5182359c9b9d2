/**
 * The transcendental instructions: computed to far more than 80 bits and rounded once, so the results are the
 * correctly rounded ones; processors are allowed 1 ulp. Arguments of FSIN, FCOS, FSINCOS and FPTAN are reduced with
 * the processors' own 66-bit π. SDM vol. 1, sections 8.3.8 to 8.3.10 and 8.3.12.
 */
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
  R_CLASS,
  R_EXP,
  R_EXT,
  R_HI,
  R_LO,
  R_SIGN,
  ROUNDED_UP,
  w,
} from "../significand.ts"; // deno-fmt-ignore
import { roundFinite } from "../soft.ts";
import {
  add,
  arctan,
  type Big,
  bitLength,
  cosine,
  divide,
  exp2m1,
  fromFixed,
  log2,
  log2p1,
  multiply,
  negate,
  PI,
  sine,
  tangent,
} from "./bigfloat.ts"; // deno-fmt-ignore
import { EXTENDED, Fsw, PRE_COMPUTATION, STACK_FAULT } from "./registers.ts";
import { Control } from "./control.ts";
import { binaryNan, unaryNan } from "./extended.ts";

/** The processors' π/2: 66 bits, × 2^−65. SDM vol. 1, section 8.3.8. */
const HALF_PI_66: Big = { m: 0x3243f6a8885a308d3n, e: -65 };
/** Below 2^−68 processors take sin x and tan x for x, and cos x for 1; arctan x for x below 2^−40. */
const TINY_EXPONENT = -68, TINY_ANGLE_BITS = -40;
/** The first exponent that the trigonometric instructions refuse. */
const RANGE_EXPONENT = 63;

const PI_BIG = fromFixed(PI);

/** Operand A or B (at cell `slot`), finite, as a real. */
function big(slot: number): Big {
  const m = (BigInt(w[slot + 2]! >>> 0) << 32n) | BigInt(w[slot + 3]! >>> 0);
  return { m: w[slot] !== 0 ? -m : m, e: w[slot + 1]! - 63 };
}

/** R ← a real, not yet rounded. */
function setResult(x: Big): void {
  w[R_CLASS] = FpClass.FINITE;
  w[R_SIGN] = x.m < 0n ? 1 : 0;
  let m = x.m < 0n ? -x.m : x.m;
  const length = bitLength(m);
  const excess = length - 96;
  if (excess > 0) {
    const lost = m & ((1n << BigInt(excess)) - 1n);
    m >>= BigInt(excess);
    if (lost !== 0n) m |= 1n;
  } else m <<= BigInt(-excess);
  w[R_HI] = Number(m >> 64n) | 0;
  w[R_LO] = Number((m >> 32n) & 0xffffffffn) | 0;
  w[R_EXT] = Number(m & 0xffffffffn) | 0;
  w[R_EXP] = x.e + length - 1;
}

function invalid(): void {
  w[FLAGS] = FpException.IE;
  w[R_CLASS] = FpClass.NAN_DEFAULT;
}

function special(resultClass: number, sign: number): void {
  w[R_CLASS] = resultClass;
  w[R_SIGN] = sign;
}

/** F2XM1, FYL2X, FYL2XP1, FPATAN, FPTAN, FSIN, FCOS, FSINCOS. */
export class Transcendental extends Control {
  /** Rounds `x` into R unless an unmasked exception has been found. PE is raised by exact results too, as on processors. */
  #round(x: Big): void {
    setResult(x);
    if (this.unmasked(w[FLAGS]! & PRE_COMPUTATION)) return;
    roundFinite(EXTENDED, this.controls());
    w[FLAGS] = w[FLAGS]! | FpException.PE | (w[R_HI]! >= 0 ? FpException.UE : 0);
  }

  /** Unpacks ST(0) alone. False: the result is settled already. */
  #unary(): boolean {
    const denormal = this.unpack(A_SIGN, 0);
    w[ROUNDED_UP] = 0;
    w[FLAGS] = denormal ? FpException.DE : 0;
    if (w[A_CLASS]! < FpClass.QNAN) return true;
    unaryNan();
    return false;
  }

  /** F2XM1: 2^ST(0) − 1 for −1 ≤ ST(0) ≤ 1. */
  F2XM1(): void {
    if (this.isEmpty(0)) {
      this.underflow(0);
      return;
    }
    if (this.#unary()) {
      const a = w[A_CLASS]!, sign = w[A_SIGN]!;
      if (a === FpClass.ZERO) special(FpClass.ZERO, sign);
      else if (a === FpClass.INFINITY) {
        if (sign === 0) special(FpClass.INFINITY, 0);
        else setResult({ m: -1n, e: 0 });
      } else if (w[A_EXP]! >= 0 && !(w[A_EXP] === 0 && w[A_HI] === -0x8000_0000 && w[A_LO] === 0)) {
        // Undefined: the argument is out of range. Processors leave ST(0) as it was.
        this.#round(big(A_SIGN));
      } else this.#round(exp2m1(big(A_SIGN)));
    }
    this.deliver(0);
  }

  /** Unpacks ST(0) as A and ST(1) as B. False: the result is settled already. */
  #binary(): boolean {
    const da = this.unpack(A_SIGN, 0), db = this.unpack(B_SIGN, 1);
    w[ROUNDED_UP] = 0;
    w[FLAGS] = da || db ? FpException.DE : 0;
    if (w[A_CLASS]! < FpClass.QNAN && w[B_CLASS]! < FpClass.QNAN) return true;
    binaryNan();
    return false;
  }

  #emptyOperand(): boolean {
    if (!this.isEmpty(0) && !this.isEmpty(1)) return false;
    if (this.underflow(1)) this.pop();
    return true;
  }

  /** FYL2X: ST(1) ← ST(1) × log2 ST(0), pop. */
  FYL2X(): void {
    if (this.#emptyOperand()) return;
    if (this.#binary()) this.#yLog2x();
    if (this.deliver(1)) this.pop();
  }

  #yLog2x(): void {
    const a = w[A_CLASS]!, b = w[B_CLASS]!, sign = w[B_SIGN]!;
    if (a === FpClass.ZERO) {
      if (b === FpClass.ZERO) return invalid();
      if (b !== FpClass.INFINITY) w[FLAGS] = FpException.ZE;
      return special(FpClass.INFINITY, sign ^ 1);
    }
    if (w[A_SIGN] !== 0) return invalid();
    if (a === FpClass.INFINITY) return b === FpClass.ZERO ? invalid() : special(FpClass.INFINITY, sign);
    const x = big(A_SIGN), log = log2(x);
    const negative = log.m < 0n ? 1 : 0;
    if (b === FpClass.INFINITY) return log.m === 0n ? invalid() : special(FpClass.INFINITY, sign ^ negative);
    if (b === FpClass.ZERO || log.m === 0n) return special(FpClass.ZERO, sign ^ negative);
    this.#round(multiply(big(B_SIGN), log));
  }

  /** FYL2XP1: ST(1) ← ST(1) × log2(ST(0) + 1), pop, for |ST(0)| < 1 − √½. */
  FYL2XP1(): void {
    if (this.#emptyOperand()) return;
    if (this.#binary()) this.#yLog2xp1();
    if (this.deliver(1)) this.pop();
  }

  #yLog2xp1(): void {
    const a = w[A_CLASS]!, b = w[B_CLASS]!, negative = w[A_SIGN]!, sign = w[B_SIGN]! ^ negative;
    if (a === FpClass.ZERO) return b === FpClass.INFINITY ? invalid() : special(FpClass.ZERO, sign);
    // Outside of the documented range: a logarithm where there is one, else the argument comes back.
    if (negative !== 0 && a === FpClass.INFINITY) return invalid();
    if (a === FpClass.INFINITY) return b === FpClass.ZERO ? invalid() : special(FpClass.INFINITY, sign);
    if (b === FpClass.INFINITY) return special(FpClass.INFINITY, sign);
    if (b === FpClass.ZERO) return special(FpClass.ZERO, sign);
    if (negative !== 0 && w[A_EXP]! >= 0) return this.#round(big(A_SIGN));
    this.#round(multiply(big(B_SIGN), log2p1(big(A_SIGN))));
  }

  /** FPATAN: ST(1) ← the angle of the point (ST(0), ST(1)), pop. */
  FPATAN(): void {
    if (this.#emptyOperand()) return;
    if (this.#binary()) this.#angle();
    if (this.deliver(1)) this.pop();
  }

  #angle(): void {
    const x = w[A_CLASS]!, y = w[B_CLASS]!, left = w[A_SIGN] !== 0, sign = w[B_SIGN]!;
    let angle: Big;
    if (y === FpClass.ZERO || (x === FpClass.INFINITY && y !== FpClass.INFINITY)) {
      if (!left) return special(FpClass.ZERO, sign);
      angle = PI_BIG;
    } else if (y === FpClass.INFINITY && x === FpClass.INFINITY) {
      angle = left ? multiply(PI_BIG, { m: 3n, e: -2 }) : { m: PI_BIG.m, e: PI_BIG.e - 2 };
    } else if (x === FpClass.ZERO || y === FpClass.INFINITY) {
      angle = { m: PI_BIG.m, e: PI_BIG.e - 1 };
    } else {
      const a = big(A_SIGN), b = big(B_SIGN);
      const ax: Big = { m: a.m < 0n ? -a.m : a.m, e: a.e }, ay: Big = { m: b.m < 0n ? -b.m : b.m, e: b.e };
      const steep = ay.e > ax.e || (ay.e === ax.e && ay.m > ax.m);
      const slope = steep ? divide(ax, ay) : divide(ay, ax);
      angle = slope.e + bitLength(slope.m) <= TINY_ANGLE_BITS ? slope : arctan(slope);
      if (steep) angle = add({ m: PI_BIG.m, e: PI_BIG.e - 1 }, negate(angle));
      if (left) angle = add(PI_BIG, negate(angle));
    }
    this.#round(sign !== 0 ? negate(angle) : angle);
  }

  /**
   * Reduces ST(0), finite and not 0: the quadrant, and the rest within ±π/4. Undefined: out of range.
   */
  #reduce(): { quadrant: number; rest: Big } | undefined {
    if (w[A_EXP]! >= RANGE_EXPONENT) return undefined;
    const x = big(A_SIGN);
    if (w[A_EXP]! < -1) return { quadrant: 0, rest: x };
    const e = Math.min(x.e, HALF_PI_66.e);
    const numerator = x.m << BigInt(x.e - e), half = HALF_PI_66.m << BigInt(HALF_PI_66.e - e);
    const magnitude = numerator < 0n ? -numerator : numerator;
    const quotient = (2n * magnitude + half) / (2n * half);
    const rest = magnitude - quotient * half;
    const quadrant = Number(quotient & 3n);
    return numerator < 0n
      ? { quadrant: (4 - quadrant) & 3, rest: { m: -rest, e } }
      : { quadrant, rest: { m: rest, e } };
  }

  /** The sine (`shift` 0) or cosine (1) of a reduced argument into R. */
  #circular(reduced: { quadrant: number; rest: Big }, shift: number): void {
    if (w[A_EXP]! < TINY_EXPONENT) return this.#round(shift === 0 ? big(A_SIGN) : { m: 1n, e: 0 });
    const quadrant = (reduced.quadrant + shift) & 3;
    const value = (quadrant & 1) === 0 ? sine(reduced.rest) : cosine(reduced.rest);
    this.#round(quadrant >= 2 ? negate(value) : value);
  }

  /** C2 of FSIN, FCOS, FSINCOS and FPTAN: clear, or set for an argument out of range. C1 is cleared. */
  #setC2(c2: number): void {
    this.setCodes((this.FNSTSW() & (Fsw.C0 | Fsw.C3)) | c2);
  }

  #trigonometric(shift: number): void {
    this.#setC2(0);
    if (this.isEmpty(0)) {
      this.underflow(0);
      return;
    }
    if (this.#unary()) {
      const a = w[A_CLASS]!;
      if (a === FpClass.INFINITY) invalid();
      else if (a === FpClass.ZERO) {
        if (shift === 0) special(FpClass.ZERO, w[A_SIGN]!);
        else setResult({ m: 1n, e: 0 });
      } else {
        const reduced = this.#reduce();
        if (reduced === undefined) return this.#setC2(Fsw.C2);
        this.#circular(reduced, shift);
      }
    }
    this.deliver(0);
  }

  FSIN(): void {
    this.#trigonometric(0);
  }

  FCOS(): void {
    this.#trigonometric(1);
  }

  /** Room for the second result; otherwise does what a stack fault asks for. */
  #pushable(): boolean {
    const empty = this.isEmpty(0);
    if (!empty && this.isEmpty(7)) return true;
    this.raise(STACK_FAULT, empty ? 0 : 1);
    if (this.unmasked(FpException.IE)) return false;
    this.writeIndefinite(0);
    this.rotate(-1);
    this.writeIndefinite(0);
    return false;
  }

  /** FSINCOS: ST(0) ← sine, then push the cosine. */
  FSINCOS(): void {
    this.#setC2(0);
    if (!this.#pushable()) return;
    const usable = this.#unary();
    const a = w[A_CLASS]!;
    if (!usable || a === FpClass.INFINITY) {
      if (usable) invalid();
      if (!this.deliver(0)) return;
      this.rotate(-1);
      this.deliver(0);
      return;
    }
    if (a === FpClass.ZERO) {
      special(FpClass.ZERO, w[A_SIGN]!);
      this.deliver(0);
      this.rotate(-1);
      this.write(0, 0, 0x8000_0000, 0x3fff);
      return;
    }
    const reduced = this.#reduce();
    if (reduced === undefined) return this.#setC2(Fsw.C2);
    const flags = w[FLAGS]!;
    this.#circular(reduced, 0);
    if (!this.deliver(0)) return;
    this.rotate(-1);
    w[FLAGS] = flags;
    this.#circular(reduced, 1);
    this.deliver(0);
  }

  /** FPTAN: ST(0) ← tangent, then push 1.0. */
  FPTAN(): void {
    this.#setC2(0);
    if (!this.#pushable()) return;
    const usable = this.#unary();
    const a = w[A_CLASS]!;
    if (!usable || a === FpClass.INFINITY) {
      if (usable) invalid();
      if (!this.deliver(0)) return;
      this.rotate(-1);
      this.deliver(0);
      return;
    }
    if (a === FpClass.ZERO) special(FpClass.ZERO, w[A_SIGN]!);
    else {
      const reduced = this.#reduce();
      if (reduced === undefined) return this.#setC2(Fsw.C2);
      const t = w[A_EXP]! < TINY_EXPONENT ? reduced.rest : tangent(reduced.rest);
      this.#round((reduced.quadrant & 1) === 0 ? t : negate(divide({ m: 1n, e: 0 }, t)));
    }
    if (!this.deliver(0)) return;
    this.rotate(-1);
    this.write(0, 0, 0x8000_0000, 0x3fff);
  }
}
