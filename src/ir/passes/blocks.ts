/** Steps every pass takes: the terminal's operand, numbering, uses. */
import type { Terminal } from "../terminal.ts";
import type { Block, Inst } from "../types.ts";

/** The value a terminal depends on. */
export function terminalValue(terminal: Terminal): Inst | undefined {
  switch (terminal.kind) {
    case "branch":
      return terminal.condition;
    case "indirect":
    case "redispatch":
      return terminal.target;
    case "jump":
    case "event":
    case "vmfunc":
      return undefined;
  }
}

/** The terminal with the value it depends on replaced by what a pass has put in its place. */
export function replacedTerminal(terminal: Terminal): Terminal {
  const value = terminalValue(terminal);
  const replacement = value?.replacement;
  if (replacement === undefined || replacement === value) return terminal;
  if (terminal.kind === "branch") return { ...terminal, condition: replacement };
  return { ...terminal, target: replacement } as Terminal;
}

/** Puts the replacements in the place of an operation's operands. */
export function replaceArgs(inst: Inst): void {
  const args = inst.args as Inst[];
  for (let i = 0; i < args.length; i++) args[i] = args[i]!.replacement!;
}

/** Numbers the operations by position. */
export function renumber(insts: readonly Inst[]): void {
  for (let i = 0; i < insts.length; i++) insts[i]!.id = i;
}

/** Counts how often each value is used. */
export function countUses(block: Block): void {
  const { insts } = block;
  for (let i = 0; i < insts.length; i++) insts[i]!.uses = 0;
  for (let i = 0; i < insts.length; i++) {
    const { args } = insts[i]!;
    for (let j = 0; j < args.length; j++) args[j]!.uses++;
  }
  const last = terminalValue(block.terminal);
  if (last !== undefined) last.uses++;
}

/** The block with other operations and another end. */
export function withInsts(block: Block, insts: Inst[], terminal: Terminal): Block {
  const { pc, mode, offsets, length, usesFloat } = block;
  return { pc, mode, offsets, length, insts, terminal, usesFloat };
}
