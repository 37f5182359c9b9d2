/** VM-execution, VM-entry and VM-exit controls by name. SDM vol. 3C, sections 25.6 to 25.8. */

/** Pin-based controls. */
export const Pin = {
  EXTERNAL_INTERRUPT: 1,
  NMI: 8,
  VIRTUAL_NMIS: 0x20,
  PREEMPTION_TIMER: 0x40,
  POSTED_INTERRUPTS: 0x80,
} as const;

/** Primary processor-based controls. */
export const Primary = {
  INTERRUPT_WINDOW: 1 << 2,
  TSC_OFFSET: 1 << 3,
  HLT: 1 << 7,
  INVLPG: 1 << 9,
  MWAIT: 1 << 10,
  RDPMC: 1 << 11,
  RDTSC: 1 << 12,
  CR3_LOAD: 1 << 15,
  CR3_STORE: 1 << 16,
  CR8_LOAD: 1 << 19,
  CR8_STORE: 1 << 20,
  TPR_SHADOW: 1 << 21,
  NMI_WINDOW: 1 << 22,
  MOV_DR: 1 << 23,
  UNCONDITIONAL_IO: 1 << 24,
  IO_BITMAPS: 1 << 25,
  MONITOR_TRAP_FLAG: 1 << 27,
  MSR_BITMAPS: 1 << 28,
  MONITOR: 1 << 29,
  PAUSE: 1 << 30,
  SECONDARY: 1 << 31,
} as const;

/** Secondary processor-based controls. */
export const Secondary = {
  APIC_ACCESSES: 1 << 0,
  EPT: 1 << 1,
  DESCRIPTOR_TABLES: 1 << 2,
  RDTSCP: 1 << 3,
  X2APIC: 1 << 4,
  VPID: 1 << 5,
  WBINVD: 1 << 6,
  UNRESTRICTED: 1 << 7,
  APIC_REGISTERS: 1 << 8,
  INTERRUPT_DELIVERY: 1 << 9,
  PAUSE_LOOP: 1 << 10,
  RDRAND: 1 << 11,
  INVPCID: 1 << 12,
  VMFUNC: 1 << 13,
  SHADOWING: 1 << 14,
  RDSEED: 1 << 16,
  PML: 1 << 17,
  EPT_EXCEPTION: 1 << 18,
  /** "Mode-based execute control for EPT". */
  EXECUTE_BY_MODE: 1 << 22,
  TSC_SCALING: 1 << 25,
} as const;

/** VM-exit controls. */
export const ExitControl = {
  SAVE_DEBUG: 1 << 2,
  HOST_64: 1 << 9,
  ACKNOWLEDGE: 1 << 15,
  SAVE_PAT: 1 << 18,
  LOAD_PAT: 1 << 19,
  SAVE_EFER: 1 << 20,
  LOAD_EFER: 1 << 21,
  SAVE_TIMER: 1 << 22,
} as const;

/** VM-entry controls. */
export const EntryControl = {
  LOAD_DEBUG: 1 << 2,
  LONG: 1 << 9,
  LOAD_PAT: 1 << 14,
  LOAD_EFER: 1 << 15,
} as const;

const all = (bits: Readonly<Record<string, number>>): number =>
  Object.values(bits).reduce((mask, bit) => mask | bit, 0);

/** What a group of controls allows. */
export interface Allowed {
  /** Controls that must be 1: those of the plain capability MSR, and of the TRUE one. */
  readonly one: number;
  readonly trueOne: number;
  /** Controls that may be 1. */
  readonly mayBeOne: number;
}

const PIN_ONE = 0x16, PRIMARY_ONE = 0x0401_e172, EXIT_ONE = 0x0003_6dff, ENTRY_ONE = 0x11ff;
const CR3_EXITING = Primary.CR3_LOAD | Primary.CR3_STORE;

const group = (one: number, trueOne: number, bits: Readonly<Record<string, number>>): Allowed => ({
  one,
  trueOne,
  mayBeOne: one | all(bits),
});

/** The groups. The default1 class: SDM vol. 3D, appendix A.2. */
export const ALLOWED = {
  pin: group(PIN_ONE, PIN_ONE, Pin),
  primary: group(PRIMARY_ONE, PRIMARY_ONE & ~CR3_EXITING, Primary),
  secondary: group(0, 0, Secondary),
  exit: group(EXIT_ONE, EXIT_ONE & ~ExitControl.SAVE_DEBUG, ExitControl),
  entry: group(ENTRY_ONE, ENTRY_ONE & ~EntryControl.LOAD_DEBUG, EntryControl),
} as const;

/** Whether the value of a group of controls is one that the capability MSRs allow. */
export const isAllowed = (value: number, { trueOne, mayBeOne }: Allowed): boolean =>
  (value & trueOne) === trueOne && (value & ~mayBeOne) === 0;
