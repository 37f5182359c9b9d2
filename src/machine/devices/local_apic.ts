/** The local APIC: xAPIC registers, x2APIC MSRs, priorities, timer, interprocessor interrupts. SDM vol. 3A, chapter 11. */
import { bool, fields, i32, list, type Shape, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { AccessSize } from "../bus.ts";
import { APIC_TIMER_STATE, ApicTimer, type ApicTimerState } from "./apic_timer.ts";
import { DeliveryMode, type InterruptDestination, type InterruptMessage } from "./interrupt_message.ts";
import { VECTOR_SET_STATE, VectorSet } from "./vector_set.ts";

/** Registers: offset in the page, and 16 times the MSR's distance from 800H. */
export const ApicRegister = {
  ID: 0x20,
  VERSION: 0x30,
  TASK_PRIORITY: 0x80,
  ARBITRATION_PRIORITY: 0x90,
  PROCESSOR_PRIORITY: 0xa0,
  EOI: 0xb0,
  LOGICAL_DESTINATION: 0xd0,
  DESTINATION_FORMAT: 0xe0,
  SPURIOUS: 0xf0,
  IN_SERVICE: 0x100,
  TRIGGER_MODE: 0x180,
  REQUEST: 0x200,
  ERROR_STATUS: 0x280,
  ICR_LOW: 0x300,
  ICR_HIGH: 0x310,
  LVT_TIMER: 0x320,
  LVT_THERMAL: 0x330,
  LVT_PERFORMANCE: 0x340,
  LVT_LINT0: 0x350,
  LVT_LINT1: 0x360,
  LVT_ERROR: 0x370,
  INITIAL_COUNT: 0x380,
  CURRENT_COUNT: 0x390,
  DIVIDE: 0x3e0,
  SELF_IPI: 0x3f0,
} as const;
const Register = ApicRegister;

/** Where the registers are after reset. */
export const APIC_PAGE = 0xfee0_0000;

/** In the version register, beside the number of LVT entries less one: an integrated APIC. */
export const APIC_VERSION = 0x14;
const VERSION = APIC_VERSION | 0x5_0000;
const SOFTWARE_ENABLED = 0x100;
const MASKED = 0x1_0000, LVT_PENDING = 0x1000;
/** Bits of each LVT entry that software can write. */
const LVT_WRITABLE: Readonly<Record<number, number>> = {
  [Register.LVT_TIMER]: 0x7_00ff,
  [Register.LVT_THERMAL]: 0x1_07ff,
  [Register.LVT_PERFORMANCE]: 0x1_07ff,
  [Register.LVT_LINT0]: 0x1_a7ff,
  [Register.LVT_LINT1]: 0x1_a7ff,
  [Register.LVT_ERROR]: 0x1_00ff,
};
const ICR_WRITABLE = 0xc_cfff, ICR_LEVEL_TRIGGER = 0x8000, ICR_ASSERT = 0x4000, ICR_LOGICAL = 0x800;
/** Error status. */
const SEND_ILLEGAL_VECTOR = 0x20, RECEIVE_ILLEGAL_VECTOR = 0x40, ILLEGAL_REGISTER = 0x80;
const FLAT = 0xffff_ffff;

/** Places of registers in the page: one every 16 bytes. */
const REGISTERS = 64;
const STATE: Shape<State> = fields({
  nmi: bool,
  x2: bool,
  timer: APIC_TIMER_STATE,
  registers: list(i32, REGISTERS),
  requested: VECTOR_SET_STATE,
  inService: VECTOR_SET_STATE,
  levels: VECTOR_SET_STATE,
  errors: u8,
});
type State = {
  readonly nmi: boolean;
  readonly x2: boolean;
  readonly timer: ApicTimerState;
  readonly registers: readonly number[];
  readonly requested: readonly number[];
  readonly inService: readonly number[];
  readonly levels: readonly number[];
  readonly errors: number;
};

/** What a local APIC is wired to. */
export interface ApicWires {
  /** Virtual time. */
  now(): number;
  /** What is pending, or when the timer expires, may have changed. */
  changed(): void;
  /** Sends an interprocessor interrupt. */
  send(message: InterruptMessage, destination: InterruptDestination): void;
  /** A level-triggered interrupt has been served. */
  endOfInterrupt(vector: number): void;
}

/** The local APIC of one processor, as firmware leaves it: enabled, LINT0 for the 8259, LINT1 for NMI. */
export class LocalApic implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  /** Non-maskable interrupts that wait for the processor. */
  nmi = false;
  /** x2APIC mode: the registers are MSRs, destinations have 32 bits. */
  x2 = false;
  readonly timer: ApicTimer = new ApicTimer();
  readonly #wires: ApicWires;
  readonly #registers = new Map<number, number>();
  readonly #requested = new VectorSet();
  readonly #inService = new VectorSet();
  readonly #levels = new VectorSet();
  #errors = 0;

  constructor(readonly id: number, wires: ApicWires) {
    this.#wires = wires;
    this.reset();
    this.#set(Register.SPURIOUS, SOFTWARE_ENABLED | 0xff);
    this.#set(Register.LVT_LINT0, DeliveryMode.EXTINT << 8);
    this.#set(Register.LVT_LINT1, DeliveryMode.NMI << 8);
  }

  /** The state after power-up and INIT. */
  reset(): void {
    this.#registers.clear();
    this.#requested.clear();
    this.#inService.clear();
    this.#levels.clear();
    this.#errors = 0;
    this.nmi = false;
    this.#set(Register.ID, this.id << 24);
    this.#set(Register.DESTINATION_FORMAT, FLAT);
    this.#set(Register.SPURIOUS, 0xff);
    for (const entry of Object.keys(LVT_WRITABLE)) this.#set(Number(entry), MASKED);
    this.timer.setMode(0, 0);
    this.timer.start(0, 0);
  }

  /** The interrupt to take next: highest vector above the processor's priority; -1: none. */
  pending(): number {
    const vector = this.#requested.highest();
    return vector >= 0 && vector >> 4 > this.priority >> 4 ? vector : -1;
  }

  /** The processor takes the interrupt that is pending. */
  acknowledge(): number {
    const vector = this.pending();
    if (vector < 0) return this.#get(Register.SPURIOUS) & 0xff;
    this.#requested.delete(vector);
    this.#inService.add(vector);
    return vector;
  }

  /** Whether LINT0 lets an interrupt of the 8259 through. */
  get acceptsExternal(): boolean {
    const lint0 = this.#get(Register.LVT_LINT0);
    return (lint0 & MASKED) === 0 && ((lint0 >> 8) & 7) === DeliveryMode.EXTINT;
  }

  /** When the timer interrupts next; Infinity: never. */
  nextTimer(): number {
    return (this.#get(Register.LVT_TIMER) & MASKED) === 0 ? this.timer.next() : Infinity;
  }

  /** When the timer brings an interrupt that the processor's priority lets through; Infinity: never. */
  nextInterrupt(): number {
    const vector = this.#get(Register.LVT_TIMER) & 0xff;
    return vector >> 4 > this.priority >> 4 ? this.nextTimer() : Infinity;
  }

  /** Tells that what is pending, or when the timer expires, may have changed. */
  changed(): void {
    this.#wires.changed();
  }

  /** Lets the timer interrupt if it has expired. */
  advance(): void {
    if (this.timer.expired(this.#wires.now())) this.#local(Register.LVT_TIMER);
  }

  /** A message arrives. INIT and STARTUP are the processor's own matter. */
  accept({ mode, vector, level }: InterruptMessage): void {
    if (mode === DeliveryMode.NMI) {
      this.nmi = true;
      this.#wires.changed();
      return;
    }
    if (mode !== DeliveryMode.FIXED && mode !== DeliveryMode.LOWEST_PRIORITY) return;
    if (vector < 16) return this.#error(RECEIVE_ILLEGAL_VECTOR);
    if ((this.#get(Register.SPURIOUS) & SOFTWARE_ENABLED) === 0) return;
    this.#requested.add(vector);
    if (level) this.#levels.add(vector);
    else this.#levels.delete(vector);
    this.#wires.changed();
  }

  /** Whether a destination without shorthand means this processor. SDM vol. 3A, section 11.6.2. */
  matches({ logical, id }: InterruptDestination): boolean {
    if (!logical) {
      if (this.x2) return id === this.id || id === -1;
      return (id & 0xff) === 0xff || id === this.#get(Register.ID) >>> 24;
    }
    if (this.x2) {
      const own = this.#logicalId();
      return id === -1 || (id >>> 16 === own >>> 16 && (id & own & 0xffff) !== 0);
    }
    const own = this.#get(Register.LOGICAL_DESTINATION) >>> 24;
    if (this.#get(Register.DESTINATION_FORMAT) >>> 28 === 0xf) return (own & id & 0xff) !== 0;
    return (id & 0xff) === 0xff || (own >> 4 === (id >> 4 & 0xf) && (own & id & 0xf) !== 0);
  }

  /** CR8: bits 7:4 of the task-priority register. */
  get taskPriority(): number {
    return this.#get(Register.TASK_PRIORITY) >> 4;
  }
  set taskPriority(priority: number) {
    this.write(Register.TASK_PRIORITY, priority << 4);
  }

  /** Reads the page. Registers have 32 bits at 16-byte boundaries; parts of one can be read. */
  readPage(offset: number, size: AccessSize): number {
    const value = this.read(offset & ~0xf) >>> (8 * (offset & 3));
    if ((offset & 0xc) !== 0) return 0;
    return size === 4 ? value | 0 : value & (size === 2 ? 0xffff : 0xff);
  }

  /** Writes the page. Only aligned 32-bit writes are defined; others are ignored. */
  writePage(offset: number, value: number, size: AccessSize): void {
    if (size === 4 && (offset & 0xf) === 0) this.write(offset, value);
  }

  /** Reads a register. */
  read(register: number): number {
    const now = this.#wires.now();
    if (register >= Register.IN_SERVICE && register < Register.ERROR_STATUS) {
      const set = register >= Register.REQUEST
        ? this.#requested
        : register >= Register.TRIGGER_MODE
        ? this.#levels
        : this.#inService;
      return set.words[(register >> 4) & 7]!;
    }
    switch (register) {
      case Register.ID:
        return this.x2 ? this.id : this.#get(register);
      case Register.VERSION:
        return VERSION;
      case Register.PROCESSOR_PRIORITY:
      case Register.ARBITRATION_PRIORITY:
        return this.priority;
      case Register.LOGICAL_DESTINATION:
        return this.x2 ? this.#logicalId() : this.#get(register);
      case Register.INITIAL_COUNT:
        return this.timer.initial | 0;
      case Register.CURRENT_COUNT:
        return this.timer.current(now) | 0;
      default:
        return this.#get(register);
    }
  }

  /** Writes a register. */
  write(register: number, value: number): void {
    const now = this.#wires.now();
    const writable = LVT_WRITABLE[register];
    if (writable !== undefined) {
      if (register === Register.LVT_TIMER) this.#setTimerEntry(value & writable);
      else this.#setLvt(register, value & writable);
      return this.#wires.changed();
    }
    switch (register) {
      case Register.ID:
      case Register.LOGICAL_DESTINATION:
        this.#set(register, value & (0xff << 24));
        break;
      case Register.DESTINATION_FORMAT:
        this.#set(register, value | 0xfff_ffff);
        break;
      case Register.TASK_PRIORITY:
        this.#set(register, value & 0xff);
        break;
      case Register.EOI:
        this.#endOfInterrupt();
        break;
      case Register.SPURIOUS:
        this.#setSpurious(value);
        break;
      case Register.ERROR_STATUS:
        this.#set(register, this.#errors);
        this.#errors = 0;
        break;
      case Register.ICR_HIGH:
        this.#set(register, value & (0xff << 24));
        break;
      case Register.ICR_LOW:
        this.#set(register, value & ICR_WRITABLE);
        this.command(value & ICR_WRITABLE, this.#get(Register.ICR_HIGH) >>> 24);
        break;
      case Register.INITIAL_COUNT:
        this.timer.start(value, now);
        break;
      case Register.DIVIDE:
        this.timer.setDivide(value, now);
        this.#set(register, value & 0xb);
        break;
      case Register.VERSION:
      case Register.PROCESSOR_PRIORITY:
      case Register.ARBITRATION_PRIORITY:
      case Register.CURRENT_COUNT:
        break;
      default:
        if (register < Register.IN_SERVICE || register >= Register.ERROR_STATUS) {
          this.#error(ILLEGAL_REGISTER);
        }
    }
    this.#wires.changed();
  }

  /** The interrupt-command register of x2APIC mode, whose destination has 32 bits. */
  commandX2(low: number, destination: number): void {
    this.#set(Register.ICR_LOW, low);
    this.command(low, destination);
  }

  /** Sends the interprocessor interrupt that an interrupt command describes. */
  command(low: number, destination: number): void {
    const mode = (low >> 8) & 7, vector = low & 0xff;
    // INIT level de-assert: for processors that no longer exist.
    if (mode === DeliveryMode.INIT && (low & ICR_LEVEL_TRIGGER) !== 0 && (low & ICR_ASSERT) === 0) return;
    if ((mode === DeliveryMode.FIXED || mode === DeliveryMode.LOWEST_PRIORITY) && vector < 16) {
      return this.#error(SEND_ILLEGAL_VECTOR);
    }
    this.#wires.send({ mode, vector, level: false }, {
      shorthand: (low >> 18) & 3,
      logical: (low & ICR_LOGICAL) !== 0,
      id: destination | 0,
    });
  }

  saveState(): State {
    return {
      nmi: this.nmi,
      x2: this.x2,
      timer: this.timer.saveState(),
      registers: Array.from({ length: REGISTERS }, (_, n) => this.#get(n << 4)),
      requested: [...this.#requested.words],
      inService: [...this.#inService.words],
      levels: [...this.#levels.words],
      errors: this.#errors,
    };
  }

  loadState(state: State): void {
    this.nmi = state.nmi;
    this.x2 = state.x2;
    this.timer.loadState(state.timer);
    for (const [n, value] of state.registers.entries()) this.#set(n << 4, value);
    this.#requested.words.set(state.requested);
    this.#inService.words.set(state.inService);
    this.#levels.words.set(state.levels);
    this.#errors = state.errors;
  }

  /** The logical ID of x2APIC mode, made of the ID. */
  #logicalId(): number {
    return ((this.id >>> 4) << 16) | (1 << (this.id & 0xf));
  }

  #setTimerEntry(value: number): void {
    const wasMasked = (this.#get(Register.LVT_TIMER) & MASKED) !== 0;
    // What expired while the entry was masked is gone.
    if (wasMasked) this.timer.expired(this.#wires.now());
    this.#setLvt(Register.LVT_TIMER, value);
    this.timer.setMode((value >> 17) & 3, this.#wires.now());
  }

  #setLvt(register: number, value: number): void {
    const enabled = (this.#get(Register.SPURIOUS) & SOFTWARE_ENABLED) !== 0;
    this.#set(register, (enabled ? value : value | MASKED) & ~LVT_PENDING);
  }

  #setSpurious(value: number): void {
    this.#set(Register.SPURIOUS, value & 0x3ff);
    if ((value & SOFTWARE_ENABLED) !== 0) return;
    for (const entry of Object.keys(LVT_WRITABLE)) {
      this.#set(Number(entry), this.#get(Number(entry)) | MASKED);
    }
  }

  /** An interrupt of the APIC's own, as its LVT entry says. */
  #local(entry: number): void {
    const lvt = this.#get(entry);
    if ((lvt & MASKED) !== 0) return;
    this.accept({ mode: DeliveryMode.FIXED, vector: lvt & 0xff, level: false });
  }

  #error(error: number): void {
    this.#errors |= error;
    const lvt = this.#get(Register.LVT_ERROR);
    if ((lvt & MASKED) === 0 && (lvt & 0xff) >= 16) this.#local(Register.LVT_ERROR);
  }

  #endOfInterrupt(): void {
    const vector = this.#inService.highest();
    if (vector < 0) return;
    this.#inService.delete(vector);
    if (this.#levels.has(vector)) this.#wires.endOfInterrupt(vector);
  }

  /** The processor-priority register. SDM vol. 3A, section 11.8.3.1. */
  get priority(): number {
    const task = this.#get(Register.TASK_PRIORITY), served = Math.max(0, this.#inService.highest());
    return task >> 4 >= served >> 4 ? task : served & 0xf0;
  }

  #get(register: number): number {
    return this.#registers.get(register) ?? 0;
  }
  #set(register: number, value: number): void {
    this.#registers.set(register, value | 0);
  }
}
