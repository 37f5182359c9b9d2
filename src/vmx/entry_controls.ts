/** Checks of VM entry: VM-execution, VM-exit and VM-entry control fields. SDM vol. 3C, section 27.2.1. */
import { Cr0 } from "../cpu/system/control_bits.ts";
import { VirtualRegister } from "./apic_registers.ts";
import { CR3_TARGETS, MAX_MSRS, VM_FUNCTIONS } from "./capabilities.ts";
import { ALLOWED, ExitControl, isAllowed, Pin, Primary, Secondary } from "./controls.ts";
import { EventType, holdsPage, holdsPhysical, injectionOf, PHYSICAL_END } from "./entry_fields.ts";
import { holdsEptp } from "./ept.ts";
import { FieldCheck, type Fields } from "./field_check.ts";
import { Field } from "./fields.ts";
import { pageByte } from "./virtual_apic.ts";
import type { Vmcs } from "./vmcs.ts";
import { secondaryOf } from "./vmx_state.ts";

/** Vectors that push an error code. */
const WITH_ERROR: readonly number[] = [8, 10, 11, 12, 13, 14, 17];
/** Secondary controls that are about the virtual-APIC page. */
const WITH_TPR_SHADOW = Secondary.X2APIC | Secondary.APIC_REGISTERS | Secondary.INTERRUPT_DELIVERY;
const HIGHEST_VECTOR = 255, HIGHEST_EXCEPTION = 31, NMI_VECTOR = 2, MAX_INSTRUCTION_BYTES = 15;

/** Whether all control fields are valid. `functions`: the VM functions that there are. */
export const controlsAreValid = (v: Vmcs, functions: number = VM_FUNCTIONS): boolean =>
  CONTROLS.passes(v, functions) && injectionIsValid(v) && reachesThreshold(v);

const CONTROLS = new FieldCheck<number>((v, functions) =>
  executionIsValid(v, functions) && exitIsValid(v) && entryIsValid(v)
);

/** Section 27.2.1.1. */
function executionIsValid(v: Fields, functions: number): boolean {
  const pin = v.word(Field.PIN_CONTROLS), primary = v.word(Field.PRIMARY_CONTROLS);
  const secondary = secondaryOf(v);
  const has = (bit: number): boolean => (primary & bit) !== 0;
  const hasSecondary = (bit: number): boolean => (secondary & bit) !== 0;
  const hasPin = (bit: number): boolean => (pin & bit) !== 0;
  const page = (field: number): boolean => holdsPage(v, field);
  return isAllowed(pin, ALLOWED.pin) && isAllowed(primary, ALLOWED.primary) &&
    isAllowed(secondary, ALLOWED.secondary) &&
    v.word(Field.CR3_TARGET_COUNT) >>> 0 <= CR3_TARGETS &&
    (!has(Primary.IO_BITMAPS) || (page(Field.IO_BITMAP_A) && page(Field.IO_BITMAP_B))) &&
    (!has(Primary.MSR_BITMAPS) || page(Field.MSR_BITMAPS)) &&
    (has(Primary.TPR_SHADOW) ? taskPriorityIsValid(v, secondary) : !hasSecondary(WITH_TPR_SHADOW)) &&
    (!hasSecondary(Secondary.APIC_ACCESSES) ||
      (page(Field.APIC_ACCESS) && !hasSecondary(Secondary.X2APIC))) &&
    (!hasSecondary(Secondary.INTERRUPT_DELIVERY) || hasPin(Pin.EXTERNAL_INTERRUPT)) &&
    (!hasPin(Pin.POSTED_INTERRUPTS) ||
      (hasSecondary(Secondary.INTERRUPT_DELIVERY) && postedInterruptsAreValid(v))) &&
    (hasPin(Pin.NMI) || !hasPin(Pin.VIRTUAL_NMIS)) &&
    (hasPin(Pin.VIRTUAL_NMIS) || !has(Primary.NMI_WINDOW)) &&
    (!hasSecondary(Secondary.VPID) || v.word(Field.VPID) !== 0) &&
    (!hasSecondary(Secondary.EPT) || holdsEptp(v)) &&
    (!hasSecondary(Secondary.UNRESTRICTED | Secondary.EXECUTE_BY_MODE) || hasSecondary(Secondary.EPT)) &&
    (!hasSecondary(Secondary.PML) || (hasSecondary(Secondary.EPT) && page(Field.PML_ADDRESS))) &&
    (!hasSecondary(Secondary.VMFUNC) || functionsAreValid(v, secondary, functions)) &&
    (!hasSecondary(Secondary.SHADOWING) || (page(Field.VMREAD_BITMAP) && page(Field.VMWRITE_BITMAP))) &&
    (!hasSecondary(Secondary.EPT_EXCEPTION) || page(Field.EXCEPTION_INFORMATION));
}

/** The virtual-APIC page and the threshold. */
const taskPriorityIsValid = (v: Fields, secondary: number): boolean =>
  holdsPage(v, Field.VIRTUAL_APIC) &&
  ((secondary & Secondary.INTERRUPT_DELIVERY) !== 0 || (v.word(Field.TPR_THRESHOLD) & ~15) === 0);

/** The task priority in the virtual-APIC page must not be below the threshold, unless an exit follows the entry then. */
function reachesThreshold(v: Vmcs): boolean {
  if ((v.word(Field.PRIMARY_CONTROLS) & Primary.TPR_SHADOW) === 0) return true;
  if ((secondaryOf(v) & (Secondary.INTERRUPT_DELIVERY | Secondary.APIC_ACCESSES)) !== 0) return true;
  const priority = pageByte(v.memory, v.address(Field.VIRTUAL_APIC), VirtualRegister.TASK_PRIORITY) >> 4;
  return v.word(Field.TPR_THRESHOLD) <= priority;
}

function postedInterruptsAreValid(v: Fields): boolean {
  const descriptor = Field.POSTED_INTERRUPT_DESCRIPTOR;
  return (v.word(Field.EXIT_CONTROLS) & ExitControl.ACKNOWLEDGE) !== 0 &&
    v.word(Field.POSTED_INTERRUPT_VECTOR) <= HIGHEST_VECTOR && (v.word(descriptor) & 63) === 0 &&
    holdsPhysical(v, descriptor);
}

function functionsAreValid(v: Fields, secondary: number, supported: number): boolean {
  const functions = v.word(Field.VMFUNC_CONTROLS), others = v.high(Field.VMFUNC_CONTROLS);
  if (functions === 0 && others === 0) return true;
  if (others !== 0 || (functions & ~supported) !== 0 || (secondary & Secondary.EPT) === 0) return false;
  return (functions & VM_FUNCTIONS) === 0 || holdsPage(v, Field.EPTP_LIST_ADDRESS);
}

/** Section 27.2.1.2. */
function exitIsValid(v: Fields): boolean {
  const exit = v.word(Field.EXIT_CONTROLS);
  const hasTimer = (v.word(Field.PIN_CONTROLS) & Pin.PREEMPTION_TIMER) !== 0;
  return isAllowed(exit, ALLOWED.exit) && (hasTimer || (exit & ExitControl.SAVE_TIMER) === 0) &&
    isMsrArea(v, Field.EXIT_MSR_STORE_COUNT, Field.EXIT_MSR_STORE_ADDRESS) &&
    isMsrArea(v, Field.EXIT_MSR_LOAD_COUNT, Field.EXIT_MSR_LOAD_ADDRESS);
}

/** Section 27.2.1.3, but for the event to inject. */
const entryIsValid = (v: Fields): boolean =>
  isAllowed(v.word(Field.ENTRY_CONTROLS), ALLOWED.entry) &&
  isMsrArea(v, Field.ENTRY_MSR_LOAD_COUNT, Field.ENTRY_MSR_LOAD_ADDRESS);

function isMsrArea(v: Fields, count: number, address: number): boolean {
  const entries = v.word(count) >>> 0;
  if (entries === 0) return true;
  return entries <= MAX_MSRS && (v.word(address) & 15) === 0 &&
    v.address(address) + 16 * entries <= PHYSICAL_END;
}

function injectionIsValid(v: Fields): boolean {
  const injection = injectionOf(v);
  if (injection === undefined) return true;
  const { vector, type, deliversError, reserved } = injection;
  if (reserved !== 0 || type === 1) return false;
  if (type === EventType.NMI && vector !== NMI_VECTOR) return false;
  if (type === EventType.HARDWARE && vector > HIGHEST_EXCEPTION) return false;
  if (type === EventType.OTHER && vector !== 0) return false;
  const unrestricted = (secondaryOf(v) & Secondary.UNRESTRICTED) !== 0;
  const protectedMode = !unrestricted || (v.word(Field.GUEST_CR0) & Cr0.PE) !== 0;
  if (deliversError !== (type === EventType.HARDWARE && protectedMode && WITH_ERROR.includes(vector))) {
    return false;
  }
  if (deliversError && v.word(Field.ENTRY_ERROR_CODE) >>> 16 !== 0) return false;
  if (type < EventType.SOFTWARE || type === EventType.OTHER) return true;
  const length = v.word(Field.ENTRY_INSTRUCTION_LENGTH) >>> 0;
  return length >= 1 && length <= MAX_INSTRUCTION_BYTES;
}
