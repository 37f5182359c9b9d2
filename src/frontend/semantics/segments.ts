/** Segment registers: loads through the helper, LDS and its like, the FS and GS bases. SDM vol. 2, vol. 3A section 3.4. */
import { Vector } from "../../cpu/fault.ts";
import { CR4, Segment, segmentBase } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";
import { faultIfNotCanonical } from "./canonical.ts";
import { loadSegment } from "./segment_load.ts";

function loadFarPointer(t: Translator, segment: number, dst: Operand, src: Operand): void {
  if (src.kind !== "mem") return t.fault(Vector.UD);
  const { ir } = t, size = t.instruction.operandSize;
  const address = t.address(src), flags = t.memoryFlags(src);
  const offset = ir.load(intType(size), address, flags);
  const selector = ir.load("i16", ir.add(address, ir.const("i64", size)), flags);
  loadSegment(t, segment, selector);
  t.write(dst, offset);
  t.redispatch();
}

/** LDS. SDM vol. 2A, "LDS/LES/LFS/LGS/LSS". */
export function LDS(t: Translator, dst: Operand, src: Operand): void {
  loadFarPointer(t, Segment.DS, dst, src);
}
/** LES. */
export function LES(t: Translator, dst: Operand, src: Operand): void {
  loadFarPointer(t, Segment.ES, dst, src);
}
/** LFS. */
export function LFS(t: Translator, dst: Operand, src: Operand): void {
  loadFarPointer(t, Segment.FS, dst, src);
}
/** LGS. */
export function LGS(t: Translator, dst: Operand, src: Operand): void {
  loadFarPointer(t, Segment.GS, dst, src);
}
/** LSS. */
export function LSS(t: Translator, dst: Operand, src: Operand): void {
  loadFarPointer(t, Segment.SS, dst, src);
}

const CR4_FSGSBASE_BIT = 16;

/** #UD outside 64-bit mode and with CR4.FSGSBASE clear. Returns whether the instruction goes on. */
function baseAccess(t: Translator): boolean {
  if (!t.long) {
    t.fault(Vector.UD);
    return false;
  }
  const { ir } = t;
  const enabled = ir.and(ir.shr(ir.get(CR4, "i32"), ir.i32(CR4_FSGSBASE_BIT)), ir.i32(1));
  ir.faultIf(ir.xor(enabled, ir.i32(1)), Vector.UD);
  return true;
}

function readBase(t: Translator, segment: number, dst: Operand): void {
  if (dst.kind !== "gpr" || !baseAccess(t)) return;
  t.write(dst, t.ir.trunc(t.segmentBase(segment), intType(dst.size)));
}

function writeBase(t: Translator, segment: number, src: Operand): void {
  if (!baseAccess(t)) return;
  const value = t.ir.zext(t.read(src), "i64");
  faultIfNotCanonical(t, value);
  t.ir.set(segmentBase(segment), value);
}

/** RDFSBASE. SDM vol. 2B, "RDFSBASE/RDGSBASE". */
export function RDFSBASE(t: Translator, dst: Operand): void {
  readBase(t, Segment.FS, dst);
}
/** RDGSBASE. */
export function RDGSBASE(t: Translator, dst: Operand): void {
  readBase(t, Segment.GS, dst);
}
/** WRFSBASE. SDM vol. 2D, "WRFSBASE/WRGSBASE". */
export function WRFSBASE(t: Translator, src: Operand): void {
  writeBase(t, Segment.FS, src);
}
/** WRGSBASE. */
export function WRGSBASE(t: Translator, src: Operand): void {
  writeBase(t, Segment.GS, src);
}
