/** MMX and SSE moves. SDM vol. 2. */
import type { Operand } from "../../instruction.ts";
import { intType, type Translator } from "../../translator.ts";
import type { Value } from "../../../ir/types.ts";
import { Gpr, Segment } from "../../../cpu/state.ts";
import {
  enterMmx,
  insert64,
  lane32,
  lane64,
  mmx,
  pair64,
  raisePending,
  readVector,
  type SemanticsTable,
  shuffle,
  widen,
  writeMmx,
  writeVector,
} from "./access.ts";

/** Moves of whole operands of one size. */
function move(t: Translator, dst: Operand, src: Operand): void {
  writeVector(t, dst, readVector(t, src));
}

/** MOVSS, MOVSD: from memory the rest of the register is cleared, between registers it is kept. */
function moveScalar(t: Translator, dst: Operand, src: Operand): void {
  const value = t.read(src);
  if (src.kind === "mem" && dst.kind === "xmm") t.writeXmm(dst.reg, widen(t, value));
  else t.write(dst, value);
}

/** MOVD, MOVQ between general, MMX and XMM registers and memory: what is above in the destination is cleared. */
function moveInteger(t: Translator, dst: Operand, src: Operand): void {
  const value = src.kind === "xmm"
    ? (sizeOf(dst, src) === 4 ? lane32(t, t.readXmm(src.reg), 0) : lane64(t, t.readXmm(src.reg), 0))
    : src.kind === "mmx"
    ? t.ir.trunc(t.read({ ...src, size: 8 }), sizeOf(dst, src) === 4 ? "i32" : "i64")
    : t.read(src);
  if (dst.kind === "xmm") t.writeXmm(dst.reg, widen(t, value));
  else if (dst.kind === "mmx") writeMmx(t, dst.reg, t.ir.zext(value, "i64"));
  else t.write(dst, value);
}
const sizeOf = (dst: Operand, src: Operand): number =>
  dst.kind === "gpr" || dst.kind === "mem" ? dst.size : src.kind === "xmm" || src.kind === "mmx" ? 8 : 0;

/** MOVLPS, MOVLPD. */
function moveLow(t: Translator, dst: Operand, src: Operand): void {
  if (dst.kind === "xmm") t.writeXmm(dst.reg, insert64(t, t.readXmm(dst.reg), t.read(src), 0));
  else t.write(dst, lane64(t, readVector(t, src), 0));
}
/** MOVHPS, MOVHPD. */
function moveHigh(t: Translator, dst: Operand, src: Operand): void {
  if (dst.kind === "xmm") t.writeXmm(dst.reg, insert64(t, t.readXmm(dst.reg), t.read(src), 1));
  else t.write(dst, lane64(t, readVector(t, src), 1));
}

/** A move that is a choice of 32-bit lanes: 0-3 of the destination, 4-7 of the source. */
function moveLanes(lanes: readonly [number, number, number, number]) {
  return (t: Translator, dst: Operand, src: Operand): void => {
    const y = readVector(t, src);
    writeVector(t, dst, shuffle(t, readVector(t, dst), y, lanes));
  };
}

/** Writes an i32 to a general register (zero-extended to its size) or its low bytes to memory. */
export function writeWord(t: Translator, dst: Operand, value: Value): void {
  if (dst.kind === "gpr" && dst.size === 8) t.write(dst, t.ir.zext(value, "i64"));
  else if (dst.kind === "gpr") t.writeGpr(dst.reg, value);
  else if (dst.kind === "mem") t.write(dst, t.ir.trunc(value, intType(dst.size)));
  else throw new TypeError(`Operands of kind ${dst.kind} take no word`);
}

function moveMask(op: "vmask8" | "vmask32" | "vmask64") {
  return (t: Translator, dst: Operand, src: Operand): void =>
    writeWord(t, dst, t.ir.emit(op, "i32", [readVector(t, src)]));
}

/** MASKMOVQ, MASKMOVDQU: bytes of the first operand whose mask byte is negative go to DS:rDI. */
function maskMove(t: Translator, data: Operand, mask: Operand): void {
  const { ir } = t;
  const { addressSize, segmentOverride } = t.instruction;
  const offset = ir.zext(t.readGpr(Gpr.RDI, addressSize), "i64");
  const segment = segmentOverride >= 0 ? segmentOverride : Segment.DS;
  t.checkWritable({ segment });
  const bytes = data.kind === "mmx" ? 8 : 16;
  const address = t.segmentAddress(segment, offset, bytes, addressSize === 2);
  t.call("maskmov", address, readVector(t, data), readVector(t, mask), ir.i32(bytes));
}

/** Moves. */
export const MOVES: SemanticsTable = {
  MOVAPS: move,
  MOVAPD: move,
  MOVUPS: move,
  MOVUPD: move,
  MOVDQA: move,
  MOVDQU: move,
  LDDQU: move,
  MOVNTPS: move,
  MOVNTPD: move,
  MOVNTDQ: move,
  MOVNTDQA: move,
  MOVNTQ: mmx(move),
  MOVSS: moveScalar,
  MOVSD: moveScalar,
  MOVD: mmx(moveInteger),
  MOVQ: mmx(moveInteger),
  MOVLPS: moveLow,
  MOVLPD: moveLow,
  MOVHPS: moveHigh,
  MOVHPD: moveHigh,
  MOVHLPS: moveLanes([6, 7, 2, 3]),
  MOVLHPS: moveLanes([0, 1, 4, 5]),
  MOVSLDUP: moveLanes([4, 4, 6, 6]),
  MOVSHDUP: moveLanes([5, 5, 7, 7]),
  MOVDDUP: (t, dst, src) => {
    const low = src.kind === "mem" ? t.read(src) : lane64(t, readVector(t, src), 0);
    writeVector(t, dst, pair64(t, low, low));
  },
  MOVDQ2Q: mmx(move),
  MOVQ2DQ: mmx(move),
  MOVMSKPS: moveMask("vmask32"),
  MOVMSKPD: moveMask("vmask64"),
  PMOVMSKB: mmx(moveMask("vmask8")),
  MASKMOVQ: (t, data, mask) => {
    // The x87 state has changed even if the store faults.
    raisePending(t);
    enterMmx(t);
    maskMove(t, data, mask);
  },
  MASKMOVDQU: maskMove,
};
