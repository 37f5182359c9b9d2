/** The VMX instructions. SDM vol. 3C, chapter 31. */
import { Vector } from "../cpu/fault.ts";
import { Flag, writeStatusFlags } from "../cpu/rflags.ts";
import { Cr4 } from "../cpu/system/control_bits.ts";
import { SwitchCause, WorldSwitch } from "../cpu/system/world_switches.ts";
import {
  IN_MEMORY,
  type VmxInstructions,
  VmxInvalidation,
  VmxPointer,
  VmxTransfer,
} from "../cpu/system/vmx_instructions.ts";
import {
  ATTENTION,
  Attention,
  Blocking,
  CR0,
  CR4,
  GPR,
  RETURN_HI,
  RIP,
  VMX_MODE,
  VmxMode,
} from "../cpu/state.ts";
import { CR0_FIXED0, CR4_FIXED0, REVISION } from "./capabilities.ts";
import { loadGuest, setCell } from "./enter.ts";
import { isPage } from "./entry_fields.ts";
import { controlsAreValid } from "./entry_controls.ts";
import { guestFailure } from "./entry_guest.ts";
import { hostIsValid } from "./entry_host.ts";
import { failEntry } from "./exit.ts";
import { Reason, VmError } from "./exit_reasons.ts";
import { Field, isHigh, slotOf } from "./fields.ts";
import { gpr } from "./intercepts.ts";
import { invalidateEpt, invalidateVpid } from "./invalidation.ts";
import { isShadowed, shadowOf } from "./shadow.ts";
import { entersBelowThreshold, exitBehind } from "./virtual_apic.ts";
import { isRegion, revisionOf, Vmcs } from "./vmcs.ts";
import { vmfunc } from "./vmfunc.ts";
import { NO_VMCS, type VmxState } from "./vmx_state.ts";

const POINTER_REASONS: readonly number[] = [Reason.VMXON, Reason.VMPTRLD, Reason.VMPTRST, Reason.VMCLEAR];
const TRANSFER_REASONS: readonly number[] = [Reason.VMXOFF, Reason.VMCALL, Reason.VMLAUNCH, Reason.VMRESUME];

/** The VMX instructions of one processor. */
export class Instructions implements VmxInstructions {
  constructor(readonly state: VmxState) {}

  /** Non-root operation. */
  get inGuest(): boolean {
    return this.state.mode === VmxMode.GUEST;
  }

  pointer(instruction: number, lo: number, hi: number, flags: number): void {
    const { m } = this.state;
    if (instruction === VmxPointer.VMXON) {
      if (!this.#isUsable((m[CR4 >> 2]! & Cr4.VMXE) !== 0)) return;
    } else if (!this.#isUsable(this.state.mode !== VmxMode.OUTSIDE)) return;
    if (this.inGuest) return this.#guestExit(POINTER_REASONS[instruction]!);
    if (!this.#privileged()) return;
    if (instruction === VmxPointer.VMPTRST) {
      const value = this.state.vmcs?.pointer ?? NO_VMCS;
      const { access } = this.state.unit.context;
      access.store64(
        lo,
        hi,
        Number(BigInt.asIntN(32, value)),
        Number(BigInt.asIntN(32, value >> 32n)),
        flags,
      );
      if (!this.#failed) this.#succeed();
      return;
    }
    if (instruction === VmxPointer.VMXON && this.state.mode === VmxMode.OUTSIDE && !this.#mayEnterVmx()) {
      return;
    }
    if (instruction === VmxPointer.VMXON && this.state.mode !== VmxMode.OUTSIDE) {
      return this.#fail(VmError.VMXON_IN_ROOT);
    }
    const pointer = this.#load64(lo, hi, flags);
    if (this.#failed) return;
    if (instruction === VmxPointer.VMXON) this.#vmxon(pointer);
    else if (instruction === VmxPointer.VMPTRLD) this.#vmptrld(pointer);
    else this.#vmclear(pointer);
  }

  transfer(instruction: number, nextLo: number, nextHi: number): number {
    const { state } = this, { m } = state;
    m[RETURN_HI >> 2] = nextHi;
    if (instruction === VmxTransfer.VMFUNC) {
      return this.#isUsable(state.mode !== VmxMode.OUTSIDE, true) ? vmfunc(state, nextLo, nextHi) : nextLo;
    }
    if (!this.#isUsable(state.mode !== VmxMode.OUTSIDE, instruction === VmxTransfer.VMCALL)) return nextLo;
    if (this.inGuest) {
      this.#guestExit(TRANSFER_REASONS[instruction]!);
    } else if (this.#privileged()) {
      if (instruction === VmxTransfer.VMXOFF) {
        m[VMX_MODE >> 2] = VmxMode.OUTSIDE;
        state.vmxon = NO_VMCS;
        state.vmcs = undefined;
        state.noteVmFunctions();
        state.mmu.enterWorld();
        state.unit.context.switches.moved();
        this.#succeed();
        m[ATTENTION >> 2]! |= Attention.NOW; // an INIT may have been waiting
      } else if (instruction === VmxTransfer.VMCALL) {
        this.#fail(VmError.VMCALL_IN_ROOT);
      } else if (this.#enter(instruction === VmxTransfer.VMLAUNCH)) {
        m[RETURN_HI >> 2] = m[(RIP >> 2) + 1]!;
        return m[RIP >> 2]!;
      }
    }
    m[RETURN_HI >> 2] = nextHi;
    return nextLo;
  }

  read(fieldLo: number, fieldHi: number, register: number, lo: number, hi: number, flags: number): void {
    const { state } = this;
    const vmcs = this.#accessible(Reason.VMREAD, fieldLo, fieldHi);
    if (vmcs === undefined) return;
    if (fieldHi !== 0 || slotOf(fieldLo) === undefined) return this.#fail(VmError.UNSUPPORTED_FIELD);
    const long = state.unit.context.is64;
    if (long && register !== IN_MEMORY && !isHigh(fieldLo)) {
      vmcs.load(fieldLo, GPR + 8 * register);
      return this.#succeed();
    }
    const value = vmcs.readEncoding(fieldLo);
    if (register !== IN_MEMORY) {
      setCell(state.m, GPR + 8 * register, long ? value : value & 0xffff_ffffn);
    } else {
      const { access } = state.unit.context;
      const low = Number(BigInt.asIntN(32, value)), high = Number(BigInt.asIntN(32, value >> 32n));
      if (long) access.store64(lo, hi, low, high, flags);
      else access.store32(lo, hi, low, flags);
      if (this.#failed) return;
    }
    this.#succeed();
  }

  write(fieldLo: number, fieldHi: number, register: number, lo: number, hi: number, flags: number): void {
    const { state } = this, long = state.unit.context.is64;
    const vmcs = this.#accessible(Reason.VMWRITE, fieldLo, fieldHi);
    if (vmcs === undefined) return;
    let value: bigint | undefined;
    if (register !== IN_MEMORY) value = undefined;
    else if (long) value = this.#load64(lo, hi, flags);
    else value = BigInt(state.unit.context.access.load32(lo, hi, flags) >>> 0);
    if (this.#failed) return;
    if (fieldHi !== 0 || slotOf(fieldLo) === undefined) return this.#fail(VmError.UNSUPPORTED_FIELD);
    if (value === undefined && long && !isHigh(fieldLo)) {
      vmcs.store(fieldLo, GPR + 8 * register);
    } else {
      value ??= gpr(state.m, register);
      vmcs.writeEncoding(fieldLo, long ? value : value & 0xffff_ffffn, long);
    }
    this.#succeed();
  }

  invalidate(
    instruction: number,
    typeLo: number,
    typeHi: number,
    lo: number,
    hi: number,
    flags: number,
  ): void {
    const { state } = this;
    if (!this.#isUsable(state.mode !== VmxMode.OUTSIDE)) return;
    const ept = instruction === VmxInvalidation.EPT;
    if (this.inGuest) return this.#guestExit(ept ? Reason.INVEPT : Reason.INVVPID);
    if (!this.#privileged()) return;
    const first = this.#load64(lo, hi, flags);
    if (this.#failed) return;
    const at = (lo + 8) | 0;
    const second = this.#load64(at, (hi + (at >>> 0 < lo >>> 0 ? 1 : 0)) | 0, flags);
    if (this.#failed) return;
    const type = typeHi !== 0 ? -1 : typeLo;
    if (ept ? !invalidateEpt(state, type, first, second) : !invalidateVpid(state, type, first, second)) {
      return this.#fail(VmError.INVALIDATION_OPERAND);
    }
    this.#succeed();
  }

  /** VMLAUNCH and VMRESUME. Returns whether RIP is where to go on: in the guest, or in the host after a failure. */
  #enter(launch: boolean): boolean {
    const { state } = this, v = state.vmcs;
    if (v === undefined || v.isShadow) {
      this.#setStatus(Flag.CF);
      return false;
    }
    if ((state.unit.context.shadows & Blocking.MOV_SS) !== 0) {
      return this.#refuse(VmError.EVENTS_BLOCKED_BY_MOV_SS);
    }
    if (launch && v.isLaunched) return this.#refuse(VmError.VMLAUNCH_NOT_CLEAR);
    if (!launch && !v.isLaunched) return this.#refuse(VmError.VMRESUME_NOT_LAUNCHED);
    if (!controlsAreValid(v, state.vmFunctions)) return this.#refuse(VmError.ENTRY_CONTROLS);
    if (!hostIsValid(v, state.unit.context.isLong)) return this.#refuse(VmError.ENTRY_HOST_STATE);
    const failure = guestFailure(v);
    if (failure !== undefined) {
      failEntry(state, Reason.INVALID_GUEST_STATE, failure);
      return true;
    }
    const failed = loadGuest(state);
    if (failed !== 0) {
      failEntry(state, Reason.MSR_LOADING, BigInt(failed));
      return true;
    }
    if (launch) v.isLaunched = true;
    state.entered = true;
    if (entersBelowThreshold(state)) {
      exitBehind(state, { reason: Reason.TPR_BELOW_THRESHOLD, qualification: 0n });
    }
    state.unit.context.switches.count(WorldSwitch.VM_ENTRY, launch ? SwitchCause.VMLAUNCH : 0);
    return true;
  }

  #refuse(error: number): false {
    this.#fail(error);
    return false;
  }

  #guestExit(reason: number): void {
    this.state.record({ reason, qualification: 0n });
  }

  /** The VMCS for VMREAD and VMWRITE; undefined after what forbids them. */
  #accessible(reason: number, fieldLo: number, fieldHi: number): Vmcs | undefined {
    const { state, inGuest } = this;
    if (!this.#isUsable(state.mode !== VmxMode.OUTSIDE)) return undefined;
    if (inGuest && !isShadowed(state, reason, fieldLo, fieldHi)) return void this.#guestExit(reason);
    if (!this.#privileged()) return undefined;
    const vmcs = inGuest ? shadowOf(state) : state.vmcs;
    if (vmcs === undefined) this.#setStatus(Flag.CF);
    return vmcs;
  }

  /** Raises #UD where the instruction is undefined: not in VMX operation, or in compatibility mode. */
  #isUsable(condition: boolean, inCompatibilityMode = false): boolean {
    const { context } = this.state.unit;
    const wrongMode = context.isRealAddress || context.isVirtual8086 ||
      (context.isLong && !context.is64 && !inCompatibilityMode);
    return (condition && (!wrongMode || inCompatibilityMode)) || context.raise(Vector.UD);
  }

  #privileged(): boolean {
    const { context } = this.state.unit;
    return context.cpl === 0 || context.raise(Vector.GP, 0);
  }

  /** Whether CR0 and CR4 are as VMX operation wants them; raises #GP(0). */
  #mayEnterVmx(): boolean {
    const { m, unit } = this.state;
    const fits = (m[CR0 >> 2]! & CR0_FIXED0) === CR0_FIXED0 && (m[CR4 >> 2]! & CR4_FIXED0) === CR4_FIXED0;
    return fits || unit.context.raise(Vector.GP, 0);
  }

  #vmxon(pointer: bigint): void {
    const { state } = this, { memory, m } = state;
    if (!isRegion(memory, pointer) || revisionOf(memory, pointer) !== REVISION) return this.#fail(0);
    state.vmxon = pointer;
    state.vmcs = undefined;
    m[VMX_MODE >> 2] = VmxMode.ROOT;
    state.noteVmFunctions();
    state.mmu.enterWorld();
    state.unit.context.switches.moved();
    this.#succeed();
  }

  #vmptrld(pointer: bigint): void {
    const { state } = this;
    if (!isPage(pointer)) return this.#fail(VmError.VMPTRLD_ADDRESS);
    if (pointer === state.vmxon) return this.#fail(VmError.VMPTRLD_VMXON_POINTER);
    // Outside RAM the revision identifier reads as ones.
    if (!isRegion(state.memory, pointer)) return this.#fail(VmError.VMPTRLD_REVISION);
    const vmcs = new Vmcs(state.memory, pointer);
    if (!vmcs.hasRevision) return this.#fail(VmError.VMPTRLD_REVISION);
    state.vmcs = vmcs;
    this.#succeed();
  }

  #vmclear(pointer: bigint): void {
    const { state } = this;
    if (!isPage(pointer)) return this.#fail(VmError.VMCLEAR_ADDRESS);
    if (pointer === state.vmxon) return this.#fail(VmError.VMCLEAR_VMXON_POINTER);
    if (isRegion(state.memory, pointer)) new Vmcs(state.memory, pointer).isLaunched = false;
    if (state.vmcs?.pointer === pointer) state.vmcs = undefined;
    this.#succeed();
  }

  #load64(lo: number, hi: number, flags: number): bigint {
    const { m, unit } = this.state;
    const low = unit.context.access.load64(lo, hi, flags);
    return (BigInt(m[RETURN_HI >> 2]! >>> 0) << 32n) | BigInt(low >>> 0);
  }

  get #failed(): boolean {
    return this.state.unit.context.failed;
  }

  #succeed(): void {
    this.#setStatus(0);
  }

  /**
   * VMfailValid with an error number if there is a current VMCS, else VMfailInvalid. SDM vol. 3C, section 31.2. The number
   * goes into the current VMCS, also where a guest's VMREAD or VMWRITE went to the shadow VMCS.
   */
  #fail(error: number): void {
    const { vmcs } = this.state;
    vmcs?.write(Field.INSTRUCTION_ERROR, error);
    this.#setStatus(vmcs !== undefined ? Flag.ZF : Flag.CF);
  }

  #setStatus(flags: number): void {
    writeStatusFlags(this.state.m, flags);
  }
}
