/** Checks of VM entry: the guest's segment registers. SDM vol. 3C, section 27.3.1.2. */
import { Flag } from "../cpu/rflags.ts";
import { Segment } from "../cpu/state.ts";
import { Cr0 } from "../cpu/system/control_bits.ts";
import { EntryControl, Secondary } from "./controls.ts";
import { holdsCanonical } from "./entry_fields.ts";
import { FieldCheck, type Fields } from "./field_check.ts";
import { Field } from "./fields.ts";
import type { Vmcs } from "./vmcs.ts";
import { secondaryOf } from "./vmx_state.ts";

/** Access rights. SDM vol. 3C, table 25-2. */
const Rights = { TYPE: 15, S: 0x10, P: 0x80, L: 0x2000, DB: 0x4000, G: 0x8000, UNUSABLE: 0x1_0000 } as const;
const RESERVED = 0xfffe_0f00 | 0;
const VIRTUAL_8086_RIGHTS = 0xf3, VIRTUAL_8086_LIMIT = 0xffff;
const TI = 4, RPL = 3;
/** Types of segments. SDM vol. 3A, tables 3-1 and 3-2. */
const Type = { ACCESSED: 1, READABLE: 2, CODE: 8, CONFORMING: 12, DATA: 3, EXPAND_DOWN: 7, LDT: 2 } as const;
const CODE_TYPES: readonly number[] = [9, 11, 13, 15];
const BUSY_TSS16 = 3, BUSY_TSS = 11;

/** Segment registers whose rules differ. */
const { CS, SS, DS, ES, FS, GS } = Segment, LDTR = 6, TR = 7;
/** DS, ES, FS, GS; those whose bases have 32 bits where they can be used; and all that virtual-8086 mode knows. */
const DATA: readonly number[] = [DS, ES, FS, GS], FLAT: readonly number[] = [SS, DS, ES];
const CODE_AND_DATA: readonly number[] = [CS, SS, ...DATA];

const selectorOf = (v: Fields, n: number): number => v.word(Field.GUEST_ES + 2 * n);
const baseHighOf = (v: Fields, n: number): number => v.high(Field.GUEST_ES_BASE + 2 * n);
const limitOf = (v: Fields, n: number): number => v.word(Field.GUEST_ES_LIMIT + 2 * n);
const rightsOf = (v: Fields, n: number): number => v.word(Field.GUEST_ES_RIGHTS + 2 * n);
const isCanonical = (v: Fields, n: number): boolean => holdsCanonical(v, Field.GUEST_ES_BASE + 2 * n);
const isUsable = (rights: number): boolean => (rights & Rights.UNUSABLE) === 0;
const typeOf = (rights: number): number => rights & Rights.TYPE;
const dplOf = (rights: number): number => (rights >> 5) & 3;

const isUnrestricted = (v: Fields): boolean => (secondaryOf(v) & Secondary.UNRESTRICTED) !== 0;
const isLong = (v: Fields): boolean => (v.word(Field.ENTRY_CONTROLS) & EntryControl.LONG) !== 0;
const isReal = (v: Fields): boolean => (v.word(Field.GUEST_CR0) & Cr0.PE) === 0;

/** Whether they are valid. */
export function segmentsAreValid(v: Vmcs): boolean {
  return SEGMENTS.passes(v, (v.word(Field.GUEST_RFLAGS) & Flag.VM) !== 0);
}

const SEGMENTS = new FieldCheck<boolean>((v, virtual) => {
  const free = isUnrestricted(v);
  return selectorsAreValid(v, virtual || free) && basesAreValid(v) && systemAreValid(v) &&
    (virtual ? areVirtual8086(v) : codeIsValid(v, free) && stackIsValid(v, free) && dataAreValid(v, free));
});

/** @param free whether the privilege levels of CS and SS may differ */
function selectorsAreValid(v: Fields, free: boolean): boolean {
  if (((selectorOf(v, TR) | (isUsable(rightsOf(v, LDTR)) ? selectorOf(v, LDTR) : 0)) & TI) !== 0) {
    return false;
  }
  return free || ((selectorOf(v, SS) ^ selectorOf(v, CS)) & RPL) === 0;
}

function basesAreValid(v: Fields): boolean {
  if (!isCanonical(v, TR) || !isCanonical(v, FS) || !isCanonical(v, GS)) return false;
  if (!isCanonical(v, LDTR) && isUsable(rightsOf(v, LDTR))) return false;
  return baseHighOf(v, CS) === 0 && FLAT.every((n) => baseHighOf(v, n) === 0 || !isUsable(rightsOf(v, n)));
}

const areVirtual8086 = (v: Fields): boolean =>
  CODE_AND_DATA.every((n) =>
    v.word(Field.GUEST_ES_BASE + 2 * n) === selectorOf(v, n) << 4 && baseHighOf(v, n) === 0 &&
    limitOf(v, n) === VIRTUAL_8086_LIMIT && rightsOf(v, n) === VIRTUAL_8086_RIGHTS
  );

function codeIsValid(v: Fields, unrestricted: boolean): boolean {
  const rights = rightsOf(v, CS), type = typeOf(rights), dpl = dplOf(rights), stack = dplOf(rightsOf(v, SS));
  const isData = type === Type.DATA && unrestricted;
  if (!isData && !CODE_TYPES.includes(type)) return false;
  const privilege = isData ? dpl === 0 : type < Type.CONFORMING ? dpl === stack : dpl <= stack;
  const contradicts = (rights & Rights.L) !== 0 && (rights & Rights.DB) !== 0 && isLong(v);
  return privilege && !contradicts && isCodeOrData(rights, limitOf(v, CS));
}

function stackIsValid(v: Fields, unrestricted: boolean): boolean {
  const rights = rightsOf(v, SS), type = typeOf(rights), dpl = dplOf(rights);
  if (!unrestricted && dpl !== (selectorOf(v, SS) & RPL)) return false;
  if (dpl !== 0 && (typeOf(rightsOf(v, CS)) === Type.DATA || isReal(v))) return false;
  return !isUsable(rights) ||
    ((type === Type.DATA || type === Type.EXPAND_DOWN) && isCodeOrData(rights, limitOf(v, SS)));
}

const dataAreValid = (v: Fields, unrestricted: boolean): boolean =>
  DATA.every((n) => {
    const rights = rightsOf(v, n), type = typeOf(rights);
    if (!isUsable(rights)) return true;
    const unreadable = (type & Type.CODE) !== 0 && (type & Type.READABLE) === 0;
    if ((type & Type.ACCESSED) === 0 || unreadable || !isCodeOrData(rights, limitOf(v, n))) return false;
    return unrestricted || type >= Type.CONFORMING || dplOf(rights) >= (selectorOf(v, n) & RPL);
  });

function systemAreValid(v: Fields): boolean {
  const task = rightsOf(v, TR), type = typeOf(task), local = rightsOf(v, LDTR);
  if (!isUsable(task) || (type !== BUSY_TSS && (type !== BUSY_TSS16 || isLong(v)))) return false;
  return isSystem(task, limitOf(v, TR)) &&
    (!isUsable(local) || (typeOf(local) === Type.LDT && isSystem(local, limitOf(v, LDTR))));
}

const isCodeOrData = (rights: number, limit: number): boolean =>
  (rights & Rights.S) !== 0 && isSound(rights, limit);
const isSystem = (rights: number, limit: number): boolean =>
  (rights & Rights.S) === 0 && isSound(rights, limit);

/** Present, nothing reserved, a limit that fits its granularity. */
function isSound(rights: number, limit: number): boolean {
  if ((rights & Rights.P) === 0 || (rights & RESERVED) !== 0) return false;
  return (rights & Rights.G) !== 0 ? (limit & 0xfff) === 0xfff : limit >>> 20 === 0;
}
