/** Carry-less multiplication (PCLMULQDQ). SDM vol. 2B, "PCLMULQDQ". */
import type { Words } from "./words.ts";

const product = new Int32Array(4);

/** Adds the 64-bit carry-less product of two words to words `at` and `at` + 1 of the product. */
function accumulate(x: number, y: number, at: number): void {
  let lo = 0, hi = 0;
  for (let bit = 0; bit < 32; bit++) {
    const on = -((y >>> bit) & 1);
    lo ^= (x << bit) & on;
    if (bit !== 0) hi ^= (x >>> (32 - bit)) & on;
  }
  product[at] = product[at]! ^ lo;
  product[at + 1] = product[at + 1]! ^ hi;
}

export function clmul(
  out: Words,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
  imm: number,
): void {
  const x0 = (imm & 1) === 0 ? a0 : a2, x1 = (imm & 1) === 0 ? a1 : a3;
  const y0 = (imm & 16) === 0 ? b0 : b2, y1 = (imm & 16) === 0 ? b1 : b3;
  product.fill(0);
  accumulate(x0, y0, 0);
  accumulate(x0, y1, 1);
  accumulate(x1, y0, 1);
  accumulate(x1, y1, 2);
  out.set(product);
}
