/** MOV to and from control registers, LMSW, CLTS, IA32_EFER, XSETBV. SDM vol. 2B, "MOV"; vol. 3A, sections 2.5, 2.6, 10.8.5. */
import { PHYSICAL_HIGH } from "../address_widths.ts";
import { Vector } from "../fault.ts";
import {
  CR0,
  CR2,
  CR3,
  CR4,
  EFER,
  GPR,
  Gpr,
  PKRU,
  RETURN_HI,
  SEG_ATTRIBUTES,
  TR,
  VMX_MODE,
  VmxMode,
  XCR0,
} from "../state.ts";
import { ExitReason } from "./bus.ts";
import type { SystemContext } from "./context.ts";
import { Cr0, Cr4, Efer } from "./control_bits.ts";
import { Attribute, SystemType } from "./descriptor.ts";
import { InvpcidType } from "./world_control.ts";
import { WorldSwitch } from "./world_switches.ts";

/** What CR0 holds; other bits of its lower half are written in vain. */
const CR0_BITS = Cr0.PE | Cr0.MP | Cr0.EM | Cr0.TS | Cr0.ET | Cr0.NE | Cr0.WP | Cr0.AM | Cr0.NW | Cr0.CD |
  Cr0.PG;
/** What CR4 may hold. */
const CR4_BITS = Cr4.VME | Cr4.PVI | Cr4.TSD | Cr4.DE | Cr4.PSE | Cr4.PAE | Cr4.MCE | Cr4.PGE | Cr4.PCE |
  Cr4.OSFXSR |
  Cr4.OSXMMEXCPT |
  Cr4.UMIP | Cr4.LA57 | Cr4.VMXE | Cr4.FSGSBASE | Cr4.PCIDE | Cr4.OSXSAVE | Cr4.SMEP | Cr4.SMAP | Cr4.PKE;
/** Changes of these drop everything cached. SDM vol. 3A, section 4.10.4.1. */
const CR4_FLUSHING = Cr4.PSE | Cr4.PAE | Cr4.PGE | Cr4.LA57 | Cr4.SMEP;
/** Changes of these load the page-directory-pointer entries of PAE paging. SDM vol. 3A, section 4.4.1. */
const CR0_LOADING = Cr0.CD | Cr0.NW | Cr0.PG, CR4_LOADING = Cr4.PAE | Cr4.PGE | Cr4.PSE | Cr4.SMEP;
const EFER_BITS = Efer.SCE | Efer.LME | Efer.LMA | Efer.NXE;
/** Bits of CR3 above the widest physical address. Bit 63 is the wish to flush nothing. */
const CR3_RESERVED_HIGH = ~PHYSICAL_HIGH, CR3_NO_FLUSH = 1 << 31;
/** XCR0: x87, which is always on, and SSE; PKRU, where there are protection keys. */
const XCR0_X87 = 1, XCR0_BITS = 3, XCR0_PKRU = 0x200;
const PCID = 0xfff;
/** Kinds of access in the exit qualification. SDM vol. 3C, table 28-3. */
const FROM_CR = 1 << 4, CLTS = 2 << 4, LMSW = 3 << 4;

/** The control registers of one processor. */
export class ControlRegisters {
  constructor(readonly context: SystemContext) {}

  /** MOV from control register `n` to general register `register`. Returns the low half. */
  read(n: number, register: number): number {
    const { context } = this, { m } = context;
    if (context.cpl !== 0) return Number(context.raise(Vector.GP, 0));
    if (context.mayExit(ExitReason.CR_ACCESS, n | FROM_CR | (register << 8))) return 0;
    if (n === 8) return context.wide(context.intercepts?.taskPriority() ?? context.bus.cr8(), 0);
    const cell = CELLS[n];
    if (cell === undefined) return Number(context.raise(Vector.UD));
    const value = m[cell >> 2]!;
    return context.wide(context.intercepts?.visible(n, value) ?? value, m[(cell >> 2) + 1]!);
  }

  /** MOV to control register `n` from general register `register`, which holds the value. */
  write(n: number, lo: number, hi: number, register: number): void {
    const { context } = this;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(ExitReason.CR_ACCESS, n | (register << 8), lo, hi)) return;
    this.store(n, this.#effective(n, lo), hi);
  }

  /** What a write makes of control register 0 or 4: in a virtual machine some bits are not the guest's. */
  #effective(n: number, value: number): number {
    const { intercepts, m } = this.context;
    if (intercepts === undefined || (n !== 0 && n !== 4)) return value;
    return intercepts.effective(n, value, m[(n === 0 ? CR0 : CR4) >> 2]!);
  }

  /** Writes a control register with the instruction's checks; raises #GP(0). VM entries and exits do not come here. */
  store(n: number, lo: number, hi: number): void {
    const { context } = this;
    switch (n) {
      case 0:
        return this.#writeCr0(lo, hi);
      case 2:
        return this.#set(CR2, lo, hi);
      case 3:
        return this.#writeCr3(lo, hi);
      case 4:
        return this.#writeCr4(lo, hi);
      case 8:
        if (hi !== 0 || lo >>> 0 > 15) return void context.raise(Vector.GP, 0);
        if (context.intercepts?.setTaskPriority(lo) === true) return;
        return context.bus.setCr8(lo);
      default:
        context.raise(Vector.UD);
    }
  }

  /** LMSW: bits 3:0; PE is not cleared. */
  loadStatusWord(value: number): void {
    const { context } = this;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(ExitReason.CR_ACCESS, LMSW | (value << 16), value, 0)) return;
    const old = context.m[CR0 >> 2]!;
    const given = (old & ~(Cr0.MP | Cr0.EM | Cr0.TS)) | (value & 15);
    this.#writeCr0(this.#effective(0, given) | (old & Cr0.PE), 0);
  }

  /** CLTS. */
  clearTaskSwitched(): void {
    const { context } = this;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(ExitReason.CR_ACCESS, CLTS)) return;
    const { m } = context;
    m[CR0 >> 2] = this.#effective(0, m[CR0 >> 2]! & ~Cr0.TS);
    context.world.enterWorld();
  }

  /** WRMSR to IA32_EFER; false is #GP(0). */
  writeEfer(lo: number, hi: number): boolean {
    const { context } = this, { m } = context;
    const old = m[EFER >> 2]!;
    if (hi !== 0 || (lo & ~EFER_BITS) !== 0) return false;
    if (context.bus.hasXd === false && (lo & Efer.NXE) !== 0) return false;
    const paging = (m[CR0 >> 2]! & Cr0.PG) !== 0;
    if (paging && ((lo ^ old) & Efer.LME) !== 0) return false;
    m[EFER >> 2] = (lo & ~Efer.LMA) | (old & Efer.LMA);
    context.world.enterWorld();
    return true;
  }

  /** XSETBV. SDM vol. 2D. */
  setExtendedControl(): void {
    const { context } = this, { m } = context;
    if ((m[CR4 >> 2]! & Cr4.OSXSAVE) === 0) return void context.raise(Vector.UD);
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(ExitReason.XSETBV)) return;
    const word = (register: number): number => m[(GPR >> 2) + 2 * register]!;
    const lo = word(Gpr.RAX), hasKeys = ((context.bus.reservedCr4 ?? 0) & Cr4.PKE) === 0;
    const known = XCR0_BITS | (hasKeys ? XCR0_PKRU : 0);
    if (
      word(Gpr.RCX) !== 0 || word(Gpr.RDX) !== 0 || (lo & ~known) !== 0 || (lo & XCR0_X87) === 0
    ) return void context.raise(Vector.GP, 0);
    this.#set(XCR0, lo, 0);
  }

  /** WRPKRU. SDM vol. 2D. */
  writePkru(value: number): void {
    this.context.m[PKRU >> 2] = value;
    this.context.world.enterWorld();
  }

  #set(cell: number, lo: number, hi: number): void {
    this.context.m[cell >> 2] = lo;
    this.context.m[(cell >> 2) + 1] = hi;
  }

  #writeCr0(lo: number, hi: number): void {
    const { context } = this, { m, world } = context;
    const old = m[CR0 >> 2]!, value = (lo & CR0_BITS) | Cr0.ET;
    const paging = (value & Cr0.PG) !== 0, was = (old & Cr0.PG) !== 0;
    const contradicts = (paging && (value & Cr0.PE) === 0) ||
      ((value & Cr0.NW) !== 0 && (value & Cr0.CD) === 0) || (value & this.#cr0Fixed()) !== this.#cr0Fixed();
    if (
      hi !== 0 || contradicts || (paging && !was && !this.#mayActivate()) ||
      (!paging && was && !this.#mayDeactivate())
    ) {
      return void context.raise(Vector.GP, 0);
    }
    const lme = (m[EFER >> 2]! & Efer.LME) !== 0;
    if (
      paging && !lme && (m[CR4 >> 2]! & Cr4.PAE) !== 0 && ((value ^ old) & CR0_LOADING) !== 0 &&
      !this.#loadPdptes(m[CR3 >> 2]!)
    ) return;
    this.#set(CR0, value, 0);
    if (paging !== was) {
      m[EFER >> 2] = (m[EFER >> 2]! & ~Efer.LMA) | (paging && lme ? Efer.LMA : 0);
    }
    world.enterWorld();
    if (paging !== was || ((value ^ old) & Cr0.WP) !== 0) world.flushAll();
  }

  /** Bits that VMX operation wants set. SDM vol. 3C, section 24.8. */
  #cr0Fixed(): number {
    const { intercepts, m } = this.context;
    if (m[VMX_MODE >> 2] === VmxMode.OUTSIDE) return 0;
    return intercepts?.cr0Fixed ?? (Cr0.PE | Cr0.NE | Cr0.PG);
  }

  /** Whether paging can be turned on: in IA-32e mode, if that is enabled. SDM vol. 3A, section 10.8.5. */
  #mayActivate(): boolean {
    const { m, is64 } = this.context;
    if ((m[EFER >> 2]! & Efer.LME) === 0) return true;
    const type = m[(TR + SEG_ATTRIBUTES) >> 2]! & Attribute.TYPE;
    const narrowTask = type === SystemType.TSS16 || type === SystemType.TSS16_BUSY;
    return (m[CR4 >> 2]! & Cr4.PAE) !== 0 && !is64 && !narrowTask;
  }

  #mayDeactivate(): boolean {
    const { m, is64 } = this.context;
    return !is64 && (m[CR4 >> 2]! & Cr4.PCIDE) === 0;
  }

  #writeCr3(lo: number, hi: number): void {
    const { context } = this, { m } = context;
    const withPcid = (m[CR4 >> 2]! & Cr4.PCIDE) !== 0;
    const keep = withPcid && (hi & CR3_NO_FLUSH) !== 0;
    const upper = withPcid ? hi & ~CR3_NO_FLUSH : hi;
    if ((upper & CR3_RESERVED_HIGH) !== 0) return void context.raise(Vector.GP, 0);
    const pae = (m[CR0 >> 2]! & Cr0.PG) !== 0 && (m[CR4 >> 2]! & Cr4.PAE) !== 0 && !context.isLong;
    if (pae && !this.#loadPdptes(lo)) return;
    context.world.loadCr3((BigInt(upper >>> 0) << 32n) | BigInt(lo >>> 0), !keep);
    context.switches.count(WorldSwitch.CR3_WRITE);
  }

  #writeCr4(lo: number, hi: number): void {
    const { context } = this, { m, world } = context;
    const old = m[CR4 >> 2]!, changed = lo ^ old, long = context.isLong;
    const turnsOnPcid = (changed & lo & Cr4.PCIDE) !== 0;
    if (
      hi !== 0 || (lo & ~(CR4_BITS & ~(context.bus.reservedCr4 ?? 0))) !== 0 ||
      (long && ((lo & Cr4.PAE) === 0 || (changed & Cr4.LA57) !== 0)) ||
      (turnsOnPcid && (!long || (m[CR3 >> 2]! & PCID) !== 0)) ||
      (m[VMX_MODE >> 2] !== VmxMode.OUTSIDE && (lo & Cr4.VMXE) === 0)
    ) return void context.raise(Vector.GP, 0);
    const pae = (m[CR0 >> 2]! & Cr0.PG) !== 0 && (lo & Cr4.PAE) !== 0 && !long;
    if (pae && (changed & CR4_LOADING) !== 0 && !this.#loadPdptes(m[CR3 >> 2]!)) return;
    this.#set(CR4, lo, 0);
    world.enterWorld();
    if ((changed & CR4_FLUSHING) !== 0 || (changed & old & Cr4.PCIDE) !== 0) world.flushAll();
  }

  /** Loads the page-directory-pointer entries; false after what forbids it. SDM vol. 3A, section 4.4.1. */
  #loadPdptes(cr3: number): boolean {
    const { context } = this;
    switch (context.world.loadPdptes((cr3 & ~31) >>> 0)) {
      case "loaded":
        return true;
      case "reserved bits":
        return context.raise(Vector.GP, 0);
      case "refused":
        return false;
    }
  }

  /** INVLPG. */
  invalidatePage(lo: number, hi: number): void {
    const { context } = this;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(ExitReason.INVLPG, 0, lo, hi)) return;
    // An address that is not canonical names no page. SDM vol. 2A, "INVLPG".
    if (context.is64 && !context.isCanonical(hi)) return;
    context.world.invalidatePage((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0));
  }

  /** INVPCID with a type and the address of its descriptor. */
  invalidatePcid(typeLo: number, typeHi: number, lo: number, hi: number, flags: number): void {
    const { context } = this, { access, m } = context;
    if (context.cpl !== 0) return void context.raise(Vector.GP, 0);
    if (context.mayExit(ExitReason.INVPCID, 0, lo, hi)) return;
    const first = access.load64(lo, hi, flags);
    if (context.failed) return;
    const reserved = context.m[RETURN_HI >> 2]! !== 0 || first >>> 12 !== 0;
    const at = (lo + 8) | 0;
    const linearLo = access.load64(at, (hi + (at >>> 0 < lo >>> 0 ? 1 : 0)) | 0, flags);
    if (context.failed) return;
    const linearHi = m[RETURN_HI >> 2]!;
    const type = typeHi !== 0 || typeLo >>> 0 > InvpcidType.ALL_BUT_GLOBAL ? -1 : typeLo;
    const single = type === InvpcidType.ADDRESS || type === InvpcidType.CONTEXT;
    const needsPcide = single && (first & PCID) !== 0 && (m[CR4 >> 2]! & Cr4.PCIDE) === 0;
    if (
      type === -1 || reserved || needsPcide ||
      (type === InvpcidType.ADDRESS && !context.isCanonical(linearHi))
    ) return void context.raise(Vector.GP, 0);
    const linear = (BigInt(linearHi >>> 0) << 32n) | BigInt(linearLo >>> 0);
    context.world.invalidatePcid(type, first & PCID, linear);
  }
}

const CELLS: Readonly<Record<number, number>> = { 0: CR0, 2: CR2, 3: CR3, 4: CR4 };
