/**
 * A machine with VMX and world calls, with parties that have memory of their own: a host (VMX root) and virtual machines
 * under EPT. Tests put it into the state that they need, run guest code, and look at the state after it.
 */
import { writeRflags } from "../../src/cpu/rflags.ts";
import {
  CPL,
  CR0,
  CR3,
  CR4,
  EFER,
  EPTP,
  EVENT,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  RIP,
  Segment,
  TR,
  VMX_MODE,
  VmxMode,
  VPID,
} from "../../src/cpu/state.ts";
import { readRflags } from "../../src/cpu/rflags.ts";
import type { CrossOver } from "../../src/crossover/crossover.ts";
import { EntryFlag } from "../../src/crossover/world.ts";
import { Machine, type MachineOptions } from "../../src/machine/machine.ts";
import type { SystemProcessor } from "../../src/machine/system_processor.ts";
import { RAM_BASE } from "../../src/memory/physical.ts";
import { ALLOWED, EntryControl, ExitControl, Secondary } from "../../src/vmx/controls.ts";
import { getCell, setCell } from "../../src/vmx/enter.ts";
import { Field } from "../../src/vmx/fields.ts";
import { Vmcs } from "../../src/vmx/vmcs.ts";
import type { VmxState } from "../../src/vmx/vmx_state.ts";
import { CONFIGURATIONS, TINY_TLB } from "../jit/_bare.ts";
import { STOP } from "./_code.ts";

/** Bytes of memory of each party: what its tables map one to one, for all privilege levels. */
export const PARTY_BYTES = 0x20_0000;
/** Parties: the host, and virtual machines 1 to 3. */
const PARTIES = 4;
/** Where things are in each party. Tables of the first address space; the next are `SPACE_BYTES` further. */
const TABLES = 0x1000, SPACE_BYTES = 0x4000;
export const GDT = 0x2_8000, TSS = 0x2_9000, IDT = 0x2_a000, STACK = 0x2_c000, KERNEL_STACK = 0x2_d000;
/** A handler for each vector: `STOP`. */
export const HANDLERS = 0x2_f000, HANDLER_BYTES = 0x10;
export const CODE = 0x3_0000, ENTRY = 0x3_8000, DATA = 0x4_0000;
/** In the host: where exits lead, an entry of a world for MANAGE_WTC, VMCSs. */
export const EXIT_HANDLER = 0x5_0000, OPERAND = 0x5_1000, VMCS = 0x5_2000, EPTP_LIST = 0x5_3000;
/** VMCSs of the other processors; where they start. */
const VMCS_STRIDE = 0x4000, STARTUP = 0x5_b000;
export const SYSTEM_CONTEXT = 0x5_4000;
/** EPTs, from here on in the host's memory. */
const EPTS = 0x10_0000, EPT_BYTES = 0x4000;
const PRESENT_WRITABLE_USER = 7, EPT_RIGHTS = 7, EPTP_WB_4_LEVELS = 0x1e, WRITE_BACK = 6 << 3;
export const Selector = { CODE: 0x08, DATA: 0x10, USER_DATA: 0x1b, USER_CODE: 0x23, TSS: 0x28 } as const;
const CR0_VALUE = 0x8001_0033, CR4_VALUE = 0x26a0, EFER_VALUE = 0xd01;
const DESCRIPTORS: readonly bigint[] = [
  0n,
  0x00af_9b00_0000_ffffn,
  0x00cf_9300_0000_ffffn,
  0x00cf_f300_0000_ffffn,
  0x00af_fb00_0000_ffffn,
];

/** A party: the host (0), or a virtual machine. */
export class Party {
  readonly base: number;
  /** EPTP, 0 for the host. */
  readonly eptp: bigint;
  #spaces = 0;

  constructor(readonly machine: WorldMachine, readonly number: number) {
    this.base = number * PARTY_BYTES;
    this.eptp = number === 0 ? 0n : this.newEpt();
    this.newSpace();
    this.#makeTables();
  }

  get isHost(): boolean {
    return this.number === 0;
  }
  /** CR3 of the first address space. */
  get cr3(): bigint {
    return BigInt(TABLES);
  }

  /** Makes a view of this party's memory: an EPT that maps it from guest-physical 0 on, except `missing` pages. */
  newEpt(missing: readonly number[] = []): bigint {
    const { machine } = this, root = machine.takeEpt();
    const [pdpt, pd, pt] = [root + 0x1000, root + 0x2000, root + 0x3000] as const;
    machine.quad(root, BigInt(pdpt | EPT_RIGHTS));
    machine.quad(pdpt, BigInt(pd | EPT_RIGHTS));
    machine.quad(pd, BigInt(pt | EPT_RIGHTS));
    for (let page = 0; page < PARTY_BYTES; page += 0x1000) {
      if (missing.includes(page)) continue;
      machine.quad(pt + page / 512, BigInt((this.base + page) | EPT_RIGHTS | WRITE_BACK));
    }
    return BigInt(root | EPTP_WB_4_LEVELS);
  }

  /** Changes what an EPT has for a guest-physical page. */
  mapInEpt(eptp: bigint, page: number, hpa: number, rights = EPT_RIGHTS): void {
    const pt = Number(eptp & ~0xfffn) + 0x3000;
    this.machine.quad(pt + page / 512, BigInt(hpa | rights | (rights === 0 ? 0 : WRITE_BACK)));
  }

  /** Makes an address space that maps this party's memory one to one. Returns its CR3. */
  newSpace(): bigint {
    const root = TABLES + this.#spaces++ * SPACE_BYTES;
    this.writeQuad(root, root + 0x1000 | PRESENT_WRITABLE_USER);
    this.writeQuad(root + 0x1000, root + 0x2000 | PRESENT_WRITABLE_USER);
    this.writeQuad(root + 0x2000, root + 0x3000 | PRESENT_WRITABLE_USER);
    for (let page = 0; page < PARTY_BYTES; page += 0x1000) this.map(BigInt(root), page, page);
    return BigInt(root);
  }

  /** Maps a page of an address space. Nothing is invalidated. */
  map(cr3: bigint, linear: number, physical: number, flags = PRESENT_WRITABLE_USER): void {
    this.writeQuad(Number(cr3) + 0x3000 + linear / 512, physical | flags);
  }

  write(address: number, ...bytes: readonly (readonly number[])[]): void {
    this.machine.machine.writePhysical(this.base + address, new Uint8Array(bytes.flat()));
  }
  writeQuad(address: number, value: bigint | number): void {
    this.machine.quad(this.base + address, BigInt(value));
  }
  readQuad(address: number): bigint {
    return this.machine.view.getBigUint64(RAM_BASE + this.base + address, true);
  }

  #makeTables(): void {
    const tss = 0x0000_8b00_0000_0067n | (BigInt(TSS) << 16n);
    for (const [n, descriptor] of [...DESCRIPTORS, tss].entries()) this.writeQuad(GDT + 8 * n, descriptor);
    this.writeQuad(TSS + 4, KERNEL_STACK);
    for (let vector = 0; vector < 256; vector++) {
      const target = HANDLERS + HANDLER_BYTES * vector;
      this.writeQuad(
        IDT + 16 * vector,
        BigInt(target & 0xffff) | 0x8e00_0008_0000n | (BigInt(target >> 16) << 48n),
      );
      this.write(target, STOP);
    }
  }
}

/** A world as tests describe it. */
export interface TestWorld {
  readonly wid: bigint;
  readonly party: Party;
  readonly cpl?: 0 | 3;
  readonly cr3?: bigint;
  readonly eptp?: bigint;
  readonly rip?: number;
  readonly flags?: number;
  readonly systemContext?: number;
}

export class WorldMachine {
  readonly machine: Machine;
  readonly m: Int32Array;
  readonly view: DataView;
  readonly parties: readonly Party[];
  /** Of each processor. */
  readonly #vmcss: readonly Vmcs[];
  #number = 0;
  #epts = 0;

  constructor(options: Partial<MachineOptions> = {}) {
    this.machine = new Machine({
      kernel: image(),
      memory: PARTIES * PARTY_BYTES,
      vmx: true,
      crossover: true,
      ...options,
    });
    const { memory } = this.machine.processors.core;
    this.m = memory.i32;
    this.view = memory.view;
    this.parties = Array.from({ length: PARTIES }, (_, n) => new Party(this, n));
    this.#vmcss = this.machine.processors.all.map((_, n) => new Vmcs(memory, BigInt(VMCS + VMCS_STRIDE * n)));
    this.host.write(EXIT_HANDLER, STOP);
    this.#prepare();
  }

  /** Puts the processor in the seat into VMX root operation in the host, with a VMCS and world calls enabled. */
  #prepare(): void {
    this.vmx.vmcs = this.vmcs;
    this.vmx.vmxon = 0x5_f000n;
    this.#fillVmcs();
    for (const [cell, value] of [[CR0, CR0_VALUE], [CR4, CR4_VALUE], [EFER, EFER_VALUE]] as const) {
      setCell(this.m, cell, BigInt(value));
    }
    this.processor.bus.crossover?.writeControl(1, 0);
    this.place(this.host);
  }

  /** Starts processor `number`, which until then waits for STARTUP. */
  start(number: number): void {
    this.host.write(STARTUP, STOP);
    setCell(this.m, RIP, BigInt(STARTUP));
    this.machine.processors.all[number]!.receive({ mode: 6, vector: STARTUP >> 12, level: false });
    this.machine.run({ instructions: 100_000 });
    this.use(number);
    this.#prepare();
    this.use(0);
  }

  /** Makes everything here mean processor `number`: its registers, caches, VMCS. */
  use(number: number): void {
    this.#number = number;
    this.machine.processors.core.seat(this.processor);
  }

  get processor(): SystemProcessor {
    const processor = this.machine.processors.all[this.#number]!;
    this.machine.processors.core.seat(processor);
    return processor;
  }
  get vmx(): VmxState {
    return this.processor.vmx!.state;
  }
  get vmcs(): Vmcs {
    return this.#vmcss[this.#number]!;
  }

  get crossover(): CrossOver {
    return this.processor.bus.crossover!;
  }
  get host(): Party {
    return this.parties[0]!;
  }
  /** Virtual machine 1. */
  get a(): Party {
    return this.parties[1]!;
  }
  /** Virtual machine 2. */
  get b(): Party {
    return this.parties[2]!;
  }

  takeEpt(): number {
    return EPTS + EPT_BYTES * this.#epts++;
  }

  quad(hpa: number, value: bigint): void {
    this.view.setBigUint64(RAM_BASE + hpa, BigInt.asUintN(64, value), true);
  }

  /** Puts the processor into a party's address space, at a privilege level. */
  place(party: Party, { cpl = 0, cr3 = party.cr3, eptp = party.eptp, rflags = 2 }: {
    readonly cpl?: number;
    readonly cr3?: bigint;
    readonly eptp?: bigint;
    readonly rflags?: number;
  } = {}): void {
    const { m } = this, { unit } = this.processor;
    const user = cpl === 3 ? 0x60 : 0;
    const data = cpl === 3 ? Selector.USER_DATA : Selector.DATA;
    for (const n of [Segment.ES, Segment.SS, Segment.DS, Segment.FS, Segment.GS]) {
      unit.segments.write(segment(n), data, -1, 0xc093 | user, 0);
    }
    const code = cpl === 3 ? Selector.USER_CODE : Selector.CODE;
    unit.segments.write(segment(Segment.CS), code | cpl, -1, 0xa09b | user, 0);
    unit.segments.write(TR, Selector.TSS, 0x67, 0x8b, TSS);
    setCell(m, GDTR_BASE, BigInt(GDT));
    setCell(m, IDTR_BASE, BigInt(IDT));
    m[GDTR_LIMIT >> 2] = 0x37;
    m[IDTR_LIMIT >> 2] = 0xfff;
    m[CPL >> 2] = cpl;
    m[VMX_MODE >> 2] = party.isHost ? VmxMode.ROOT : VmxMode.GUEST;
    m[VPID >> 2] = party.isHost ? 0 : this.vmcs.word(Field.VPID);
    m[INTERRUPTIBILITY >> 2] = 0;
    setCell(m, CR3, cr3);
    setCell(m, EPTP, eptp);
    if (!party.isHost) this.vmcs.write(Field.EPTP, eptp);
    this.vmx.noteVmFunctions();
    unit.intercepts = party.isHost ? undefined : this.vmx.intercepts;
    writeRflags(m, rflags);
    this.set(4, STACK);
    this.processor.inner.mmu.enterWorld();
  }

  /** Puts a world into the caches, through the same door as MANAGE_WTC. False: refused. */
  register(world: TestWorld): boolean {
    const { host } = this, { flags = EntryFlag.VALID } = world;
    this.writeEntry(world, flags);
    const { m } = this, before = { mode: m[VMX_MODE >> 2]!, cpl: m[CPL >> 2]! };
    const saved = [CR3, EPTP, RIP, GPR, GPR + 8, GPR + 16, GPR + 32].map((cell) =>
      [cell, getCell(m, cell)] as const
    );
    const segments = m.slice(segment(0) >> 2, segment(6) >> 2), rflags = readRflags(m);
    this.place(host);
    this.set(0, 2);
    this.set(1, 0);
    this.set(2, OPERAND);
    m[EVENT >> 2] = 0;
    this.vmx.worldFunctions!.manage();
    const failed = (readRflags(m) & 1) !== 0 || m[EVENT >> 2] !== 0;
    m[EVENT >> 2] = 0;
    for (const [cell, value] of saved) setCell(m, cell, value);
    m.set(segments, segment(0) >> 2);
    m[VMX_MODE >> 2] = before.mode;
    m[CPL >> 2] = before.cpl;
    m[VPID >> 2] = before.mode === VmxMode.GUEST ? this.vmcs.word(Field.VPID) : 0;
    this.processor.unit.intercepts = before.mode === VmxMode.GUEST ? this.vmx.intercepts : undefined;
    writeRflags(m, rflags);
    this.vmx.noteVmFunctions();
    this.processor.inner.mmu.enterWorld();
    return !failed;
  }

  /** Writes a world's entry to OPERAND. */
  writeEntry(world: TestWorld, flags: number = EntryFlag.VALID): void {
    const { party, wid, cpl = 0, cr3 = party.cr3, eptp = party.eptp, rip = ENTRY, systemContext = 0 } = world;
    const { host } = this;
    const cs = cpl === 3 ? Selector.USER_CODE : Selector.CODE,
      ss = cpl === 3 ? Selector.USER_DATA : Selector.DATA;
    host.writeQuad(OPERAND, wid);
    const selectors = (BigInt(cs) | (BigInt(ss) << 16n)) << 32n;
    host.writeQuad(OPERAND + 8, BigInt(flags | (party.isHost ? 2 : 0) | (cpl << 2)) | selectors);
    host.writeQuad(OPERAND + 16, eptp);
    host.writeQuad(OPERAND + 24, cr3);
    host.writeQuad(OPERAND + 32, rip);
    host.writeQuad(OPERAND + 40, systemContext);
    host.writeQuad(OPERAND + 48, 0);
    host.writeQuad(OPERAND + 56, 0);
  }

  /** Runs from an address. Guest code that has ended loops, so the count may be generous. */
  run(rip: number, instructions = 2000): void {
    setCell(this.m, RIP, BigInt(rip));
    this.machine.run({ instructions });
  }

  set(register: number, value: bigint | number): void {
    setCell(this.m, GPR + 8 * register, BigInt(value));
  }
  get(register: number): bigint {
    return getCell(this.m, GPR + 8 * register);
  }
  cell(offset: number): bigint {
    return getCell(this.m, offset);
  }
  get rip(): number {
    return Number(this.cell(RIP));
  }
  get rflags(): number {
    return readRflags(this.m);
  }
  get cpl(): number {
    return this.m[CPL >> 2]!;
  }
  get isInGuest(): boolean {
    return this.m[VMX_MODE >> 2] === VmxMode.GUEST;
  }
  /** Number of the party whose memory the processor is in: 0 for the host. */
  get party(): number {
    if (!this.isInGuest) return 0;
    return this.parties.findIndex((party) => party.eptp === this.cell(EPTP));
  }
  /** Vector whose handler the processor is in, or -1. */
  get vector(): number {
    const offset = this.rip - HANDLERS;
    return offset >= 0 && offset < 256 * HANDLER_BYTES && offset % HANDLER_BYTES === 0
      ? offset / HANDLER_BYTES
      : -1;
  }
  /** The exit that the host has seen last, if it is where exits lead. */
  get exit(): { reason: number; qualification: bigint; length: number } | undefined {
    if (this.isInGuest || this.rip !== EXIT_HANDLER) return undefined;
    return {
      reason: this.vmcs.word(Field.EXIT_REASON),
      qualification: this.vmcs.read(Field.EXIT_QUALIFICATION),
      length: this.vmcs.word(Field.EXIT_INSTRUCTION_LENGTH),
    };
  }

  #fillVmcs(): void {
    const v = this.vmcs;
    const fields: readonly (readonly [number, number | bigint])[] = [
      [Field.PIN_CONTROLS, ALLOWED.pin.one],
      [Field.PRIMARY_CONTROLS, (ALLOWED.primary.trueOne | 1 << 31) >>> 0],
      [Field.SECONDARY_CONTROLS, Secondary.EPT | Secondary.VPID | Secondary.VMFUNC],
      [Field.VMFUNC_CONTROLS, 3],
      [Field.EPTP_LIST_ADDRESS, EPTP_LIST],
      [Field.VPID, 1],
      [Field.EPTP, this.a.eptp],
      [Field.EXIT_CONTROLS, ALLOWED.exit.one | ExitControl.HOST_64],
      [Field.ENTRY_CONTROLS, ALLOWED.entry.one | EntryControl.LONG],
      [Field.HOST_CR0, CR0_VALUE],
      [Field.HOST_CR3, this.host.cr3],
      [Field.HOST_CR4, CR4_VALUE],
      [Field.HOST_CS, Selector.CODE],
      [Field.HOST_TR, Selector.TSS],
      [Field.HOST_TR_BASE, TSS],
      [Field.HOST_GDTR_BASE, GDT],
      [Field.HOST_IDTR_BASE, IDT],
      [Field.HOST_RIP, EXIT_HANDLER],
      [Field.HOST_RSP, KERNEL_STACK],
      [Field.GUEST_CR0, CR0_VALUE],
      [Field.GUEST_CR3, this.a.cr3],
      [Field.GUEST_CR4, CR4_VALUE],
      [Field.GUEST_RFLAGS, 2],
      [Field.GUEST_GDTR_BASE, GDT],
      [Field.GUEST_GDTR_LIMIT, 0x37],
      [Field.GUEST_IDTR_BASE, IDT],
      [Field.GUEST_IDTR_LIMIT, 0xfff],
      [Field.VMCS_LINK_POINTER, 0xffff_ffff_ffff_ffffn],
      ...[0, 1, 2, 3, 4, 5].flatMap((n) =>
        [
          [Field.GUEST_ES + 2 * n, n === Segment.CS ? Selector.CODE : Selector.DATA],
          [Field.GUEST_ES_LIMIT + 2 * n, 0xffff_ffff],
          [Field.GUEST_ES_RIGHTS + 2 * n, n === Segment.CS ? 0xa09b : 0xc093],
        ] as const
      ),
      [Field.GUEST_LDTR_RIGHTS, 0x1_0000],
      [Field.GUEST_TR, Selector.TSS],
      [Field.GUEST_TR_BASE, TSS],
      [Field.GUEST_TR_RIGHTS, 0x8b],
      [Field.GUEST_TR_LIMIT, 0x67],
    ];
    for (const [field, value] of fields) v.write(field, value);
    v.isLaunched = true;
  }
}

const segment = (n: number): number => 0xc0 + 0x18 * n;

/** A multiboot kernel that does nothing: the tests put the processor where they want it. */
export function image(): Uint8Array {
  const MAGIC = 0x1bad_b002, ADDRESSES = 0x1_0000, LOAD = 0x10_0000;
  const words = [MAGIC, ADDRESSES, -(MAGIC + ADDRESSES), LOAD, LOAD, LOAD + 64, LOAD + 64, LOAD + 32];
  const bytes = new Uint8Array(64).fill(0xf4);
  for (const [n, word] of words.entries()) new DataView(bytes.buffer).setInt32(4 * n, word | 0, true);
  return bytes;
}

/** Engines, with thresholds of one: code that has run once is compiled. */
export const ENGINES: Readonly<Record<string, Partial<MachineOptions>>> = {
  ...CONFIGURATIONS,
  ...TINY_TLB,
  "wasm, regions of one block": { engine: "wasm", tiers: { regionBlocks: 1 } },
  "auto, threshold of one": { engine: "auto", tiers: { threshold: 1, inSlices: false } },
};

/** Declares a test for every engine configuration. */
export function everywhere(
  name: string,
  test: (machine: (options?: Partial<MachineOptions>) => WorldMachine) => void,
  engines: typeof ENGINES = ENGINES,
): void {
  for (const [label, configuration] of Object.entries(engines)) {
    Deno.test(`${name} (${label})`, () =>
      test((options = {}) => new WorldMachine({ ...configuration, ...options })));
  }
}
