/** What causes VM exits in non-root operation. SDM vol. 3C, chapter 26. */
import { Vector } from "../cpu/fault.ts";
import { Cr0 } from "../cpu/system/control_bits.ts";
import type { InterceptedEvent, Intercepts, LinearHalves, MsrValue } from "../cpu/system/bus.ts";
import { Msr } from "../cpu/system/msr.ts";
import { GPR } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/physical.ts";
import { readApicMsr, writeApicMsr } from "./apic_msrs.ts";
import { CR0_FIXED0 } from "./capabilities.ts";
import { Pin, Primary, Secondary } from "./controls.ts";
import { interruptionOf } from "./exit.ts";
import { Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import { setVirtualPriority, virtualPriority } from "./virtual_apic.ts";
import { Debug, type VmxState } from "./vmx_state.ts";

/** Kinds of access in the qualification of control-register exits. SDM vol. 3C, table 28-3. */
const TO_CR = 0, FROM_CR = 1, CLTS = 2;
const STATUS_WORD = 15;
/** Qualification of I/O exits: INS and OUTS. */
const STRING_IO = 0x10;
/** Bits below the point of the TSC multiplier. SDM vol. 3C, section 26.3. */
const TSC_FRACTION = 48n;

const join = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** The intercepts of a guest. */
export class GuestIntercepts implements Intercepts {
  /** The next event is one that VM entry injects: it is not intercepted itself. */
  injecting = false;

  constructor(readonly state: VmxState) {}

  exit(reason: number, qualification: number, lo: number, hi: number): boolean {
    if (!this.#intercepted(reason, qualification, lo, hi)) return false;
    if (this.state.unit.context.failed) return true;
    const addressed = reason === Reason.IO && (qualification & STRING_IO) !== 0;
    const exit = {
      reason,
      qualification: reason === Reason.INVLPG ? join(lo, hi) : BigInt(qualification >>> 0),
    };
    return this.state.record(addressed ? { ...exit, linear: join(lo, hi) } : exit);
  }

  get cr0Fixed(): number {
    const unrestricted = (this.state.secondary & Secondary.UNRESTRICTED) !== 0;
    return unrestricted ? CR0_FIXED0 & ~(Cr0.PE | Cr0.PG) : CR0_FIXED0;
  }

  visible(n: number, value: number): number {
    if (n !== 0 && n !== 4) return value;
    const mask = this.#mask(n);
    return (value & ~mask) | (this.#shadow(n) & mask);
  }

  effective(n: number, value: number, old: number): number {
    const mask = this.#mask(n);
    return (value & ~mask) | (old & mask);
  }

  timeStamp(now: number): MsrValue {
    const offsets = this.#primary(Primary.TSC_OFFSET), v = this.state.vmcs!;
    const scales = offsets && this.#secondary(Secondary.TSC_SCALING);
    const scaled = scales ? (BigInt(now) * v.read(Field.TSC_MULTIPLIER)) >> TSC_FRACTION : BigInt(now);
    const value = BigInt.asUintN(64, scaled + (offsets ? v.read(Field.TSC_OFFSET) : 0n));
    return { lo: Number(BigInt.asIntN(32, value)), hi: Number(BigInt.asIntN(32, value >> 32n)) };
  }

  event(event: InterceptedEvent, address: LinearHalves | undefined, during?: InterceptedEvent): boolean {
    if (this.injecting && during === undefined) return false;
    const { state } = this;
    if (event.kind === "external" || !this.#catches(event)) return false;
    // A double fault is not considered to arise in a delivery. Section 28.2.4.
    state.vectoring = event.vector === Vector.DF ? undefined : during;
    return state.record({
      reason: Reason.EXCEPTION_OR_NMI,
      qualification: this.#exceptionQualification(event, address),
      interruption: interruptionOf(event),
      errorCode: event.error ?? 0,
      length: event.length,
    });
  }

  /** The address of a page fault, the causes of a debug exception. Table 28-1. */
  #exceptionQualification(
    { vector, kind, cause = 0 }: InterceptedEvent,
    address: LinearHalves | undefined,
  ): bigint {
    if (vector === Vector.PF && kind === "fault") {
      return address !== undefined ? join(address.lo, address.hi) : 0n;
    }
    return BigInt(cause);
  }

  trapped(cause: number): void {
    this.state.debug |= cause | ((cause & Debug.BREAKPOINTS) !== 0 ? Debug.ENABLED : 0);
  }

  get keepsNmisBlocked(): boolean {
    return this.state.pin(Pin.NMI) && !this.state.pin(Pin.VIRTUAL_NMIS);
  }

  unblockedNmis(): void {
    this.state.unblockedNmis = true;
  }

  /** The control of RDTSCP decides. */
  get hasProcessorId(): boolean {
    return this.#secondary(Secondary.RDTSCP);
  }

  readMsr(index: number): MsrValue | undefined {
    if (index === Msr.TSC) return this.timeStamp(this.state.unit.context.bus.tsc());
    return readApicMsr(this.state, index);
  }

  writeMsr(index: number, lo: number, hi: number): boolean | undefined {
    return writeApicMsr(this.state, index, lo, hi);
  }

  taskPriority(): number | undefined {
    if (!this.#primary(Primary.TPR_SHADOW)) return undefined;
    return virtualPriority(this.state) >> 4;
  }

  setTaskPriority(value: number): boolean {
    const { state } = this;
    if (!this.#primary(Primary.TPR_SHADOW)) return false;
    setVirtualPriority(state, value << 4);
    return true;
  }

  interrupted(event: InterceptedEvent): void {
    this.state.vectoring = event;
  }

  tripleFault(): void {
    this.state.vectoring = undefined;
    this.state.record({ reason: Reason.TRIPLE_FAULT, qualification: 0n });
  }

  /** Exception bitmap, and the NMI control. */
  #catches({ vector, kind, error, length }: InterceptedEvent): boolean {
    const { state } = this;
    if (kind === "nmi") return (state.word(Field.PIN_CONTROLS) & Pin.NMI) !== 0;
    const byOpcode = (vector === Vector.BP || vector === Vector.OF) && length === 1;
    if (kind === "software" && !byOpcode) return false;
    const inBitmap = ((state.word(Field.EXCEPTION_BITMAP) >>> vector) & 1) !== 0;
    if (vector !== Vector.PF) return inBitmap;
    const matches = ((error ?? 0) & state.word(Field.PAGE_FAULT_MASK)) === state.word(Field.PAGE_FAULT_MATCH);
    return matches === inBitmap;
  }

  #intercepted(reason: number, qualification: number, lo: number, hi: number): boolean {
    switch (reason) {
      case Reason.HLT:
        return this.#primary(Primary.HLT);
      case Reason.INVLPG:
        return this.#primary(Primary.INVLPG);
      case Reason.INVPCID:
        if (!this.#secondary(Secondary.INVPCID)) return this.#undefined();
        return this.#primary(Primary.INVLPG);
      case Reason.RDPMC:
        return this.#primary(Primary.RDPMC);
      case Reason.RDRAND:
        return this.#secondary(Secondary.RDRAND);
      case Reason.RDSEED:
        return this.#secondary(Secondary.RDSEED);
      case Reason.MWAIT:
        return this.#primary(Primary.MWAIT);
      case Reason.MONITOR:
        return this.#primary(Primary.MONITOR);
      case Reason.PAUSE:
        return this.#primary(Primary.PAUSE) || this.#pausesTooLong();
      case Reason.RDTSC:
        return this.#primary(Primary.RDTSC);
      case Reason.RDTSCP:
        if (!this.#secondary(Secondary.RDTSCP)) return this.#undefined();
        return this.#primary(Primary.RDTSC);
      case Reason.CR_ACCESS:
        return this.#controlAccess(qualification, lo, hi);
      case Reason.DR_ACCESS:
        return this.#primary(Primary.MOV_DR);
      case Reason.IO:
        return this.#port(qualification >>> 16, (qualification & 7) + 1);
      case Reason.RDMSR:
        return this.#msr(lo, 0);
      case Reason.WRMSR:
        return this.#msr(lo, 2048);
      case Reason.WBINVD:
        return this.#secondary(Secondary.WBINVD);
      case Reason.GDTR_IDTR:
      case Reason.LDTR_TR:
        return this.#secondary(Secondary.DESCRIPTOR_TABLES);
      default:
        // CPUID, INVD, XSETBV.
        return true;
    }
  }

  #undefined(): true {
    this.state.unit.context.raise(Vector.UD);
    return true;
  }

  /** PAUSE in a loop that lasts longer than the window. Section 26.1.3, "PAUSE". */
  #pausesTooLong(): boolean {
    const { state } = this, { unit, surroundings } = state;
    if (!this.#secondary(Secondary.PAUSE_LOOP) || unit.context.cpl !== 0) return false;
    const now = surroundings.now();
    const isFirst = now - state.lastPause > state.word(Field.PLE_GAP) >>> 0;
    state.lastPause = now;
    if (isFirst) state.firstPause = now;
    return now - state.firstPause > state.word(Field.PLE_WINDOW) >>> 0;
  }

  #primary(control: number): boolean {
    return this.state.primary(control);
  }
  #secondary(control: number): boolean {
    return (this.state.secondary & control) !== 0;
  }
  #mask(n: number): number {
    return this.state.word(n === 0 ? Field.CR0_MASK : Field.CR4_MASK);
  }
  #shadow(n: number): number {
    return this.state.word(n === 0 ? Field.CR0_SHADOW : Field.CR4_SHADOW);
  }

  /** Section 26.1.3. */
  #controlAccess(qualification: number, lo: number, hi: number): boolean {
    const n = qualification & 15, kind = (qualification >> 4) & 3;
    if (kind === FROM_CR) {
      if (n === 3) return this.#primary(Primary.CR3_STORE);
      return n === 8 && this.#primary(Primary.CR8_STORE);
    }
    if (kind === CLTS) return (this.#mask(0) & Cr0.TS) !== 0 && (this.#shadow(0) & Cr0.TS) !== 0;
    if (kind !== TO_CR) {
      const changed = this.#mask(0) & (lo ^ this.#shadow(0)) & STATUS_WORD;
      // LMSW cannot clear PE.
      return (changed & ~Cr0.PE) !== 0 || ((changed & Cr0.PE) !== 0 && (lo & Cr0.PE) !== 0);
    }
    switch (n) {
      case 0:
      case 4:
        return (this.#mask(n) & (lo ^ this.#shadow(n))) !== 0;
      case 3:
        return this.#primary(Primary.CR3_LOAD) && !this.#isTarget(join(lo, hi));
      case 8:
        return this.#primary(Primary.CR8_LOAD);
      default:
        return false;
    }
  }

  #isTarget(value: bigint): boolean {
    const v = this.state.vmcs!, count = v.word(Field.CR3_TARGET_COUNT);
    for (let n = 0; n < count; n++) if (v.read(Field.CR3_TARGET0 + 2 * n) === value) return true;
    return false;
  }

  /** Section 26.1.3, "IN, INS, OUT, OUTS". */
  #port(port: number, size: number): boolean {
    if (!this.#primary(Primary.IO_BITMAPS)) return this.#primary(Primary.UNCONDITIONAL_IO);
    const v = this.state.vmcs!;
    for (let n = port; n < port + size; n++) {
      if (n > 0xffff) return true;
      const bitmap = v.read(n < 0x8000 ? Field.IO_BITMAP_A : Field.IO_BITMAP_B);
      if (this.#bit(Number(bitmap), n & 0x7fff)) return true;
    }
    return false;
  }

  /** Section 25.6.9. `area`: of the reads, or of the writes. */
  #msr(index: number, area: number): boolean {
    if (!this.#primary(Primary.MSR_BITMAPS)) return true;
    const number = index >>> 0, high = number >= 0xc000_0000;
    const bit = high ? number - 0xc000_0000 : number;
    if (bit > 0x1fff) return true;
    return this.#bit(this.state.vmcs!.address(Field.MSR_BITMAPS) + area + (high ? 1024 : 0), bit);
  }

  /** A bit of a bitmap in RAM; bitmaps outside it catch everything. */
  #bit(bitmap: number, bit: number): boolean {
    const { memory } = this.state, place = bitmap + (bit >> 3);
    return place >= memory.ramBytes || ((memory.u8[RAM_BASE + place]! >> (bit & 7)) & 1) !== 0;
  }
}

/** Value of general register `register`. */
export const gpr = (m: Int32Array, register: number): bigint =>
  join(m[(GPR >> 2) + 2 * register]!, m[(GPR >> 2) + 2 * register + 1]!);
