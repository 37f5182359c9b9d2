/** The local APIC's MSRs: IA32_APIC_BASE, IA32_TSC_DEADLINE's place, and the x2APIC registers. SDM vol. 3A, section 11.12. */
import type { MsrValue } from "../../cpu/system/bus.ts";
import { fields, i32, type Shape, such, whole } from "../../snapshot/shape.ts";
import { APIC_PAGE, ApicRegister, type LocalApic } from "./local_apic.ts";

const FIRST = 0x800, LAST = 0x8ff;
/** IA32_APIC_BASE bits. */
const BOOTSTRAP = 0x100, EXTENDED = 0x400, ENABLED = 0x800;
/** Bits 35:12 of the base, and bits 11:8 but 9: all others are reserved with 40 physical address bits. */
const BASE_WRITABLE_LOW = ~0x2ff, BASE_WRITABLE_HIGH = 0xff;

/** Reserved bits of the registers that software writes; those not listed cannot be written. */
const RESERVED: ReadonlyMap<number, number> = new Map([
  [ApicRegister.TASK_PRIORITY, ~0xff],
  [ApicRegister.EOI, ~0],
  [ApicRegister.SPURIOUS, ~0x11ff],
  [ApicRegister.ERROR_STATUS, ~0],
  [ApicRegister.ICR_LOW, ~0xc_cfff],
  [ApicRegister.LVT_TIMER, ~0x7_10ff],
  [ApicRegister.LVT_THERMAL, ~0x1_17ff],
  [ApicRegister.LVT_PERFORMANCE, ~0x1_17ff],
  [ApicRegister.LVT_LINT0, ~0x1_f7ff],
  [ApicRegister.LVT_LINT1, ~0x1_f7ff],
  [ApicRegister.LVT_ERROR, ~0x1_10ff],
  [ApicRegister.INITIAL_COUNT, 0],
  [ApicRegister.DIVIDE, ~0xb],
  [ApicRegister.SELF_IPI, ~0xff],
]);

const READ_ONLY: readonly number[] = [
  ApicRegister.ID,
  ApicRegister.VERSION,
  ApicRegister.PROCESSOR_PRIORITY,
  ApicRegister.LOGICAL_DESTINATION,
  ApicRegister.CURRENT_COUNT,
];
const WRITE_ONLY: readonly number[] = [ApicRegister.EOI, ApicRegister.SELF_IPI];

/** Their saved state. */
export type ApicMsrsState = { readonly baseLow: number; readonly baseHigh: number; readonly icrHigh: number };

/** The saved state of the MSRs that the local APIC itself does not have. */
export const APIC_MSRS_STATE: Shape<ApicMsrsState> = such(
  fields({ baseLow: i32, baseHigh: whole(0, BASE_WRITABLE_HIGH), icrHigh: i32 }),
  ({ baseLow }) =>
    (baseLow & ~(BASE_WRITABLE_LOW | BOOTSTRAP)) === 0 && (baseLow & (ENABLED | EXTENDED)) !== EXTENDED,
  "values that IA32_APIC_BASE can have",
);

/** IA32_APIC_BASE and the registers as MSRs. */
export class ApicMsrs {
  /** Host-physical address of the register page. */
  page = APIC_PAGE;
  #baseLow: number;
  #baseHigh = 0;
  #icrHigh = 0;

  constructor(readonly apic: LocalApic) {
    this.#baseLow = APIC_PAGE | ENABLED | (apic.id === 0 ? BOOTSTRAP : 0);
  }

  /** Whether the page answers: xAPIC mode. */
  get isMapped(): boolean {
    return (this.#baseLow & (ENABLED | EXTENDED)) === ENABLED;
  }

  /** Whether the local APIC takes part at all. */
  get isEnabled(): boolean {
    return (this.#baseLow & ENABLED) !== 0;
  }

  /** Whether IA32_APIC_BASE says that this is the bootstrap processor. */
  get isBootstrap(): boolean {
    return (this.#baseLow & BOOTSTRAP) !== 0;
  }

  /** IA32_APIC_BASE. */
  get base(): MsrValue {
    return { lo: this.#baseLow, hi: this.#baseHigh };
  }

  /** Writes IA32_APIC_BASE; false: #GP(0). SDM vol. 3A, section 11.12.5, figure 11-27. */
  setBase(lo: number, hi: number): boolean {
    if ((lo & ~(BASE_WRITABLE_LOW | BOOTSTRAP)) !== 0 || (hi & ~BASE_WRITABLE_HIGH) !== 0) return false;
    const from = this.#baseLow & (ENABLED | EXTENDED), to = lo & (ENABLED | EXTENDED);
    if (to === EXTENDED) return false;
    if (from === (ENABLED | EXTENDED) && to === ENABLED) return false;
    if (from === 0 && to === (ENABLED | EXTENDED)) return false;
    this.#baseLow = (lo & ~BOOTSTRAP) | (this.#baseLow & BOOTSTRAP);
    this.#baseHigh = hi;
    this.#place();
    this.apic.x2 = to === (ENABLED | EXTENDED);
    if (from !== 0 && to === 0) this.apic.reset();
    return true;
  }

  saveState(): ApicMsrsState {
    return { baseLow: this.#baseLow, baseHigh: this.#baseHigh, icrHigh: this.#icrHigh };
  }

  loadState({ baseLow, baseHigh, icrHigh }: ApicMsrsState): void {
    this.#baseLow = baseLow;
    this.#baseHigh = baseHigh;
    this.#icrHigh = icrHigh;
    this.#place();
  }

  #place(): void {
    this.page = this.#baseHigh * 0x1_0000_0000 + ((this.#baseLow & ~0xfff) >>> 0);
  }

  /** Whether an MSR is a register of the x2APIC. */
  has(index: number): boolean {
    return index >= FIRST && index <= LAST;
  }

  /** Reads a register; undefined: #GP(0). */
  read(index: number): MsrValue | undefined {
    const register = (index - FIRST) << 4;
    if (!this.apic.x2) return undefined;
    const readable = READ_ONLY.includes(register) || isVectorRegister(register) ||
      (RESERVED.has(register) && !WRITE_ONLY.includes(register));
    if (!readable) return undefined;
    return { lo: this.apic.read(register), hi: register === ApicRegister.ICR_LOW ? this.#icrHigh : 0 };
  }

  /** Writes a register; false: #GP(0). */
  write(index: number, lo: number, hi: number): boolean {
    const register = (index - FIRST) << 4;
    const reserved = RESERVED.get(register);
    if (!this.apic.x2 || reserved === undefined || (lo & reserved) !== 0) return false;
    if (register === ApicRegister.ICR_LOW) {
      this.#icrHigh = hi;
      this.apic.commandX2(lo, hi);
      return true;
    }
    if (hi !== 0) return false;
    if (register === ApicRegister.SELF_IPI) this.apic.command(lo | SELF, 0);
    else this.apic.write(register, lo);
    return true;
  }
}

/** Shorthand of the interrupt command: the sender itself. */
const SELF = 0x4_0000;

/** ISR, TMR and IRR. */
function isVectorRegister(register: number): boolean {
  return register >= ApicRegister.IN_SERVICE && register < ApicRegister.ERROR_STATUS;
}
