/**
 * Functions of real numbers to about 190 bits with BigInt: what the transcendental instructions round. They are rare
 * and long on the processor too, so exactness comes before speed.
 */

/** Bits behind the binary point of fixed-point numbers here. */
export const FRACTION = 256n;
/** 1 in fixed point. */
export const ONE: bigint = 1n << FRACTION;

/** A real number: mantissa × 2^exponent. */
export interface Big {
  readonly m: bigint;
  readonly e: number;
}

const WORKING = 224;

/** Length of a magnitude in bits. */
export function bitLength(n: bigint): number {
  const m = n < 0n ? -n : n;
  return m === 0n
    ? 0
    : m.toString(16).length * 4 - (Math.clz32(Number.parseInt(m.toString(16)[0]!, 16)) - 28);
}

function trim(m: bigint, e: number): Big {
  const excess = bitLength(m) - WORKING;
  return excess > 0 ? { m: m >> BigInt(excess), e: e + excess } : { m, e };
}

/** Product, to working precision. */
export function multiply(a: Big, b: Big): Big {
  return trim(a.m * b.m, a.e + b.e);
}

/** Quotient, to working precision. */
export function divide(a: Big, b: Big): Big {
  const shift = Math.max(0, WORKING + bitLength(b.m) - bitLength(a.m));
  return { m: (a.m << BigInt(shift)) / b.m, e: a.e - b.e - shift };
}

/** Sum; operands whose exponents are far apart lose the smaller one's tail. */
export function add(a: Big, b: Big): Big {
  if (a.m === 0n) return b;
  if (b.m === 0n) return a;
  const ta = a.e + bitLength(a.m), tb = b.e + bitLength(b.m);
  if (ta - tb > 2 * WORKING) return sticky(a, b.m < 0n);
  if (tb - ta > 2 * WORKING) return sticky(b, a.m < 0n);
  const e = Math.min(a.e, b.e);
  return trim((a.m << BigInt(a.e - e)) + (b.m << BigInt(b.e - e)), e);
}

/** `a` moved by an amount too small to matter except to rounding. */
export function sticky(a: Big, down: boolean): Big {
  const shift = Math.max(0, WORKING - bitLength(a.m));
  return { m: (a.m << BigInt(shift)) + (down ? -1n : 1n), e: a.e - shift };
}

/** Fixed point to real. */
export function fromFixed(x: bigint): Big {
  return { m: x, e: -Number(FRACTION) };
}

/** Real to fixed point, truncated. */
export function toFixed(x: Big): bigint {
  const shift = BigInt(x.e) + FRACTION;
  return shift >= 0n ? x.m << shift : x.m >> -shift;
}

/** −x. */
export function negate(x: Big): Big {
  return { m: -x.m, e: x.e };
}

/** arctanh(z)/z as a function of z² (fixed point). */
function arctanhRatio(square: bigint): bigint {
  let sum = 0n, power = ONE, n = 1n;
  while (power !== 0n) {
    sum += power / n;
    power = (power * square) >> FRACTION;
    n += 2n;
  }
  return sum;
}

/** arctan(z)/z as a function of z² (fixed point). */
function arctanRatio(square: bigint): bigint {
  return arctanhRatio(-square);
}

/** ln 2 in fixed point: 2·arctanh(1/3). */
export const LN2: bigint = (2n * arctanhRatio(ONE / 9n)) / 3n;
/** π in fixed point: 16·arctan(1/5) − 4·arctan(1/239). */
export const PI: bigint = (16n * arctanRatio(ONE / 25n)) / 5n - (4n * arctanRatio(ONE / 57121n)) / 239n;

/** (e^y − 1)/y for |y| < 1 (fixed point). */
function expm1Ratio(y: bigint): bigint {
  let sum = 0n, term = ONE, n = 2n;
  while (term !== 0n && term !== -1n) {
    sum += term;
    term = (term * y >> FRACTION) / n;
    n++;
  }
  return sum;
}

/** 2^x − 1 for |x| ≤ 1. */
export function exp2m1(x: Big): Big {
  const y = multiply(x, fromFixed(LN2));
  return multiply(y, fromFixed(expm1Ratio(toFixed(y))));
}

/** log2((1 + z)/(1 − z)) for |z| < 0.2. */
function log2FromRatio(z: Big): Big {
  const square = toFixed(multiply(z, z));
  return divide(multiply({ m: z.m, e: z.e + 1 }, fromFixed(arctanhRatio(square))), fromFixed(LN2));
}

/** log2(x) for x > 0. */
export function log2(x: Big): Big {
  const length = bitLength(x.m);
  let exponent = x.e + length - 1;
  // mantissa in [1, 2), or [¾, 1) for the upper half, so that numbers around 1 keep their precision
  let one = 1n << BigInt(length - 1);
  if (2n * x.m > 3n * one) {
    exponent++;
    one <<= 1n;
  }
  const z = divide({ m: x.m - one, e: 0 }, { m: x.m + one, e: 0 });
  const fraction = z.m === 0n ? z : log2FromRatio(z);
  return add(fraction, { m: BigInt(exponent), e: 0 });
}

/** log2(1 + x) for −1 < x, precise for small x. */
export function log2p1(x: Big): Big {
  if (x.e + bitLength(x.m) > -2) return log2(add({ m: 1n, e: 0 }, x));
  return log2FromRatio(divide(x, add({ m: 2n, e: 0 }, x)));
}

/** sin(r)/r and cos(r) as functions of r² (fixed point), |r| ≤ π/4. */
function circular(square: bigint, first: bigint): bigint {
  let sum = 0n, term = ONE, n = first;
  while (term !== 0n && term !== -1n) {
    sum += term;
    term = -(term * square >> FRACTION) / (n * (n + 1n));
    n += 2n;
  }
  return sum;
}

/** sin r for |r| ≤ π/4, r ≠ 0. */
export function sine(r: Big): Big {
  const ratio = circular(toFixed(multiply(r, r)), 2n);
  // Below 2^-128 the ratio is 1 in fixed point; the sine is just smaller than its argument.
  return ratio >= ONE - 1n ? sticky(r, r.m > 0n) : multiply(r, fromFixed(ratio));
}

/** cos r for |r| ≤ π/4, r ≠ 0. */
export function cosine(r: Big): Big {
  const value = circular(toFixed(multiply(r, r)), 1n);
  return fromFixed(value >= ONE ? ONE - 1n : value);
}

/** tan r for |r| ≤ π/4, r ≠ 0. */
export function tangent(r: Big): Big {
  if (r.e + bitLength(r.m) < -100) return sticky(r, r.m < 0n);
  return divide(sine(r), cosine(r));
}

/** arctan(k/8) in fixed point, made when first needed. */
const arctans: (bigint | undefined)[] = [];
function arctanOfEighths(k: number): bigint {
  const known = arctans[k];
  if (known !== undefined) return known;
  // arctan(k/8) = 2·arctan(t), t = (√(1 + q²) − 1)/q, twice for quick convergence
  const half = (q: bigint): bigint => ((squareRoot(ONE * ONE + q * q) - ONE) << FRACTION) / q;
  const t = half(half((BigInt(k) << FRACTION) / 8n));
  const value = (4n * t * arctanRatio((t * t) >> FRACTION)) >> FRACTION;
  arctans[k] = value;
  return value;
}

function squareRoot(n: bigint): bigint {
  let x = 1n << BigInt((bitLength(n) >> 1) + 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** arctan q for 0 < q ≤ 1. */
export function arctan(q: Big): Big {
  if (q.e + bitLength(q.m) < -100) return sticky(q, true);
  const fixed = toFixed(q);
  const k = Number((fixed * 8n + ONE / 2n) >> FRACTION);
  if (k === 0) return multiply(q, fromFixed(arctanRatio(toFixed(multiply(q, q)))));
  const c = (BigInt(k) << FRACTION) / 8n;
  const t = ((fixed - c) << FRACTION) / (ONE + ((fixed * c) >> FRACTION));
  return fromFixed(arctanOfEighths(k) + ((t * arctanRatio((t * t) >> FRACTION)) >> FRACTION));
}
