/** The machine as one processor sees it: the bus, its own local APIC in front of it, and the MSRs outside the core. */
import type { CpuidResult, CpuidState } from "../cpu/cpuid.ts";
import { asModelled, type CpuModelName, reservedInCr4 } from "../cpu/cpuid_models.ts";
import { machineCpuid } from "../cpu/machine_cpuid.ts";
import type { MsrValue, SystemBus } from "../cpu/system/bus.ts";
import type { MonitoredLine } from "../cpu/system/monitor.ts";
import type { Mmio } from "../memory/mmio.ts";
import type { AccessSize, Bus } from "./bus.ts";
import type { LocalApic } from "./devices/local_apic.ts";
import { fields, type Shape, time, u32 } from "../snapshot/shape.ts";
import { APIC_MSRS_STATE, ApicMsrs, type ApicMsrsState } from "./devices/x2apic.ts";
import { type CrossOver, IA32_CROSSOVER_CTL } from "../crossover/crossover.ts";
import { capability, VM_FUNCTIONS, WORLD_CALL_FUNCTION } from "../vmx/capabilities.ts";
import {
  MEMORY_TYPE_RANGES_STATE,
  MemoryTypeRanges,
  type MemoryTypeRangesState,
} from "./memory_type_ranges.ts";
import { SPECULATION_MSRS_STATE, SpeculationMsrs, type SpeculationMsrsState } from "./speculation_msrs.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** Numbers of the MSRs. SDM vol. 4, table 2-2. */
const TSC = 0x10, PLATFORM_ID = 0x17, APIC_BASE = 0x1b, TSC_ADJUST = 0x3b, BIOS_SIGNATURE = 0x8b;
const MCG_CAP = 0x179, MCG_STATUS = 0x17a;
const MISC_ENABLE = 0x1a0, TSC_DEADLINE = 0x6e0;
/**
 * IA32_MISC_ENABLE: fast strings, MONITOR; branch trace storage and precise event-based sampling unavailable. Thermal
 * control, SpeedStep and xTPR messages can be enabled, too, and there is nothing that it does. Bit 22 limits CPUID to leaves
 * 0 to 2, bit 34 disables XD.
 */
const MISC_ENABLE_RESET = 0x4_1801, MISC_ENABLE_WRITABLE = 0xc5_0009, MISC_ENABLE_MONITOR = 0x4_0000;
const MISC_ENABLE_LIMIT = 0x40_0000, MISC_ENABLE_NO_XD = 4;
/**
 * MSR_POWER_CTL. The SDM lists it for processors with the default model's signature, but not its bits (vol. 4, the table of
 * MSRs of the 2nd to 4th generations: "See biosbits.org"). Bit 1 is the one that operating systems change: it enables C1E.
 */
const POWER_CONTROL = 0x1fc, POWER_CONTROL_C1E = 2;
/** In the upper half of IA32_BIOS_SIGN_ID: the last one published for the processor whose signature CPUID has. */
const MICROCODE_REVISION = 0x28;
const TWO_32 = 0x1_0000_0000;

const split = (value: number): MsrValue => ({ lo: value % TWO_32 | 0, hi: Math.floor(value / TWO_32) | 0 });
const join = (lo: number, hi: number): number => (hi >>> 0) * TWO_32 + (lo >>> 0);

/** What a processor knows of its machine. */
export interface MachineTraits {
  /** How many processors there are. */
  readonly processors: number;
  /** The processor has VMX. */
  readonly hasVmx: boolean;
  /** Its model. */
  readonly cpu: CpuModelName;
  /** The processor spins. */
  pause(): void;
  /** It waits for a store (cpu/system/bus.ts). */
  waitForStore(line: MonitoredLine, endsWithMasked: boolean): void;
}

/** Saved state of the MSRs outside the core. */
export type ProcessorBusState = {
  readonly apicMsrs: ApicMsrsState;
  readonly memoryTypes: MemoryTypeRangesState;
  readonly speculation: SpeculationMsrsState;
  readonly tscOffset: number;
  readonly miscEnable: number;
  readonly miscEnableHigh: number;
  readonly powerControl: number;
};
/** What it looks like. */
export const PROCESSOR_BUS_STATE: Shape<ProcessorBusState> = fields({
  apicMsrs: APIC_MSRS_STATE,
  memoryTypes: MEMORY_TYPE_RANGES_STATE,
  speculation: SPECULATION_MSRS_STATE,
  tscOffset: time,
  miscEnable: u32,
  miscEnableHigh: u32,
  powerControl: u32,
});

/** One processor's view. */
export class ProcessorBus implements SystemBus, Mmio {
  readonly #apicMsrs: ApicMsrs;
  readonly #memoryTypes = new MemoryTypeRanges();
  readonly #speculation = new SpeculationMsrs();
  readonly reservedCr4: number;
  /** What the TSC is ahead of virtual time. */
  #tscOffset = 0;
  #miscEnable = MISC_ENABLE_RESET;
  #miscEnableHigh = 0;
  #powerControl = 0;
  /** World calls, where the machine has them. */
  crossover: CrossOver | undefined;

  constructor(
    readonly bus: Bus,
    readonly apic: LocalApic,
    readonly clock: VirtualClock,
    readonly machine: MachineTraits,
  ) {
    this.#apicMsrs = new ApicMsrs(apic);
    this.reservedCr4 = reservedInCr4(machine.cpu);
  }

  /** Whether the local APIC is there at all: without it the 8259's interrupts come directly. */
  get hasApic(): boolean {
    return this.#apicMsrs.isEnabled;
  }

  /** Whether this is the bootstrap processor. */
  get isBootstrap(): boolean {
    return this.#apicMsrs.isBootstrap;
  }

  pause(): void {
    this.machine.pause();
  }

  get hasMonitor(): boolean {
    return (this.#miscEnable & MISC_ENABLE_MONITOR) !== 0;
  }

  get hasXd(): boolean {
    return (this.#miscEnableHigh & MISC_ENABLE_NO_XD) === 0;
  }

  waitForStore(line: MonitoredLine, endsWithMasked: boolean): void {
    this.machine.waitForStore(line, endsWithMasked);
  }

  in(port: number, size: number): number {
    return this.bus.in(port, size as AccessSize);
  }
  out(port: number, size: number, value: number): void {
    this.bus.out(port, size as AccessSize, value);
  }

  read(hpa: number, size: AccessSize): number {
    const offset = hpa - this.#apicMsrs.page;
    if (offset < 0 || offset >= 0x1000 || !this.#apicMsrs.isMapped) return this.bus.read(hpa, size);
    return this.apic.readPage(offset, size);
  }
  write(hpa: number, size: AccessSize, value: number): void {
    const offset = hpa - this.#apicMsrs.page;
    if (offset < 0 || offset >= 0x1000 || !this.#apicMsrs.isMapped) return this.bus.write(hpa, size, value);
    this.apic.writePage(offset, value, size);
  }

  tsc(): number {
    return this.clock.now() + this.#tscOffset;
  }

  now(): number {
    return this.clock.now();
  }

  cr8(): number {
    return this.apic.taskPriority;
  }
  setCr8(value: number): void {
    this.apic.taskPriority = value;
  }

  /** There are no caches to write back. */
  invd(): void {}

  cpuid(leaf: number, subleaf: number, state: CpuidState): CpuidResult {
    return this.crossover?.cpuid(leaf) ??
      asModelled(
        this.machine.cpu,
        leaf,
        subleaf,
        machineCpuid(leaf, subleaf, state, {
          apicId: this.apic.id,
          hasApic: this.hasApic,
          hasVmx: this.machine.hasVmx,
          hasMonitor: this.hasMonitor,
          isLimited: (this.#miscEnable & MISC_ENABLE_LIMIT) !== 0,
          hasXd: this.hasXd,
          processors: this.machine.processors,
        }),
      );
  }

  readMsr(index: number): MsrValue | undefined {
    switch (index) {
      case TSC:
        return split(this.tsc());
      case TSC_ADJUST:
        return split(this.#tscOffset);
      case APIC_BASE:
        return this.#apicMsrs.base;
      case TSC_DEADLINE:
        return this.#readDeadline();
      case BIOS_SIGNATURE:
        return { lo: 0, hi: MICROCODE_REVISION };
      case PLATFORM_ID:
      // No machine-check banks.
      case MCG_CAP:
      case MCG_STATUS:
        return { lo: 0, hi: 0 };
      case MISC_ENABLE:
        return { lo: this.#miscEnable, hi: this.#miscEnableHigh };
      case POWER_CONTROL:
        return { lo: this.#powerControl, hi: 0 };
      case IA32_CROSSOVER_CTL:
        return this.crossover?.readControl();
      default:
        if (this.#apicMsrs.has(index)) return this.#apicMsrs.read(index);
        return this.#memoryTypes.read(index) ?? this.#speculation.read(index) ??
          (this.machine.hasVmx ? capability(index, this.#vmFunctions) : undefined);
    }
  }

  writeMsr(index: number, lo: number, hi: number): boolean {
    switch (index) {
      case TSC:
        this.#tscOffset = join(lo, hi) - this.clock.now();
        return true;
      case TSC_ADJUST:
        this.#tscOffset = hi * TWO_32 + (lo >>> 0);
        return true;
      case APIC_BASE:
        return this.#apicMsrs.setBase(lo, hi);
      case TSC_DEADLINE:
        this.#setDeadline(join(lo, hi));
        return true;
      case BIOS_SIGNATURE:
        return true;
      case MCG_STATUS:
        return lo === 0 && hi === 0;
      case MISC_ENABLE:
        if ((hi & ~MISC_ENABLE_NO_XD) !== 0) return false;
        this.#miscEnableHigh = hi;
        this.#miscEnable = (MISC_ENABLE_RESET & ~MISC_ENABLE_WRITABLE) | (lo & MISC_ENABLE_WRITABLE);
        return true;
      case POWER_CONTROL:
        if (hi !== 0 || (lo & ~POWER_CONTROL_C1E) !== 0) return false;
        this.#powerControl = lo;
        return true;
      case IA32_CROSSOVER_CTL:
        return this.crossover?.writeControl(lo, hi) ?? false;
      default:
        if (this.#apicMsrs.has(index)) return this.#apicMsrs.write(index, lo, hi);
        return this.#speculation.write(index, lo, hi) ?? this.#memoryTypes.write(index, lo, hi);
    }
  }

  saveState(): ProcessorBusState {
    return {
      apicMsrs: this.#apicMsrs.saveState(),
      memoryTypes: this.#memoryTypes.saveState(),
      speculation: this.#speculation.saveState(),
      tscOffset: this.#tscOffset,
      miscEnable: this.#miscEnable,
      miscEnableHigh: this.#miscEnableHigh,
      powerControl: this.#powerControl,
    };
  }

  loadState(
    { apicMsrs, memoryTypes, speculation, tscOffset, miscEnable, miscEnableHigh, powerControl }:
      ProcessorBusState,
  ): void {
    this.#apicMsrs.loadState(apicMsrs);
    this.#memoryTypes.loadState(memoryTypes);
    this.#speculation.loadState(speculation);
    this.#tscOffset = tscOffset;
    this.#miscEnable = miscEnable;
    this.#miscEnableHigh = miscEnableHigh;
    this.#powerControl = powerControl;
  }

  get #vmFunctions(): number {
    return this.crossover === undefined ? VM_FUNCTIONS : VM_FUNCTIONS | WORLD_CALL_FUNCTION;
  }

  /** The TSC value for which the timer is armed; 0: none. */
  #readDeadline(): MsrValue {
    const { deadline } = this.apic.timer;
    return split(deadline === Infinity ? 0 : deadline + this.#tscOffset);
  }

  #setDeadline(tsc: number): void {
    const now = this.clock.now();
    this.apic.timer.setDeadline(tsc === 0 ? Infinity : tsc - this.#tscOffset, now);
    this.apic.changed();
  }
}
