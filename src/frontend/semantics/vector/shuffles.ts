/** Shuffles, blends, and lanes in and out of vectors. SDM vol. 2. */
import { BYTES, type Value } from "../../../ir/types.ts";
import type { Operand } from "../../instruction.ts";
import type { Translator } from "../../translator.ts";
import type { Semantics } from "../semantics.ts";
import {
  constant,
  immediate,
  insert32,
  insert64,
  lane32,
  lane64,
  mmx,
  pair64,
  readVector,
  type SemanticsTable,
  shuffle,
  vector,
  writeVector,
} from "./access.ts";
import { writeWord } from "./moves.ts";

const two = (imm: number, n: number): number => (imm >> (2 * n)) & 3;
const one = (imm: number, n: number): number => (imm >> n) & 1;

function shuffleWith(op: "vshufflelow16" | "vshufflehigh16"): Semantics {
  return mmx((t, dst, src, imm) => writeVector(t, dst, vector(t, op, [readVector(t, src)], immediate(imm))));
}

/** A choice of 32-bit lanes (0-3 destination, 4-7 source) that the immediate makes. */
function shuffleLanes(choose: (imm: number) => [number, number, number, number]): Semantics {
  return (t, dst, src, imm) => {
    const y = readVector(t, src);
    writeVector(t, dst, shuffle(t, readVector(t, dst), y, choose(immediate(imm))));
  };
}

/** Blends under XMM0: the sign of each lane chooses. `bytes`: width of a lane. */
function blendVariable(bytes: 1 | 4 | 8): Semantics {
  return (t, dst, src) => {
    const y = readVector(t, src), x = readVector(t, dst), selector = t.readXmm(0);
    writeVector(t, dst, vector(t, "vbitselect", [y, x, laneMask(t, selector, bytes)]));
  };
}
function laneMask(t: Translator, selector: Value, bytes: 1 | 4 | 8): Value {
  if (bytes === 1) return vector(t, "vcmpgts8", [constant(t, 0), selector]);
  const words = vector(t, "vsar32", [selector, t.ir.i32(31)]);
  return bytes === 4 ? words : shuffle(t, words, words, [1, 1, 3, 3]);
}

/** PBLENDW: a bit of the immediate for each 16-bit lane. */
function blendWords(t: Translator, dst: Operand, src: Operand, imm: Operand): void {
  const y = readVector(t, src), bits = immediate(imm);
  const word = (n: number): number => (one(bits, 2 * n) * 0xffff) | (one(bits, 2 * n + 1) * ~0xffff);
  const mask = pair64(t, t.ir.const("i64", word(0), word(1)), t.ir.const("i64", word(2), word(3)));
  writeVector(t, dst, vector(t, "vbitselect", [y, readVector(t, dst), mask]));
}

/** INSERTPS: a register gives the lane that bits 7:6 name; bits 5:4 say where to, bits 3:0 what is cleared. */
function insertSingle(t: Translator, dst: Operand, src: Operand, imm: Operand): void {
  const bits = immediate(imm);
  const value = src.kind === "xmm" ? lane32(t, t.readXmm(src.reg), two(bits, 3)) : t.read(src);
  const inserted = insert32(t, readVector(t, dst), value, two(bits, 2));
  const lane = (n: number): number => one(bits, n) === 1 ? 4 : n;
  writeVector(t, dst, shuffle(t, inserted, constant(t, 0), [lane(0), lane(1), lane(2), lane(3)]));
}

function insertLane(op: "vinsert8" | "vinsert16", last: number): Semantics {
  return mmx((t, dst, src, imm) => {
    const value = t.ir.low(t.read(src));
    const lane = immediate(imm) & (dst.kind === "mmx" ? 3 : last);
    writeVector(t, dst, t.ir.emit(op, "v128", [readVector(t, dst), value], lane));
  });
}
function extractLane(op: "vextract8" | "vextract16" | "vextract32", last: number): Semantics {
  return mmx((t, dst, src, imm) => {
    const lane = immediate(imm) & (src.kind === "mmx" ? 3 : last);
    writeWord(t, dst, t.ir.emit(op, "i32", [readVector(t, src)], lane));
  });
}
/** PINSRD, PINSRQ. */
function insertWide(t: Translator, dst: Operand, src: Operand, imm: Operand): void {
  const value = t.read(src), x = readVector(t, dst);
  const wide = BYTES[value.type] === 8;
  const result = wide ? insert64(t, x, value, immediate(imm) & 1) : insert32(t, x, value, immediate(imm) & 3);
  writeVector(t, dst, result);
}

/** Shuffles, blends, insertions and extractions. */
export const SHUFFLES: SemanticsTable = {
  PSHUFW: shuffleWith("vshufflelow16"),
  PSHUFLW: shuffleWith("vshufflelow16"),
  PSHUFHW: shuffleWith("vshufflehigh16"),
  PSHUFD: shuffleLanes((i) => [4 + two(i, 0), 4 + two(i, 1), 4 + two(i, 2), 4 + two(i, 3)]),
  SHUFPS: shuffleLanes((i) => [two(i, 0), two(i, 1), 4 + two(i, 2), 4 + two(i, 3)]),
  SHUFPD: shuffleLanes((i) => {
    const low = 2 * one(i, 0), high = 4 + 2 * one(i, 1);
    return [low, low + 1, high, high + 1];
  }),
  BLENDPS: shuffleLanes((i) => [4 * one(i, 0), 1 + 4 * one(i, 1), 2 + 4 * one(i, 2), 3 + 4 * one(i, 3)]),
  BLENDPD: shuffleLanes((i) => [4 * one(i, 0), 1 + 4 * one(i, 0), 2 + 4 * one(i, 1), 3 + 4 * one(i, 1)]),
  PBLENDW: blendWords,
  PBLENDVB: blendVariable(1),
  BLENDVPS: blendVariable(4),
  BLENDVPD: blendVariable(8),
  INSERTPS: insertSingle,
  PINSRB: insertLane("vinsert8", 15),
  PINSRW: insertLane("vinsert16", 7),
  PINSRD: insertWide,
  PINSRQ: insertWide,
  PEXTRB: extractLane("vextract8", 15),
  PEXTRW: extractLane("vextract16", 7),
  PEXTRD: extractLane("vextract32", 3),
  EXTRACTPS: extractLane("vextract32", 3),
  PEXTRQ: (t, dst, src, imm) => t.write(dst, lane64(t, readVector(t, src), immediate(imm) & 1)),
};
