/** A hypervisor of two instructions and a guest of any: what the VMCS tells after the guest's exit. */
import {
  CPL,
  CR0,
  CR3,
  CR4,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  Gpr,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  MXCSR,
  RIP,
  Segment,
  TR,
  VMX_MODE,
  VmxMode,
} from "../../src/cpu/state.ts";
import { writeRflags } from "../../src/cpu/rflags.ts";
import { Bus } from "../../src/machine/bus.ts";
import { Pic8259 } from "../../src/machine/devices/8259_pic.ts";
import type { InterruptMessage } from "../../src/machine/devices/interrupt_message.ts";
import type { ProcessorConfiguration } from "../../src/machine/engines.ts";
import { Processors } from "../../src/machine/processors.ts";
import type { SystemProcessor, SystemStop } from "../../src/machine/system_processor.ts";
import { LinearMemory, RAM_BASE } from "../../src/memory/physical.ts";
import { REVISION } from "../../src/vmx/capabilities.ts";
import { Field } from "../../src/vmx/fields.ts";
import { Vmcs } from "../../src/vmx/vmcs.ts";
import { CONFIGURATIONS, TINY_TLB } from "../jit/_bare.ts";
import { VALID, type Values } from "./_vmcs.ts";

/** Physical addresses; guest-physical and linear ones are the same. */
export const PAGE_TABLES = 0x1000,
  PAGE_TABLE = 0x8000,
  EPT = 0x4000,
  EPT_PT = 0x7000,
  IDT = 0xa000,
  TSS = 0xb000;
export const GUEST_STACK = 0xd000, VMCS = 0xe000, VMXON = 0xf000;
export const CODE = 0x1_0000, HOST_CODE = 0x1_1000, HOST_EXIT = 0x1_1800;
export const IO_BITMAPS = 0x1_2000, MSR_BITMAPS = 0x1_4000, VIRTUAL_APIC = 0x1_5000;
export const VMREAD_BITMAP = 0x1_6000, VMWRITE_BITMAP = 0x1_d000, SHADOW_VMCS = 0x1_7000;
export const VE_AREA = 0x1_8000, EPTP_LIST = 0x1_9000, DATA = 0x1_a000, MSR_AREA = 0x1_b000, GDT = 0x1_c000;
/** The guest's handler of a vector: VMCALL. */
export const HANDLERS = 0x2_0000, HANDLER_BYTES = 16;
/** Linear addresses from here on are not mapped. */
export const UNMAPPED = 0x80_0000;
const MAPPED_2M = 4, NMI_BLOCKED = 8;
export const EPT_LEAF = 0x37;
const LARGE_PAGE = 0x87, EPT_LARGE = 0xb7, TABLE = 7, SUPERVISOR_PAGE = 3;
/** It forbids nothing: bit 10 is for mode-based execute control. */
const EPT_TABLE = 0x407;
const VMLAUNCH = [0x0f, 0x01, 0xc2], VMRESUME = [0x0f, 0x01, 0xc3], VMCALL = [0x0f, 0x01, 0xc1];
/** A port of the guest's, and the one by which the host's code ends a run. */
export const GUEST_PORT = 0x70;
const HOST_PORT = 0x71, TELL_HOST = [0xe6, HOST_PORT]; // OUT 71H, AL
const ROOT_CR0 = 0x8001_0033 | 0, ROOT_CR4 = 0x2620, ROOT_EFER = 0xd01;

/** How an entry ended: with an exit; by a failure of the instruction (its error number); otherwise. */
export type Outcome = "exit" | { readonly error: number } | SystemStop;

/** Interruption information. SDM vol. 3C, table 25-17. */
export const Interruption = {
  WITH_ERROR: 0x800,
  NMI: 0x202,
  HARDWARE: 0x300,
  SOFTWARE: 0x400,
  PRIVILEGED: 0x500,
  SOFTWARE_EXCEPTION: 0x600,
  /** With bit 31. */
  information: (bits: number): number => (1 << 31 | bits) >>> 0,
} as const;

/** Bytes of hexadecimal text. */
export const bytesOf = (hex: string): number[] =>
  hex.split(" ").filter((byte) => byte !== "").map((byte) => parseInt(byte, 16));

/** The machine, in VMX root operation with a current VMCS. */
export class Guest {
  readonly memory = new LinearMemory(0x80_0000);
  readonly processors: Processors;
  readonly vmcs: Vmcs;
  readonly m: Int32Array;
  /** What the guest has written to its port. */
  readonly written: number[] = [];
  readonly #pic: Pic8259;

  constructor(configuration: ProcessorConfiguration, ...changes: Values) {
    const bus = new Bus();
    bus.addPorts({
      ports: [GUEST_PORT, 1],
      in: () => 0x5a,
      out: (_, value) => void this.written.push(value),
    });
    bus.addPorts({ ports: [HOST_PORT, 1], in: () => 0, out: () => this.processors.core.ask() });
    this.#pic = new Pic8259(() => this.processor.attend());
    this.processors = new Processors(this.memory, { bus, pic: this.#pic }, { ...configuration, vmx: true });
    this.m = this.memory.i32;
    this.#makeTables();
    this.#enterHost();
    const { state } = this.processor.vmx!;
    this.m[VMX_MODE >> 2] = VmxMode.ROOT;
    state.vmxon = BigInt(VMXON);
    this.#word(VMCS, REVISION);
    this.vmcs = state.vmcs = new Vmcs(this.memory, BigInt(VMCS));
    this.set(...VALID, ...this.#fields(), ...changes);
    this.processor.inner.mmu.enterWorld();
  }

  get processor(): SystemProcessor {
    return this.processors.current;
  }

  /** Writes fields of the VMCS. */
  set(...changes: Values): void {
    for (const [field, value] of changes) this.vmcs.write(field, value);
  }
  /** A field. */
  field(field: number): bigint {
    return this.vmcs.read(field);
  }

  write(physical: number, bytes: readonly number[]): void {
    this.memory.ram(physical, bytes.length).set(bytes);
    this.processor.inner.mmu.wroteRam(physical, bytes.length);
  }
  quad(physical: number, value?: bigint): bigint {
    if (value !== undefined) this.memory.view.setBigUint64(RAM_BASE + physical, value, true);
    return this.memory.view.getBigUint64(RAM_BASE + physical, true);
  }
  /** A general register. */
  register(n: number, value?: bigint): bigint {
    return this.cell(GPR + 8 * n, value);
  }
  /** A 64-bit cell of the processor's state. */
  cell(cell: number, value?: bigint): bigint {
    const { view } = this.memory;
    if (value !== undefined) view.setBigUint64(cell, value, true);
    return view.getBigUint64(cell, true);
  }

  /** Makes the first 2 MB pages of 4 KB of supervisor mode, but one with this entry: the tables above forbid nothing. */
  setPage(page: number, entry: bigint): void {
    for (let n = 0; n < 512; n++) this.quad(PAGE_TABLE + 8 * n, BigInt(n << 12 | SUPERVISOR_PAGE));
    this.quad(PAGE_TABLE + 8 * (page >> 12), entry);
    this.quad(PAGE_TABLES + 0x2000, BigInt(PAGE_TABLE | TABLE));
  }

  /** Makes the guest's first 2 MB pages of 4 KB under EPT, one of them with this entry. */
  setEptPage(page: number, entry: bigint): void {
    for (let n = 0; n < 512; n++) this.quad(EPT_PT + 8 * n, BigInt(n << 12 | EPT_LEAF));
    this.quad(EPT_PT + 8 * (page >> 12), entry);
    this.quad(EPT + 0x2000, BigInt(EPT_PT | EPT_TABLE));
  }

  /** Enters the guest, at this code if it is given, and runs until the host has an answer. */
  run(code?: string, instructions = 10_000): Outcome {
    if (code !== undefined) {
      this.write(CODE, bytesOf(code));
      this.set([Field.GUEST_RIP, CODE]);
    }
    this.write(HOST_CODE, [...(this.vmcs.isLaunched ? VMRESUME : VMLAUNCH), ...TELL_HOST]);
    // The host has no handlers: what is pending reaches the guest.
    this.m[INTERRUPTIBILITY >> 2]! |= NMI_BLOCKED;
    return this.runHost(HOST_CODE, instructions);
  }

  /** Goes on in the host at an address. */
  runHost(rip: number, instructions = 10_000): Outcome {
    this.cell(RIP, BigInt(rip));
    return this.goOn(instructions);
  }

  /** Goes on where the processor is. */
  goOn(instructions = 10_000): Outcome {
    const stop = this.processors.run(instructions);
    if (stop !== "asked") return stop;
    if (this.cell(RIP) === BigInt(HOST_EXIT + TELL_HOST.length)) return "exit";
    return { error: this.vmcs.word(Field.INSTRUCTION_ERROR) };
  }

  /** Reason, qualification, instruction length and interruption information of the exit. */
  get exit(): readonly [reason: number, qualification: bigint, length: number, interruption: number] {
    const v = this.vmcs;
    return [
      v.word(Field.EXIT_REASON) >>> 0,
      v.read(Field.EXIT_QUALIFICATION),
      v.word(Field.EXIT_INSTRUCTION_LENGTH),
      v.word(Field.EXIT_INTERRUPTION) >>> 0,
    ];
  }
  /** RIP, interruptibility, activity and pending debug exceptions of the guest. */
  get eventState(): readonly bigint[] {
    return [Field.GUEST_RIP, Field.GUEST_INTERRUPTIBILITY, Field.GUEST_ACTIVITY, Field.GUEST_PENDING_DEBUG]
      .map((field) => this.field(field));
  }
  /** An interrupt message arrives. */
  send(mode: InterruptMessage["mode"], vector = 0): void {
    this.processor.receive({ mode, vector, level: false });
  }
  /** Vector whose handler has made the guest exit; -1: it was not one. */
  get handled(): number {
    const offset = Number(this.field(Field.GUEST_RIP)) - HANDLERS;
    return offset >= 0 && offset < HANDLER_BYTES * 256 ? offset / HANDLER_BYTES : -1;
  }

  #makeTables(): void {
    this.quad(PAGE_TABLES, BigInt(PAGE_TABLES + 0x1000 | TABLE));
    this.quad(PAGE_TABLES + 0x1000, BigInt(PAGE_TABLES + 0x2000 | TABLE));
    this.quad(EPT, BigInt(EPT + 0x1000 | EPT_TABLE));
    this.quad(EPT + 0x1000, BigInt(EPT + 0x2000 | EPT_TABLE));
    for (let n = 0; n < MAPPED_2M; n++) {
      this.quad(PAGE_TABLES + 0x2000 + 8 * n, BigInt(n << 21 | LARGE_PAGE));
      this.quad(EPT + 0x2000 + 8 * n, BigInt(n << 21 | EPT_LARGE));
    }
    for (let vector = 0; vector < 256; vector++) {
      const target = HANDLERS + HANDLER_BYTES * vector;
      this.quad(IDT + 16 * vector, BigInt(target & 0xffff) | 0x8e00_0008_0000n | BigInt(target >> 16) << 48n);
      this.write(target, VMCALL);
    }
    for (
      const [n, descriptor] of [0n, 0x00af_9b00_0000_ffffn, 0x00cf_9300_0000_ffffn, 0x0000_8b00_b000_0067n]
        .entries()
    ) {
      this.quad(GDT + 8 * n, descriptor);
    }
    this.write(HOST_EXIT, TELL_HOST);
    // No I/O permission map.
    this.write(TSS + 0x66, [0xff, 0xff]);
  }

  #enterHost(): void {
    const { m } = this, { segments } = this.processor.unit;
    m[CR0 >> 2] = ROOT_CR0;
    m[CR4 >> 2] = ROOT_CR4;
    m[EFER >> 2] = ROOT_EFER;
    m[CPL >> 2] = 0;
    m[MXCSR >> 2] = 0x1f80;
    m[IDTR_LIMIT >> 2] = 0;
    m[GDTR_BASE >> 2] = GDT;
    m[GDTR_LIMIT >> 2] = 0x1f;
    this.cell(CR3, BigInt(PAGE_TABLES));
    writeRflags(m, 2);
    for (const n of Object.values(Segment)) {
      const code = n === Segment.CS;
      segments.writeFrom(n, code ? 8 : 0x10, { lo: 0xffff, hi: code ? 0x00af_9b00 : 0x00cf_9300 });
    }
    segments.write(TR, 0x18, 0x67, 0x8b, TSS);
    this.register(Gpr.RSP, 0xc800n);
  }

  #fields(): Values {
    return [
      [Field.EPTP, EPT | 0x1e],
      [Field.HOST_CR3, PAGE_TABLES],
      [Field.HOST_RIP, HOST_EXIT],
      [Field.HOST_RSP, 0xc800],
      [Field.HOST_GDTR_BASE, GDT],
      [Field.HOST_TR_BASE, TSS],
      [Field.GUEST_CR3, PAGE_TABLES],
      [Field.GUEST_RSP, GUEST_STACK],
      [Field.GUEST_DR7, 0x400],
      [Field.GUEST_GDTR_BASE, GDT],
      [Field.GUEST_GDTR_LIMIT, 0x1f],
      [Field.GUEST_IDTR_BASE, IDT],
      [Field.GUEST_IDTR_LIMIT, 0xfff],
      [Field.GUEST_TR, 0x18],
      [Field.GUEST_TR_BASE, TSS],
      [Field.IO_BITMAP_A, IO_BITMAPS],
      [Field.IO_BITMAP_B, IO_BITMAPS + 0x1000],
      [Field.MSR_BITMAPS, MSR_BITMAPS],
      [Field.VIRTUAL_APIC, VIRTUAL_APIC],
      [Field.VMREAD_BITMAP, VMREAD_BITMAP],
      [Field.VMWRITE_BITMAP, VMWRITE_BITMAP],
      [Field.EXCEPTION_INFORMATION, VE_AREA],
      [Field.EPTP_LIST_ADDRESS, EPTP_LIST],
    ];
  }

  #word(physical: number, value: number): void {
    this.memory.view.setInt32(RAM_BASE + physical, value, true);
  }
}

/** Declares a test for every engine configuration. */
export function everywhere(name: string, test: (guest: (...changes: Values) => Guest) => void): void {
  for (const [label, configuration] of Object.entries({ ...CONFIGURATIONS, ...TINY_TLB })) {
    Deno.test(`${name} (${label})`, () => test((...changes) => new Guest(configuration, ...changes)));
  }
}
