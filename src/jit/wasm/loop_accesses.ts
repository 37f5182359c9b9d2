/** Loads and stores of the interpreter's loop: in line where the soft TLB has the page, else by their row. */
import { type Opcode, opcodeNumber } from "../../ir/opcodes.ts";
import { MemoryFlag } from "../../ir/types.ts";
import { TLB_BASE } from "../../cpu/state.ts";
import { PAGE_SIZE, SLOT_TLB_MASK, TLB_ADDEND, TLB_READ, TLB_WRITE } from "../../memory/physical.ts";
import { TLB_SHIFT } from "../../memory/tlb.ts";
import { OPERATIONS } from "../interpreter/operations.ts";
import { Field } from "../interpreter/words.ts";
import { I32, VOID, W } from "./instructions.ts";
import { type LoopWriter, wide } from "./loop_writer.ts";
import { CHECKING, LOADS, type MemoryAccess, STORES } from "./memory_opcodes.ts";

const { A, B, IMM, TO } = Field;
/** From the flag to the distance of the tag that a load which a store follows must match. */
const INTENT_SHIFT = Math.log2((TLB_WRITE - TLB_READ) / MemoryFlag.WRITE_INTENT);

/** Leaves the offset in the linear memory of the operand at the address that is operand A. */
function pushHost(to: LoopWriter, size: number, writes: boolean): void {
  const { code, row } = to;
  const address = to.operand(wide(A)), low = to.scratch(I32), slot = to.scratch(I32), entry = to.scratch(I32);
  code.get(address);
  code.op(W.i32_wrap_i64);
  code.set(low);
  if (size > 1) {
    code.get(low);
    code.opWith(W.i32_and, size - 1);
    code.openHinted(VOID, 0);
    code.get(low);
    code.opWith(W.i32_and, PAGE_SIZE - 1);
    code.opWith(W.i32_gt_u, PAGE_SIZE - size);
    to.pushField(IMM);
    code.opWith(W.i32_and, CHECKING);
    code.op(W.i32_or);
    code.brIfRarely(row);
    code.end();
  }
  code.load(W.i32_load, TLB_BASE);
  code.tee(slot);
  code.memory(W.i32_load, SLOT_TLB_MASK);
  code.get(low);
  code.opWith(W.i32_shr_u, TLB_SHIFT);
  code.op(W.i32_and);
  code.get(slot);
  code.op(W.i32_add);
  code.tee(entry);
  if (!writes) {
    to.pushField(IMM);
    code.opWith(W.i32_and, MemoryFlag.WRITE_INTENT);
    code.opWith(W.i32_shl, INTENT_SHIFT);
    code.op(W.i32_add);
  }
  code.memory(W.i64_load, writes ? TLB_WRITE : TLB_READ);
  code.get(address);
  code.i64(-PAGE_SIZE, -1);
  code.op(W.i64_and);
  code.op(W.i64_ne);
  code.brIfRarely(row);
  code.get(low);
  code.get(entry);
  code.memory(W.i32_load, TLB_ADDEND);
  code.op(W.i32_add);
}

function load(to: LoopWriter, { size, type, instruction }: MemoryAccess): void {
  const host = to.scratch(I32);
  pushHost(to, size, false);
  to.code.set(host);
  to.setValue({ field: TO, type }, () => {
    to.code.get(host);
    to.code.memory(instruction, 0);
  });
}

function store(to: LoopWriter, { size, type, instruction }: MemoryAccess): void {
  pushHost(to, size, true);
  to.push({ field: B, type });
  to.code.memory(instruction, 0);
}

/** By what HEAD says. */
export function loopAccesses(): [operation: number, write: (to: LoopWriter) => void][] {
  const rows = (
    accesses: Readonly<Partial<Record<Opcode, MemoryAccess>>>,
    write: (to: LoopWriter, access: MemoryAccess) => void,
  ): [number, (to: LoopWriter) => void][] =>
    Object.entries(accesses).map(([op, access]) => [
      OPERATIONS[opcodeNumber(op as Opcode)]!,
      (to) => write(to, access),
    ]);
  return [...rows(LOADS, load), ...rows(STORES, store)];
}
