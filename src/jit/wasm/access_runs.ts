/**
 * Runs: accesses of a block to places that lie closely around one value. Where the first of them finds all of these places in
 * a span, the others need no comparison.
 */
import { type Block, type Inst, MemoryFlag, type Value } from "../../ir/types.ts";
import { SPAN_MARGIN } from "../../memory/physical.ts";
import { changesMappings, Trait, TRAITS } from "./traits.ts";

/** An address as a value and a constant. */
export interface SplitAddress {
  readonly base: Value;
  readonly displacement: number;
}

export function splitAddress(address: Value): SplitAddress {
  const [base, constant] = address.args as [Value?, Value?];
  return address.op === "add64" && constant!.op === "const64" && constant!.imm2 === constant!.imm >> 31
    ? { base: base!, displacement: constant!.imm }
    : { base: address, displacement: 0 };
}

/** Whether an access needs a page that can be written. */
export const isWrite = ({ code, imm }: Inst): boolean =>
  (TRAITS[code]! & Trait.STORE) !== 0 || (imm & MemoryFlag.WRITE_INTENT) !== 0;

/** A run of at least two accesses. */
export interface AccessRun {
  readonly leader: Inst;
  /** Number in the block. */
  readonly number: number;
  /** Displacement of the first byte: all lie in SPAN_MARGIN bytes from there. */
  readonly start: number;
  /** Whether one of them needs a page that can be written. */
  readonly writes: boolean;
}

/** Accesses that must be looked at each: the alignment matters, or the access is not the program's own. */
const ALONE = MemoryFlag.SYSTEM | MemoryFlag.ALIGNED | MemoryFlag.CHECKED;

/** Sizes in bytes of accesses by opcode name. */
const SIZES: Readonly<Record<string, number>> = { 8: 1, 16: 2, 32: 4, 64: 8, v: 16 };
const sizeOf = ({ op }: Inst): number => SIZES[op.replace(/^load|^store/, "")]!;

/** Adds to the runs of a block, by its accesses. */
export function findRuns({ insts }: Block, runs: Map<Inst, AccessRun>): void {
  interface Open {
    readonly members: Inst[];
    start: number;
    end: number;
    writes: boolean;
  }
  const open = new Map<Value, Open>();
  let number = 0;
  const close = ({ members, start, writes }: Open): void => {
    if (members.length < 2) return;
    const run: AccessRun = { leader: members[0]!, number: number++, start, writes };
    for (const member of members) runs.set(member, run);
  };
  for (const inst of insts) {
    if (changesMappings(inst)) {
      for (const one of open.values()) close(one);
      open.clear();
    }
    if ((TRAITS[inst.code]! & (Trait.LOAD | Trait.STORE)) === 0 || (inst.imm & ALONE) !== 0) continue;
    const { base, displacement } = splitAddress(inst.args[0]!);
    const before = open.get(base), size = sizeOf(inst);
    if (before !== undefined) {
      const start = Math.min(before.start, displacement), end = Math.max(before.end, displacement + size);
      if (end - start <= SPAN_MARGIN) {
        before.start = start;
        before.end = end;
        before.writes ||= isWrite(inst);
        before.members.push(inst);
        continue;
      }
      close(before);
    }
    open.set(base, { members: [inst], start: displacement, end: displacement + size, writes: isWrite(inst) });
  }
  for (const one of open.values()) close(one);
}
