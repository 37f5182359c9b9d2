/** Checks of VM entry: the guest's segment registers. SDM vol. 3C, section 27.3.1.2. */
import { isCanonicalIn, LINEAR_BITS } from "../cpu/address_widths.ts";
import { Flag } from "../cpu/rflags.ts";
import { Cr0 } from "../cpu/system/control_bits.ts";
import { EntryControl, Secondary } from "./controls.ts";
import { type SegmentFields, segmentFields } from "./entry_fields.ts";
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

const usable = ({ rights }: SegmentFields): boolean => (rights & Rights.UNUSABLE) === 0;
const isCanonical = ({ baseHigh }: SegmentFields): boolean => isCanonicalIn(LINEAR_BITS, baseHigh);
const typeOf = ({ rights }: SegmentFields): number => rights & Rights.TYPE;
const dplOf = ({ rights }: SegmentFields): number => (rights >> 5) & 3;

/** The segment registers by name, and what decides which rules hold for them. */
interface Segments {
  readonly cs: SegmentFields;
  readonly ss: SegmentFields;
  /** DS, ES, FS, GS. */
  readonly data: readonly [SegmentFields, SegmentFields, SegmentFields, SegmentFields];
  readonly ldtr: SegmentFields;
  readonly tr: SegmentFields;
  readonly virtual: boolean;
  readonly unrestricted: boolean;
  readonly long: boolean;
  readonly real: boolean;
}

function segmentsOf(v: Vmcs): Segments {
  const of = (n: number): SegmentFields => segmentFields(v, n);
  return {
    cs: of(1),
    ss: of(2),
    data: [of(3), of(0), of(4), of(5)],
    ldtr: of(6),
    tr: of(7),
    virtual: (v.word(Field.GUEST_RFLAGS) & Flag.VM) !== 0,
    unrestricted: (secondaryOf(v) & Secondary.UNRESTRICTED) !== 0,
    long: (v.word(Field.ENTRY_CONTROLS) & EntryControl.LONG) !== 0,
    real: (v.word(Field.GUEST_CR0) & Cr0.PE) === 0,
  };
}

/** Whether they are valid. */
export function segmentsAreValid(v: Vmcs): boolean {
  const segments = segmentsOf(v);
  return selectorsAreValid(segments) && basesAreValid(segments) &&
    (segments.virtual ? areVirtual8086(segments) : codeIsValid(segments) && stackIsValid(segments) &&
      dataAreValid(segments)) &&
    systemAreValid(segments);
}

function selectorsAreValid({ cs, ss, ldtr, tr, virtual, unrestricted }: Segments): boolean {
  if ((tr.selector & TI) !== 0 || (usable(ldtr) && (ldtr.selector & TI) !== 0)) return false;
  return virtual || unrestricted || (ss.selector & RPL) === (cs.selector & RPL);
}

function basesAreValid({ cs, ss, data, ldtr, tr, virtual }: Segments): boolean {
  const [ds, es, fs, gs] = data;
  if (virtual && ![cs, ss, ...data].every((s) => s.base === s.selector << 4 && s.baseHigh === 0)) {
    return false;
  }
  if (![tr, fs, gs].every(isCanonical) || (usable(ldtr) && !isCanonical(ldtr))) return false;
  return cs.baseHigh === 0 && [ss, ds, es].every((s) => !usable(s) || s.baseHigh === 0);
}

const areVirtual8086 = ({ cs, ss, data }: Segments): boolean =>
  [cs, ss, ...data].every(({ limit, rights }) =>
    limit === VIRTUAL_8086_LIMIT && rights === VIRTUAL_8086_RIGHTS
  );

function codeIsValid({ cs, ss, long, unrestricted }: Segments): boolean {
  const { rights } = cs, type = typeOf(cs), dpl = dplOf(cs);
  const isData = type === Type.DATA && unrestricted;
  if (!isData && !CODE_TYPES.includes(type)) return false;
  const privilege = isData ? dpl === 0 : type < Type.CONFORMING ? dpl === dplOf(ss) : dpl <= dplOf(ss);
  const contradicts = long && (rights & Rights.L) !== 0 && (rights & Rights.DB) !== 0;
  return privilege && !contradicts && isPresent(cs);
}

function stackIsValid({ cs, ss, unrestricted, real }: Segments): boolean {
  if (usable(ss) && ![Type.DATA, Type.EXPAND_DOWN].some((type) => type === typeOf(ss))) return false;
  if (!unrestricted && dplOf(ss) !== (ss.selector & RPL)) return false;
  if ((typeOf(cs) === Type.DATA || real) && dplOf(ss) !== 0) return false;
  return !usable(ss) || isPresent(ss);
}

const dataAreValid = ({ data, unrestricted }: Segments): boolean =>
  data.filter(usable).every((segment) => {
    const type = typeOf(segment);
    const unreadable = (type & Type.CODE) !== 0 && (type & Type.READABLE) === 0;
    if ((type & Type.ACCESSED) === 0 || unreadable || !isPresent(segment)) return false;
    return unrestricted || type >= Type.CONFORMING || dplOf(segment) >= (segment.selector & RPL);
  });

/** Code or data, present, nothing reserved, a limit that fits its granularity. */
const isPresent = (segment: SegmentFields): boolean => (segment.rights & Rights.S) !== 0 && isSound(segment);

function systemAreValid({ ldtr, tr, long }: Segments): boolean {
  const isSystem = (segment: SegmentFields): boolean => (segment.rights & Rights.S) === 0 && isSound(segment);
  const type = typeOf(tr);
  if ((type !== BUSY_TSS && (type !== BUSY_TSS16 || long)) || !isSystem(tr) || !usable(tr)) return false;
  return !usable(ldtr) || (typeOf(ldtr) === Type.LDT && isSystem(ldtr));
}

function isSound({ limit, rights }: SegmentFields): boolean {
  if ((rights & Rights.P) === 0 || (rights & RESERVED) !== 0) return false;
  return (rights & Rights.G) !== 0 ? (limit & 0xfff) === 0xfff : limit >>> 20 === 0;
}
