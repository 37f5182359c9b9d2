/**
 * The text form of a block, which parse.ts reads back:
 *
 * ```text
 * block pc=0x401000 mode=0x6
 * ; +0
 * %0 = get64 RAX
 * %1 = const64 8
 * %2 = add64 %0, %1
 * set64 RAX, %2
 * %4:i8 = load8 %2, stack
 * faultIf %4, vector 6
 * ; +10
 * jump 0x40100a
 * ```
 *
 * `float` at the end of the first line says that the block has exact floating-point operations (Block.usesFloat).
 * A call's return address stands behind its target. A value's type stands behind its number where it is not the opcode's own. `; +n` marks where a guest instruction
 * begins, and before the terminal where the last one ends.
 */
import { type OpcodeInfo, OPCODES } from "./opcodes.ts";
import type { Terminal } from "./terminal.ts";
import { type Block, type Inst, MemoryFlag, type Type } from "./types.ts";

/** Names that the IR itself does not know. What has no name is printed as a number. */
export interface PrintNames {
  /** Name of the state's cell at a byte offset. */
  readonly cell?: (offset: number) => string | undefined;
  /** Name of a helper. */
  readonly helper?: (id: number) => string | undefined;
}

/** Types by their letters in the signatures. */
export const LETTER_TYPES: { readonly [letter: string]: Type } = {
  w: "i32",
  q: "i64",
  v: "v128",
  ".": "void",
};

/** Names of the memory flags in the text form. */
export const FLAG_NAMES = {
  stack: MemoryFlag.STACK,
  write: MemoryFlag.WRITE_INTENT,
  system: MemoryFlag.SYSTEM,
  aligned: MemoryFlag.ALIGNED,
  checked: MemoryFlag.CHECKED,
} as const satisfies Record<string, number>;

/** How the immediates of an operation are written. */
export type ImmediateForm = "const32" | "const64" | "cell" | "memory" | "fault" | "helper" | "plain";

/** How the immediates of an operation are written. */
export function immediateForm(op: string): ImmediateForm {
  if (op === "const32" || op === "const64") return op;
  if (/^(get|set)(32|64|v)$/.test(op)) return "cell";
  if (/^(load|store)(8|16|32|64|v)$/.test(op)) return "memory";
  if (op === "faultIf") return "fault";
  return op === "call" || op === "callpure" ? "helper" : "plain";
}

/** The type of values an opcode yields; undefined for calls, where the helper tells. */
export function resultType({ signature }: OpcodeInfo): Type | undefined {
  return LETTER_TYPES[signature.slice(signature.indexOf(":") + 1)];
}

/** Prints a block. */
export function print(block: Block, names: PrintNames = {}): string {
  const float = block.usesFloat ? " float" : "";
  const lines = [`block pc=${hex(block.pc)} mode=0x${block.mode.toString(16)}${float}`];
  let guest = -1;
  const markUpTo = (index: number): void => {
    while (guest < index) lines.push(`; +${block.offsets[++guest]}`);
  };
  block.insts.forEach((inst, id) => {
    markUpTo(inst.guest);
    lines.push(line(inst, id, names));
  });
  markUpTo(block.offsets.length - 1);
  lines.push(printTerminal(block.terminal));
  return lines.join("\n") + "\n";
}

/** Prints one operation as its line in the text form. */
export function printInst(inst: Inst, names: PrintNames = {}): string {
  return line(inst, inst.id, names);
}

function line(inst: Inst, id: number, names: PrintNames): string {
  const { op, type } = inst;
  const typed = type === resultType(OPCODES[op]) ? "" : `:${type}`;
  const result = type === "void" ? "" : `%${id}${typed} = `;
  const operands = inst.args.map((value) => `%${value.id}`);
  const text = [...leading(inst, names), ...operands, ...trailing(inst)].join(", ");
  return text === "" ? `${result}${op}` : `${result}${op} ${text}`;
}

/** Immediates that stand before the operands. */
function leading({ op, imm, imm2 }: Inst, names: PrintNames): string[] {
  switch (immediateForm(op)) {
    case "const32":
      return [integer(BigInt(imm), 32)];
    case "const64":
      return [integer((BigInt(imm2) << 32n) | BigInt(imm >>> 0), 64)];
    case "cell":
      return [names.cell?.(imm) ?? `0x${imm.toString(16)}`];
    case "helper":
      return [names.helper?.(imm) ?? `#${imm}`];
    default:
      return [];
  }
}

/** Immediates that stand behind the operands. */
function trailing({ op, imm, imm2 }: Inst): string[] {
  switch (immediateForm(op)) {
    case "memory":
      return Object.entries(FLAG_NAMES).filter(([, bit]) => (imm & bit) !== 0).map(([name]) => name);
    case "fault":
      return imm2 === -1 ? [`vector ${imm}`] : [`vector ${imm}`, `error ${imm2}`];
    case "plain":
      return imm2 !== 0 ? [`#${imm}`, `#${imm2}`] : imm !== 0 ? [`#${imm}`] : [];
    default:
      return [];
  }
}

/** Small numbers in decimal, others as the bits they are. */
function integer(value: bigint, bits: number): string {
  return value > -100n && value < 100n ? value.toString() : hex(BigInt.asUintN(bits, value));
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const returnTo = (address: bigint | undefined): string => address === undefined ? "" : `, ${hex(address)}`;

function printTerminal(terminal: Terminal): string {
  switch (terminal.kind) {
    case "jump":
      return `jump ${hex(terminal.target)}${
        terminal.returnTo === undefined ? "" : `, ${hex(terminal.returnTo)}`
      }`;
    case "branch":
      return `branch %${terminal.condition.id}, ${hex(terminal.taken)}, ${hex(terminal.next)}`;
    case "indirect": {
      const { target, hint } = terminal;
      return `indirect %${target.id}, ${hint}${returnTo(terminal.returnTo)}`;
    }
    case "event": {
      const { event, vector, error, rip, retired } = terminal;
      return `event ${event}, vector ${vector}, error ${error}, rip ${hex(rip)}${retired ? ", retired" : ""}`;
    }
    case "redispatch":
      return `redispatch %${terminal.target.id}`;
    case "vmfunc":
      return `vmfunc ${hex(terminal.next)}`;
  }
}
