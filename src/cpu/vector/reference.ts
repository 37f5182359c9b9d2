/**
 * The reference meaning of every vector opcode, for the interpreter and the JavaScript engine.
 *
 * A `word` opcode works word by word, so that an engine can call its function once for each word it keeps in a local;
 * a `whole` one takes all words (see words.ts). `vshuffle32` is a `whole` one that engines do better without a call:
 * its result words are operand words that `shuffleSources` names.
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

/** How an opcode is computed. */
export type VectorReference =
  | { readonly kind: "word"; readonly fn: WordFunction }
  | { readonly kind: "whole"; readonly fn: WholeFunction };

// Functions of fewer parameters serve: what they leave out they do not depend on.
const word = (fn: WordFunction): VectorReference => ({ kind: "word", fn });
const whole = (fn: WholeFunction): VectorReference => ({ kind: "whole", fn });

/** The reference of every vector opcode. */
export const VECTOR_REFERENCE: Readonly<Record<VectorOpcode, VectorReference>> = {
  vaddi8: word(arithmetic.addi8),
  vaddi16: word(arithmetic.addi16),
  vaddi32: word(arithmetic.addi32),
  vaddi64: whole(lanes64.addi64),
  vsubi8: word(arithmetic.subi8),
  vsubi16: word(arithmetic.subi16),
  vsubi32: word(arithmetic.subi32),
  vsubi64: whole(lanes64.subi64),
  vaddsats8: word(arithmetic.addsats8),
  vaddsats16: word(arithmetic.addsats16),
  vaddsatu8: word(arithmetic.addsatu8),
  vaddsatu16: word(arithmetic.addsatu16),
  vsubsats8: word(arithmetic.subsats8),
  vsubsats16: word(arithmetic.subsats16),
  vsubsatu8: word(arithmetic.subsatu8),
  vsubsatu16: word(arithmetic.subsatu16),
  vmins8: word(arithmetic.mins8),
  vmins16: word(arithmetic.mins16),
  vmins32: word(arithmetic.mins32),
  vminu8: word(arithmetic.minu8),
  vminu16: word(arithmetic.minu16),
  vminu32: word(arithmetic.minu32),
  vmaxs8: word(arithmetic.maxs8),
  vmaxs16: word(arithmetic.maxs16),
  vmaxs32: word(arithmetic.maxs32),
  vmaxu8: word(arithmetic.maxu8),
  vmaxu16: word(arithmetic.maxu16),
  vmaxu32: word(arithmetic.maxu32),
  vcmpeq8: word(arithmetic.cmpeq8),
  vcmpeq16: word(arithmetic.cmpeq16),
  vcmpeq32: word(arithmetic.cmpeq32),
  vcmpeq64: whole(lanes64.cmpeq64),
  vcmpgts8: word(arithmetic.cmpgts8),
  vcmpgts16: word(arithmetic.cmpgts16),
  vcmpgts32: word(arithmetic.cmpgts32),
  vcmpgts64: whole(lanes64.cmpgts64),
  vavgu8: word(arithmetic.avgu8),
  vavgu16: word(arithmetic.avgu16),
  vabs8: word(arithmetic.abs8),
  vabs16: word(arithmetic.abs16),
  vabs32: word(arithmetic.abs32),
  vsign8: word(arithmetic.sign8),
  vsign16: word(arithmetic.sign16),
  vsign32: word(arithmetic.sign32),
  vmullo16: word(multiply.mullo16),
  vmulhis16: word(multiply.mulhis16),
  vmulhiu16: word(multiply.mulhiu16),
  vmulhrs16: word(multiply.mulhrs16),
  vmullo32: word(multiply.mullo32),
  vmulwideu32: whole(multiply.mulwideu32),
  vmulwides32: whole(multiply.mulwides32),
  vmadd16: word(multiply.madd16),
  vmaddubs8: word(multiply.maddubs8),
  vsadu8: whole(multiply.sadu8),
  vmpsadu8: whole(multiply.mpsadu8),
  vminpos16: whole(multiply.minpos16),
  vhadd16: whole(multiply.hadd16),
  vhadd32: whole(multiply.hadd32),
  vhaddsats16: whole(multiply.haddsats16),
  vhsub16: whole(multiply.hsub16),
  vhsub32: whole(multiply.hsub32),
  vhsubsats16: whole(multiply.hsubsats16),
  vshl16: word(arithmetic.shl16),
  vshl32: word(arithmetic.shl32),
  vshl64: whole(lanes64.shl64),
  vshr16: word(arithmetic.shr16),
  vshr32: word(arithmetic.shr32),
  vshr64: whole(lanes64.shr64),
  vsar16: word(arithmetic.sar16),
  vsar32: word(arithmetic.sar32),
  vshlbytes: whole(shuffle.shlbytes),
  vshrbytes: whole(shuffle.shrbytes),
  vshuffle32: whole(shuffle.shuffle32),
  vshufflelow16: whole(shuffle.shufflelow16),
  vshufflehigh16: whole(shuffle.shufflehigh16),
  vshuffle8: whole(shuffle.shuffle8),
  vunpacklow8: whole(shuffle.unpacklow8),
  vunpacklow16: whole(shuffle.unpacklow16),
  vunpackhigh8: whole(shuffle.unpackhigh8),
  vunpackhigh16: whole(shuffle.unpackhigh16),
  vpacks16: whole(shuffle.packs16),
  vpacks32: whole(shuffle.packs32),
  vpacku16: whole(shuffle.packu16),
  vpacku32: whole(shuffle.packu32),
  valignr: whole(shuffle.alignr),
  vsext8to16: whole(shuffle.sext8to16),
  vsext8to32: whole(shuffle.sext8to32),
  vsext8to64: whole(shuffle.sext8to64),
  vsext16to32: whole(shuffle.sext16to32),
  vsext16to64: whole(shuffle.sext16to64),
  vsext32to64: whole(shuffle.sext32to64),
  vzext8to16: whole(shuffle.zext8to16),
  vzext8to32: whole(shuffle.zext8to32),
  vzext8to64: whole(shuffle.zext8to64),
  vzext16to32: whole(shuffle.zext16to32),
  vzext16to64: whole(shuffle.zext16to64),
  vzext32to64: whole(shuffle.zext32to64),
  vbitselect: word(arithmetic.bitselect),
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
