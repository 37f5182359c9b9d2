/** Attempts at task switches. There are none: they raise #GP, and in a virtual machine cause VM exits. SDM vol. 3C, section 26.4.2. */
import { Vector } from "../fault.ts";
import { SEG_BASE, TR } from "../state.ts";
import { ExitReason } from "./bus.ts";
import type { SystemContext } from "./context.ts";
import { type DescriptorSource, dplOf, isPresent, SystemType, typeOf } from "./descriptor.ts";
import { isNull, selectorError } from "./segments.ts";

/** What wants the task switch, as the exit qualification has it. SDM vol. 3C, table 28-2. */
export const TaskSwitchSource = { CALL: 0, IRET: 1, JMP: 2, GATE: 3 } as const;
const SOURCE_AT = 30, TI = 4;

const AVAILABLE: readonly number[] = [SystemType.TSS16, SystemType.TSS32];
const BUSY: readonly number[] = [SystemType.TSS16_BUSY, SystemType.TSS32_BUSY];

/** A switch to the task of a TSS selector, once its privilege has been checked. Always false, after a fault or an exit. */
export function attemptTaskSwitch(
  context: SystemContext,
  tables: DescriptorSource,
  selector: number,
  source: number,
): false {
  const returns = source === TaskSwitchSource.IRET;
  const refuse = (vector: number): false => context.raise(vector, selectorError(selector));
  const wrong = returns ? Vector.TS : Vector.GP;
  if ((selector & TI) !== 0 || isNull(selector)) return refuse(wrong);
  const descriptor = tables.read(selector);
  if (descriptor === undefined) return context.failed ? false : refuse(wrong);
  if (!(returns ? BUSY : AVAILABLE).includes(typeOf(descriptor))) return refuse(wrong);
  if (!isPresent(descriptor)) return refuse(Vector.NP);
  if (context.mayExit(ExitReason.TASK_SWITCH, selector | (source << SOURCE_AT))) return false;
  return refuse(Vector.GP);
}

/** Whether a far JMP or CALL names a task: a TSS or a task gate; then it has been attempted. */
export function namesTask(
  context: SystemContext,
  tables: DescriptorSource,
  selector: number,
  source: number,
): boolean {
  if (context.isLong || isNull(selector)) return false;
  const descriptor = tables.read(selector);
  if (descriptor === undefined) return context.failed;
  const type = typeOf(descriptor), isGate = type === SystemType.TASK_GATE;
  if (!isGate && !AVAILABLE.includes(type) && !BUSY.includes(type)) return false;
  const level = Math.max(context.cpl, selector & 3);
  if (dplOf(descriptor) < level) context.raise(Vector.GP, selectorError(selector));
  else if (isGate && !isPresent(descriptor)) context.raise(Vector.NP, selectorError(selector));
  else attemptTaskSwitch(context, tables, isGate ? descriptor.lo >>> 16 : selector, source);
  return true;
}

/** IRET with NT set, outside IA-32e mode: back to the task that the TSS links to. */
export function attemptTaskReturn(context: SystemContext, tables: DescriptorSource): false {
  const link = context.loadAt(TR + SEG_BASE, 0, 2);
  return context.failed ? false : attemptTaskSwitch(context, tables, link, TaskSwitchSource.IRET);
}
