/** Helpers of the integer instructions: division, string chunks. Rows: see ../helpers.ts. */
import type { HelperInfo } from "../helpers.ts";

// deno-fmt-ignore
/** Helpers of the integer instructions: division, string chunks. */
export const INTEGER_HELPERS = {
  /** Low 32 bits of the unsigned quotient of (low, high) and a divisor above `high`. */
  divide_64:          { signature: "www:w", state: "none" },
  /** Signed quotient of (low, high) and a divisor that is not 0, modulo 2^64. */
  divide_signed_64:   { signature: "www:q", state: "none" },
  /** Unsigned quotient of (low, high) and a divisor above `high`. */
  divide_128:         { signature: "qqq:q", state: "none" },
  /** Signed quotient of (low, high) and a divisor; #DE if that is 0 or the quotient does not fit. */
  divide_signed_128:  { signature: "qqq:q", state: "none", exits: true },
  /** PDEP and PEXT of source and mask. */
  pdep:               { signature: "qq:q",  state: "none" },
  pext:               { signature: "qq:q",  state: "none" },
  /** CRC-32C: accumulator, data, bytes of data (1, 2, 4). */
  crc32:              { signature: "www:w", state: "none" },

  /**
   * Chunks of repeated string instructions: form (repeat_form.ts), then the bases of the source's and the destination's
   * segment, as far as there are any, and for those that store the instruction's linear address. Result: 1 if iterations
   * are left, else 0.
   */
  rep_movs:           { signature: "wqqq:w", state: "all", exits: true },
  rep_stos:           { signature: "wqq:w", state: "all", exits: true },
  rep_lods:           { signature: "wq:w",  state: "all", exits: true },
  rep_cmps:           { signature: "wqq:w", state: "all", exits: true },
  rep_scas:           { signature: "wq:w",  state: "all", exits: true },

  /** Stores 16 bits if the first operand is not 0: condition, linear address, value. */
  store_16_if:        { signature: "wqw:.", state: "none", exits: true },

  /** DAA, DAS, AAA, AAS: 0 to 3. */
  decimal_adjust:     { signature: "w:.",   state: "all" },
} as const satisfies Record<string, HelperInfo>;
