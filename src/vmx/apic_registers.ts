/** What lies where in a virtual-APIC page, and which of it guests reach. SDM vol. 3C, sections 30.1.1, 30.4.2 and 30.4.3. */
import { Secondary } from "./controls.ts";

/** Offsets of the registers that the processor itself uses; of vectors, those of the first word. */
export const VirtualRegister = {
  TASK_PRIORITY: 0x80,
  PROCESSOR_PRIORITY: 0xa0,
  EOI: 0xb0,
  IN_SERVICE: 0x100,
  REQUEST: 0x200,
  ICR_LOW: 0x300,
  ICR_HIGH: 0x310,
  SELF_IPI: 0x3f0,
} as const;
const Register = VirtualRegister;

/** Registers are the low 4 bytes of 16. */
const REGISTER_BYTES = 4, DISTANCE = 16;

/** First and last register of each group that APIC-register virtualization lets guests write. */
const WRITABLE: readonly (readonly [first: number, last: number])[] = [
  [0x20, 0x20], // ID
  [0x80, 0x80], // task priority
  [0xb0, 0xb0], // EOI
  [0xd0, 0xf0], // logical destination, destination format, spurious interrupt
  [0x280, 0x280], // error status
  [0x300, 0x370], // interrupt command, LVT
  [0x380, 0x380], // initial count
  [0x3e0, 0x3e0], // divide configuration
];
/** Those that it lets them read as well. */
const READABLE: typeof WRITABLE = [
  [0x30, 0x30], // version
  [0x100, 0x270], // in service, trigger mode, request
];
/** What virtual-interrupt delivery lets them access by itself. */
const FOR_INTERRUPTS: readonly number[] = [Register.EOI, Register.ICR_LOW];

const isIn = (groups: typeof WRITABLE, register: number): boolean =>
  groups.some(([first, last]) => register >= first && register <= last);

/** Whether an access to the APIC-access page is virtualized, with the TPR shadow and these secondary controls. */
export function isVirtual(offset: number, size: number, write: boolean, secondary: number): boolean {
  if (offset % DISTANCE + size > REGISTER_BYTES) return false;
  if (offset === Register.TASK_PRIORITY) return true;
  if ((secondary & Secondary.INTERRUPT_DELIVERY) !== 0 && FOR_INTERRUPTS.includes(offset)) return true;
  if ((secondary & Secondary.APIC_REGISTERS) === 0) return false;
  const register = registerAt(offset);
  return isIn(WRITABLE, register) || (!write && isIn(READABLE, register));
}

/** The register that an offset in the page lies in. */
export const registerAt = (offset: number): number => offset - offset % DISTANCE;

/** The bytes of the high half of an interrupt command that there are: the destination. */
export const ICR_DESTINATION = 0xff << 24;

/** Of an interrupt command: what must be so for it to be an interrupt to oneself that needs no hypervisor. Section 30.4.3.2. */
const SELF = 0x4_0000, SELF_MASK = 0xfff0_0000 | 0xf_b700;
/** Bits 7:4 of a vector: there are no interrupts below 16. */
const LEGAL_VECTOR = 0xf0;

/** The vector that an interrupt command sends to its own processor, edge-triggered and fixed; undefined: it is another one. */
export function selfVector(command: number): number | undefined {
  const isSelf = (command & SELF_MASK) === SELF && (command & LEGAL_VECTOR) !== 0;
  return isSelf ? command & 0xff : undefined;
}

/** Whether a vector may be that of an interrupt. */
export const isLegalVector = (vector: number): boolean => (vector & LEGAL_VECTOR) !== 0;
