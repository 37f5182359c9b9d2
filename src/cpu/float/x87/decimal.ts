/** Packed decimal integers of 18 digits. SDM vol. 1, section 4.7. */
import { R_HI, R_LO, w } from "../significand.ts";

/** The nine digits of `n` < 10^9 as 36 bits: low 32 bits and the top digit. */
function pack(n: number): [number, number] {
  let bits = 0, rest = n;
  for (let shift = 0; shift < 32; shift += 4) {
    bits |= (rest % 10) << shift;
    rest = Math.floor(rest / 10);
  }
  return [bits, rest];
}

/** The packed digits (words 31:0, 63:32, 71:64) of a magnitude below 10^18. */
export function decimalDigits(lo: number, hi: number): [number, number, number] {
  // Division of 60 bits by 10^9 in three steps of 20 bits keeps every step exact in a double.
  const parts = [hi >>> 8, ((hi & 0xff) << 12) | (lo >>> 20), lo & 0xfffff];
  let rest = 0, quotient = 0;
  for (const part of parts) {
    const step = rest * 0x100000 + part;
    const digit = Math.floor(step / 1e9);
    quotient = quotient * 0x100000 + digit;
    rest = step - digit * 1e9;
  }
  const [low, lowTop] = pack(rest), [high, highTop] = pack(quotient);
  return [low, (high << 4) | lowTop, (highTop << 4) | (high >>> 28)];
}

/** The magnitude of packed digits into R_HI, R_LO. */
export function fromDecimal(lo: number, hi: number, top: number): void {
  let value = 0, upper = 0;
  for (let n = 17; n >= 0; n--) {
    const digit = n >= 16 ? (top >>> ((n - 16) * 4)) & 15 : ((n >= 8 ? hi : lo) >>> ((n & 7) * 4)) & 15;
    const low = value * 10 + digit;
    upper = upper * 10 + Math.floor(low / 4294967296);
    value = low % 4294967296;
  }
  w[R_LO] = value | 0;
  w[R_HI] = upper | 0;
}
