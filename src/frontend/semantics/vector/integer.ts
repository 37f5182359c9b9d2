/** Packed integer arithmetic and logic on MMX and XMM registers. SDM vol. 2. */
import type { Opcode } from "../../../ir/opcodes.ts";
import type { Value } from "../../../ir/types.ts";
import type { Operand } from "../../instruction.ts";
import type { Translator } from "../../translator.ts";
import type { Semantics } from "../semantics.ts";
import {
  constant,
  immediate,
  lane64,
  mmx,
  pair64,
  readVector,
  type SemanticsTable,
  shuffle,
  vector,
  writeVector,
} from "./access.ts";

/** dst ← op(dst, src), lane by lane: the low half of a v128 serves an MMX register. */
function binary(op: Opcode): Semantics {
  return mmx((t, dst, src) => {
    const y = readVector(t, src);
    writeVector(t, dst, vector(t, op, [readVector(t, dst), y]));
  });
}
/** dst ← op(src). */
function unary(op: Opcode): Semantics {
  return mmx((t, dst, src) => writeVector(t, dst, vector(t, op, [readVector(t, src)])));
}

/** Operations that take half their result from each operand: for MMX the two low quarters are joined. */
function halves(op: Opcode): Semantics {
  return mmx((t, dst, src) => {
    const y = readVector(t, src);
    const result = vector(t, op, [readVector(t, dst), y]);
    writeVector(t, dst, dst.kind === "mmx" ? shuffle(t, result, result, [0, 2, 0, 2]) : result);
  });
}
/** Interleaving of high halves: for MMX it is the upper half of the interleaved low halves. */
function unpackHigh(high: Opcode, low: Opcode): Semantics {
  return mmx((t, dst, src) => {
    const y = readVector(t, src), x = readVector(t, dst);
    if (dst.kind === "xmm") return writeVector(t, dst, vector(t, high, [x, y]));
    const both = vector(t, low, [x, y]);
    writeVector(t, dst, shuffle(t, both, both, [2, 3, 2, 3]));
  });
}
/** A choice of 32-bit lanes: 0-3 of the destination, 4-7 of the source; for MMX registers another one. */
function lanes(
  forXmm: readonly [number, number, number, number],
  forMmx: readonly [number, number, number, number] = forXmm,
): Semantics {
  return mmx((t, dst, src) => {
    const y = readVector(t, src);
    writeVector(t, dst, shuffle(t, readVector(t, dst), y, dst.kind === "mmx" ? forMmx : forXmm));
  });
}

/** The count of a shift as an unsigned i32: counts of 2^32 or more become 2^32 - 1. */
function shiftCount(t: Translator, count: Operand): Value {
  const { ir } = t;
  if (count.kind === "imm") return ir.i32(immediate(count));
  const low = lane64(t, readVector(t, count), 0);
  return ir.select(ir.high(low), ir.i32(-1), ir.low(low));
}
function shift(op: Opcode): Semantics {
  return mmx((t, dst, count) => {
    const n = shiftCount(t, count);
    writeVector(t, dst, vector(t, op, [readVector(t, dst), n]));
  });
}
function shiftBytes(left: boolean): Semantics {
  return (t, dst, count) => {
    const bytes = Math.min(immediate(count), 16), x = readVector(t, dst);
    writeVector(t, dst, shiftedBytes(t, x, left, bytes));
  };
}
/** A shift by whole 32-bit lanes is a choice of lanes. */
function shiftedBytes(t: Translator, x: Value, left: boolean, bytes: number): Value {
  if ((bytes & 3) !== 0) return vector(t, left ? "vshlbytes" : "vshrbytes", [x], bytes);
  const by = left ? -bytes / 4 : bytes / 4;
  const lane = (n: number): number => n + by >= 0 && n + by < 4 ? n + by : 4;
  return shuffle(t, x, constant(t, 0), [lane(0), lane(1), lane(2), lane(3)]);
}

/** PALIGNR; the MMX form joins 8 and 8 bytes. */
function align(t: Translator, dst: Operand, src: Operand, imm: Operand): void {
  const bytes = immediate(imm);
  const y = readVector(t, src), x = readVector(t, dst);
  if (dst.kind === "xmm") return writeVector(t, dst, vector(t, "valignr", [x, y], Math.min(bytes, 32)));
  const both = pair64(t, lane64(t, y, 0), lane64(t, x, 0));
  writeVector(t, dst, shiftedBytes(t, both, false, Math.min(bytes, 16)));
}

/** PSHUFB: an MMX register has eight bytes to choose from. */
function shuffleBytes(t: Translator, dst: Operand, src: Operand): void {
  const chosen = readVector(t, src), x = readVector(t, dst);
  const index = dst.kind === "mmx" ? vector(t, "vand", [chosen, constant(t, 0x8787_8787)]) : chosen;
  writeVector(t, dst, vector(t, "vshuffle8", [x, index]));
}

/** PTEST: ZF = (src & dst) == 0, CF = (src & ~dst) == 0. */
function test(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t;
  const y = readVector(t, src), x = readVector(t, dst);
  const any = (v: Value): Value => ir.emit("vanytrue", "i32", [v]);
  const zero = ir.i32(0);
  t.setFlags({
    zf: any(vector(t, "vand", [x, y])),
    cf: ir.xor(any(vector(t, "vandn", [x, y])), ir.i32(1)),
    pf: ir.i32(1),
    af: zero,
    sf: zero,
    of: zero,
  });
}

const withImmediate = (op: Opcode): Semantics => (t, dst, src, imm) => {
  const y = readVector(t, src);
  writeVector(t, dst, vector(t, op, [readVector(t, dst), y], immediate(imm)));
};

/** SHA256RNDS2: XMM0 holds two words W + K. */
function sha256Rounds(t: Translator, dst: Operand, src: Operand): void {
  const y = readVector(t, src);
  writeVector(t, dst, vector(t, "vsha256rounds", [readVector(t, dst), y, t.readXmm(0)]));
}

/** Encryption and hashes. */
const CRYPTOGRAPHY: SemanticsTable = {
  AESENC: binary("vaesenc"),
  AESENCLAST: binary("vaesenclast"),
  AESDEC: binary("vaesdec"),
  AESDECLAST: binary("vaesdeclast"),
  AESIMC: unary("vaesimc"),
  AESKEYGENASSIST: (t, dst, src, imm) =>
    writeVector(t, dst, vector(t, "vaeskeygen", [readVector(t, src)], immediate(imm))),
  PCLMULQDQ: withImmediate("vclmul"),
  SHA1RNDS4: withImmediate("vsha1rounds"),
  SHA1NEXTE: binary("vsha1nexte"),
  SHA1MSG1: binary("vsha1msg1"),
  SHA1MSG2: binary("vsha1msg2"),
  SHA256RNDS2: sha256Rounds,
  SHA256MSG1: binary("vsha256msg1"),
  SHA256MSG2: binary("vsha256msg2"),
};

/** Packed integer arithmetic and logic. */
export const INTEGER: SemanticsTable = {
  PADDB: binary("vaddi8"),
  PADDW: binary("vaddi16"),
  PADDD: binary("vaddi32"),
  PADDQ: binary("vaddi64"),
  PSUBB: binary("vsubi8"),
  PSUBW: binary("vsubi16"),
  PSUBD: binary("vsubi32"),
  PSUBQ: binary("vsubi64"),
  PADDSB: binary("vaddsats8"),
  PADDSW: binary("vaddsats16"),
  PADDUSB: binary("vaddsatu8"),
  PADDUSW: binary("vaddsatu16"),
  PSUBSB: binary("vsubsats8"),
  PSUBSW: binary("vsubsats16"),
  PSUBUSB: binary("vsubsatu8"),
  PSUBUSW: binary("vsubsatu16"),
  PMINSB: binary("vmins8"),
  PMINSW: binary("vmins16"),
  PMINSD: binary("vmins32"),
  PMINUB: binary("vminu8"),
  PMINUW: binary("vminu16"),
  PMINUD: binary("vminu32"),
  PMAXSB: binary("vmaxs8"),
  PMAXSW: binary("vmaxs16"),
  PMAXSD: binary("vmaxs32"),
  PMAXUB: binary("vmaxu8"),
  PMAXUW: binary("vmaxu16"),
  PMAXUD: binary("vmaxu32"),
  PCMPEQB: binary("vcmpeq8"),
  PCMPEQW: binary("vcmpeq16"),
  PCMPEQD: binary("vcmpeq32"),
  PCMPEQQ: binary("vcmpeq64"),
  PCMPGTB: binary("vcmpgts8"),
  PCMPGTW: binary("vcmpgts16"),
  PCMPGTD: binary("vcmpgts32"),
  PCMPGTQ: binary("vcmpgts64"),
  PAVGB: binary("vavgu8"),
  PAVGW: binary("vavgu16"),
  PABSB: unary("vabs8"),
  PABSW: unary("vabs16"),
  PABSD: unary("vabs32"),
  PSIGNB: binary("vsign8"),
  PSIGNW: binary("vsign16"),
  PSIGND: binary("vsign32"),
  PMULLW: binary("vmullo16"),
  PMULHW: binary("vmulhis16"),
  PMULHUW: binary("vmulhiu16"),
  PMULHRSW: binary("vmulhrs16"),
  PMULLD: binary("vmullo32"),
  PMULUDQ: binary("vmulwideu32"),
  PMULDQ: binary("vmulwides32"),
  PMADDWD: binary("vmadd16"),
  PMADDUBSW: binary("vmaddubs8"),
  PSADBW: binary("vsadu8"),
  MPSADBW: withImmediate("vmpsadu8"),
  PHMINPOSUW: unary("vminpos16"),
  PHADDW: halves("vhadd16"),
  PHADDD: halves("vhadd32"),
  PHADDSW: halves("vhaddsats16"),
  PHSUBW: halves("vhsub16"),
  PHSUBD: halves("vhsub32"),
  PHSUBSW: halves("vhsubsats16"),

  PAND: binary("vand"),
  PANDN: binary("vandn"),
  POR: binary("vor"),
  PXOR: binary("vxor"),
  ANDPS: binary("vand"),
  ANDPD: binary("vand"),
  ANDNPS: binary("vandn"),
  ANDNPD: binary("vandn"),
  ORPS: binary("vor"),
  ORPD: binary("vor"),
  XORPS: binary("vxor"),
  XORPD: binary("vxor"),
  PTEST: test,

  PSLLW: shift("vshl16"),
  PSLLD: shift("vshl32"),
  PSLLQ: shift("vshl64"),
  PSRLW: shift("vshr16"),
  PSRLD: shift("vshr32"),
  PSRLQ: shift("vshr64"),
  PSRAW: shift("vsar16"),
  PSRAD: shift("vsar32"),
  PSLLDQ: shiftBytes(true),
  PSRLDQ: shiftBytes(false),

  PACKSSWB: halves("vpacks16"),
  PACKSSDW: halves("vpacks32"),
  PACKUSWB: halves("vpacku16"),
  PACKUSDW: halves("vpacku32"),
  PUNPCKLBW: binary("vunpacklow8"),
  PUNPCKLWD: binary("vunpacklow16"),
  PUNPCKLDQ: lanes([0, 4, 1, 5]),
  PUNPCKLQDQ: lanes([0, 1, 4, 5]),
  PUNPCKHBW: unpackHigh("vunpackhigh8", "vunpacklow8"),
  PUNPCKHWD: unpackHigh("vunpackhigh16", "vunpacklow16"),
  PUNPCKHDQ: lanes([2, 6, 3, 7], [1, 5, 1, 5]),
  PUNPCKHQDQ: lanes([2, 3, 6, 7]),
  UNPCKLPS: lanes([0, 4, 1, 5]),
  UNPCKLPD: lanes([0, 1, 4, 5]),
  UNPCKHPS: lanes([2, 6, 3, 7]),
  UNPCKHPD: lanes([2, 3, 6, 7]),
  PALIGNR: mmx(align),
  PSHUFB: mmx(shuffleBytes),

  PMOVSXBW: unary("vsext8to16"),
  PMOVSXBD: unary("vsext8to32"),
  PMOVSXBQ: unary("vsext8to64"),
  PMOVSXWD: unary("vsext16to32"),
  PMOVSXWQ: unary("vsext16to64"),
  PMOVSXDQ: unary("vsext32to64"),
  PMOVZXBW: unary("vzext8to16"),
  PMOVZXBD: unary("vzext8to32"),
  PMOVZXBQ: unary("vzext8to64"),
  PMOVZXWD: unary("vzext16to32"),
  PMOVZXWQ: unary("vzext16to64"),
  PMOVZXDQ: unary("vzext32to64"),
  ...CRYPTOGRAPHY,
};
