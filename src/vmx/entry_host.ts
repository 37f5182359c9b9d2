/** Checks of VM entry: host-state fields. SDM vol. 3C, sections 27.2.2 to 27.2.4. */
import { Cr4, Efer } from "../cpu/system/control_bits.ts";
import { CR0_FIXED0, CR4_FIXED0, CR4_FIXED1 } from "./capabilities.ts";
import { EntryControl, ExitControl } from "./controls.ts";
import { holdsCanonical, holdsEfer, holdsFixed, holdsPat, holdsPhysical } from "./entry_fields.ts";
import { FieldCheck, type Fields } from "./field_check.ts";
import { Field } from "./fields.ts";
import type { Vmcs } from "./vmcs.ts";

// deno-fmt-ignore
const SELECTORS = [
  Field.HOST_CS, Field.HOST_SS, Field.HOST_DS, Field.HOST_ES, Field.HOST_FS, Field.HOST_GS, Field.HOST_TR,
] as const;
// deno-fmt-ignore
const BASES = [
  Field.HOST_FS_BASE, Field.HOST_GS_BASE, Field.HOST_GDTR_BASE, Field.HOST_IDTR_BASE, Field.HOST_TR_BASE,
] as const;
const RPL_TI = 7;

/** Whether all are valid. `long`: the processor that enters is in IA-32e mode. */
export const hostIsValid = (v: Vmcs, long: boolean): boolean => HOST.passes(v, long);

const HOST = new FieldCheck<boolean>((v, long) =>
  registersAreValid(v) && segmentsAreValid(v) && addressSpaceIsValid(v, long)
);

const exits64 = (v: Fields): boolean => (v.word(Field.EXIT_CONTROLS) & ExitControl.HOST_64) !== 0;

function registersAreValid(v: Fields): boolean {
  const exit = v.word(Field.EXIT_CONTROLS);
  return holdsFixed(v, Field.HOST_CR0, CR0_FIXED0, -1) &&
    holdsFixed(v, Field.HOST_CR4, CR4_FIXED0, CR4_FIXED1) &&
    holdsPhysical(v, Field.HOST_CR3) && holdsCanonical(v, Field.HOST_SYSENTER_ESP) &&
    holdsCanonical(v, Field.HOST_SYSENTER_EIP) &&
    ((exit & ExitControl.LOAD_PAT) === 0 || holdsPat(v, Field.HOST_PAT)) &&
    ((exit & ExitControl.LOAD_EFER) === 0 || eferIsValid(v));
}

function eferIsValid(v: Fields): boolean {
  const long = Efer.LMA | Efer.LME;
  return holdsEfer(v, Field.HOST_EFER) && (v.word(Field.HOST_EFER) & long) === (exits64(v) ? long : 0);
}

const segmentsAreValid = (v: Fields): boolean =>
  SELECTORS.every((field) => (v.word(field) & RPL_TI) === 0) && v.word(Field.HOST_CS) !== 0 &&
  v.word(Field.HOST_TR) !== 0 && (exits64(v) || v.word(Field.HOST_SS) !== 0) &&
  BASES.every((field) => holdsCanonical(v, field));

function addressSpaceIsValid(v: Fields, long: boolean): boolean {
  const to64 = exits64(v), cr4 = v.word(Field.HOST_CR4);
  if (long !== to64) return false;
  if (to64) return (cr4 & Cr4.PAE) !== 0 && holdsCanonical(v, Field.HOST_RIP);
  const enters64 = (v.word(Field.ENTRY_CONTROLS) & EntryControl.LONG) !== 0;
  return !enters64 && (cr4 & Cr4.PCIDE) === 0 && v.high(Field.HOST_RIP) === 0;
}
