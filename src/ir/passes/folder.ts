/** Rebuilds a block operation by operation: each is simplified by its rule, then merged with an equal one before it. */
import { type Opcode, opcodeNumber } from "../opcodes.ts";
import { Inst, NO_OPERANDS, type Type } from "../types.ts";
import { Kind, KINDS } from "./rows.ts";

/**
 * Simplifies one operation whose operands are simplified already: the value that replaces it, or undefined to keep it.
 * A rule may append operations with `Folder.make`.
 */
export type Rule = (fold: Folder, inst: Inst) => Inst | undefined;

/** Rules by opcode; an opcode without one is kept as it is. */
export type Rules = { readonly [K in Opcode]?: Rule };

const CONST32 = opcodeNumber("const32"), CONST64 = opcodeNumber("const64");

/** Hash table of the pure operations: position + 1, 0 for an empty place. Kept between blocks, grown as needed. */
let table = new Int32Array(512);

/** The block under reconstruction. One at a time. */
export class Folder {
  readonly out: Inst[] = [];
  /** Guest instruction whose operations are being rebuilt. */
  guest = 0;
  readonly #mask: number;

  /** @param rules by `Inst.code` */
  constructor(readonly rules: readonly (Rule | undefined)[], count: number) {
    let size = 64;
    while (size < 2 * count) size *= 2;
    if (size > table.length) table = new Int32Array(size);
    table.fill(0, 0, size);
    this.#mask = size - 1;
  }

  /** Makes an operation, or finds the value it comes to. */
  make(op: Opcode, type: Type, args: readonly Inst[], imm = 0, imm2 = 0): Inst {
    return this.place(new Inst(opcodeNumber(op), type, args, imm, imm2, this.guest));
  }
  /** A 32-bit constant. */
  i32(value: number, type: Type = "i32"): Inst {
    return this.#merge(new Inst(CONST32, type, NO_OPERANDS, value | 0, 0, this.guest));
  }
  /** A 64-bit constant. */
  i64(lo: number, hi: number): Inst {
    return this.#merge(new Inst(CONST64, "i64", NO_OPERANDS, lo | 0, hi | 0, this.guest));
  }

  /** Simplifies and appends an operation; the value it comes to. */
  place(inst: Inst): Inst {
    const rule = this.rules[inst.code];
    if (rule !== undefined) {
      const simpler = rule(this, inst);
      if (simpler !== undefined) return simpler;
    }
    if (KINDS[inst.code] === Kind.PURE) return this.#merge(inst);
    this.append(inst);
    return inst;
  }

  /** Appends an operation as it is. */
  append(inst: Inst): void {
    inst.id = this.out.length;
    this.out.push(inst);
  }

  /** Room for more would make the table slow; then operations are appended without looking for equal ones. */
  #merge(inst: Inst): Inst {
    const { code, args, imm, imm2 } = inst;
    let hash = Math.imul(code + 1, 0x9e3779b1) ^ Math.imul(imm, 0x85ebca6b) ^
      Math.imul(imm2, 0xc2b2ae35);
    for (let i = 0; i < args.length; i++) hash = Math.imul(hash ^ args[i]!.id, 0x01000193) + i;
    let place = (hash ^ (hash >>> 15)) & this.#mask;
    while (table[place] !== 0) {
      const other = this.out[table[place]! - 1]!;
      if (other.code === code && other.imm === imm && other.imm2 === imm2 && hasArgs(other, args)) {
        other.uses += inst.uses;
        return other;
      }
      place = (place + 1) & this.#mask;
    }
    this.append(inst);
    if (4 * this.out.length < 3 * this.#mask) table[place] = this.out.length;
    return inst;
  }
}

function hasArgs(other: Inst, args: readonly Inst[]): boolean {
  const { args: others } = other;
  for (let i = 0; i < args.length; i++) if (others[i] !== args[i]) return false;
  return true;
}

/** Whether the value is a constant. */
export function isConst(x: Inst): boolean {
  return x.op === "const32" || x.op === "const64";
}
/** Whether the value is this 32-bit constant. */
export function is32(x: Inst, value: number): boolean {
  return x.op === "const32" && x.imm === value;
}
/** Whether the value is this 64-bit constant. */
export function is64(x: Inst, lo: number, hi: number): boolean {
  return x.op === "const64" && x.imm === lo && x.imm2 === hi;
}

/** Puts the operands of a commutative operation in order: constants last, else by position. */
export function order(inst: Inst): void {
  const x = inst.args[0]!, y = inst.args[1]!;
  if (isConst(x) ? !isConst(y) : !isConst(y) && x.id > y.id) inst.args = [y, x];
}
