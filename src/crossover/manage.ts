/** MANAGE_WTC: VMFUNC function 2. docs/crossover.md, "Function 2". */
import { Vector } from "../cpu/fault.ts";
import { CF, GPR, Gpr, RETURN_HI } from "../cpu/state.ts";
import { getCell } from "../vmx/enter.ts";
import { isEptp } from "../vmx/ept.ts";
import type { VmxState } from "../vmx/vmx_state.ts";
import { ENTRY_BYTES, parseWorld } from "./world.ts";
import type { WorldCaches } from "./world_cache.ts";

/** Operations, as RCX names them. */
export const Operation = { INSERT: 0n, DROP: 1n, DROP_ALL: 2n, DROP_EPTP: 3n } as const;

/** Executes MANAGE_WTC in root operation: CF tells whether it failed. After a failure or a fault nothing has changed. */
export function manageWorlds(state: VmxState, caches: WorldCaches): void {
  const { m, unit } = state, { context } = unit;
  if (!context.isLong || !context.is64) return void context.raise(Vector.UD);
  if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
  const succeeded = operate(state, caches, getCell(m, GPR + 8 * Gpr.RCX), getCell(m, GPR + 8 * Gpr.RDX));
  if (!context.failed) m[CF >> 2] = succeeded ? 0 : 1;
}

function operate(state: VmxState, caches: WorldCaches, operation: bigint, operand: bigint): boolean {
  switch (operation) {
    case Operation.INSERT:
      return insert(state, caches, operand);
    case Operation.DROP:
      caches.drop(operand);
      return true;
    case Operation.DROP_ALL:
      caches.dropAll();
      return true;
    case Operation.DROP_EPTP:
      if (!isEptp(operand)) return false;
      caches.dropEptp(operand);
      return true;
    default:
      return false;
  }
}

function insert(state: VmxState, caches: WorldCaches, linear: bigint): boolean {
  if (linear % BigInt(ENTRY_BYTES) !== 0n) return false;
  const { m, unit, memory } = state, { context } = unit;
  const entry = new DataView(new ArrayBuffer(ENTRY_BYTES));
  for (let at = 0; at < ENTRY_BYTES; at += 8) {
    const place = linear + BigInt(at);
    const low = context.access.load64(
      Number(BigInt.asIntN(32, place)),
      Number(BigInt.asIntN(32, place >> 32n)),
      0,
    );
    if (context.failed) return false;
    entry.setInt32(at, low, true);
    entry.setInt32(at + 4, m[RETURN_HI >> 2]!, true);
  }
  const world = parseWorld(entry, memory);
  return world !== undefined && caches.insert(world);
}
