/** From SYSCALL to the implementation and back. System V ABI AMD64, A.2.1. */
import { Gpr } from "../../cpu/state.ts";
import { Errno, SyscallError } from "../abi/errno.ts";
import { NotExecutable } from "../elf.ts";
import type { Outcome } from "../blocked.ts";
import type { Task } from "../task.ts";
import type { Conversion } from "./row.ts";
import { SYSTEM_CALLS } from "./table.ts";

/** Registers of the arguments, in order, as positions of their low halves in the state. */
const ARGUMENTS = [Gpr.RDI, Gpr.RSI, Gpr.RDX, Gpr.R10, Gpr.R8, Gpr.R9].map((n) => 2 * n);
const NO_ARGUMENTS: readonly number[] = [0, 0, 0, 0, 0, 0];

/** Makes the system call that the task's registers ask for. */
export function runSystemCall(task: Task): void {
  const { registers, system } = task;
  const number = registers[2 * Gpr.RAX]!;
  task.callNumber = number;
  const call = SYSTEM_CALLS[number];
  if (call === undefined) {
    system.strace?.missing(task, number);
    system.finishCall(task, -Errno.ENOSYS);
    return;
  }
  const { conversions } = call;
  const count = conversions.length;
  const a = count > 0 ? argument(registers, 0, conversions[0]!) : 0;
  const b = count > 1 ? argument(registers, 1, conversions[1]!) : 0;
  const c = count > 2 ? argument(registers, 2, conversions[2]!) : 0;
  const d = count > 3 ? argument(registers, 3, conversions[3]!) : 0;
  const e = count > 4 ? argument(registers, 4, conversions[4]!) : 0;
  const f = count > 5 ? argument(registers, 5, conversions[5]!) : 0;
  system.strace?.enter(task, call, count === 0 ? NO_ARGUMENTS : [a, b, c, d, e, f]);
  let outcome: Outcome;
  try {
    outcome = call.run(task, a, b, c, d, e, f);
  } catch (error) {
    if (error instanceof SyscallError) outcome = -error.errno;
    else if (error instanceof NotExecutable) outcome = -Errno.ENOEXEC;
    else throw error;
  }
  if (!task.dead) system.settle(task, outcome);
}

function argument(registers: Int32Array, index: number, conversion: Conversion): number {
  const at = ARGUMENTS[index]!;
  const low = registers[at]!;
  switch (conversion) {
    case "i32":
      return low;
    case "u32":
      return low >>> 0;
    case "u64":
      return (low >>> 0) + (registers[at + 1]! >>> 0) * 0x1_0000_0000;
    case "i64":
      return (low >>> 0) + registers[at + 1]! * 0x1_0000_0000;
  }
}
