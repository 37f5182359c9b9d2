/** The SSE floating-point operations as functions on bits: what both families, plain and exact, provide. */

/**
 * Doubles are a low and a high half (`lo, hi`), singles one 32-bit integer; the same holds for 64- and 32-bit
 * integers. A function whose result has 64 bits returns the low half and leaves the upper half in the RETURN_HI cell.
 * A NaN result keeps sign and payload as the processor does.
 */
export interface SseFloat {
  ADDSD(alo: number, ahi: number, blo: number, bhi: number): number;
  SUBSD(alo: number, ahi: number, blo: number, bhi: number): number;
  MULSD(alo: number, ahi: number, blo: number, bhi: number): number;
  DIVSD(alo: number, ahi: number, blo: number, bhi: number): number;
  MINSD(alo: number, ahi: number, blo: number, bhi: number): number;
  MAXSD(alo: number, ahi: number, blo: number, bhi: number): number;
  SQRTSD(lo: number, hi: number): number;
  /** `immediate` as the instruction's: bits 1:0 rounding, bit 2 MXCSR's rounding instead, bit 3 no precision exception. */
  ROUNDSD(lo: number, hi: number, immediate: number): number;
  ADDSS(a: number, b: number): number;
  SUBSS(a: number, b: number): number;
  MULSS(a: number, b: number): number;
  DIVSS(a: number, b: number): number;
  MINSS(a: number, b: number): number;
  MAXSS(a: number, b: number): number;
  SQRTSS(a: number): number;
  ROUNDSS(a: number, immediate: number): number;
  /** Comparisons return RFLAGS bits: ZF 0x40, PF 4, CF 1 (OF, SF and AF are cleared by the instruction). */
  UCOMISD(alo: number, ahi: number, blo: number, bhi: number): number;
  COMISD(alo: number, ahi: number, blo: number, bhi: number): number;
  UCOMISS(a: number, b: number): number;
  COMISS(a: number, b: number): number;
  /** The predicate holds: −1 (all ones; use it for both halves), else 0. Predicates 0–7 are SSE's, 8–31 AVX's. */
  CMPSD(alo: number, ahi: number, blo: number, bhi: number, predicate: number): number;
  CMPSS(a: number, b: number, predicate: number): number;
  CVTSD2SS(lo: number, hi: number): number;
  CVTSS2SD(a: number): number;
  CVTSD2SI32(lo: number, hi: number): number;
  CVTSD2SI64(lo: number, hi: number): number;
  CVTTSD2SI32(lo: number, hi: number): number;
  CVTTSD2SI64(lo: number, hi: number): number;
  CVTSS2SI32(a: number): number;
  CVTSS2SI64(a: number): number;
  CVTTSS2SI32(a: number): number;
  CVTTSS2SI64(a: number): number;
  CVTSI2SD32(x: number): number;
  CVTSI2SD64(lo: number, hi: number): number;
  CVTSI2SS32(x: number): number;
  CVTSI2SS64(lo: number, hi: number): number;
}

/** Comparison orders that satisfy a predicate, a bit for each order of float64.ts (less 1, equal 2, greater 4, unordered 8). */
const PREDICATES = [
  0x2,
  0x1,
  0x3,
  0x8,
  0xd,
  0xe,
  0xc,
  0x7, // EQ LT LE UNORD NEQ NLT NLE ORD
  0xa,
  0x9,
  0xb,
  0x0,
  0x5,
  0x6,
  0x4,
  0xf, // EQ_U NGE NGT FALSE NEQ_O GE GT TRUE
]; // deno-fmt-ignore
/** Predicates below 16 that raise IE for a quiet NaN; from 16 on it is the other ones. */
const SIGNALING = 0x6666;

/** Whether predicate `n` raises IE for a quiet NaN. SDM vol. 2A, "CMPPD", table of the 32 predicates. */
export function predicateSignals(n: number): boolean {
  return (((SIGNALING >>> (n & 15)) ^ (n >>> 4)) & 1) !== 0;
}

/** −1 if predicate `n` holds for `order`, else 0. */
export function predicateHolds(n: number, order: number): number {
  return -((PREDICATES[n & 15]! >>> order) & 1);
}

/** RFLAGS bits of UCOMISD and FCOMI for each order: less, equal, greater, unordered. */
export const ORDER_RFLAGS: Readonly<Int32Array> = Int32Array.of(1, 0x40, 0, 0x45);
