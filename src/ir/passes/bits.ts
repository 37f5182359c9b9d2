/** Which bits of a value can be set, and which are asked for. */
import type { Inst } from "../types.ts";
import { type Folder, is32 } from "./folder.ts";

/** How deep the operands of a value are looked at. */
const DEPTH = 3;

/** The bits that can be 1 in a 32-bit value, as a mask. */
export function possibleBits(x: Inst, depth = DEPTH): number {
  if (x.op === "const32") return x.imm;
  if (x.type === "i8") return 0xff;
  const mask = depth === 0 ? -1 : possibleBitsOfOperation(x, depth - 1);
  return x.type === "i16" ? mask & 0xffff : mask;
}

/** The same by the operation alone, whatever type it claims; operands are looked at `depth` levels deep. */
export function possibleBitsOfOperation(x: Inst, depth: number): number {
  const { args } = x;
  switch (x.op) {
    case "const32":
      return x.imm;
    case "eq32":
    case "ne32":
    case "ltu32":
    case "lts32":
    case "leu32":
    case "les32":
    case "eq64":
    case "ne64":
    case "ltu64":
    case "lts64":
    case "leu64":
    case "les64":
    case "mulo32":
    case "mulo64":
    case "vanytrue":
      return 1;
    case "clz32":
    case "ctz32":
    case "popcnt32":
      return 0x3f;
    case "clz64":
    case "ctz64":
    case "popcnt64":
      return 0x7f;
    case "load8":
    case "vextract8":
      return 0xff;
    case "load16":
    case "vextract16":
    case "vmask8":
      return 0xffff;
    case "and32":
      return possibleBits(args[0]!, depth) & possibleBits(args[1]!, depth);
    case "or32":
    case "xor32":
      return possibleBits(args[0]!, depth) | possibleBits(args[1]!, depth);
    case "select32":
      return possibleBits(args[1]!, depth) | possibleBits(args[2]!, depth);
    case "shr32": {
      const bits = possibleBits(args[0]!, depth);
      // By an unknown count, bits move to any lower place.
      return args[1]!.op === "const32" ? (bits >>> args[1]!.imm) | 0 : upTo(bits);
    }
    case "shl32":
      return args[1]!.op === "const32" ? possibleBits(args[0]!, depth) << args[1]!.imm : -1;
    default:
      return -1;
  }
}

/** All bits up to the highest one set. */
const upTo = (bits: number): number => bits === 0 ? 0 : (-1 >>> Math.clz32(bits)) | 0;

/** A value that agrees with `x` (32 bits) in the bits of `mask`: a simpler one where there is one. */
export function demand(fold: Folder, x: Inst, mask: number): Inst {
  for (let value = x;;) {
    const simpler = withoutTop(fold, value, mask);
    if (simpler === undefined) return value;
    value = simpler;
  }
}

function withoutTop(fold: Folder, x: Inst, mask: number): Inst | undefined {
  const { args } = x;
  switch (x.op) {
    case "and32":
      return args[1]!.op === "const32" && (mask & ~args[1]!.imm) === 0 ? args[0] : undefined;
    case "or32":
    case "xor32":
      return args[1]!.op === "const32" && (mask & args[1]!.imm) === 0 ? args[0] : undefined;
    case "sext8":
      return (mask & ~0xff) === 0 ? args[0] : undefined;
    case "sext16":
      return (mask & ~0xffff) === 0 ? args[0] : undefined;
    case "lo":
      return lowOfShift(fold, args[0]!, mask) ?? lowOfInsert(fold, args[0]!, mask);
    case "shr32": {
      // AH after a write of AH.
      const shifted = args[0]!, count = args[1]!;
      if (!is32(count!, 8) || (mask & ~0xff) !== 0 || shifted!.op !== "lo") return undefined;
      const insert = shifted!.args[0]!;
      return insert.op === "insert8high" ? insert.args[1] : undefined;
    }
    default:
      return undefined;
  }
}

/** Bits of a 64-bit value that a shift moves down but not out of the low half. */
function lowOfShift(fold: Folder, x: Inst, mask: number): Inst | undefined {
  const count = x.args[1];
  if ((x.op !== "shr64" && x.op !== "sar64") || count!.op !== "const32") return undefined;
  const places = count!.imm & 63;
  if (places > 31 || (mask & ~(-1 >>> places)) !== 0) return undefined;
  return fold.make("shr32", "i32", [fold.make("lo", "i32", [x.args[0]!]), fold.i32(places)]);
}

/** Bits of a partially written register: those of the new part, or of the old register. */
function lowOfInsert(fold: Folder, x: Inst, mask: number): Inst | undefined {
  const part = x.op === "insert8" ? 0xff : x.op === "insert16" ? 0xffff : x.op === "insert8high" ? 0xff00 : 0;
  if (part === 0) return undefined;
  if ((mask & part) === 0) return fold.make("lo", "i32", [x.args[0]!]);
  return (mask & ~part) === 0 && part !== 0xff00 ? x.args[1] : undefined;
}
