/**
 * Constant folding, algebraic simplification and merging of equal pure values, in one walk: each operation is
 * simplified with operands that are simplified already.
 */
import { OPCODE_NAMES } from "../opcodes.ts";
import type { Terminal } from "../terminal.ts";
import type { Block } from "../types.ts";
import { countUses, replaceArgs, replacedTerminal, withInsts } from "./blocks.ts";
import { demand } from "./bits.ts";
import { COMPARE_RULES, tested } from "./fold_compare.ts";
import { INT32_RULES } from "./fold_int32.ts";
import { INT64_RULES } from "./fold_int64.ts";
import { VECTOR_RULES } from "./fold_vector.ts";
import { WIDTH_RULES } from "./fold_width.ts";
import { Folder, type Rule, type Rules } from "./folder.ts";

/** A store of 8 or 16 bits takes the low bits of its operand. */
function narrowStore(mask: number): Rule {
  return (fold, inst) => {
    const address = inst.args[0]!, value = inst.args[1]!;
    const simpler = demand(fold, value, mask);
    if (simpler !== value) inst.args = [address, simpler];
    return undefined;
  };
}

/** A fault that cannot be raised is left out by `fold` below. */
const faultIf: Rule = (_, inst) => {
  const condition = inst.args[0]!;
  const simpler = tested(condition);
  if (simpler !== condition) inst.args = [simpler];
  return undefined;
};

const NAMED_RULES: Rules = {
  ...INT32_RULES,
  ...INT64_RULES,
  ...COMPARE_RULES,
  ...WIDTH_RULES,
  ...VECTOR_RULES,
  store8: narrowStore(0xff),
  store16: narrowStore(0xffff),
  faultIf,
};

/** Rules by `Inst.code`. */
const RULES: readonly (Rule | undefined)[] = OPCODE_NAMES.map((op) => NAMED_RULES[op]);

/** Simplifies and merges values. Reuses the operations of `block`. */
export function fold(block: Block): Block {
  const { insts } = block;
  countUses(block);
  const folder = new Folder(RULES, insts.length);
  for (let i = 0; i < insts.length; i++) {
    const inst = insts[i]!;
    replaceArgs(inst);
    if (inst.op === "faultIf" && inst.args[0]!.op === "const32" && inst.args[0]!.imm === 0) continue;
    folder.guest = inst.guest;
    inst.replacement = folder.place(inst);
  }
  return withInsts(block, folder.out, simplified(replacedTerminal(block.terminal)));
}

function simplified(terminal: Terminal): Terminal {
  if (terminal.kind !== "branch") return terminal;
  const condition = tested(terminal.condition);
  if (condition.op === "const32") {
    return { kind: "jump", target: condition.imm !== 0 ? terminal.taken : terminal.next };
  }
  if (condition.op === "eq32" && condition.args[1]!.op === "const32" && condition.args[1]!.imm === 0) {
    return { kind: "branch", condition: condition.args[0]!, taken: terminal.next, next: terminal.taken };
  }
  return condition === terminal.condition ? terminal : { ...terminal, condition };
}
