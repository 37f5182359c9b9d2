/** Comparisons and classification. SDM vol. 1, section 8.3.6. */
import { A_CLASS, A_EXP, A_SIGN, B_CLASS, B_SIGN, FpClass, FpException, w } from "../significand.ts"; // deno-fmt-ignore
import { Order } from "../float64.ts";
import { ORDER_RFLAGS } from "../sse.ts";
import { Fsw, PRE_COMPUTATION, STACK_FAULT } from "./registers.ts";
import { Arithmetic } from "./arithmetic.ts";
import { UNSUPPORTED } from "./extended.ts";

/** Condition codes for each order: less, equal, greater, unordered. */
const CODES = [Fsw.C0, Fsw.C3, 0, Fsw.C0 | Fsw.C2 | Fsw.C3] as const;

/** Order of A and B, neither of them a NaN. */
function order(): number {
  const a = w[A_CLASS]!, b = w[B_CLASS]!;
  if (a === FpClass.ZERO && b === FpClass.ZERO) return Order.EQUAL;
  if (a === FpClass.ZERO) return w[B_SIGN] !== 0 ? Order.GREATER : Order.LESS;
  const negative = w[A_SIGN] !== 0;
  if (b === FpClass.ZERO || w[A_SIGN] !== w[B_SIGN]) return negative ? Order.LESS : Order.GREATER;
  let difference = a - b; // FINITE is less than INFINITY
  if (difference === 0 && a === FpClass.FINITE) {
    difference = w[A_EXP]! - w[A_EXP + 4]!;
    if (difference === 0) difference = (w[A_EXP + 1]! >>> 0) - (w[A_EXP + 5]! >>> 0);
    if (difference === 0) difference = (w[A_EXP + 2]! >>> 0) - (w[A_EXP + 6]! >>> 0);
  }
  if (difference === 0) return Order.EQUAL;
  return (difference < 0) === negative ? Order.GREATER : Order.LESS;
}

/**
 * The comparisons. FCOM and FUCOM write C3, C2 and C0; FCOMI and FUCOMI return RFLAGS bits (ZF 0x40, PF 4, CF 1).
 * An unmasked exception suppresses the pop only: real processors write the codes nevertheless.
 */
export class Comparison extends Arithmetic {
  /** Whether an unmasked exception keeps the comparison from popping. */
  #stopped = false;

  /** Raises what the comparison found; C1 is cleared, or kept as FCOMI does. */
  #account(flags: number, keepC1: boolean): void {
    this.raise(flags, keepC1 ? this.FNSTSW() & Fsw.C1 : 0);
    this.#stopped = this.unmasked(flags & PRE_COMPUTATION);
  }

  /** Compares A with B; returns the order. */
  #compare(denormal: boolean, quiet: boolean, keepC1: boolean): number {
    const a = w[A_CLASS]!, b = w[B_CLASS]!;
    let flags = denormal ? FpException.DE : 0, result: number = Order.UNORDERED;
    if (a >= FpClass.QNAN || b >= FpClass.QNAN) {
      flags = !quiet || a >= FpClass.SNAN || b >= FpClass.SNAN ? FpException.IE : 0;
    } else result = order();
    this.#account(flags, keepC1);
    return result;
  }

  #registers(i: number, quiet: boolean, keepC1 = false): number {
    if (this.isEmpty(0) || this.isEmpty(i)) return this.#stackFault();
    const da = this.unpack(A_SIGN, 0), db = this.unpack(B_SIGN, i);
    return this.#compare(da || db, quiet, keepC1);
  }

  #stackFault(): number {
    this.#account(STACK_FAULT, false);
    return Order.UNORDERED;
  }

  #finish(result: number, pops: number): void {
    this.setCodes(CODES[result]!);
    if (!this.#stopped) { for (let n = 0; n < pops; n++) this.pop(); }
  }

  FCOM(i: number): void {
    this.#finish(this.#registers(i, false), 0);
  }
  FCOMP(i: number): void {
    this.#finish(this.#registers(i, false), 1);
  }
  FCOMPP(): void {
    this.#finish(this.#registers(1, false), 2);
  }
  FUCOM(i: number): void {
    this.#finish(this.#registers(i, true), 0);
  }
  FUCOMP(i: number): void {
    this.#finish(this.#registers(i, true), 1);
  }
  FUCOMPP(): void {
    this.#finish(this.#registers(1, true), 2);
  }

  #memory(unpack: () => boolean, pops: number): void {
    if (this.isEmpty(0)) return this.#finish(this.#stackFault(), pops);
    const da = this.unpack(A_SIGN, 0), db = unpack();
    this.#finish(this.#compare(da || db, false, false), pops);
  }
  FCOM32(bits: number): void {
    this.#memory(() => this.unpackSingle(B_SIGN, bits), 0);
  }
  FCOMP32(bits: number): void {
    this.#memory(() => this.unpackSingle(B_SIGN, bits), 1);
  }
  FCOM64(lo: number, hi: number): void {
    this.#memory(() => this.unpackDouble(B_SIGN, lo, hi), 0);
  }
  FCOMP64(lo: number, hi: number): void {
    this.#memory(() => this.unpackDouble(B_SIGN, lo, hi), 1);
  }
  /** FICOM with a 16- or 32-bit integer, sign-extended. */
  FICOM(x: number): void {
    this.#memory(() => this.unpackInteger(B_SIGN, x), 0);
  }
  FICOMP(x: number): void {
    this.#memory(() => this.unpackInteger(B_SIGN, x), 1);
  }

  #toRflags(result: number, pops: number): number {
    if (pops !== 0 && !this.#stopped) this.pop();
    return ORDER_RFLAGS[result]!;
  }
  FCOMI(i: number): number {
    return this.#toRflags(this.#registers(i, false, true), 0);
  }
  FCOMIP(i: number): number {
    return this.#toRflags(this.#registers(i, false, true), 1);
  }
  FUCOMI(i: number): number {
    return this.#toRflags(this.#registers(i, true, true), 0);
  }
  FUCOMIP(i: number): number {
    return this.#toRflags(this.#registers(i, true, true), 1);
  }

  /** FTST: ST(0) against 0.0. */
  FTST(): void {
    this.#memory(() => this.unpackInteger(B_SIGN, 0), 0);
  }

  /** FXAM: class of ST(0) in C3, C2, C0 and its sign in C1, empty or not. */
  FXAM(): void {
    const sign = (this.state[this.cell(0) + 2]! & 0x8000) !== 0 ? Fsw.C1 : 0;
    let codes: number;
    if (this.isEmpty(0)) codes = Fsw.C3 | Fsw.C0;
    else {
      const denormal = this.unpack(A_SIGN, 0), a = w[A_CLASS]!;
      if (denormal) codes = Fsw.C3 | Fsw.C2;
      else if (a === FpClass.ZERO) codes = Fsw.C3;
      else if (a === FpClass.FINITE) codes = Fsw.C2;
      else if (a === FpClass.INFINITY) codes = Fsw.C2 | Fsw.C0;
      else codes = a === UNSUPPORTED ? 0 : Fsw.C0;
    }
    this.setCodes(codes | sign);
  }
}
