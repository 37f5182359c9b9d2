/**
 * Processors in VMX root operation with a guest to enter and worlds to call, small enough to make thousands of them:
 * memory, code caches and engines stay, the rest is made anew for each.
 */
import {
  CPL,
  CR0,
  CR4,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  IDTR_BASE,
  IDTR_LIMIT,
  RIP,
  Segment,
  TR,
} from "../../src/cpu/state.ts"; // deno-fmt-ignore
import { PROCESSOR_BYTES, VMX_MODE, VmxMode, XCR0 } from "../../src/cpu/state.ts";
import { writeRflags } from "../../src/cpu/rflags.ts";
import { Bus } from "../../src/machine/bus.ts";
import { Uart16550 } from "../../src/machine/devices/16550_uart.ts";
import { Pic8259 } from "../../src/machine/devices/8259_pic.ts";
import { FwCfg } from "../../src/machine/devices/fw_cfg.ts";
import { IsaDebugExit } from "../../src/machine/devices/isa_debug_exit.ts";
import type { ProcessorConfiguration } from "../../src/machine/engines.ts";
import { ProcessorCore } from "../../src/machine/processor_core.ts";
import { SystemProcessor } from "../../src/machine/system_processor.ts";
import { LinearMemory, RAM_BASE } from "../../src/memory/physical.ts";
import { REVISION } from "../../src/vmx/capabilities.ts";
import { ALLOWED } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import { Vmcs } from "../../src/vmx/vmcs.ts";

/** RAM, and where things are in it. Linear addresses are physical ones, in host and guest. */
export const RAM = 0x5_0000;
export const PAGE_TABLES = 0x1000, GDT = 0x5000, IDT = 0x6000, TSS = 0x7000, STACK = 0x9000;
export const EPTS = 0xa000, VMXON_REGION = 0x1_2000, VMCS_REGION = 0x1_3000, OTHER_VMCS = 0x1_4000;
export const EPTP_LIST = 0x1_5000, BITMAPS = 0x1_6000, MSR_AREA = 0x1_9000, VIRTUAL_APIC = 0x1_a000;
export const WORLDS = 0x1_b000, POINTERS = 0x1_c000;
export const HOST_CODE = 0x2_0000, GUEST_CODE = 0x2_1000, EXIT_CODE = 0x2_2000, WORLD_CODE = 0x2_3000;
export const HANDLERS = 0x2_4000;
/** ADD RSP, 8; then ADD QWORD [RSP], 3; IRETQ: goes on behind most of what faults. */
const DROP_ERROR_CODE = [0x48, 0x83, 0xc4, 0x08],
  SKIP_AND_RETURN = [0x48, 0x83, 0x04, 0x24, 0x03, 0x48, 0xcf];
const WITH_ERROR_CODE = [8, 10, 11, 12, 13, 14, 17, 21];
const HANDLER_BYTES = 16, ALL_RIGHTS = 7, WRITE_BACK = 0x30, PAGE = 0x1000, TABLE_PAGES = 4;
const eptpOf = (n: number): number => (EPTS + n * TABLE_PAGES * PAGE) | 0x1e;

const FLAT_CODE = 0x00af_9b00_0000_ffffn, FLAT_DATA = 0x00cf_9300_0000_ffffn;
const CR0_VALUE = 0x8001_0033, CR4_VALUE = 0x2_26a0, EFER_VALUE = 0xd01;

/** The RAM that each processor starts with, before chance changes it. */
function template(): Uint8Array {
  const ram = new Uint8Array(RAM), view = new DataView(ram.buffer);
  const quad = (at: number, value: number | bigint): void => view.setBigUint64(at, BigInt(value), true);
  const tables = (at: number, bits: number): void => {
    for (let level = 0; level < 3; level++) quad(at + level * PAGE, (at + (level + 1) * PAGE) | ALL_RIGHTS);
    for (let n = 0; n < 512; n++) quad(at + 3 * PAGE + 8 * n, (n * PAGE) | bits);
  };
  tables(PAGE_TABLES, ALL_RIGHTS);
  for (const n of [0, 1]) {
    tables(EPTS + n * TABLE_PAGES * PAGE, ALL_RIGHTS | WRITE_BACK);
    quad(EPTP_LIST + 8 * n, eptpOf(n));
  }
  for (
    const [n, descriptor] of [
      0n,
      FLAT_CODE,
      FLAT_DATA,
      0x00cf_9b00_0000_ffffn,
      0x00af_fb00_0000_ffffn,
      0x00cf_f300_0000_ffffn,
      0x0000_8b00_7000_0067n,
      0n,
    ].entries()
  ) { // deno-fmt-ignore
    quad(GDT + 8 * n, descriptor);
  }
  for (let vector = 0; vector < 256; vector++) {
    const target = HANDLERS + HANDLER_BYTES * vector;
    quad(
      IDT + 16 * vector,
      BigInt((target & 0xffff) | 8 << 16) | 0x8e00n << 32n | BigInt(target >>> 16) << 48n,
    );
    ram.set([...(WITH_ERROR_CODE.includes(vector) ? DROP_ERROR_CODE : []), ...SKIP_AND_RETURN], target);
  }
  for (const region of [VMXON_REGION, VMCS_REGION, OTHER_VMCS]) view.setInt32(region, REVISION, true);
  for (const [n, region] of [VMXON_REGION, VMCS_REGION, OTHER_VMCS, eptpOf(0), 0x1234].entries()) {
    quad(POINTERS + 16 * n, region);
  }
  // World entries: WID, flags (valid; host; CPL), selectors, EPTP, CR3, RIP.
  for (const [n, flags] of [1, 1, 3, 0x1d].entries()) {
    const at = WORLDS + 64 * n, host = (flags & 2) !== 0;
    quad(at, n + 1);
    quad(at + 8, BigInt(flags) | 8n << 32n | 0x10n << 48n);
    quad(at + 16, host ? 0 : eptpOf(n & 1));
    quad(at + 24, PAGE_TABLES);
    quad(at + 32, WORLD_CODE + 0x100 * n);
  }
  return ram;
}

/** Fields of a VMCS that may be entered. */
const FIELDS: readonly (readonly [field: number, value: number | bigint])[] = [
  [Field.PIN_CONTROLS, ALLOWED.pin.one],
  [Field.PRIMARY_CONTROLS, (ALLOWED.primary.one | 1 << 31) >>> 0],
  [Field.SECONDARY_CONTROLS, 0x20a2], // EPT, VPID, unrestricted guest, VM functions
  [Field.EXIT_CONTROLS, ALLOWED.exit.one | 0x200],
  [Field.ENTRY_CONTROLS, ALLOWED.entry.one | 0x200],
  [Field.VMFUNC_CONTROLS, 3],
  [Field.VPID, 1],
  [Field.EPTP, eptpOf(0)],
  [Field.EPTP_LIST_ADDRESS, EPTP_LIST],
  [Field.IO_BITMAP_A, BITMAPS],
  [Field.IO_BITMAP_B, BITMAPS + PAGE],
  [Field.MSR_BITMAPS, BITMAPS + 2 * PAGE],
  [Field.EXIT_MSR_STORE_ADDRESS, MSR_AREA],
  [Field.EXIT_MSR_LOAD_ADDRESS, MSR_AREA],
  [Field.ENTRY_MSR_LOAD_ADDRESS, MSR_AREA],
  [Field.VIRTUAL_APIC, VIRTUAL_APIC],
  [Field.EXCEPTION_INFORMATION, VIRTUAL_APIC + 0x800],
  [Field.VMCS_LINK_POINTER, 0xffff_ffff_ffff_ffffn],
  [Field.HOST_CR0, CR0_VALUE],
  [Field.HOST_CR3, PAGE_TABLES],
  [Field.HOST_CR4, CR4_VALUE],
  [Field.HOST_CS, 8],
  ...[0, 2, 3, 4, 5].map((n) => [Field.HOST_ES + 2 * n, 0x10] as const),
  [Field.HOST_TR, 0x30],
  [Field.HOST_TR_BASE, TSS],
  [Field.HOST_GDTR_BASE, GDT],
  [Field.HOST_IDTR_BASE, IDT],
  [Field.HOST_RSP, STACK],
  [Field.HOST_RIP, EXIT_CODE],
  [Field.GUEST_CR0, CR0_VALUE],
  [Field.GUEST_CR3, PAGE_TABLES],
  [Field.GUEST_CR4, CR4_VALUE],
  [Field.GUEST_RFLAGS, 2],
  [Field.GUEST_RIP, GUEST_CODE],
  [Field.GUEST_RSP, STACK],
  [Field.GUEST_GDTR_BASE, GDT],
  [Field.GUEST_GDTR_LIMIT, 0x3f],
  [Field.GUEST_IDTR_BASE, IDT],
  [Field.GUEST_IDTR_LIMIT, 0xfff],
  ...[0, 1, 2, 3, 4, 5].flatMap((n) =>
    [
      [Field.GUEST_ES + 2 * n, n === 1 ? 8 : 0x10],
      [Field.GUEST_ES_LIMIT + 2 * n, 0xffff_ffff],
      [Field.GUEST_ES_RIGHTS + 2 * n, n === 1 ? 0xa09b : 0xc093],
    ] as const
  ),
  [Field.GUEST_LDTR_RIGHTS, 0x1_0000],
  [Field.GUEST_TR, 0x30],
  [Field.GUEST_TR_BASE, TSS],
  [Field.GUEST_TR_RIGHTS, 0x8b],
  [Field.GUEST_TR_LIMIT, 0x67],
];

/** One engine with its memory, and one processor after the other. */
export class KernelMachine {
  readonly #memory = new LinearMemory(RAM);
  readonly #core: ProcessorCore;
  readonly #template = template();
  readonly #words = new Int32Array(this.#template.buffer);
  /** RAM as guest-physical bytes. */
  readonly ram: DataView = new DataView(this.#memory.buffer, RAM_BASE, RAM);
  processor!: SystemProcessor;

  constructor(configuration: ProcessorConfiguration) {
    this.#core = new ProcessorCore(this.#memory, configuration);
  }

  /** The state cells. */
  get m(): Int32Array {
    return this.#memory.i32;
  }

  /** Puts everything into its first state: RAM, devices, a processor in VMX root operation with a current VMCS. */
  renew(): void {
    const { mmu } = this.#core.inner;
    this.#restore();
    this.#core.asked = false;
    const bus = new Bus();
    const pic = new Pic8259(() => this.processor.attend());
    for (const chip of pic.chips) bus.addPorts(chip);
    bus.addPorts(new Uart16550(0x3f8, { transmit: () => {}, interrupt: (level) => pic.setLine(4, level) }));
    bus.addPorts(new FwCfg({ processors: 1, ram: RAM, commandLine: "" }));
    bus.addPorts(new IsaDebugExit(() => this.#core.ask()));
    const interrupts = {
      send: (...[message, { shorthand }]: Parameters<SendInterrupt>) => {
        if (shorthand !== 3) this.processor.receive(message);
      },
      endOfInterrupt: () => {},
    };
    this.processor = new SystemProcessor(this.#core, { bus, pic, interrupts }, {
      id: 0,
      count: 1,
      seed: 1,
      cpu: "causeway",
      vmx: true,
      crossover: { worldCacheEntries: 4, inverseWorldCacheEntries: 4 },
    });
    this.#core.seat(this.processor);
    this.#setState();
    mmu.enterWorld();
    mmu.worlds.dropTagged(() => true);
  }

  /** Makes RAM the template again. What did not change keeps its translations: that is most of the time that a run takes. */
  #restore(): void {
    const { mmu } = this.#core.inner, ram = this.#memory.ram(0, RAM);
    const words = new Int32Array(this.#memory.buffer, RAM_BASE, RAM / 4);
    for (let page = 0; page < RAM; page += PAGE) {
      let word = page / 4;
      const end = word + PAGE / 4;
      while (word < end && words[word] === this.#words[word]) word++;
      if (word === end) continue;
      ram.set(this.#template.subarray(page, page + PAGE), page);
      mmu.wroteRam(page, PAGE);
    }
  }

  #setState(): void {
    const { m } = this, { segments } = this.processor.unit;
    m.fill(0, 0, PROCESSOR_BYTES >> 2);
    const set = (cell: number, lo: number): void => {
      m[cell >> 2] = lo;
      m[(cell >> 2) + 1] = 0;
    };
    set(GDTR_BASE, GDT);
    m[GDTR_LIMIT >> 2] = 0x3f;
    set(IDTR_BASE, IDT);
    m[IDTR_LIMIT >> 2] = 0xfff;
    m[CR0 >> 2] = CR0_VALUE | 0;
    m[CR4 >> 2] = CR4_VALUE;
    m[EFER >> 2] = EFER_VALUE;
    m[XCR0 >> 2] = 1;
    m[CPL >> 2] = 0;
    set(RIP, HOST_CODE);
    set(GPR + 8 * 4, STACK);
    writeRflags(m, 2);
    for (const n of [Segment.ES, Segment.SS, Segment.DS, Segment.FS, Segment.GS]) {
      segments.writeFrom(n, 0x10, { lo: 0xffff, hi: 0x00cf_9300 });
    }
    segments.writeFrom(Segment.CS, 8, { lo: 0xffff, hi: 0x00af_9b00 });
    segments.write(TR, 0x30, 0x67, 0x8b, TSS);
    this.processor.inner.mmu.switchAddressSpace(PAGE_TABLES);
    const { state } = this.processor.vmx!;
    state.vmxon = BigInt(VMXON_REGION);
    state.vmcs = new Vmcs(this.#memory, BigInt(VMCS_REGION));
    m[VMX_MODE >> 2] = VmxMode.ROOT;
    for (const [field, value] of FIELDS) state.vmcs.write(field, value);
  }
}

type SendInterrupt = ConstructorParameters<typeof SystemProcessor>[1]["interrupts"]["send"];
