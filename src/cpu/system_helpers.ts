/** Implementations of the helpers of the system instructions (rows: helpers/system.ts). */
import { cpuid } from "./cpuid.ts";
import { Vector } from "./fault.ts";
import type { StateMemory } from "./guest_memory.ts";
import type { HelperFunction, HelperImplementations } from "./helpers.ts";
import { PRIVILEGED_HELPERS, SYSTEM_HELPERS } from "./helpers/system.ts";
import { RandomNumbers } from "./random.ts";
import { Flag } from "./rflags.ts";
import { CPL, CR0, CR4, GPR, Gpr, RFLAGS_SYSTEM, TLB_BASE, XCR0 } from "./state.ts";
import { ExitReason, type SystemBus } from "./system/bus.ts";
import type { SystemAccess } from "./system/context.ts";
import { Cr4 } from "./system/control_bits.ts";
import { HOSTED_DESCRIPTORS } from "./system/descriptor_tables.ts";
import { ProcessorSeat, type SystemHelpers } from "./system/seat.ts";
import type { SlotSize } from "./system/stack.ts";
import { SystemUnit } from "./system/unit.ts";
import { RingLink, type WorldControl } from "./system/world_control.ts";

/** Two 64-bit operands and what goes with them, in the order of VmxInstructions. */
type VmxOperands = [number, number, number, number, number, number];

/** Virtual time, also while a block runs. */
export interface GuestClock {
  cycles(): number;
}

/** What the system instructions take from the machine. */
export interface SystemSources {
  readonly clock: GuestClock;
  /** Seed of RDRAND and RDSEED. */
  readonly seed: number;
  /**
   * The system unit of a processor with its own operating system, or the seat where several take turns; without it the
   * host is the operating system.
   */
  readonly unit?: SystemUnit | ProcessorSeat | undefined;
  /** I/O ports of a processor without one. Default: nothing is there, and all ones are read. */
  readonly ports?: IoPorts | undefined;
}

/** What IN and OUT reach. */
export type IoPorts = Pick<SystemBus, "in" | "out">;

/** Creates the helpers over a linear memory. */
export function createSystemHelpers(
  memory: StateMemory,
  access: SystemAccess,
  { clock, seed, unit, ports = NO_PORTS }: SystemSources,
): SystemHelpers {
  if (unit instanceof ProcessorSeat) {
    return unit.helpers(Object.keys(SYSTEM_HELPERS) as (keyof typeof SYSTEM_HELPERS)[]);
  }
  const numbers = new RandomNumbers(seed);
  if (unit !== undefined) return systemHelpers(unit, numbers);
  const hosted = new SystemUnit(memory, access, NO_WORLDS, hostedBus(clock, ports), HOSTED_DESCRIPTORS);
  return { ...systemHelpers(hosted, numbers), ...refusals(memory.i32, access) };
}

/** The helpers of one processor with its own operating system. */
export function systemHelpers(unit: SystemUnit, numbers: RandomNumbers): SystemHelpers {
  const { context, segments, control, debug, tables, queries, far, interruptReturn, fastCalls, msrs, io } =
    unit;
  const { m } = context;
  const setGpr = (register: number, value: number): void => {
    m[(GPR >> 2) + 2 * register] = value;
    m[(GPR >> 2) + 2 * register + 1] = 0;
  };
  const undefinedInstruction = (): number => Number(context.raise(Vector.UD));
  return {
    cpuid: () => {
      if (context.mayExit(ExitReason.CPUID)) return;
      const leaf = m[(GPR >> 2) + 2 * Gpr.RAX]!, subleaf = m[(GPR >> 2) + 2 * Gpr.RCX]!;
      const cr4 = m[CR4 >> 2]!;
      const state = {
        osxsave: (cr4 & Cr4.OSXSAVE) !== 0,
        ospke: (cr4 & Cr4.PKE) !== 0,
        xcr0: m[XCR0 >> 2]!,
      };
      const [eax, ebx, ecx, edx] = context.bus.cpuid?.(leaf, subleaf, state) ?? cpuid(leaf, subleaf, state);
      setGpr(Gpr.RAX, eax);
      setGpr(Gpr.RBX, ebx);
      setGpr(Gpr.RCX, ecx);
      setGpr(Gpr.RDX, edx);
    },
    read_tsc: (rdtscp: number) => unit.timeStamp(rdtscp !== 0),
    may_read_id: () => {
      if (context.intercepts?.hasProcessorId === false) context.raise(Vector.UD);
    },
    read_pmc: () => {
      const forbidden = context.cpl > 0 && (m[CR4 >> 2]! & Cr4.PCE) === 0;
      if (forbidden || !context.mayExit(ExitReason.RDPMC)) context.raise(Vector.GP, 0);
    },
    random: (seed: number) => {
      if (context.mayExit(seed !== 0 ? ExitReason.RDSEED : ExitReason.RDRAND)) return 0;
      const hi = numbers.next();
      return context.wide(numbers.next(), hi);
    },
    hold_interrupts: (by: number) => context.holdInterrupts(by),
    load_segment: (n: number, selector: number) => segments.load(n, selector),
    access_rights: (selector: number) => queries.accessRights(selector),
    segment_limit: (selector: number) => queries.limit(selector),
    verify_segment: (selector: number, write: number) => queries.verify(selector, write !== 0),
    far_jump: (selector: number, lo: number, hi: number, next: number) => far.jump(selector, lo, hi, next),
    far_call: (selector: number, lo: number, hi: number, size: number, nextLo: number, nextHi: number) =>
      far.call(selector, lo, hi, size as SlotSize, nextLo, nextHi),
    far_return: (size: number, drop: number) => far.return(size as SlotSize, drop),
    interrupt_return: (size: number, next: number) => interruptReturn.return(size as SlotSize, next),
    user_interrupts: (enable: number) => unit.virtual.setInterrupts(enable),
    virtual_flags: (size: number) => unit.virtual.image(size),
    set_virtual_flags: (image: number, size: number) => {
      if (unit.virtual.mayTake(image, size)) unit.virtual.take(image, size);
    },
    write_pkru: (value: number) => control.writePkru(value),
    port_in: (port: number, size: number) => io.in(port, size),
    port_out: (port: number, size: number, value: number) => io.out(port, size, value),
    pause: () => {
      if (!context.mayExit(ExitReason.PAUSE)) context.bus.pause?.();
    },
    check_status_word: () => tables.checkStatusWord(),
    flags_written: () => {
      if ((m[CR4 >> 2]! & Cr4.SMAP) !== 0) context.world.enterWorld();
    },
    read_control: (n: number, register: number) => control.read(n, register),
    read_debug: (n: number, register: number) => debug.read(n, register),
    write_control: (n: number, lo: number, hi: number, register: number) =>
      control.write(n, lo, hi, register),
    write_debug: (n: number, lo: number, hi: number, register: number) => debug.write(n, lo, hi, register),
    load_status_word: (value: number) => control.loadStatusWord(value),
    clear_task_switched: () => control.clearTaskSwitched(),
    read_msr: () => msrs.readInstruction(),
    write_msr: () => msrs.writeInstruction(),
    load_table: (table: number, lo: number, hi: number, size: number, flags: number) =>
      tables.load(table, lo, hi, size, flags),
    store_table: (table: number, lo: number, hi: number, flags: number) => tables.store(table, lo, hi, flags),
    table_selector: (table: number) => tables.selector(table),
    load_ldt: (selector: number) => tables.loadLdt(selector),
    load_task: (selector: number) => tables.loadTask(selector),
    invalidate_page: (lo: number, hi: number) => control.invalidatePage(lo, hi),
    invalidate_pcid: (typeLo: number, typeHi: number, lo: number, hi: number, flags: number) =>
      control.invalidatePcid(typeLo, typeHi, lo, hi, flags),
    invalidate_caches: (writeBack: number) => unit.invalidateCaches(writeBack !== 0),
    sysret: (size: number) => fastCalls.sysret(size),
    sysexit: (size: number) => fastCalls.sysexit(size),
    sysenter: () => fastCalls.sysenter(),
    set_extended_control: () => control.setExtendedControl(),
    swap_gs: () => unit.swapGs(),
    monitor: (lo: number, hi: number, flags: number) => unit.monitor.monitor(lo, hi, flags),
    monitor_wait: () => unit.monitor.wait(),
    set_alignment_check: (value: number) => {
      const from = m[TLB_BASE >> 2]!;
      m[RFLAGS_SYSTEM >> 2] = (m[RFLAGS_SYSTEM >> 2]! & ~Flag.AC) | (value !== 0 ? Flag.AC : 0);
      context.world.enterWorld();
      if (m[TLB_BASE >> 2] !== from) context.world.linkRing?.(from, RingLink.AC);
    },
    vmx_pointer: (which: number, lo: number, hi: number, flags: number) =>
      unit.vmx === undefined ? undefinedInstruction() : unit.vmx.pointer(which, lo, hi, flags),
    vmx_transfer: (which: number, lo: number, hi: number) =>
      unit.vmx === undefined ? undefinedInstruction() : unit.vmx.transfer(which, lo, hi),
    vmx_read: (...given: number[]) =>
      unit.vmx === undefined ? undefinedInstruction() : unit.vmx.read(...given as VmxOperands),
    vmx_write: (...given: number[]) =>
      unit.vmx === undefined ? undefinedInstruction() : unit.vmx.write(...given as VmxOperands),
    vmx_invalidate: (...given: number[]) =>
      unit.vmx === undefined ? undefinedInstruction() : unit.vmx.invalidate(...given as VmxOperands),
    may_halt: () => void context.mayExit(ExitReason.HLT),
    port_ins: (form: number, repeated: number, lo: number, hi: number) => io.ins(form, repeated, lo, hi),
    port_outs: (form: number, repeated: number, lo: number, hi: number) => io.outs(form, repeated, lo, hi),
  };
}

/** A processor whose exceptions the host settles stays in one world as far as its instructions go. */
const NO_WORLDS: WorldControl = {
  enterWorld: () => {},
  loadCr3: () => {},
  loadPdptes: () => "loaded",
  invalidatePage: () => {},
  invalidatePcid: () => {},
  flushAll: () => {},
  breakpoints: undefined,
  breakpointsChanged: () => {},
};

const NO_PORTS: IoPorts = { in: () => -1, out: () => {} };

/** There is nothing but ports on the bus of such a processor. */
function hostedBus(clock: GuestClock, ports: IoPorts): SystemBus {
  return {
    in: (port, size) => ports.in(port, size),
    out: (port, size, value) => ports.out(port, size, value),
    readMsr: () => undefined,
    writeMsr: () => false,
    tsc: () => clock.cycles(),
    now: () => clock.cycles(),
    cr8: () => 0,
    setCr8: () => {},
    invd: () => {},
  };
}

/**
 * What an operating system's instructions raise there: #GP(0) in programs, as with CR4.UMIP, no SYSENTER and no ports;
 * #UD in bare code of privilege level 0.
 */
function refusals(
  m: Int32Array,
  access: SystemAccess,
): HelperImplementations<typeof PRIVILEGED_HELPERS> & { check_status_word: HelperFunction } {
  const refuse = (): number => {
    const program = m[CPL >> 2] === 3;
    access.raise(program ? Vector.GP : Vector.UD, program ? 0 : -1);
    return 0;
  };
  const names = Object.keys(PRIVILEGED_HELPERS) as (keyof typeof PRIVILEGED_HELPERS)[];
  const all = Object.fromEntries(names.map((name) => [name, refuse]));
  return {
    ...all as HelperImplementations<typeof PRIVILEGED_HELPERS>,
    check_status_word: () => {
      if (m[CPL >> 2] === 3) access.raise(Vector.GP, 0);
      return m[CR0 >> 2]!;
    },
  };
}
