/**
 * Bytes to instructions, for 16-, 32- and 64-bit code. What an Intel processor refuses is refused here with the fault
 * it raises: reserved opcodes and encodings, LOCK where it may not be, VEX after other prefixes (#UD), more than 15
 * bytes (#GP(0)). Conditions outside the bytes (CPL, control registers, CPUID, real mode) are the translator's.
 */
import { DecodeState, MAX_LENGTH } from "./fetch.ts";
import type { CodeSize, DecodeFailure, Instruction, Operand } from "./instruction.ts";
import { readMemory, readModrm } from "./modrm.ts";
import { OpcodeMap } from "./opcodes/row.ts";
import {
  type Choice,
  type Form,
  type MapTable,
  type Node,
  Sizing,
  type Slot,
  VEX_MAPS,
} from "./opcodes/table.ts";
import { TABLES_64, TABLES_LEGACY } from "./opcodes/tables.ts";
import { readPrefixes, readVex, startsVex } from "./prefixes.ts";

const UD: DecodeFailure = { failure: "UD" };
const GP: DecodeFailure = { failure: "GP" };
const TRUNCATED: DecodeFailure = { failure: "truncated" };

const NONE: readonly Operand[] = [];

const state = new DecodeState();

/**
 * Decodes the instruction at `offset` of `bytes`.
 *
 * @param available how many bytes from `offset` on are there; "truncated" means that bytes behind them decide
 */
export function decode(
  bytes: Uint8Array,
  offset: number,
  available: number,
  codeSize: CodeSize,
): Instruction | DecodeFailure {
  const d = state;
  d.begin(bytes, offset, available, codeSize);
  const slot = readOpcode(d, readPrefixes(d), d.mode64 ? TABLES_64 : TABLES_LEGACY);
  if (slot === undefined) return refuse(d);
  if (slot.modrm) readModrm(d);
  let node: Node = slot.node;
  while (node !== undefined && node.split !== "") node = choose(d, node);
  if (node === undefined) {
    // Processors read all of a reserved encoding before they refuse it: a fault of the fetch and #GP come first.
    if (slot.modrm && d.mod !== 3) readMemory(d);
    return refuse(d);
  }
  return finish(d, node, slot.modrm);
}

/** Reads the opcode, of which `byte` is the first byte, and returns its rows. */
function readOpcode(d: DecodeState, byte: number, tables: readonly MapTable[]): Slot | undefined {
  let map: number = OpcodeMap.ONE_BYTE;
  d.vexV = d.vexL = 0;
  if (byte === 0x0f) {
    map = OpcodeMap.MAP_0F;
    byte = d.next8();
    if (byte === 0x38 || byte === 0x3a) {
      map = byte === 0x38 ? OpcodeMap.MAP_0F38 : OpcodeMap.MAP_0F3A;
      byte = d.next8();
    }
  } else if (startsVex(d, byte)) {
    const vexMap = readVex(d, byte);
    if (vexMap < 0) return undefined;
    map = VEX_MAPS + vexMap;
    byte = d.next8();
  }
  d.opcode = byte;
  return tables[map]![byte];
}

/** Follows a choice by the field it depends on. */
function choose(d: DecodeState, { split, next }: Choice): Node {
  switch (split) {
    case "prefix":
      return next[d.prefix];
    case "w":
      return next[d.w ? 1 : 0];
    case "b":
      return next[d.b >> 3];
    case "l":
      return next[d.vexL];
    case "register":
      return next[d.mod === 3 ? 1 : 0];
    case "reg":
      return next[d.reg];
    case "rm":
      return next[d.rm];
  }
}

/** The effective operand size. SDM vol. 1, table 3-4, and vol. 2D, section A.2.5. */
function operandSize(d: DecodeState, sizing: number): 1 | 2 | 4 | 8 {
  switch (sizing) {
    case Sizing.BYTE:
      return 1;
    case Sizing.FORCED64:
      if (d.mode64) return 8;
      break;
    case Sizing.DEFAULT64:
      if (d.mode64) return d.operandSizePrefix && !d.w ? 2 : 8;
      break;
    case Sizing.W_ONLY:
      return d.w ? 8 : 4;
  }
  if (d.w) return sizing === Sizing.AT_MOST_4 ? 4 : 8;
  return d.operandSizePrefix === (d.codeSize === 16) ? 4 : 2;
}

/** Reads the operands and makes the instruction. */
function finish(d: DecodeState, form: Form, hasModrm: boolean): Instruction | DecodeFailure {
  const size = d.operandSize = operandSize(d, form.sizing);
  const inMemory = d.mod !== 3 && !form.modIgnored;
  if (inMemory) readMemory(d);
  const reserved = d.lock && !(form.traits.lock && inMemory) || d.vexV !== 0 && !form.usesVvvv;
  const operands = readOperands(d, form);
  if (reserved || operands === undefined || d.overrun) return refuse(d);
  return {
    mnemonic: form.mnemonic,
    length: d.position - d.start,
    operandSize: size,
    addressSize: d.addressSize,
    operands,
    lock: d.lock,
    rep: form.rep ? d.rep : 0,
    segmentOverride: d.segmentOverride,
    fop: hasModrm && form.traits.unit === "x87" ? ((d.opcode & 7) << 8) | d.modrm : 0,
    condition: form.condition,
    traits: form.traits,
  };
}

/** Reads the operands; undefined where one is reserved. An array that they are pushed to would have room for 17. */
function readOperands(d: DecodeState, { readers, operands }: Form): readonly Operand[] | undefined {
  const a = readers[0]?.(d), b = readers[1]?.(d), c = readers[2]?.(d), e = readers[3]?.(d);
  switch (operands) {
    case 0:
      return NONE;
    case 1:
      return a && [a];
    case 2:
      return a && b && [a, b];
    case 3:
      return a && b && c && [a, b, c];
    default:
      return a && b && c && e && [a, b, c, e];
  }
}

/** The failure of what was read: too long counts before invalid, and that needs all the bytes to be there. */
function refuse(d: DecodeState): DecodeFailure {
  if (!d.overrun) return UD;
  return d.end - d.start === MAX_LENGTH ? GP : TRUNCATED;
}
