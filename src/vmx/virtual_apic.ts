/** The virtual-APIC page: a guest's priorities, and its virtual interrupts. SDM vol. 3C, sections 30.1 and 30.2. */
import { ATTENTION, Attention } from "../cpu/state.ts";
import { type LinearMemory, RAM_BASE } from "../memory/physical.ts";
import { VirtualRegister } from "./apic_registers.ts";
import { Primary, Secondary } from "./controls.ts";
import { Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import type { ExitInformation, VmxState } from "./vmx_state.ts";

/** Words of 32 vectors, and the distance from one to the next in the page. */
const VECTOR_WORDS = 8, WORD_DISTANCE = 16;
/** Bits of a vector that are its priority class. */
const CLASS = 0xf0;
const NO_VECTOR = 0;

/** A byte of a page in RAM; 0 if it lies outside. */
export function pageByte({ u8, ramBytes }: LinearMemory, page: number, offset: number): number {
  const place = page + offset;
  return place < ramBytes ? u8[RAM_BASE + place]! : 0;
}

/** Physical address of a register in the page of the current VMCS. */
export const registerPlace = ({ vmcs }: VmxState, register: number): number =>
  vmcs!.address(Field.VIRTUAL_APIC) + register;

/** A register of the page, as a signed 32-bit number; 0 if the page lies outside RAM. */
export function readRegister(state: VmxState, register: number): number {
  const { view, ramBytes } = state.memory, place = registerPlace(state, register);
  return place + 4 <= ramBytes ? view.getInt32(RAM_BASE + place, true) : 0;
}

/** Writes one. */
export function writeRegister(state: VmxState, register: number, value: number): void {
  const { memory: { view, ramBytes }, mmu } = state, place = registerPlace(state, register);
  if (place + 4 > ramBytes) return;
  view.setInt32(RAM_BASE + place, value, true);
  mmu.wroteRam(place, 4);
}

/** VTPR. */
export const virtualPriority = (state: VmxState): number =>
  readRegister(state, VirtualRegister.TASK_PRIORITY) & 0xff;

/** A VM exit follows the instruction that has just been executed. */
export function exitBehind(state: VmxState, exit: ExitInformation): void {
  state.following = exit;
  state.m[ATTENTION >> 2]! |= Attention.NOW;
}

/** Whether VTPR is below the threshold. */
export const isBelowThreshold = (state: VmxState): boolean =>
  virtualPriority(state) >> 4 < (state.word(Field.TPR_THRESHOLD) & 15);

/** Writes VTPR, and does what follows from it: TPR virtualization. Section 30.1.2. */
export function setVirtualPriority(state: VmxState, value: number): void {
  writeRegister(state, VirtualRegister.TASK_PRIORITY, value & 0xff);
  if (deliversInterrupts(state)) {
    virtualizePpr(state);
    evaluateInterrupts(state);
  } else if (isBelowThreshold(state)) {
    exitBehind(state, { reason: Reason.TPR_BELOW_THRESHOLD, qualification: 0n });
  }
}

/** EOI virtualization: the interrupt in service is over. Section 30.1.4. */
export function virtualizeEoi(state: VmxState): void {
  const vector = servicing(state), v = state.vmcs!;
  putVector(state, VirtualRegister.IN_SERVICE, vector, false);
  setStatus(state, requested(state), highestVector(state, VirtualRegister.IN_SERVICE));
  virtualizePpr(state);
  const exits = (v.read(Field.EOI_EXIT_BITMAP0 + 2 * (vector >> 6)) >> BigInt(vector & 63)) & 1n;
  if (exits === 0n) return evaluateInterrupts(state);
  exitBehind(state, { reason: Reason.VIRTUALIZED_EOI, qualification: BigInt(vector) });
}

/** Self-IPI virtualization. Section 30.1.5. */
export function virtualizeSelfIpi(state: VmxState, vector: number): void {
  putVector(state, VirtualRegister.REQUEST, vector, true);
  requestVector(state, vector);
}

/** Makes a vector that VIRR has the one to deliver next if it is the highest, and looks whether it can be. */
export function requestVector(state: VmxState, vector: number): void {
  setStatus(state, Math.max(requested(state), vector), servicing(state));
  evaluateInterrupts(state);
}

/** What VM entry does to a guest's virtual interrupts. Section 27.3.2.5. */
export function enterVirtualApic(state: VmxState): void {
  state.recognized = false;
  if (!deliversInterrupts(state)) return;
  virtualizePpr(state);
  evaluateInterrupts(state);
}

/** Takes the interrupt that has been recognized. Its vector. Section 30.2.2. */
export function takeVirtualInterrupt(state: VmxState): number {
  const vector = requested(state);
  putVector(state, VirtualRegister.IN_SERVICE, vector, true);
  writeRegister(state, VirtualRegister.PROCESSOR_PRIORITY, vector & CLASS);
  putVector(state, VirtualRegister.REQUEST, vector, false);
  setStatus(state, highestVector(state, VirtualRegister.REQUEST), vector);
  state.recognized = false;
  return vector;
}

/** Whether VM entry is followed by an exit because VTPR is below the threshold. Section 27.7.7. */
export const entersBelowThreshold = (state: VmxState): boolean =>
  state.primary(Primary.TPR_SHADOW) && (state.secondary & Secondary.APIC_ACCESSES) !== 0 &&
  !deliversInterrupts(state) && isBelowThreshold(state);

/** Whether virtual interrupts are delivered. */
const deliversInterrupts = ({ secondary }: VmxState): boolean =>
  (secondary & Secondary.INTERRUPT_DELIVERY) !== 0;

/** Guest interrupt status: RVI, the highest vector that is requested, and SVI, the highest in service. */
const requested = (state: VmxState): number => state.word(Field.GUEST_INTERRUPT_STATUS) & 0xff;
const servicing = (state: VmxState): number => state.word(Field.GUEST_INTERRUPT_STATUS) >> 8;
const setStatus = ({ vmcs }: VmxState, rvi: number, svi: number): void =>
  vmcs!.write(Field.GUEST_INTERRUPT_STATUS, rvi | (svi << 8));

/** PPR virtualization. Section 30.1.3. */
function virtualizePpr(state: VmxState): void {
  const task = virtualPriority(state), served = servicing(state);
  const priority = (task & CLASS) >= (served & CLASS) ? task : served & CLASS;
  writeRegister(state, VirtualRegister.PROCESSOR_PRIORITY, priority);
}

/** Whether an interrupt is pending that the priority lets through. Section 30.2.1. */
function evaluateInterrupts(state: VmxState): void {
  const priority = readRegister(state, VirtualRegister.PROCESSOR_PRIORITY);
  state.recognized = !state.primary(Primary.INTERRUPT_WINDOW) &&
    (requested(state) & CLASS) > (priority & CLASS);
  if (state.recognized) state.m[ATTENTION >> 2]! |= Attention.NOW;
}

/** Sets or clears a vector's bit in VISR or VIRR. */
function putVector(state: VmxState, first: number, vector: number, set: boolean): void {
  const word = first + WORD_DISTANCE * (vector >> 5),
    bit = 1 << (vector & 31),
    old = readRegister(state, word);
  writeRegister(state, word, set ? old | bit : old & ~bit);
}

/** The highest vector of VISR or VIRR, or 0. */
function highestVector(state: VmxState, first: number): number {
  for (let n = VECTOR_WORDS - 1; n >= 0; n--) {
    const bits = readRegister(state, first + WORD_DISTANCE * n);
    if (bits !== 0) return 32 * n + 31 - Math.clz32(bits);
  }
  return NO_VECTOR;
}
