/** The frame of a signal on the program's stack, and the way back. Linux: arch/x86/include/asm/sigframe.h. */
import { Flag, readRflags, writeRflags } from "../../cpu/rflags.ts";
import * as state from "../../cpu/state.ts";
import { Errno, fail } from "../abi/errno.ts";
import { ActionFlag, SignalCode } from "../abi/signals.ts";
import type { UserMemory } from "../memory/user_memory.ts";
import { big, gpr, resetFpu, setBig, setGpr, setNumber, USER_CS, USER_SS } from "../registers.ts";
import type { Task } from "../task.ts";
import { SignalSet } from "./set.ts";
import type { SignalAction, SignalInfo } from "./state.ts";

const { Gpr } = state;

/** Order of the general registers in struct sigcontext. */
const CONTEXT_REGISTERS = [
  Gpr.R8,
  Gpr.R9,
  Gpr.R10,
  Gpr.R11,
  Gpr.R12,
  Gpr.R13,
  Gpr.R14,
  Gpr.R15,
  Gpr.RDI,
  Gpr.RSI,
  Gpr.RBP,
  Gpr.RBX,
  Gpr.RDX,
  Gpr.RAX,
  Gpr.RCX,
  Gpr.RSP,
]; // deno-fmt-ignore

/** Offsets in struct rt_sigframe: return address, ucontext, siginfo. */
const UCONTEXT = 8;
const UC_STACK = UCONTEXT + 16;
const MCONTEXT = UCONTEXT + 40;
const MC_RIP = MCONTEXT + 128;
const MC_FLAGS = MCONTEXT + 136;
const MC_CS = MCONTEXT + 144;
const MC_SS = MCONTEXT + 150;
const MC_ERR = MCONTEXT + 152;
const MC_FPSTATE = MCONTEXT + 184;
const UC_SIGMASK = UCONTEXT + 296;
const SIGINFO = UCONTEXT + 304;
const FRAME_BYTES = SIGINFO + 128;

/** XSAVE image for x87 and SSE: legacy region, header, and the magic number behind. */
const XSAVE_BYTES = 576;
const FP_XSTATE_MAGIC1 = 0x4650_5853;
const FP_XSTATE_MAGIC2 = 0x4650_5845;
/** UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS. */
const UC_FLAGS = 7;
const SS_ONSTACK = 1;
const SS_DISABLE = 2;
const SS_AUTODISARM = 0x8000_0000;

/** True if the stack pointer is on the alternate stack. */
export function onAltStack(task: Task): boolean {
  const { start, size } = task.altStack;
  const rsp = gpr(task.registers, Gpr.RSP);
  return size !== 0 && rsp > start && rsp <= start + size;
}

/** Flags of sigaltstack(2) as they are now. */
export function altStackFlags(task: Task): number {
  if (task.altStack.size === 0) return SS_DISABLE;
  return (onAltStack(task) ? SS_ONSTACK : 0) | (task.altStack.flags & SS_AUTODISARM);
}

/** Builds the frame and enters the program's function. Fails with EFAULT if the stack cannot take it. */
export function pushFrame(task: Task, info: SignalInfo, action: SignalAction, mask: SignalSet): void {
  const { registers, memory } = task;
  let stack = gpr(registers, Gpr.RSP) - 128; // the red zone stays
  if ((action.flags & ActionFlag.ONSTACK) !== 0 && task.altStack.size !== 0 && !onAltStack(task)) {
    stack = task.altStack.start + task.altStack.size;
  }
  if ((action.flags & ActionFlag.RESTORER) === 0) fail(Errno.EFAULT);
  const fpstate = stack - XSAVE_BYTES - 4 - (stack - XSAVE_BYTES - 4) % 64;
  const frame = fpstate - FRAME_BYTES - (fpstate - FRAME_BYTES) % 16 - 8;
  if (frame < 0x1000) fail(Errno.EFAULT);

  const bytes = new Uint8Array(FRAME_BYTES);
  const view = new DataView(bytes.buffer);
  const put = (at: number, value: number): void => {
    view.setUint32(at, value >>> 0, true);
    view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000) | 0, true);
  };
  put(0, action.restorer);
  put(UCONTEXT, UC_FLAGS);
  put(UC_STACK, task.altStack.start);
  put(UC_STACK + 8, altStackFlags(task));
  put(UC_STACK + 16, task.altStack.size);
  CONTEXT_REGISTERS.forEach((n, i) =>
    view.setBigUint64(MCONTEXT + 8 * i, big(registers, state.GPR + 8 * n), true)
  );
  view.setBigUint64(MC_RIP, big(registers, state.RIP), true);
  put(MC_FLAGS, readRflags(registers));
  view.setUint16(MC_CS, USER_CS, true);
  view.setUint16(MC_SS, USER_SS, true);
  put(MC_ERR, info.error ?? 0);
  put(MC_ERR + 8, info.vector ?? 0);
  put(MC_ERR + 16, mask.lo >>> 0); // oldmask
  view.setBigUint64(MC_ERR + 24, info.vector === 14 ? info.address ?? 0n : 0n, true);
  put(MC_FPSTATE, fpstate);
  view.setInt32(UC_SIGMASK, mask.lo, true);
  view.setInt32(UC_SIGMASK + 4, mask.hi, true);
  bytes.set(encodeInfo(info), SIGINFO);

  memory.write(fpstate, saveFpu(registers));
  memory.write(frame, bytes);
  if ((task.altStack.flags & SS_AUTODISARM) !== 0) task.altStack = { start: 0, size: 0, flags: SS_DISABLE };

  setNumber(registers, state.RIP, action.entry);
  setGpr(registers, Gpr.RSP, frame);
  setGpr(registers, Gpr.RDI, info.signal);
  setGpr(registers, Gpr.RSI, frame + SIGINFO);
  setGpr(registers, Gpr.RDX, frame + UCONTEXT);
  setGpr(registers, Gpr.RAX, 0);
  writeRflags(registers, readRflags(registers) & ~(Flag.DF | Flag.RF | Flag.TF));
  resetFpu(registers);
}

/** rt_sigreturn(2): takes everything back from the frame. Fails with EFAULT if it makes no sense. */
export function popFrame(task: Task): void {
  const { registers, memory } = task;
  const frame = gpr(registers, Gpr.RSP) - 8;
  const bytes = memory.read(frame, FRAME_BYTES);
  const view = new DataView(bytes.buffer);
  CONTEXT_REGISTERS.forEach((n, i) =>
    setBig(registers, state.GPR + 8 * n, view.getBigUint64(MCONTEXT + 8 * i, true))
  );
  setBig(registers, state.RIP, view.getBigUint64(MC_RIP, true));
  const KEPT = Flag.IF | Flag.IOPL | Flag.VM | Flag.VIF | Flag.VIP;
  const flags = view.getInt32(MC_FLAGS, true);
  writeRflags(registers, (flags & ~KEPT) | Flag.IF);
  const fpstate = Number(view.getBigUint64(MC_FPSTATE, true));
  if (fpstate === 0) resetFpu(registers);
  else loadFpu(registers, memory.read(fpstate, 512));
  task.setMask(new SignalSet(view.getInt32(UC_SIGMASK, true), view.getInt32(UC_SIGMASK + 4, true)));
  const size = Number(view.getBigUint64(UC_STACK + 16, true));
  const stackFlags = view.getUint32(UC_STACK + 8, true);
  task.altStack = (stackFlags & SS_DISABLE) !== 0
    ? { start: 0, size: 0, flags: SS_DISABLE }
    : { start: Number(view.getBigUint64(UC_STACK, true)), size, flags: stackFlags & SS_AUTODISARM };
}

/** siginfo_t: 128 bytes. */
export function encodeInfo(info: SignalInfo): Uint8Array {
  if (info.raw !== undefined) return info.raw;
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, info.signal, true);
  view.setInt32(8, info.code, true);
  if (info.address !== undefined) {
    view.setBigUint64(16, info.address, true);
    return bytes;
  }
  if (info.code === SignalCode.TIMER) {
    view.setInt32(16, info.timer ?? 0, true);
    view.setInt32(20, info.overrun ?? 0, true);
  } else {
    view.setInt32(16, info.pid ?? 0, true);
    view.setInt32(20, info.uid ?? 0, true);
    view.setInt32(24, info.status ?? 0, true);
  }
  if (info.value !== undefined) view.setBigUint64(24, info.value, true);
  return bytes;
}

/** Writes a siginfo_t to a program's memory. */
export function writeInfo(memory: UserMemory, linear: number, info: SignalInfo): void {
  memory.write(linear, encodeInfo(info));
}

/** The XSAVE image of x87 and SSE, with the marks by which programs know it. SDM vol. 1, section 10.5.1 and 13.4. */
export function saveFpu(registers: Int32Array): Uint8Array {
  const bytes = new Uint8Array(XSAVE_BYTES + 4);
  const view = new DataView(bytes.buffer);
  const cell = (offset: number): number => registers[offset >> 2]!;
  view.setUint16(0, cell(state.FCW), true);
  view.setUint16(2, cell(state.FSW), true);
  view.setUint8(4, cell(state.FTW));
  view.setUint16(6, cell(state.FOP), true);
  view.setBigUint64(8, big(registers, state.FIP), true);
  view.setBigUint64(16, big(registers, state.FDP), true);
  view.setInt32(24, cell(state.MXCSR), true);
  view.setInt32(28, 0xffff, true);
  const top = (cell(state.FSW) >>> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const from = state.X87 + 16 * ((top + i) & 7);
    view.setInt32(32 + 16 * i, cell(from), true);
    view.setInt32(36 + 16 * i, cell(from + 4), true);
    view.setUint16(40 + 16 * i, cell(from + state.X87_EXPONENT), true);
  }
  for (let i = 0; i < 64; i++) view.setInt32(160 + 4 * i, cell(state.XMM + 4 * i), true);
  view.setUint32(464, FP_XSTATE_MAGIC1, true);
  view.setUint32(468, XSAVE_BYTES + 4, true);
  view.setUint32(472, 3, true);
  view.setUint32(480, XSAVE_BYTES, true);
  view.setUint32(512, 3, true); // XSTATE_BV: x87 and SSE
  view.setUint32(XSAVE_BYTES, FP_XSTATE_MAGIC2, true);
  return bytes;
}

/** Loads x87 and SSE from the legacy region of an XSAVE image. */
export function loadFpu(registers: Int32Array, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const set = (offset: number, value: number): void => {
    registers[offset >> 2] = value;
  };
  set(state.FCW, view.getUint16(0, true));
  set(state.FSW, view.getUint16(2, true));
  set(state.FTW, view.getUint8(4));
  set(state.FOP, view.getUint16(6, true) & 0x7ff);
  setBig(registers, state.FIP, view.getBigUint64(8, true));
  setBig(registers, state.FDP, view.getBigUint64(16, true));
  set(state.MXCSR, view.getInt32(24, true) & 0xffff);
  const top = (view.getUint16(2, true) >>> 11) & 7;
  for (let i = 0; i < 8; i++) {
    const to = state.X87 + 16 * ((top + i) & 7);
    set(to, view.getInt32(32 + 16 * i, true));
    set(to + 4, view.getInt32(36 + 16 * i, true));
    set(to + state.X87_EXPONENT, view.getUint16(40 + 16 * i, true));
  }
  for (let i = 0; i < 64; i++) set(state.XMM + 4 * i, view.getInt32(160 + 4 * i, true));
}
