/** System instructions that programs use: CPUID, RDTSC, RDRAND, XGETBV, SYSCALL. SDM vol. 2. */
import type { Value } from "../../ir/types.ts";
import { Event, Vector } from "../../cpu/fault.ts";
import { Mode } from "../../cpu/mode.ts";
import { Flag } from "../../cpu/rflags.ts";
import { CR4, EFER, Gpr, MSR_TSC_AUX, PKRU, XCR0 } from "../../cpu/state.ts";
import { Efer } from "../../cpu/system/control_bits.ts";
import type { Operand } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";
import { packedFlags } from "./rflags_image.ts";

/** CPUID. */
export function CPUID(t: Translator): void {
  t.call("cpuid");
}

/** PAUSE: the machine may let another processor have its turn. */
export function PAUSE(t: Translator): void {
  t.call("pause");
  t.redispatch();
}

const CR4_TSD = 4, CR4_OSXSAVE_BIT = 18, CR4_PKE_BIT = 22;

function timeStamp(t: Translator, rdtscp: boolean): void {
  const { ir } = t;
  if ((t.mode & (Mode.USER | Mode.MIDDLE)) !== 0) {
    ir.faultIf(ir.and(ir.get(CR4, "i32"), ir.i32(CR4_TSD)), Vector.GP, 0);
  }
  const count = t.call("read_tsc", ir.i32(rdtscp ? 1 : 0));
  t.writeGpr(Gpr.RAX, ir.low(count));
  t.writeGpr(Gpr.RDX, ir.high(count));
}

/** RDTSC: EDX:EAX ← the time-stamp counter; #GP(0) with CR4.TSD unless CPL is 0. It ends its block: there time is exact. */
export function RDTSC(t: Translator): void {
  timeStamp(t, false);
  t.jump(t.next);
}

/** RDTSCP: and ECX ← IA32_TSC_AUX. */
export function RDTSCP(t: Translator): void {
  timeStamp(t, true);
  t.writeGpr(Gpr.RCX, t.ir.get(MSR_TSC_AUX, "i32"));
  t.jump(t.next);
}

/** RDPID: IA32_TSC_AUX. */
export function RDPID(t: Translator, dst: Operand): void {
  t.call("may_read_id");
  t.write(dst, t.ir.trunc(t.ir.get(MSR_TSC_AUX, "i64"), dst.kind === "gpr" ? intType(dst.size) : "i64"));
}

/** RDRAND: CF = 1, the other flags 0: there always is a number. */
export function RDRAND(t: Translator, dst: Operand): void {
  randomNumber(t, dst, false);
}
/** RDSEED. */
export function RDSEED(t: Translator, dst: Operand): void {
  randomNumber(t, dst, true);
}

function randomNumber(t: Translator, dst: Operand, seed: boolean): void {
  const { ir } = t, zero = ir.i32(0), one = ir.i32(1);
  t.write(dst, ir.trunc(t.call("random", ir.i32(seed ? 1 : 0)), t.operandType));
  t.setFlags({ cf: one, pf: one, af: zero, zf: one, sf: zero, of: zero });
}

/**
 * XGETBV: EDX:EAX ← XCR0; register 1 is XCR0 and which components are in use: all, as XSAVE has it. #UD without
 * CR4.OSXSAVE, #GP(0) for other registers.
 */
export function XGETBV(t: Translator): void {
  const { ir } = t;
  const enabled: Value = ir.and(ir.shr(ir.get(CR4, "i32"), ir.i32(CR4_OSXSAVE_BIT)), ir.i32(1));
  ir.faultIf(ir.xor(enabled, ir.i32(1)), Vector.UD);
  ir.faultIf(ir.ltu(ir.i32(1), t.readGpr(Gpr.RCX, 4)), Vector.GP, 0);
  const mask = ir.get(XCR0, "i64");
  t.writeGpr(Gpr.RAX, ir.low(mask));
  t.writeGpr(Gpr.RDX, ir.high(mask));
}

/** #UD without CR4.PKE, #GP(0) unless ECX is 0. */
function checkKeys(t: Translator): void {
  const { ir } = t;
  const enabled = ir.and(ir.shr(ir.get(CR4, "i32"), ir.i32(CR4_PKE_BIT)), ir.i32(1));
  ir.faultIf(ir.xor(enabled, ir.i32(1)), Vector.UD);
  ir.faultIf(t.readGpr(Gpr.RCX, 4), Vector.GP, 0);
}

/** RDPKRU: EAX ← PKRU, EDX ← 0. SDM vol. 2B. */
export function RDPKRU(t: Translator): void {
  checkKeys(t);
  t.writeGpr(Gpr.RAX, t.ir.get(PKRU, "i32"));
  t.writeGpr(Gpr.RDX, t.ir.i32(0));
}

/** WRPKRU: PKRU ← EAX; #GP(0) unless EDX is 0. SDM vol. 2D. */
export function WRPKRU(t: Translator): void {
  checkKeys(t);
  t.ir.faultIf(t.readGpr(Gpr.RDX, 4), Vector.GP, 0);
  t.call("write_pkru", t.readGpr(Gpr.RAX, 4));
  t.redispatch();
}

/** SYSCALL: RCX ← RIP, R11 ← RFLAGS; the dispatcher's caller does the rest. #UD outside 64-bit mode and without EFER.SCE. */
export function SYSCALL(t: Translator): void {
  if (!t.long) return t.fault(Vector.UD);
  const { ir } = t;
  ir.faultIf(ir.xor(ir.and(ir.get(EFER, "i32"), ir.i32(Efer.SCE)), ir.i32(Efer.SCE)), Vector.UD);
  const flags = ir.and(packedFlags(t), ir.i32(~Flag.RF));
  t.writeGpr(Gpr.RCX, ir.i64(t.next));
  t.writeGpr(Gpr.R11, ir.zext(flags, "i64"));
  t.end({ kind: "event", event: Event.SYSCALL, vector: 0, error: -1, rip: t.next, retired: true });
}

/** SYSRET. */
export function SYSRET(t: Translator): void {
  t.end({ kind: "redispatch", target: t.call("sysret", t.ir.i32(t.instruction.operandSize)) });
}
/** SYSENTER. */
export function SYSENTER(t: Translator): void {
  t.end({ kind: "redispatch", target: t.call("sysenter") });
}
/** SYSEXIT. */
export function SYSEXIT(t: Translator): void {
  t.end({ kind: "redispatch", target: t.call("sysexit", t.ir.i32(t.instruction.operandSize)) });
}

/** RDPMC: #GP(0): there are no performance counters. */
export function RDPMC(t: Translator): void {
  t.call("read_pmc");
}

/** SMSW: CR0; #GP(0) at CPL 3 with CR4.UMIP. */
export function SMSW(t: Translator, dst: Operand): void {
  const value = t.ir.zext(t.call("check_status_word"), "i64");
  t.write(dst, t.ir.trunc(value, dst.kind === "gpr" ? intType(dst.size) : "i16"));
}

/** Port number of IN and OUT: an immediate byte, or DX. */
function portOf(t: Translator, operand: Operand): Value {
  return t.ir.zext(t.read(operand), "i32");
}

/** IN: a value of 1, 2 or 4 bytes. #GP(0) where IOPL and the I/O permission map forbid it. */
export function IN(t: Translator, dst: Operand, port: Operand): void {
  const type = dst.kind === "gpr" ? intType(dst.size) : "i32";
  const value = t.call("port_in", portOf(t, port), t.ir.i32(t.instruction.operandSize));
  t.write(dst, t.ir.trunc(value, type));
  t.redispatch();
}
/** OUT. */
export function OUT(t: Translator, port: Operand, src: Operand): void {
  const { ir } = t, value = ir.zext(t.read(src), "i32");
  t.call("port_out", portOf(t, port), ir.i32(t.instruction.operandSize), value);
  t.redispatch();
}

/** ARPL: raises the RPL of dst to that of src; ZF = it was below, and only then memory is written. */
export function ARPL(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t;
  const x = ir.low(t.read(dst)), y = ir.and(ir.low(t.read(src)), ir.i32(3));
  const below = ir.ltu(ir.and(x, ir.i32(3)), y);
  const raised = ir.or(ir.and(x, ir.i32(~3)), y);
  if (dst.kind === "mem") {
    t.checkWritable(dst, below); // only what is written
    t.call("store_16_if", below, t.address(dst), raised);
  } else {
    t.write(dst, ir.zext(ir.select(below, raised, x), "i16"));
  }
  t.setFlags({ zf: ir.xor(below, ir.i32(1)) });
}
