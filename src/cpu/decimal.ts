/** DAA, DAS, AAA and AAS. SDM vol. 2A. */
import { AF, CF, GPR, OF, PF, SF, ZF } from "./state.ts";

/** Executes DAA (0), DAS (1), AAA (2) or AAS (3) on the state. OF, undefined, is cleared. */
export function decimalAdjust(m: Int32Array, operation: number): void {
  const packed = operation < 2, sign = (operation & 1) === 0 ? 1 : -1;
  const ax = m[GPR >> 2]! & 0xffff, al = ax & 0xff, carry = m[CF >> 2]!;
  const low = (al & 0xf) > 9 || (m[AF >> 2]! & 0x10) !== 0;
  let result: number, carryOut: number;
  if (packed) {
    const high = al > 0x99 || carry !== 0;
    const adjusted = al + (low ? 6 * sign : 0) + (high ? 0x60 * sign : 0);
    // DAS: a borrow of the low digit's adjustment stands; DAA sets CF from the high digit alone.
    const borrow = sign < 0 && low && al < 6;
    carryOut = high || borrow ? 1 : 0;
    result = (ax & 0xff00) | (adjusted & 0xff);
  } else {
    // AAS takes 6 from AX, so that a borrow reaches AH, then one more from AH; AAA adds as much.
    result = low ? (ax + 0x106 * sign) & 0xff0f : ax & 0xff0f;
    carryOut = low ? 1 : 0;
  }
  m[GPR >> 2] = (m[GPR >> 2]! & ~0xffff) | result;
  m[CF >> 2] = carryOut;
  m[AF >> 2] = low ? 0x10 : 0;
  m[PF >> 2] = result & 0xff;
  m[ZF >> 2] = result & 0xff;
  m[SF >> 2] = result << 24;
  m[OF >> 2] = 0;
}
