/** Compiles opcode rows to tables: per map, an array of 256 slots, each a small tree of the fields that tell its rows apart. */
import type { Traits, Unit } from "../instruction.ts";
import { type OperandReader, operandReader } from "../operands.ts";
import type { Mnemonic } from "./mnemonics.ts";
import {
  type Attributes,
  type Encoding,
  type Field,
  FIELDS,
  parseEncoding,
  Prefix,
  type Row,
} from "./row.ts";

/** How the operand size follows from prefixes. */
export const Sizing = {
  /** REX.W, 66 and the code size decide. */
  NORMAL: 0,
  /** 64-bit mode: 8, or 2 with 66. */
  DEFAULT64: 1,
  /** 64-bit mode: 8. */
  FORCED64: 2,
  /** 1. */
  BYTE: 3,
  /** As NORMAL, at most 4. */
  AT_MOST_4: 4,
  /** 8 with REX.W, else 4: 66 is part of the opcode, or the encoding is VEX. */
  W_ONLY: 5,
} as const;

/** A compiled row. */
export interface Form {
  readonly split: "";
  readonly mnemonic: Mnemonic;
  readonly readers: readonly OperandReader[];
  readonly sizing: number;
  readonly rep: boolean;
  readonly modIgnored: boolean;
  /** An operand is in VEX.vvvv; without one the field must be 1111b. */
  readonly usesVvvv: boolean;
  readonly condition: number;
  readonly traits: Traits;
  readonly row: Row;
}

/** A choice between rows by the value of one field. */
export interface Choice {
  readonly split: Field;
  readonly next: readonly Node[];
}

/** What stands at a place of the tables; undefined is #UD. */
export type Node = Form | Choice | undefined;

/** The rows of one opcode. */
export interface Slot {
  readonly modrm: boolean;
  readonly node: Node;
}

/** A map: slots by opcode byte. */
export type MapTable = readonly (Slot | undefined)[];

interface Candidate {
  readonly encoding: Encoding;
  readonly row: Row;
}

/** Order in which fields are looked at. */
const ORDER = Object.keys(FIELDS) as readonly Field[];

/**
 * Compiles rows to the tables of one mode, legacy maps 0 to 3 first, then VEX maps 0 to 3.
 * Throws if two rows take the same encoding.
 */
export function compileTables(rows: readonly Row[], mode64: boolean): readonly MapTable[] {
  const slots = Array.from({ length: 8 }, () => Array.from({ length: 256 }, (): Candidate[] => []));
  for (const row of rows) {
    if (mode64 ? row[3]?.i64 : row[3]?.o64) continue;
    const encoding = parseEncoding(row);
    const map = slots[encoding.map + (encoding.vex ? 4 : 0)]!;
    for (let i = 0; i < encoding.opcodeCount; i++) map[encoding.opcode + i]!.push({ encoding, row });
  }
  const forms = new Map<Row, Form>();
  return slots.map((map) =>
    map.map((candidates): Slot | undefined => {
      const first = candidates[0];
      if (first === undefined) return undefined;
      const modrm = first.encoding.modrm;
      const odd = candidates.find((candidate) => candidate.encoding.modrm !== modrm);
      if (odd !== undefined) {
        throw new Error(`Rows "${first.row[0]}" and "${odd.row[0]}" disagree about ModR/M`);
      }
      return { modrm, node: compileNode(candidates, 0, forms) };
    })
  );
}

function compileNode(candidates: readonly Candidate[], depth: number, forms: Map<Row, Form>): Node {
  if (candidates.length === 0) return undefined;
  for (; depth < ORDER.length; depth++) {
    const field = ORDER[depth]!;
    if (candidates.every(({ encoding }) => encoding.fields[field] === undefined)) continue;
    const next = Array.from(
      { length: FIELDS[field] },
      (_, value) =>
        compileNode(
          candidates.filter(({ encoding }) => ((encoding.fields[field] ?? -1) >> value & 1) !== 0),
          depth + 1,
          forms,
        ),
    );
    return { split: field, next };
  }
  const chosen = candidates.length === 1 ? candidates : candidates.filter(({ row }) => !row[3]?.otherwise);
  const row = chosen[0]!.row;
  if (chosen.length > 1) {
    const [other] = chosen[1]!.row;
    throw new Error(
      `Two opcode rows take the same encoding: "${row[0]}" ${row[1]} and "${other}" ${chosen[1]!.row[1]}`,
    );
  }
  let form = forms.get(row);
  if (form === undefined) forms.set(row, form = compileForm(row, chosen[0]!.encoding));
  return form;
}

function compileForm(row: Row, encoding: Encoding): Form {
  const [, mnemonic, operandText, attributes = {}] = row;
  const operands = operandText === "" ? [] : operandText.split(",");
  return {
    split: "",
    mnemonic,
    readers: operands.map((operand, i) => operandReader(operand, i === 0)),
    sizing: sizing(operands, attributes, encoding),
    rep: attributes.rep === true,
    modIgnored: attributes.modIgnored === true,
    usesVvvv: operands.some((operand) => /^[BH][a-z]/.test(operand)),
    condition: /^(J|SET|CMOV)(?!MP|CXZ)[A-Z]+$/.test(mnemonic) ? encoding.opcode & 15 : -1,
    traits: traits(operands, attributes, encoding),
    row,
  };
}

function sizing(operands: readonly string[], attributes: Attributes, encoding: Encoding): number {
  if (attributes.d64) return Sizing.DEFAULT64;
  if (attributes.f64) return Sizing.FORCED64;
  if (attributes.byte || /^([EGRMOZ]b|AL)$/.test(operands[0] ?? "")) return Sizing.BYTE;
  if (attributes.z) return Sizing.AT_MOST_4;
  if (encoding.vex || encoding.fields.prefix === 1 << Prefix.P66) return Sizing.W_ONLY;
  return Sizing.NORMAL;
}

function traits(operands: readonly string[], attributes: Attributes, encoding: Encoding): Traits {
  const unit = attributes.unit ?? unitOf(operands, encoding);
  return {
    lock: attributes.lock === true,
    cpl0: attributes.cpl0 === true,
    protectedOnly: attributes.protectedOnly === true || encoding.vex,
    ends: attributes.ends === true,
    aligned: unit === "sse" && !attributes.unaligned &&
      operands.some((operand) => /^[WM](dq|ps|pd)$/.test(operand)),
    unit,
  };
}

function unitOf(operands: readonly string[], encoding: Encoding): Unit {
  if (operands.some((operand) => /^[PQN][a-z]/.test(operand))) return "mmx";
  if (operands.some((operand) => /^[VWUH][a-z]/.test(operand))) return encoding.vex ? "vex" : "sse";
  if (!encoding.vex && encoding.map === 0 && (encoding.opcode & 0xf8) === 0xd8) return "x87";
  return "integer";
}
