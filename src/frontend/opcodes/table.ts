/** Compiles opcode rows: per map, 256 slots, each a small tree of the fields that tell the rows of one opcode apart. */
import type { Traits, Unit } from "../instruction.ts";
import { type OperandReader, operandReader } from "../operands.ts";
import { type Mnemonic, MNEMONICS } from "./mnemonics.ts";
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

const MOST_OPERANDS = 4;

/** A compiled row. */
export interface Form {
  readonly split: "";
  readonly mnemonic: Mnemonic;
  /** Operands, and MOST_OPERANDS places for what reads them. */
  readonly operands: number;
  readonly readers: readonly (OperandReader | undefined)[];
  readonly sizing: number;
  readonly rep: boolean;
  readonly modIgnored: boolean;
  /** An operand is in VEX.vvvv; without one the field must be 1111b. */
  readonly usesVvvv: boolean;
  readonly condition: number;
  readonly traits: Traits;
}

/** A choice between rows by the value of one field. */
export interface Choice {
  readonly split: Field;
  readonly next: readonly Node[];
}

/** What stands at a place of the tables; undefined is #UD. */
export type Node = Form | Choice | undefined;

/** The rows of one opcode. They are compiled when the opcode is first met, so that a start does not wait for all. */
export class Slot {
  private readonly rows: ParsedRow[] = [];
  private compiled: Node;
  private pending = true;

  /** @param modrm whether a ModR/M byte follows the opcode */
  constructor(readonly modrm: boolean) {}

  /** Where the decision between the rows starts. Throws if two rows take the same encoding. */
  get node(): Node {
    if (this.pending) {
      this.compiled = compileNode(this.rows, 0);
      this.pending = false;
    }
    return this.compiled;
  }

  /** Adds a row. */
  add(row: ParsedRow): void {
    if (row.encoding.modrm !== this.modrm) {
      throw new Error(`"${row.row[0]}" disagrees with another row about ModR/M`);
    }
    this.rows.push(row);
  }
}

/** A map: slots by opcode byte. */
export type MapTable = readonly (Slot | undefined)[];

/** A row, its encoding taken apart, and what it was compiled to, if it was. */
interface ParsedRow {
  readonly encoding: Encoding;
  readonly row: Row;
  form: Form | undefined;
}

/** Order in which fields are looked at. */
const ORDER = Object.keys(FIELDS) as readonly Field[];

/** Index of the first VEX map in tables. */
export const VEX_MAPS = 4;

/** Sorts rows into the tables of 64-bit mode and of 16- and 32-bit code: legacy maps 0 to 3, then VEX maps 0 to 3. */
export function buildTables(
  rows: readonly Row[],
): { mode64: readonly MapTable[]; legacy: readonly MapTable[] } {
  const mode64 = emptyTables(), legacy = emptyTables();
  for (const row of rows) {
    const parsed: ParsedRow = { encoding: parseEncoding(row), row, form: undefined };
    if (!row[3]?.i64) addRow(mode64, parsed);
    if (!row[3]?.o64) addRow(legacy, parsed);
  }
  return { mode64, legacy };
}

function emptyTables(): (Slot | undefined)[][] {
  return Array.from({ length: VEX_MAPS + 4 }, () => Array<Slot | undefined>(256).fill(undefined));
}

function addRow(tables: (Slot | undefined)[][], row: ParsedRow): void {
  const { map, vex, opcode, opcodeCount, modrm } = row.encoding;
  const table = tables[map + (vex ? VEX_MAPS : 0)]!;
  for (let i = opcode; i < opcode + opcodeCount; i++) (table[i] ??= new Slot(modrm)).add(row);
}

function compileNode(candidates: readonly ParsedRow[], depth: number): Node {
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
        ),
    );
    return { split: field, next };
  }
  const chosen = candidates.length === 1 ? candidates : candidates.filter(({ row }) => !row[3]?.otherwise);
  const [first, second] = chosen;
  if (second !== undefined) {
    const [one, other] = [first!.row, second.row];
    throw new Error(`Two rows take the same encoding: "${one[0]}" ${one[1]} and "${other[0]}" ${other[1]}`);
  }
  return first!.form ??= compileForm(first!.row, first!.encoding);
}

function compileForm(row: Row, encoding: Encoding): Form {
  const [, mnemonic, operandText, attributes = {}] = row;
  const operands = operandText === "" ? [] : operandText.split(",");
  if (operands.length > MOST_OPERANDS) {
    throw new Error(`"${row[0]}" ${mnemonic} has more than ${MOST_OPERANDS} operands`);
  }
  return {
    split: "",
    mnemonic,
    operands: operands.length,
    readers: Array.from({ length: MOST_OPERANDS }, (_, i) => {
      const operand = operands[i];
      return operand === undefined ? undefined : operandReader(operand, i === 0);
    }),
    sizing: sizing(operands, attributes, encoding),
    rep: attributes.rep === true,
    modIgnored: attributes.modIgnored === true,
    usesVvvv: operands.some((operand) => /^[BH][a-z]/.test(operand)),
    condition: /^(J|SET|CMOV)(?!MP|CXZ)[A-Z]+$/.test(mnemonic) ? encoding.opcode & 15 : -1,
    traits: traits(mnemonic, operands, attributes, encoding),
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

function traits(
  mnemonic: Mnemonic,
  operands: readonly string[],
  attributes: Attributes,
  encoding: Encoding,
): Traits {
  const unit = attributes.unit ?? unitOf(operands, encoding);
  const alignable = !attributes.unaligned && (unit === "sse" || unit === "mmx");
  return {
    number: MNEMONICS.indexOf(mnemonic),
    lock: attributes.lock === true,
    cpl0: attributes.cpl0 === true,
    cpl0Ud: attributes.cpl0Ud === true,
    protectedOnly: attributes.protectedOnly === true || encoding.vex,
    ends: attributes.ends === true,
    aligned: attributes.aligned === true ||
      (alignable && operands.some((name) => /^[WM](dq|ps|pd)$/.test(name))),
    unit,
  };
}

function unitOf(operands: readonly string[], encoding: Encoding): Unit {
  if (operands.some((operand) => /^[PQN][a-z]/.test(operand))) return "mmx";
  if (operands.some((operand) => /^[VWUH][a-z]/.test(operand))) return encoding.vex ? "vex" : "sse";
  if (!encoding.vex && encoding.map === 0 && (encoding.opcode & 0xf8) === 0xd8) return "x87";
  return "integer";
}
