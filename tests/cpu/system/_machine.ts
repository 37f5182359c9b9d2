/** A processor with its own descriptor tables and handlers, in 64-bit mode at CPL 0, for tests of the system unit. */
import {
  CPL,
  CR0,
  CR4,
  EFER,
  EVENT,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  Gpr,
  IDTR_BASE,
  IDTR_LIMIT,
  RIP,
  Segment,
  TR,
} from "../../../src/cpu/state.ts";
import { readRflags, writeRflags } from "../../../src/cpu/rflags.ts";
import type { MsrValue, SystemBus } from "../../../src/cpu/system/bus.ts";
import { SystemUnit } from "../../../src/cpu/system/unit.ts";
import { Bare, CONFIGURATIONS, TINY_TLB } from "../../jit/_bare.ts";
import { RAM_BASE } from "../../../src/memory/physical.ts";
import type { ProcessorConfiguration } from "../../../src/machine/engines.ts";

/** Where things are. Linear addresses are physical ones. */
export const GDT = 0x5000, IDT = 0x6000, TSS = 0x7000;
export const STACK = 0x9000, IST1 = 0xa000, RSP0 = 0xb000, USER_STACK = 0xc000;
export const CODE = 0x1_0000, USER_CODE = 0x2_0000, DATA = 0x3_0000;
/** A handler for each vector: HLT. */
export const HANDLERS = 0x1_8000, HANDLER_BYTES = 0x10;
/** A linear address that is not mapped. */
export const UNMAPPED = 0x40_0000;

/** Selectors of the descriptors that the GDT starts with. */
export const Selector = {
  CODE64: 0x08,
  DATA: 0x10,
  CODE32: 0x18,
  USER_CODE32: 0x23,
  USER_DATA: 0x2b,
  USER_CODE64: 0x33,
  TSS: 0x38,
  LDT: 0x48,
  ABSENT_DATA: 0x58,
  CONFORMING: 0x60,
  READ_ONLY: 0x68,
  EXECUTE_ONLY: 0x70,
  CODE16: 0x78,
  DATA16: 0x80,
  ABSENT_CODE: 0x88,
  GATE: 0x90,
  OUTSIDE: 0xf8,
} as const;
const GDT_BYTES = 0xf0;

const DESCRIPTORS: Readonly<Record<number, bigint>> = {
  [Selector.CODE64]: 0x00af_9b00_0000_ffffn,
  [Selector.DATA]: 0x00cf_9300_0000_ffffn,
  [Selector.CODE32]: 0x00cf_9b00_0000_ffffn,
  [Selector.USER_CODE32 & ~3]: 0x00cf_fb00_0000_ffffn,
  [Selector.USER_DATA & ~3]: 0x00cf_f300_0000_ffffn,
  [Selector.USER_CODE64 & ~3]: 0x00af_fb00_0000_ffffn,
  [Selector.TSS]: 0x0000_8900_7000_0087n,
  [Selector.LDT]: 0x0000_8200_5800_000fn,
  [Selector.ABSENT_DATA]: 0x00cf_1300_0000_ffffn,
  [Selector.CONFORMING]: 0x00af_9f00_0000_ffffn,
  [Selector.READ_ONLY]: 0x00cf_9100_0000_ffffn,
  [Selector.EXECUTE_ONLY]: 0x00cf_9900_0000_ffffn,
  [Selector.CODE16]: 0x0000_9b00_0000_ffffn,
  [Selector.DATA16]: 0x0000_9300_0000_ffffn,
  [Selector.ABSENT_CODE]: 0x00af_1b00_0000_ffffn,
};

/** A bus that remembers what is written. */
export class RecordingBus implements SystemBus {
  readonly written: [port: number, size: number, value: number][] = [];
  readonly msrs = new Map<number, MsrValue>([[0x1b, { lo: 0xfee0_0900 | 0, hi: 0 }]]);
  input = 0x8765_4321;
  priority = 0;
  time = 0;

  in(_port: number, size: number): number {
    return this.input & (size === 4 ? -1 : size === 2 ? 0xffff : 0xff);
  }
  out(port: number, size: number, value: number): void {
    this.written.push([port, size, value]);
  }
  readMsr(index: number): MsrValue | undefined {
    return this.msrs.get(index);
  }
  writeMsr(index: number, lo: number, hi: number): boolean {
    if (!this.msrs.has(index)) return false;
    this.msrs.set(index, { lo, hi });
    return true;
  }
  tsc(): number {
    return this.time;
  }
  now(): number {
    return this.time;
  }
  cr8(): number {
    return this.priority;
  }
  setCr8(value: number): void {
    this.priority = value;
  }
  invd(): void {}
}

/** What ended a run. */
export type End = "halt" | "shutdown" | "budget";

/** Bytes of hexadecimal text. */
export const bytesOf = (hex: string): number[] =>
  hex.split(" ").filter((byte) => byte !== "").map((byte) => parseInt(byte, 16));

/** The processor. */
export class SystemMachine {
  readonly bare: Bare;
  readonly bus = new RecordingBus();
  readonly m: Int32Array;
  unit!: SystemUnit;
  readonly #view: DataView;

  constructor(configuration: ProcessorConfiguration) {
    this.bare = new Bare({
      ...configuration,
      system: (access) => this.unit = new SystemUnit(access.mmu.memory, access, access.mmu, this.bus),
    });
    this.bare.processor.onSystemCall = () => {
      this.unit.fastCalls.syscall();
      return true;
    };
    this.m = this.bare.memory.i32;
    this.#view = this.bare.memory.view;
    for (const [selector, value] of Object.entries(DESCRIPTORS)) this.setDescriptor(Number(selector), value);
    this.setRegister(GDTR_BASE, GDT, 0);
    this.m[GDTR_LIMIT >> 2] = GDT_BYTES - 1;
    this.setRegister(IDTR_BASE, IDT, 0);
    this.m[IDTR_LIMIT >> 2] = 0xfff;
    for (let vector = 0; vector < 256; vector++) {
      this.setGate(vector);
      this.write(handler(vector), [0xf4, 0xcc]); // HLT; INT3
    }
    this.writeWords(TSS + 4, [RSP0, 0]);
    this.writeWords(TSS + 0x24, [IST1, 0]);
    this.m[CR0 >> 2] = 0x8001_0033 | 0;
    this.m[CR4 >> 2] = 0x620;
    this.m[EFER >> 2] = 0xd01;
    this.m[CPL >> 2] = 0;
    writeRflags(this.m, 2);
    const { segments } = this.unit;
    for (const n of [Segment.ES, Segment.SS, Segment.DS, Segment.FS, Segment.GS]) {
      segments.writeFrom(n, Selector.DATA, { lo: 0xffff, hi: 0x00cf_9300 });
    }
    segments.writeFrom(Segment.CS, Selector.CODE64, { lo: 0xffff, hi: 0x00af_9b00 });
    segments.write(TR, Selector.TSS, 0x87, 0x8b, TSS);
    this.set(Gpr.RSP, STACK);
    this.bare.processor.mmu.enterWorld();
  }

  setDescriptor(selector: number, value: bigint): void {
    this.#view.setBigUint64(RAM_BASE + GDT + (selector & ~7), value, true);
  }
  descriptor(selector: number): bigint {
    return this.#view.getBigUint64(RAM_BASE + GDT + (selector & ~7), true);
  }

  /** A 64-bit gate; by default a present interrupt gate of DPL 0 to the vector's handler. */
  setGate(
    vector: number,
    { type = 0x8e, ist = 0, selector = Selector.CODE64 as number, target = handler(vector), high = 0 } = {},
  ): void {
    this.writeWords(IDT + 16 * vector, [
      (target & 0xffff) | (selector << 16),
      (target & 0xffff_0000) | (type << 8) | ist,
      high,
      0,
    ]);
  }
  /** A gate of protected mode. */
  setGate32(vector: number, selector: number, target = handler(vector), type = 0x8e): void {
    this.writeWords(IDT + 8 * vector, [
      (target & 0xffff) | (selector << 16),
      (target & 0xffff_0000) | (type << 8),
    ]);
  }

  write(physical: number, bytes: readonly number[]): void {
    this.bare.write(physical, bytes);
  }
  writeWords(physical: number, words: readonly number[]): void {
    for (const [i, word] of words.entries()) {
      this.#view.setInt32(RAM_BASE + physical + 4 * i, word | 0, true);
    }
    this.bare.processor.mmu.wroteRam(physical, 4 * words.length);
  }
  word(physical: number): number {
    return this.#view.getUint32(RAM_BASE + physical, true);
  }
  quad(physical: number): bigint {
    return this.#view.getBigUint64(RAM_BASE + physical, true);
  }

  set(register: number, lo: number, hi = 0): void {
    this.setRegister(GPR + 8 * register, lo, hi);
  }
  get(register: number): bigint {
    return this.cell(GPR + 8 * register);
  }
  setRegister(cell: number, lo: number, hi: number): void {
    this.m[cell >> 2] = lo;
    this.m[(cell >> 2) + 1] = hi;
  }
  /** A 64-bit state cell. */
  cell(offset: number): bigint {
    return BigInt.asUintN(
      64,
      (BigInt(this.m[(offset >> 2) + 1]!) << 32n) | BigInt(this.m[offset >> 2]! >>> 0),
    );
  }
  get rip(): number {
    return this.m[RIP >> 2]! >>> 0;
  }
  get rflags(): number {
    return readRflags(this.m);
  }
  set rflags(value: number) {
    writeRflags(this.m, value);
  }
  get cpl(): number {
    return this.m[CPL >> 2]!;
  }
  selector(n: number): number {
    return this.unit.segments.selector(n);
  }
  /** Words of the stack, from RSP on, as 64-bit numbers. */
  stack(count: number): bigint[] {
    const top = Number(this.get(Gpr.RSP));
    return Array.from({ length: count }, (_, i) => this.quad(top + 8 * i));
  }
  /** As 32-bit numbers. */
  stack32(count: number): number[] {
    const top = Number(this.get(Gpr.RSP) & 0xffff_ffffn);
    return Array.from({ length: count }, (_, i) => this.word(top + 4 * i));
  }

  /** Puts the processor at CPL 3, in 64-bit code by default. */
  enterUser(code: number = Selector.USER_CODE64): void {
    const { segments } = this.unit;
    segments.writeFrom(Segment.CS, code, {
      lo: 0xffff,
      hi: code === Selector.USER_CODE64 ? 0x00af_fb00 : 0x00cf_fb00,
    });
    segments.writeFrom(Segment.SS, Selector.USER_DATA, { lo: 0xffff, hi: 0x00cf_f300 });
    this.m[CPL >> 2] = 3;
    this.set(Gpr.RSP, USER_STACK);
    this.bare.processor.mmu.enterWorld();
  }

  /** Puts the processor into protected mode at CPL 0, without paging, with a 32-bit TSS. */
  enterProtected(): void {
    const { segments } = this.unit;
    this.m[CR0 >> 2] = 0x33;
    this.m[EFER >> 2] = 1;
    segments.writeFrom(Segment.CS, Selector.CODE32, { lo: 0xffff, hi: 0x00cf_9b00 });
    segments.write(TR, Selector.TSS, 0x67, 0x8b, TSS);
    this.writeWords(TSS, [0, RSP0, Selector.DATA]);
    this.m[IDTR_LIMIT >> 2] = 0x7ff;
    for (let vector = 0; vector < 256; vector++) this.setGate32(vector, Selector.CODE32);
    this.bare.processor.mmu.enterWorld();
  }

  /** Loads code with HLT behind it, and runs. */
  runCode(hex: string, at = CODE): End {
    this.write(at, [...bytesOf(hex), 0xf4]);
    return this.run(at);
  }

  /** Runs from an address until HLT, delivering events, or until `instructions` are done. */
  run(rip: number, instructions = 10_000): End {
    this.setRegister(RIP, rip, 0);
    return this.resume(instructions);
  }

  resume(instructions = 10_000): End {
    const { processor } = this.bare;
    const end = processor.instructions + instructions;
    // A handler that faults itself executes nothing, for ever: deliveries count, too.
    for (let events = 0; events < instructions && processor.instructions < end; events++) {
      const stop = processor.run(end - processor.instructions);
      switch (stop.kind) {
        case "halt":
          this.m[EVENT >> 2] = 0;
          return "halt";
        case "budget":
          return "budget";
        default:
          if (this.unit.deliverEvent() === "shutdown") return "shutdown";
      }
    }
    return "budget";
  }
}

/** Address of a vector's handler. */
export const handler = (vector: number): number => HANDLERS + HANDLER_BYTES * vector;

/** Vector whose handler stopped the machine, or -1. */
export function stoppedIn(machine: SystemMachine): number {
  const offset = machine.rip - 1 - HANDLERS;
  return offset >= 0 && offset < 0x1000 && offset % HANDLER_BYTES === 0 ? offset / HANDLER_BYTES : -1;
}

/** Declares a test for every engine configuration, or for some of them. */
export function everywhere(
  name: string,
  test: (machine: () => SystemMachine) => void,
  configurations: typeof CONFIGURATIONS = { ...CONFIGURATIONS, ...TINY_TLB },
): void {
  for (const [label, configuration] of Object.entries(configurations)) {
    Deno.test(`${name} (${label})`, () => test(() => new SystemMachine(configuration)));
  }
}
