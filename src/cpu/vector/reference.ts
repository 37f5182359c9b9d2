/**
 * The reference meaning of every vector opcode, for the interpreter and the JavaScript engine.
 *
 * Of a `words` opcode each result word is a function of a few operand words, so that an engine that keeps words in
 * locals calls small functions, or none where the word is just another; a `whole` one takes all words (see words.ts).
 * `vshuffle32` is a `whole` one that engines do better without a call: its result words are operand words that
 * `shuffleSources` names.
 */
import type { VectorOpcode } from "../../ir/vector_opcodes.ts";
import type { WholeFunction, WordFunction } from "./words.ts";
import * as aes from "./aes.ts";
import * as arithmetic from "./arithmetic.ts";
import * as carryless from "./carryless.ts";
import * as lanes64 from "./lanes64.ts";
import * as multiply from "./multiply.ts";
import * as sha from "./sha.ts";
import * as shuffle from "./shuffle.ts";
import * as strings from "./string_compare.ts";

export type { WholeFunction, WordFunction, Words } from "./words.ts";

/** How a result word is computed: from operand words numbered through (0-3 a first v128, 4-7 a second, …). */
export interface WordPart {
  readonly fn: WordFunction;
  readonly from: readonly number[];
}

/** How an opcode is computed. */
export type VectorReference =
  | { readonly kind: "words"; readonly parts: readonly WordPart[] }
  | { readonly kind: "whole"; readonly fn: WholeFunction };

const whole = (fn: WholeFunction): VectorReference => ({ kind: "whole", fn });
const part = (fn: WordFunction, ...from: number[]): WordPart => ({ fn, from });
const words = (...parts: [WordPart, WordPart, WordPart, WordPart]): VectorReference => ({
  kind: "words",
  parts,
});
/** Result word i from word i of two (one, three) v128 operands, or of one and an i32. */
const binary = (fn: WordFunction): VectorReference =>
  words(part(fn, 0, 4), part(fn, 1, 5), part(fn, 2, 6), part(fn, 3, 7));
const unary = (fn: WordFunction): VectorReference =>
  words(part(fn, 0), part(fn, 1), part(fn, 2), part(fn, 3));
const ternary = (fn: WordFunction): VectorReference =>
  words(part(fn, 0, 4, 8), part(fn, 1, 5, 9), part(fn, 2, 6, 10), part(fn, 3, 7, 11));
const shift = (fn: WordFunction): VectorReference =>
  words(part(fn, 0, 4), part(fn, 1, 4), part(fn, 2, 4), part(fn, 3, 4));
/** Each result word from two neighbouring words: of the first operand, then of the second. */
const neighbours = (fn: WordFunction): VectorReference =>
  words(part(fn, 0, 1), part(fn, 2, 3), part(fn, 4, 5), part(fn, 6, 7));
/** 64-bit lanes: functions of the words of both operands' lanes. */
const lanes = (low: WordFunction, high: WordFunction): VectorReference =>
  words(part(low, 0, 1, 4, 5), part(high, 0, 1, 4, 5), part(low, 2, 3, 6, 7), part(high, 2, 3, 6, 7));
/** 64-bit products of the even words. */
const products = (high: WordFunction): VectorReference =>
  words(part(Math.imul, 0, 4), part(high, 0, 4), part(Math.imul, 2, 6), part(high, 2, 6));
/** Two result words of each of two words: `first` is 0 or 2. */
const interleaved = (low: WordFunction, high: WordFunction, first: number): VectorReference =>
  words(
    part(low, first, first + 4),
    part(high, first, first + 4),
    part(low, first + 1, first + 5),
    part(high, first + 1, first + 5),
  );

/** The reference of every vector opcode. */
export const VECTOR_REFERENCE: Readonly<Record<VectorOpcode, VectorReference>> = {
  vaddi8: binary(arithmetic.addi8),
  vaddi16: binary(arithmetic.addi16),
  vaddi32: binary(arithmetic.addi32),
  vaddi64: words(
    part(arithmetic.addi32, 0, 4),
    part(lanes64.addHigh, 0, 1, 4, 5),
    part(arithmetic.addi32, 2, 6),
    part(lanes64.addHigh, 2, 3, 6, 7),
  ),
  vsubi8: binary(arithmetic.subi8),
  vsubi16: binary(arithmetic.subi16),
  vsubi32: binary(arithmetic.subi32),
  vsubi64: words(
    part(arithmetic.subi32, 0, 4),
    part(lanes64.subHigh, 0, 1, 4, 5),
    part(arithmetic.subi32, 2, 6),
    part(lanes64.subHigh, 2, 3, 6, 7),
  ),
  vaddsats8: binary(arithmetic.addsats8),
  vaddsats16: binary(arithmetic.addsats16),
  vaddsatu8: binary(arithmetic.addsatu8),
  vaddsatu16: binary(arithmetic.addsatu16),
  vsubsats8: binary(arithmetic.subsats8),
  vsubsats16: binary(arithmetic.subsats16),
  vsubsatu8: binary(arithmetic.subsatu8),
  vsubsatu16: binary(arithmetic.subsatu16),
  vmins8: binary(arithmetic.mins8),
  vmins16: binary(arithmetic.mins16),
  vmins32: binary(arithmetic.mins32),
  vminu8: binary(arithmetic.minu8),
  vminu16: binary(arithmetic.minu16),
  vminu32: binary(arithmetic.minu32),
  vmaxs8: binary(arithmetic.maxs8),
  vmaxs16: binary(arithmetic.maxs16),
  vmaxs32: binary(arithmetic.maxs32),
  vmaxu8: binary(arithmetic.maxu8),
  vmaxu16: binary(arithmetic.maxu16),
  vmaxu32: binary(arithmetic.maxu32),
  vcmpeq8: binary(arithmetic.cmpeq8),
  vcmpeq16: binary(arithmetic.cmpeq16),
  vcmpeq32: binary(arithmetic.cmpeq32),
  vcmpeq64: lanes(lanes64.cmpeq64, lanes64.cmpeq64),
  vcmpgts8: binary(arithmetic.cmpgts8),
  vcmpgts16: binary(arithmetic.cmpgts16),
  vcmpgts32: binary(arithmetic.cmpgts32),
  vcmpgts64: lanes(lanes64.cmpgts64, lanes64.cmpgts64),
  vavgu8: binary(arithmetic.avgu8),
  vavgu16: binary(arithmetic.avgu16),
  vabs8: unary(arithmetic.abs8),
  vabs16: unary(arithmetic.abs16),
  vabs32: unary(arithmetic.abs32),
  vsign8: binary(arithmetic.sign8),
  vsign16: binary(arithmetic.sign16),
  vsign32: binary(arithmetic.sign32),
  vmullo16: binary(multiply.mullo16),
  vmulhis16: binary(multiply.mulhis16),
  vmulhiu16: binary(multiply.mulhiu16),
  vmulhrs16: binary(multiply.mulhrs16),
  vmullo32: binary(multiply.mullo32),
  vmulwideu32: products(multiply.multiplyHigh),
  vmulwides32: products(multiply.multiplyHighSigned),
  vmadd16: binary(multiply.madd16),
  vmaddubs8: binary(multiply.maddubs8),
  vsadu8: words(
    part(multiply.sadu8, 0, 1, 4, 5),
    part(shuffle.zero),
    part(multiply.sadu8, 2, 3, 6, 7),
    part(shuffle.zero),
  ),
  vmpsadu8: whole(multiply.mpsadu8),
  vminpos16: whole(multiply.minpos16),
  vhadd16: neighbours(multiply.hadd16),
  vhadd32: neighbours(arithmetic.addi32),
  vhaddsats16: neighbours(multiply.haddsats16),
  vhsub16: neighbours(multiply.hsub16),
  vhsub32: neighbours(arithmetic.subi32),
  vhsubsats16: neighbours(multiply.hsubsats16),
  vshl16: shift(arithmetic.shl16),
  vshl32: shift(arithmetic.shl32),
  vshl64: words(
    part(lanes64.shlLow, 0, 4),
    part(lanes64.shlHigh, 0, 1, 4),
    part(lanes64.shlLow, 2, 4),
    part(lanes64.shlHigh, 2, 3, 4),
  ),
  vshr16: shift(arithmetic.shr16),
  vshr32: shift(arithmetic.shr32),
  vshr64: words(
    part(lanes64.shrLow, 0, 1, 4),
    part(lanes64.shrHigh, 1, 4),
    part(lanes64.shrLow, 2, 3, 4),
    part(lanes64.shrHigh, 3, 4),
  ),
  vsar16: shift(arithmetic.sar16),
  vsar32: shift(arithmetic.sar32),
  vshlbytes: whole(shuffle.shlbytes),
  vshrbytes: whole(shuffle.shrbytes),
  vshuffle32: whole(shuffle.shuffle32),
  vshufflelow16: whole(shuffle.shufflelow16),
  vshufflehigh16: whole(shuffle.shufflehigh16),
  vshuffle8: whole(shuffle.shuffle8),
  vunpacklow8: interleaved(shuffle.lowBytes, shuffle.highBytes, 0),
  vunpacklow16: interleaved(shuffle.lowHalves, shuffle.highHalves, 0),
  vunpackhigh8: interleaved(shuffle.lowBytes, shuffle.highBytes, 2),
  vunpackhigh16: interleaved(shuffle.lowHalves, shuffle.highHalves, 2),
  vpacks16: neighbours(shuffle.packs16),
  vpacks32: neighbours(shuffle.packs32),
  vpacku16: neighbours(shuffle.packu16),
  vpacku32: neighbours(shuffle.packu32),
  valignr: whole(shuffle.alignr),
  vsext8to16: words(
    part(shuffle.bytes01, 0),
    part(shuffle.bytes23, 0),
    part(shuffle.bytes01, 1),
    part(shuffle.bytes23, 1),
  ),
  vsext8to32: words(
    part(shuffle.byte0, 0),
    part(shuffle.byte1, 0),
    part(shuffle.byte2, 0),
    part(shuffle.byte3, 0),
  ),
  vsext8to64: words(
    part(shuffle.byte0, 0),
    part(shuffle.signOfByte0, 0),
    part(shuffle.byte1, 0),
    part(shuffle.signOfByte1, 0),
  ),
  vsext16to32: words(
    part(shuffle.low16, 0),
    part(shuffle.high16, 0),
    part(shuffle.low16, 1),
    part(shuffle.high16, 1),
  ),
  vsext16to64: words(
    part(shuffle.low16, 0),
    part(shuffle.signOfLow16, 0),
    part(shuffle.high16, 0),
    part(shuffle.signOf, 0),
  ),
  vsext32to64: words(
    part(shuffle.same, 0),
    part(shuffle.signOf, 0),
    part(shuffle.same, 1),
    part(shuffle.signOf, 1),
  ),
  vzext8to16: words(
    part(shuffle.bytesU01, 0),
    part(shuffle.bytesU23, 0),
    part(shuffle.bytesU01, 1),
    part(shuffle.bytesU23, 1),
  ),
  vzext8to32: words(
    part(shuffle.byteU0, 0),
    part(shuffle.byteU1, 0),
    part(shuffle.byteU2, 0),
    part(shuffle.byteU3, 0),
  ),
  vzext8to64: words(part(shuffle.byteU0, 0), part(shuffle.zero), part(shuffle.byteU1, 0), part(shuffle.zero)),
  vzext16to32: words(
    part(shuffle.lowU16, 0),
    part(shuffle.highU16, 0),
    part(shuffle.lowU16, 1),
    part(shuffle.highU16, 1),
  ),
  vzext16to64: words(
    part(shuffle.lowU16, 0),
    part(shuffle.zero),
    part(shuffle.highU16, 0),
    part(shuffle.zero),
  ),
  vzext32to64: words(part(shuffle.same, 0), part(shuffle.zero), part(shuffle.same, 1), part(shuffle.zero)),
  vbitselect: ternary(arithmetic.bitselect),
  vmask8: whole(shuffle.mask8),
  vmask32: whole(shuffle.mask32),
  vmask64: whole(shuffle.mask64),
  vanytrue: whole(shuffle.anytrue),
  vextract8: whole(shuffle.extract8),
  vextract16: whole(shuffle.extract16),
  vinsert8: whole(shuffle.insert8),
  vinsert16: whole(shuffle.insert16),
  vstringcompare: whole(strings.stringcompare),
  vspread8: whole(shuffle.spread8),
  vspread16: whole(shuffle.spread16),
  vaesenc: whole(aes.aesenc),
  vaesenclast: whole(aes.aesenclast),
  vaesdec: whole(aes.aesdec),
  vaesdeclast: whole(aes.aesdeclast),
  vaesimc: whole(aes.aesimc),
  vaeskeygen: whole(aes.aeskeygen),
  vclmul: whole(carryless.clmul),
  vsha1rounds: whole(sha.sha1rounds),
  vsha1nexte: whole(sha.sha1nexte),
  vsha1msg1: whole(sha.sha1msg1),
  vsha1msg2: whole(sha.sha1msg2),
  vsha256rounds: whole(sha.sha256rounds),
  vsha256msg1: whole(sha.sha256msg1),
  vsha256msg2: whole(sha.sha256msg2),
};

/** Result words of `vshuffle32` as positions among the eight operand words (0-3 first operand, 4-7 second). */
export function shuffleSources(imm: number): readonly [number, number, number, number] {
  return [imm & 7, (imm >> 4) & 7, (imm >> 8) & 7, (imm >> 12) & 7];
}
