/** What the emitter must know of a block before it writes it: uses, needed halves, and where values are computed. */
import { type Opcode, type OpcodeInfo, OPCODES } from "../../ir/opcodes.ts";
import { terminalValue } from "../../ir/passes/blocks.ts";
import type { Block, Inst, Value } from "../../ir/types.ts";

/** Halves of a value. */
export const LO = 1, HI = 2;

/** Operations whose code mentions each half of each operand at most once, so that an operand may stand in place. */
const MENTIONS_ONCE: ReadonlySet<Opcode> = new Set<Opcode>([
  "add32",
  "sub32",
  "and32",
  "or32",
  "xor32",
  "shl32",
  "shr32",
  "sar32",
  "eq32",
  "ne32",
  "ltu32",
  "lts32",
  "leu32",
  "les32",
  "clz32",
  "sext8",
  "sext16",
  "select32",
  "mul32",
  "and64",
  "or64",
  "xor64",
  "eq64",
  "ne64",
  "lo",
  "hi",
  "zext",
  "pair",
  "set32",
  "set64",
  "insert8",
  "insert8high",
  "insert16",
  "faultIf",
]); // deno-fmt-ignore

/** Facts about the values of one block, by id. */
export interface Analysis {
  /** Which halves somebody needs (LO for 32-bit values). 0: nobody needs the value. */
  readonly needs: Uint8Array;
  /** Whether the value is written in place of its only mention. */
  readonly inline: Uint8Array;
  /** For gets: whether the register's variable itself can stand for the value as long as it is needed. */
  readonly alias: Uint8Array;
}

/** Analyses a block. `reloads` tells whether an operation may change registers behind the block's back. */
export function analyse(block: Block, reloads: (inst: Inst) => boolean): Analysis {
  const { insts } = block;
  const count = insts.length;
  const needs = new Uint8Array(count), inline = new Uint8Array(count), alias = new Uint8Array(count);
  const uses = new Uint16Array(count);
  /** Position where the value's code is written (its own, or its user's if inline); and of its last mention. */
  const position = new Int32Array(count), last = new Int32Array(count);
  const user = new Array<Inst | undefined>(count);

  const mention = (value: Value, halves: number, at: number, by: Inst | undefined): void => {
    needs[value.id] = needs[value.id]! | halves;
    uses[value.id] = uses[value.id]! + 1;
    user[value.id] = by;
    if (at > last[value.id]!) last[value.id] = at;
  };
  const end = terminalValue(block.terminal);
  if (end !== undefined) mention(end, LO | HI, count, undefined);
  for (let i = count - 1; i >= 0; i--) {
    const inst = insts[i]!;
    const info: OpcodeInfo = OPCODES[inst.op];
    const isGet = inst.op === "get32" || inst.op === "get64";
    if ((info.pure || isGet) && uses[i] === 0) continue;
    const by = user[i];
    const mentionedOnce = by === undefined ? block.terminal.kind === "branch" : MENTIONS_ONCE.has(by.op);
    if (info.pure === true && uses[i] === 1 && mentionedOnce && isInlinable(inst)) inline[i] = 1;
    position[i] = inline[i] === 0 ? i : by === undefined ? count : position[by.id]!;
    for (const [n, operand] of inst.args.entries()) {
      mention(operand, halvesNeeded(inst, n, needs[i]!), position[i]!, inst);
    }
  }
  findAliases(insts, last, alias, reloads);
  return { needs, inline, alias };
}

/** Constants and 32-bit or half-wise operations can stand in place. */
function isInlinable({ op }: Inst): boolean {
  return MENTIONS_ONCE.has(op);
}

/** Halves of operand `n` that `inst` needs, given the halves of its result that are needed. */
function halvesNeeded({ op }: Inst, n: number, result: number): number {
  switch (op) {
    case "lo":
      return LO;
    case "hi":
      return HI;
    case "and64":
    case "or64":
    case "xor64":
      return result;
    case "add64":
    case "sub64":
    case "mul64":
      return (result & HI) !== 0 ? LO | HI : LO;
    case "insert8":
    case "insert8high":
    case "insert16":
      return n === 0 ? result : LO;
    case "select64":
      return n === 0 ? LO : result;
    case "pair":
      return LO;
    default:
      return LO | HI;
  }
}

function findAliases(
  insts: readonly Inst[],
  last: Int32Array,
  alias: Uint8Array,
  reloads: (inst: Inst) => boolean,
): void {
  /** Next position at which each register cell changes, walking backwards. */
  const nextChange = new Map<number, number>();
  let nextReload = insts.length;
  for (let i = insts.length - 1; i >= 0; i--) {
    const inst = insts[i]!;
    if (inst.op === "set32" || inst.op === "set64") nextChange.set(inst.imm, i);
    else if (reloads(inst)) nextReload = i;
    else if (inst.op === "get32" || inst.op === "get64") {
      const change = Math.min(nextChange.get(inst.imm) ?? insts.length, nextReload);
      // A mention by the changing operation itself still sees the old value.
      if (last[i]! <= change) alias[i] = 1;
    }
  }
}
