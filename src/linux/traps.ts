/** Exceptions of programs: pages that come on demand, and the signals for all others. Linux: arch/x86/kernel/traps.c. */
import { PageFaultError, Vector } from "../cpu/fault.ts";
import { Flag } from "../cpu/rflags.ts";
import { CR2, FCW, FSW, Gpr, MXCSR, RFLAGS_SYSTEM } from "../cpu/state.ts";
import type { Stop } from "../machine/processor.ts";
import { Errno, SyscallError } from "./abi/errno.ts";
import { Signal, SignalCode } from "./abi/signals.ts";
import type { FaultAccess } from "./memory/address_space.ts";
import { USER_END } from "./memory/page_tables.ts";
import { big, rip, setBig, setGpr } from "./registers.ts";
import type { Task } from "./task.ts";
import { RIP } from "../cpu/state.ts";

/** Acts on a stop that is no system call. */
export function onStop(task: Task, stop: Exclude<Stop, { kind: "budget" | "syscall" }>): void {
  if (stop.kind === "halt") return fault(task, Signal.SEGV, SignalCode.KERNEL, Vector.GP, 0, 0n);
  if (stop.kind === "interrupt") return onInterrupt(task, stop.vector);
  if (stop.vector === Vector.PF) return onPageFault(task, stop.error, stop.address);
  const address = big(task.registers, RIP);
  const error = Math.max(0, stop.error);
  switch (stop.vector) {
    case Vector.DE:
      return fault(task, Signal.FPE, SignalCode.FPE_INTDIV, stop.vector, 0, address);
    case Vector.DB:
      task.registers[RFLAGS_SYSTEM >> 2]! &= ~Flag.TF;
      return fault(task, Signal.TRAP, SignalCode.TRAP_TRACE, stop.vector, 0, address);
    case Vector.BP:
      return fault(task, Signal.TRAP, SignalCode.KERNEL, stop.vector, 0, undefined);
    case Vector.UD:
      return fault(task, Signal.ILL, SignalCode.ILL_ILLOPN, stop.vector, 0, address);
    case Vector.MF:
      return fault(task, Signal.FPE, x87Code(task), stop.vector, 0, address);
    case Vector.XM:
      return fault(task, Signal.FPE, sseCode(task), stop.vector, 0, address);
    case Vector.AC:
      return fault(task, Signal.BUS, SignalCode.BUS_ADRALN, stop.vector, error, address);
    case Vector.SS:
    case Vector.NP:
      return fault(task, Signal.BUS, SignalCode.KERNEL, stop.vector, error, undefined);
    default: // OF BR TS GP and what user code cannot raise
      return fault(task, Signal.SEGV, SignalCode.KERNEL, stop.vector, error, undefined);
  }
}

function fault(
  task: Task,
  signal: number,
  code: number,
  vector: number,
  error: number,
  address: bigint | undefined,
): void {
  // A fault of the kernel's code has no address, but the bytes of it in siginfo are there.
  const info = { signal, code, vector, error, address: address ?? 0n };
  task.system.signals.force(task, info);
}

function onInterrupt(task: Task, vector: number): void {
  switch (vector) {
    case 0x80:
      // The 32-bit system-call table is not there, as with CONFIG_IA32_EMULATION off.
      task.system.strace?.note(task, "int 0x80: 32-bit system calls are not implemented");
      setGpr(task.registers, Gpr.RAX, -Errno.ENOSYS);
      return;
    case Vector.BP:
      return fault(task, Signal.TRAP, SignalCode.KERNEL, vector, 0, undefined);
    case Vector.DB:
      return fault(task, Signal.TRAP, SignalCode.TRAP_BRKPT, vector, 0, big(task.registers, RIP));
    case Vector.OF:
      return fault(task, Signal.SEGV, SignalCode.KERNEL, vector, 0, undefined);
    default: {
      // Gates of other vectors have DPL 0: #GP with the vector in the error code, at the instruction.
      setBig(task.registers, RIP, big(task.registers, RIP) - 2n);
      return fault(task, Signal.SEGV, SignalCode.KERNEL, Vector.GP, vector * 8 + 2, undefined);
    }
  }
}

function onPageFault(task: Task, error: number, address: bigint): void {
  const access: FaultAccess = (error & PageFaultError.W) !== 0
    ? "write"
    : (error & PageFaultError.I) !== 0
    ? "execute"
    : "read";
  setBig(task.registers, CR2, address);
  if (address >= BigInt(USER_END)) {
    return fault(task, Signal.SEGV, SignalCode.SEGV_MAPERR, Vector.PF, error, address);
  }
  try {
    switch (task.space.fault(Number(address), access)) {
      case "resolved":
        return;
      case "unmapped":
        return fault(task, Signal.SEGV, SignalCode.SEGV_MAPERR, Vector.PF, error, address);
      case "denied":
        return fault(task, Signal.SEGV, SignalCode.SEGV_ACCERR, Vector.PF, error, address);
      case "beyond-end":
        return fault(task, Signal.BUS, SignalCode.BUS_ADRERR, Vector.PF, error, address);
    }
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    if (thrown.errno === Errno.ENOMEM) outOfMemory(task);
    else fault(task, Signal.BUS, SignalCode.BUS_ADRERR, Vector.PF, error, address);
  }
}

/** Ends the program that needs memory that is not there. */
export function outOfMemory(task: Task): void {
  const kilobytes = task.system.memory.frames.total * 4;
  task.system.warn(
    `out of memory: killed ${task.name} (pid ${task.group.pid}) at 0x${
      rip(task.registers).toString(16)
    }; programs have ${kilobytes < 1024 ? `${kilobytes} KB` : `${Math.floor(kilobytes / 1024)} MB`}`,
  );
  task.system.endGroup(task.group, { kind: "signaled", signal: Signal.KILL });
}

/** `si_code` for an x87 exception: the highest that is pending and not masked. */
function x87Code(task: Task): number {
  const control = task.registers[FCW >> 2]!, status = task.registers[FSW >> 2]!;
  return floatCode(status & ~control);
}

function sseCode(task: Task): number {
  const mxcsr = task.registers[MXCSR >> 2]!;
  return floatCode(mxcsr & ~(mxcsr >>> 7));
}

function floatCode(exceptions: number): number {
  if ((exceptions & 1) !== 0) return SignalCode.FPE_FLTINV;
  if ((exceptions & 4) !== 0) return SignalCode.FPE_FLTDIV;
  if ((exceptions & 8) !== 0) return SignalCode.FPE_FLTOVF;
  if ((exceptions & 0x12) !== 0) return SignalCode.FPE_FLTUND; // underflow and denormal operand
  if ((exceptions & 0x20) !== 0) return SignalCode.FPE_FLTRES;
  return 0;
}
