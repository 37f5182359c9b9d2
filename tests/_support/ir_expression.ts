/**
 * Expressions over IR operations, for tests: `and32(lo(q), 255)`. Letters name values of the state: w, x (i32), q, r
 * (i64), v, u (v128), b (i8, the low bits of l), h (i16, the low bits of m); numbers are constants of the type the operand needs; `op#1(…)` gives an immediate.
 */
import { IrBuilder } from "../../src/ir/builder.ts";
import { type Opcode, type OpcodeInfo, OPCODES } from "../../src/ir/opcodes.ts";
import { LETTER_TYPES } from "../../src/ir/print.ts";
import type { Block, Inst, Value } from "../../src/ir/types.ts";
import { GPR, SCRATCH, XMM } from "../../src/cpu/state.ts";

/** Cells of the named values. They are ordinary cells that nothing else in a test uses. */
const NAMED: Record<string, (ir: IrBuilder) => Value> = {
  w: (ir) => ir.get(GPR + 0x40, "i32"),
  x: (ir) => ir.get(GPR + 0x44, "i32"),
  q: (ir) => ir.get(GPR, "i64"),
  r: (ir) => ir.get(GPR + 8, "i64"),
  v: (ir) => ir.get(XMM, "v128"),
  u: (ir) => ir.get(XMM + 16, "v128"),
  l: (ir) => ir.get(GPR + 0x48, "i32"),
  m: (ir) => ir.get(GPR + 0x4c, "i32"),
  b: (ir) => ir.trunc(ir.get(GPR + 0x48, "i32"), "i8"),
  h: (ir) => ir.trunc(ir.get(GPR + 0x4c, "i32"), "i16"),
};

const RESULT = SCRATCH - 0x20;

/** A block that computes the expression and stores it; the test reads it with `expressionOf`. */
export function blockOf(text: string): Block {
  const ir = new IrBuilder();
  const named = new Map<string, Value>();
  const value = (name: string): Value => {
    const known = named.get(name) ?? NAMED[name]!(ir);
    named.set(name, known);
    return known;
  };
  const tokens = text.match(/[a-z]\w*(#\d+)*|-?(0x[0-9a-f]+|\d+)|[(),]/g) ?? [];
  let at = 0;
  const read = (letter: string): Value => {
    const token = tokens[at++]!;
    if (/^[-\d]/.test(token)) {
      const negative = token.startsWith("-");
      const number = BigInt(negative ? token.slice(1) : token) * (negative ? -1n : 1n);
      return letter === "q" ? ir.i64(BigInt.asUintN(64, number)) : ir.i32(Number(BigInt.asIntN(32, number)));
    }
    if (tokens[at] !== "(") return value(token);
    const [op, imm = "0"] = token.split("#") as [Opcode, string?];
    const { signature }: OpcodeInfo = OPCODES[op];
    const [letters, result] = signature.split(":") as [string, string];
    at++;
    const args = [...letters].map((operand) => {
      const arg = read(operand);
      at++; // The comma or parenthesis.
      return arg;
    });
    if (args.length === 0) at++;
    return ir.emit(op, LETTER_TYPES[result]!, args, Number(imm));
  };
  ir.set(RESULT, read("w"));
  return ir.finish(0x1000n, 2, [0, 1], { kind: "jump", target: 0x2000n });
}

/** The expression that a block made by `blockOf` stores. */
export function expressionOf(block: Block): string {
  const set = block.insts.findLast((inst) => inst.imm === RESULT && inst.op.startsWith("set"))!;
  return textOf(set.args[0]!);
}

function textOf(inst: Inst): string {
  const { op, args, imm, imm2 } = inst;
  const name = Object.keys(NAMED).find((letter) => isNamed(inst, letter));
  if (name !== undefined) return name;
  if (op === "const32") return `${imm}`;
  if (op === "const64") return `${(BigInt(imm2) << 32n) | BigInt(imm >>> 0)}`;
  const immediate = imm !== 0 ? `#${imm}` : "";
  return `${op}${immediate}(${args.map(textOf).join(", ")})`;
}

function isNamed(inst: Inst, letter: string): boolean {
  const made = NAMED[letter]!(new IrBuilder());
  const same = (a: Inst, b: Inst): boolean =>
    a.op === b.op && a.imm === b.imm && a.args.length === b.args.length &&
    a.args.every((arg, i) => same(arg, b.args[i]!));
  return same(inst, made);
}
