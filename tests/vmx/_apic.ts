/** What tests of APIC virtualization share: guests with a virtual-APIC page, and what lies in it. */
import { Pin, Primary, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import { RAM_BASE } from "../../src/memory/physical.ts";
import { type Guest, VIRTUAL_APIC } from "./_guest.ts";
import { pin, primary, secondary, type Values } from "./_vmcs.ts";

const { APIC_ACCESSES, APIC_REGISTERS, INTERRUPT_DELIVERY } = Secondary;

/** The APIC-access page, and the offsets of registers. */
export const APIC_PAGE = 0x1_f000;
export const TPR = 0x80, PPR = 0xa0, EOI = 0xb0, ISR = 0x100, IRR = 0x200, ICR = 0x300, ICR_HIGH = 0x310;
export const SELF_IPI = 0x3f0;
/** Exit reasons. */
export const Exit = {
  EXTERNAL_INTERRUPT: 1,
  VMCALL: 18,
  BELOW_THRESHOLD: 43,
  APIC_ACCESS: 44,
  EOI: 45,
  APIC_WRITE: 56,
} as const;
export const VMCALL = "0f 01 c1", IF = 0x202;

/** APIC accesses with the TPR shadow, and these secondary controls. */
export const accesses = (controls = 0, ...more: Values): Values => [
  ...primary(Primary.TPR_SHADOW),
  ...secondary(APIC_ACCESSES | controls),
  [Field.APIC_ACCESS, APIC_PAGE],
  ...(controls & INTERRUPT_DELIVERY ? pin(Pin.EXTERNAL_INTERRUPT) : []),
  ...more,
];
/** Controls for registers and interrupts. */
export const REGISTERS = APIC_REGISTERS, INTERRUPTS = INTERRUPT_DELIVERY, ALL = REGISTERS | INTERRUPTS;

/** Little-endian bytes of a 32-bit operand. */
export const imm32 = (value: number): string =>
  [0, 8, 16, 24].map((shift) => ((value >>> shift) & 0xff).toString(16).padStart(2, "0")).join(" ");
/** MOV DWORD [offset in the page], value. */
export const store = (offset: number, value: number): string =>
  `c7 04 25 ${imm32(APIC_PAGE + offset)} ${imm32(value)}`;
/** MOV EAX, [offset in the page]. */
export const load = (offset: number): string => `8b 04 25 ${imm32(APIC_PAGE + offset)}`;
/** WRMSR of a value to an MSR, and RDMSR. */
export const wrmsr = (index: number, low: number, high = 0): string =>
  `b9 ${imm32(index)} b8 ${imm32(low)} ba ${imm32(high)} 0f 30`;
export const rdmsr = (index: number): string => `b9 ${imm32(index)} 0f 32`;
/** Bytes of code. */
export const lengthOf = (code: string): number => code.trim().split(" ").length;

/** A register of the virtual-APIC page. */
export function register(guest: Guest, offset: number, value?: number): number {
  const { view } = guest.memory, at = RAM_BASE + VIRTUAL_APIC + offset;
  if (value !== undefined) view.setUint32(at, value, true);
  return view.getUint32(at, true);
}
/** Makes vectors some of ISR or IRR, and tells which it has. */
export function vectors(guest: Guest, first: number, ...more: readonly number[]): number[] {
  for (const vector of more) {
    const word = first + 16 * (vector >> 5);
    register(guest, word, register(guest, word) | 1 << (vector & 31));
  }
  return Array.from({ length: 256 }, (_, vector) => vector)
    .filter((vector) => ((register(guest, first + 16 * (vector >> 5)) >>> (vector & 31)) & 1) !== 0);
}
/** RVI and SVI. */
export const status = (rvi: number, svi: number): Values => [[
  Field.GUEST_INTERRUPT_STATUS,
  svi << 8 | rvi,
]];
/** What they are. */
export const statusOf = (guest: Guest): readonly [rvi: number, svi: number] => {
  const value = Number(guest.field(Field.GUEST_INTERRUPT_STATUS));
  return [value & 0xff, value >> 8];
};
