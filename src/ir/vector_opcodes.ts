/**
 * Opcodes on v128 values. Lanes are numbered from the low end; the number in a name is the width of a lane in bits,
 * s and u say signed and unsigned. The reference meaning is the opcode's row in cpu/vector/reference.ts.
 *
 * `imm` is the instruction's immediate where a comment says so, else 0. Signature letters: see opcodes.ts.
 */
import type { OpcodeInfo } from "./opcodes.ts";

const UNARY = { signature: "v:v", pure: true } as const;
const BINARY = { signature: "vv:v", pure: true } as const;
/** Second operand: an unsigned count; counts of the lane's width or more shift everything out. */
const SHIFT = { signature: "vw:v", pure: true } as const;
const TO_WORD = { signature: "v:w", pure: true } as const;

/** All opcodes on vectors of integers. */
export const VECTOR_OPCODES = {
  vaddi8: BINARY,
  vaddi16: BINARY,
  vaddi32: BINARY,
  vaddi64: BINARY,
  vsubi8: BINARY,
  vsubi16: BINARY,
  vsubi32: BINARY,
  vsubi64: BINARY,
  vaddsats8: BINARY,
  vaddsats16: BINARY,
  vaddsatu8: BINARY,
  vaddsatu16: BINARY,
  vsubsats8: BINARY,
  vsubsats16: BINARY,
  vsubsatu8: BINARY,
  vsubsatu16: BINARY,
  vmins8: BINARY,
  vmins16: BINARY,
  vmins32: BINARY,
  vminu8: BINARY,
  vminu16: BINARY,
  vminu32: BINARY,
  vmaxs8: BINARY,
  vmaxs16: BINARY,
  vmaxs32: BINARY,
  vmaxu8: BINARY,
  vmaxu16: BINARY,
  vmaxu32: BINARY,
  /** Comparisons yield lanes of all ones or all zeros. */
  vcmpeq8: BINARY,
  vcmpeq16: BINARY,
  vcmpeq32: BINARY,
  vcmpeq64: BINARY,
  vcmpgts8: BINARY,
  vcmpgts16: BINARY,
  vcmpgts32: BINARY,
  vcmpgts64: BINARY,
  /** (x + y + 1) >> 1. */
  vavgu8: BINARY,
  vavgu16: BINARY,
  vabs8: UNARY,
  vabs16: UNARY,
  vabs32: UNARY,
  /** The first operand's lane, negated where the second's is negative, 0 where it is 0 (PSIGNx). */
  vsign8: BINARY,
  vsign16: BINARY,
  vsign32: BINARY,

  /** Low and high halves of the products of 16-bit lanes. */
  vmullo16: BINARY,
  vmulhis16: BINARY,
  vmulhiu16: BINARY,
  /** Rounded high part of the product: (x·y >> 14 + 1) >> 1 (PMULHRSW). */
  vmulhrs16: BINARY,
  vmullo32: BINARY,
  /** 64-bit products of the even 32-bit lanes. */
  vmulwideu32: BINARY,
  vmulwides32: BINARY,
  /** Sums of neighbouring products of signed 16-bit lanes (PMADDWD). */
  vmadd16: BINARY,
  /** Saturated sums of neighbouring products: unsigned bytes of the first operand, signed ones of the second (PMADDUBSW). */
  vmaddubs8: BINARY,
  /** Sums of absolute differences of eight unsigned bytes, in each 64-bit lane (PSADBW). */
  vsadu8: BINARY,
  /** MPSADBW: imm = the instruction's. */
  vmpsadu8: BINARY,
  /** Minimum of the unsigned 16-bit lanes and its position (PHMINPOSUW). */
  vminpos16: UNARY,
  /** Sums and differences of neighbouring lanes: of the first operand below, of the second above (PHADDx, PHSUBx). */
  vhadd16: BINARY,
  vhadd32: BINARY,
  vhaddsats16: BINARY,
  vhsub16: BINARY,
  vhsub32: BINARY,
  vhsubsats16: BINARY,

  vshl16: SHIFT,
  vshl32: SHIFT,
  vshl64: SHIFT,
  vshr16: SHIFT,
  vshr32: SHIFT,
  vshr64: SHIFT,
  vsar16: SHIFT,
  vsar32: SHIFT,
  /** Shift of the whole vector by `imm` bytes, 0 to 16. */
  vshlbytes: UNARY,
  vshrbytes: UNARY,

  /**
   * A choice of 32-bit lanes. Digit i of `imm` (four bits each, low first) names result lane i: 0-3 of the first
   * operand, 4-7 of the second.
   */
  vshuffle32: BINARY,
  /** PSHUFLW and PSHUFHW: imm = the instruction's. */
  vshufflelow16: UNARY,
  vshufflehigh16: UNARY,
  /** Byte i of the result: byte (low four bits of the second operand's byte i) of the first, or 0 if its bit 7 is set. */
  vshuffle8: BINARY,
  /** Interleaves the low or high halves, the first operand's lane below. */
  vunpacklow8: BINARY,
  vunpacklow16: BINARY,
  vunpackhigh8: BINARY,
  vunpackhigh16: BINARY,
  /** Narrows signed lanes with saturation (s to signed, u to unsigned): the first operand below. */
  vpacks16: BINARY,
  vpacks32: BINARY,
  vpacku16: BINARY,
  vpacku32: BINARY,
  /** Bytes imm to imm + 15 of the 32 bytes that have the first operand above the second (PALIGNR). */
  valignr: BINARY,
  /** Extends the low lanes. */
  vsext8to16: UNARY,
  vsext8to32: UNARY,
  vsext8to64: UNARY,
  vsext16to32: UNARY,
  vsext16to64: UNARY,
  vsext32to64: UNARY,
  vzext8to16: UNARY,
  vzext8to32: UNARY,
  vzext8to64: UNARY,
  vzext16to32: UNARY,
  vzext16to64: UNARY,
  vzext32to64: UNARY,
  /** Bits of the first operand where the third has ones, of the second elsewhere. */
  vbitselect: { signature: "vvv:v", pure: true },
  /** Sign bits of the lanes. */
  vmask8: TO_WORD,
  vmask32: TO_WORD,
  vmask64: TO_WORD,
  /** 1 if any bit is set, else 0. */
  vanytrue: TO_WORD,
  /** Lane `imm`, zero-extended. */
  vextract8: TO_WORD,
  vextract16: TO_WORD,
  vinsert8: { signature: "vw:v", pure: true },
  vinsert16: { signature: "vw:v", pure: true },

  /**
   * PCMPxSTRx: operands, their lengths in elements (negative: up to the first element 0); imm = the instruction's.
   * Yields IntRes2, bit 16: the second operand ended, bit 17: the first did.
   */
  vstringcompare: { signature: "vvww:w", pure: true },
  /** Each bit of the operand as a byte or word of ones. */
  vspread8: { signature: "w:v", pure: true },
  vspread16: { signature: "w:v", pure: true },

  /** AES rounds: the state, the round key. */
  vaesenc: BINARY,
  vaesenclast: BINARY,
  vaesdec: BINARY,
  vaesdeclast: BINARY,
  vaesimc: UNARY,
  /** AESKEYGENASSIST: imm = the round constant. */
  vaeskeygen: UNARY,
  /** Carry-less product of the 64-bit lanes that bits 0 and 4 of `imm` choose. */
  vclmul: BINARY,
  /** SHA1RNDS4: imm = the instruction's. */
  vsha1rounds: BINARY,
  vsha1nexte: BINARY,
  vsha1msg1: BINARY,
  vsha1msg2: BINARY,
  /** Third operand: the two words W + K in its low half. */
  vsha256rounds: { signature: "vvv:v", pure: true },
  vsha256msg1: BINARY,
  vsha256msg2: BINARY,
} as const satisfies Record<string, OpcodeInfo>;

/** Name of an opcode on vectors of integers. */
export type VectorOpcode = keyof typeof VECTOR_OPCODES;
