/** Random blocks for property tests, built from choices that fast-check can make smaller, and a world to run them in. */
import fc from "fast-check";
import { IrBuilder } from "../../src/ir/builder.ts";
import { type Opcode, type OpcodeInfo, OPCODES } from "../../src/ir/opcodes.ts";
import type { StateEffects } from "../../src/ir/passes/effects.ts";
import { immediateForm, LETTER_TYPES } from "../../src/ir/print.ts";
import type { Terminal } from "../../src/ir/terminal.ts";
import { type Block, BYTES, type Inst, type IntType, type Type, type Value } from "../../src/ir/types.ts";
import { CF, FCW, FP_RAISED, GPR, MXCSR, OF, STATE_BYTES, X87, XMM, ZF } from "../../src/cpu/state.ts";
import { STATE_EFFECTS } from "../../src/cpu/state_effects.ts";
import { LETTER_BITS, readBytes, type World, writeBytes } from "./ir_reference.ts";

/** A step of a random block: which operation, which of the values so far, which number. */
export interface Choice {
  readonly op: number;
  readonly operands: readonly number[];
  readonly number: number;
}

const EDGES = [
  0,
  1,
  2,
  7,
  8,
  15,
  16,
  24,
  31,
  32,
  33,
  63,
  64,
  0x7f,
  0x80,
  0xff,
  0xff00,
  0xffff,
  0x7fffffff,
  0x80000000 | 0,
  -1,
  -8,
] as const; // deno-fmt-ignore

/** Choices for one block. */
export function choices(steps: number): fc.Arbitrary<Choice[]> {
  const small = fc.nat(1000);
  const number = fc.oneof(fc.constantFrom(...EDGES), fc.integer());
  return fc.array(
    fc.record({ op: small, operands: fc.tuple(small, small, small), number }),
    { minLength: 1, maxLength: steps },
  );
}

/** Ids of helpers by the state they touch. */
const HELPER_STATES = ["none", "fpu", "all"] as const;
/** The state as it is, with helpers by number: 0 touches nothing, 1 the floating-point unit, 2 everything. */
export const EFFECTS: StateEffects = { cells: STATE_EFFECTS.cells, helper: (id) => HELPER_STATES[id]! };

/** Cells of 32 bits, some of them part of wider ones. */
export const WORD_CELLS: readonly number[] = [
  CF,
  ZF,
  OF,
  MXCSR,
  FP_RAISED,
  FCW,
  X87 + 4,
  XMM,
  XMM + 8,
  XMM + 12,
];
const ALL_WORDS = [...WORD_CELLS, GPR + 4];
const CELLS64 = [GPR, GPR + 8, GPR + 16, X87, X87 + 8, XMM, XMM + 8];
const CELLSV = [XMM, XMM + 16];

/** Operations that random blocks contain, the frequent ones several times. */
export const POOL: readonly Opcode[] = (Object.keys(OPCODES) as Opcode[]).filter((op) => op !== "callpure")
  .flatMap(
    (op) => {
      if (op === "const32" || op === "const64") return new Array<Opcode>(12).fill(op);
      if (/^[gs]et|^call$/.test(op)) return new Array<Opcode>(6).fill(op);
      if (/32|64|lo|hi|ext|insert|pair/.test(op) && !/^[vf]/.test(op)) return [op, op, op];
      return [op];
    },
  );

/** Operations of the builder, which adds narrow types. */
const BUILDER_STEPS: readonly ((ir: IrBuilder, x: Value, y: Value, type: IntType, n: number) => unknown)[] = [
  (ir, x, y) => ir.add(x, same(ir, y, x)),
  (ir, x, y) => ir.sub(x, same(ir, y, x)),
  (ir, x, y) => ir.and(x, same(ir, y, x)),
  (ir, x, y) => ir.or(x, same(ir, y, x)),
  (ir, x, y) => ir.xor(x, same(ir, y, x)),
  (ir, x) => ir.not(x),
  (ir, x) => ir.neg(x),
  (ir, x, y) => ir.shl(x, ir.and(ir.low(y), ir.i32(7))),
  (ir, x, y) => ir.shr(x, ir.and(ir.low(y), ir.i32(7))),
  (ir, x, _, __, n) => ir.sar(x, ir.i32(n & 7)),
  (ir, x, y) => ir.lts(x, same(ir, y, x)),
  (ir, x, y) => ir.ltu(x, same(ir, y, x)),
  (ir, x, _, type) => BYTES[type] < BYTES[x.type] ? ir.trunc(x, type) : ir.sext(x, type),
  (ir, x, _, type) => BYTES[type] < BYTES[x.type] ? ir.trunc(x, type) : ir.zext(x, type),
  (ir, x) => ir.set(ZF, ir.zeroCell(x)),
  (ir, x) => ir.set(OF, ir.signCell(x)),
];

const same = (ir: IrBuilder, x: Value, like: Value): Value => {
  const type = like.type as IntType;
  return BYTES[x.type] > BYTES[type] ? ir.trunc(x, type) : ir.zext(x, type);
};

const INT_TYPES = ["i8", "i16", "i32", "i64"] as const;
const isInteger = (x: Inst): boolean => x.type !== "void" && x.type !== "v128";

/** How random blocks are built. */
export interface RandomBlockOptions {
  /** Operations that may occur; default: all but helper calls of state unknown. */
  readonly pool?: readonly Opcode[];
  /** Makes an address that may be accessed of any i64. */
  readonly address?: (ir: IrBuilder, value: Value) => Value;
  /** Cells of 32 bits that may occur; default: also halves of general registers, which engines need not support. */
  readonly words?: readonly number[];
}

/** Guest instructions get this many steps each. */
const STEPS_EACH = 4;

/** Builds the block that the choices describe. */
export function randomBlock(list: readonly Choice[], options: RandomBlockOptions = {}): Block {
  const ir = new IrBuilder();
  list.forEach((choice, i) => {
    ir.guest = Math.floor(i / STEPS_EACH);
    append(ir, choice, options);
  });
  const guests = ir.guest + 1;
  const offsets = Array.from({ length: guests + 1 }, (_, n) => 3 * n);
  return ir.finish(0x1000n, 2, offsets, terminalOf(ir, list.at(-1)!));
}

/** The value of a type that a choice names: recent ones are likelier. */
function pick(ir: IrBuilder, choice: number, matches: (x: Inst) => boolean, type: Type): Value {
  const values = ir.insts.filter(matches);
  const back = choice % 2 === 0 ? (choice >> 1) % 4 : choice >> 1;
  const value = values[values.length - 1 - back % Math.max(1, values.length)];
  if (value !== undefined) return value;
  if (type === "v128") return ir.get(XMM, "v128");
  return ir.get(type === "i64" ? GPR : ZF, type === "i64" ? "i64" : "i32");
}

const wide = (type: Type): Type => type === "i8" || type === "i16" ? "i32" : type;

function operand(ir: IrBuilder, letter: string, choice: number): Value {
  const type = LETTER_TYPES[letter]!;
  return pick(ir, choice, (x) => wide(x.type) === type, type);
}

function append(ir: IrBuilder, choice: Choice, options: RandomBlockOptions): void {
  const { op: selector, operands, number } = choice;
  const { pool = POOL, address, words = ALL_WORDS } = options;
  if (selector % 4 === 0) {
    const x = pick(ir, operands[0]!, isInteger, "i64"), y = pick(ir, operands[1]!, isInteger, "i64");
    const step = BUILDER_STEPS[(selector >> 2) % BUILDER_STEPS.length]!;
    step(ir, x, y, INT_TYPES[operands[2]! % 4]!, number);
    return;
  }
  const op = pool[(selector * 7919) % pool.length]!;
  const { signature }: OpcodeInfo = OPCODES[op];
  if (op === "call") {
    const args = [operand(ir, "w", operands[0]!), operand(ir, "q", operands[1]!)];
    ir.emit("call", "i64", args, operands[2]! % 3);
    return;
  }
  const [letters, result] = signature.split(":") as [string, string];
  const args = [...letters].map((letter, i) => operand(ir, letter, operands[i]!));
  if (address !== undefined && immediateForm(op) === "memory") args[0] = address(ir, args[0]!);
  ir.emit(op, LETTER_TYPES[result]!, args, ...immediates(op, operands[0]!, number, words));
}

function immediates(op: Opcode, choice: number, number: number, words: readonly number[]): [number, number] {
  switch (immediateForm(op)) {
    case "const32":
      return [number, 0];
    case "const64":
      return choice % 3 === 0 ? [number, choice % 2 === 0 ? -1 : 1] : [number, number >> 31];
    case "cell": {
      const cells = op.endsWith("32") ? words : op.endsWith("64") ? CELLS64 : CELLSV;
      return [cells[choice % cells.length]!, 0];
    }
    case "fault":
      return [number & 31, choice % 2 - 1];
    case "memory":
      return [number & 15, 0];
    default:
      // A lane that exists for every width.
      return [/64$/.test(op) ? number & 1 : number & 3, 0];
  }
}

function terminalOf(ir: IrBuilder, { op, operands }: Choice): Terminal {
  switch (op % 4) {
    case 0:
      return { kind: "branch", condition: operand(ir, "w", operands[0]!), taken: 0x2000n, next: 0x3000n };
    case 1:
      return { kind: "indirect", target: operand(ir, "q", operands[0]!), hint: "call", returnTo: 0x3000n };
    case 2:
      return { kind: "redispatch", target: operand(ir, "q", operands[0]!) };
    default:
      return { kind: "jump", target: 0x2000n };
  }
}

/** A world in which every value depends on what was done before, and which makes a block leave at access `leaveAt`. */
export class TestWorld implements World {
  readonly state = new Uint8Array(STATE_BYTES);
  /** What has happened, in order. */
  readonly log: string[] = [];
  accesses = 0;

  constructor(seed: number, readonly leaveAt: number) {
    // Cells are small or patterned, so that comparisons and shifts meet equal and special values.
    for (let i = 0; i < this.state.length; i++) {
      this.state[i] = (i & 4) === 0 || seed % 3 === 0 ? Math.imul(i + seed, 0x9e3779b1) >>> 24 : -(seed & 1);
    }
  }

  leaves(description: string): boolean {
    this.log.push(description);
    return this.accesses++ === this.leaveAt;
  }
  load(address: bigint, bits: number): bigint {
    return mixed([address, BigInt(this.accesses)], bits);
  }
  store(): void {}
  opaque(inst: Inst, args: readonly bigint[]): bigint {
    const { signature, pure }: OpcodeInfo = OPCODES[inst.op];
    const letter = signature.at(-1)!;
    const value = mixed([...args, BigInt(inst.imm), BigInt(inst.op.length)], LETTER_BITS[letter] ?? 64);
    if (inst.op === "call") return this.#call(inst.imm, value);
    // Floating-point operations set sticky bits.
    if (!pure) writeBytes(this.state, MXCSR, 32, readBytes(this.state, MXCSR, 32) | (value & 0x3fn));
    return value;
  }

  #call(id: number, value: bigint): bigint {
    const touched = id === 0 ? [] : id === 1 ? [X87, FCW] : [X87, FCW, ...CELLS64, ...ALL_WORDS];
    let result = value;
    for (const offset of touched) {
      result = mixed([result, readBytes(this.state, offset, 32)], 64);
      writeBytes(this.state, offset, 32, result & 0xffffffffn);
    }
    return result;
  }
}

function mixed(parts: readonly bigint[], bits: number): bigint {
  let hash = 0x243f6a8885a308d313198a2e03707344n;
  for (const part of parts) {
    hash = BigInt.asUintN(128, (hash ^ part) * 0x9e3779b97f4a7c15f39cc0605cedc835n) ^ (hash >> 61n);
  }
  return (hash >> 7n) & ((1n << BigInt(bits)) - 1n);
}
