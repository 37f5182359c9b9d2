/** Where and why a program has died of a fault, in words. */
import { PageFaultError, Vector } from "../../cpu/fault.ts";
import { SignalCode } from "../abi/signals.ts";
import { rip } from "../registers.ts";
import type { Task } from "../task.ts";
import type { SignalInfo } from "./state.ts";

/**
 * The end of a sentence that says which signal it died of: `at 0x555555555151 (/tmp/a.out+0x1151): it wrote to 0x0, where
 * nothing is mapped`. Undefined where the signal is not that of a fault.
 */
export function describeFault(
  task: Task,
  { vector, code, error = 0, address = 0n }: SignalInfo,
): string | undefined {
  if (vector === undefined) return undefined;
  const at = rip(task.registers);
  if (vector !== Vector.PF) return `at ${placeOf(task, at)}: ${exceptionName(vector)}`;
  const verb = (error & PageFaultError.W) !== 0
    ? "wrote to"
    : (error & PageFaultError.I) !== 0
    ? "executed"
    : "read from";
  const why = code === SignalCode.SEGV_MAPERR
    ? "where nothing is mapped"
    : code === SignalCode.SEGV_ACCERR
    ? "where it may not"
    : "behind the end of the file";
  return `at ${placeOf(task, at)}: it ${verb} 0x${address.toString(16)}, ${why}`;
}

/** An address, and where it lies in a program or a library: as the tools that read these files have it. */
function placeOf(task: Task, address: number): string {
  const { regions } = task.space, path = regions.find(address)?.backing?.path;
  if (path === undefined) return hex(address);
  const base = regions.list.find(({ backing }) => backing?.path === path)!.start;
  return `${hex(address)} (${path}+${hex(address - base)})`;
}

function exceptionName(vector: number): string {
  const name = Object.entries(Vector).find(([, number]) => number === vector)?.[0];
  return name === undefined ? `exception ${vector}` : `#${name}`;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
