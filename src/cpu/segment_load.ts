/**
 * Loads of segment registers. SDM vol. 2B, "MOV", "Loading segment registers"; vol. 3A, section 5.7.
 *
 * A processor whose exceptions the host handles has no descriptor tables: it has the flat descriptors that Linux gives
 * its programs, at the same selectors. Everything else raises #GP, as a descriptor out of the table's limit does.
 */
import { Vector } from "./fault.ts";
import type { GuestMemory } from "./guest_memory.ts";
import { Flag } from "./rflags.ts";
import {
  CPL,
  CR0,
  RFLAGS_SYSTEM,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
} from "./state.ts";

const CR0_PE = 1;
/** Descriptor bits 55:40: present, DPL 3, accessed; code readable, data writable. */
const USER_CODE32 = 0xc0fb, USER_DATA = 0xc0f3, USER_CODE64 = 0xa0fb;
const USER_CODE32_INDEX = 4, USER_DATA_INDEX = 5, USER_CODE64_INDEX = 6;
/** Read-only data with the number of the processor, 0, as its limit: what getcpu() in C libraries asks LSL for. */
const CPU_NUMBER = 0x40f5, CPU_NUMBER_INDEX = 15;
const FLAT_LIMIT = -1;
/** Bits 19:16 of the limit, which stand among the attributes. */
const FLAT_LIMIT_ATTRIBUTES = 0xf00;
const USER = 3;

/** Attributes of a flat descriptor by its index, or undefined. */
function attributesOf(selector: number): number | undefined {
  switch (selector >> 2) { // index and table indicator
    case USER_CODE32_INDEX << 1:
      return USER_CODE32;
    case USER_DATA_INDEX << 1:
      return USER_DATA;
    case USER_CODE64_INDEX << 1:
      return USER_CODE64;
    case CPU_NUMBER_INDEX << 1:
      return CPU_NUMBER;
    default:
      return undefined;
  }
}

/** Access rights of a descriptor as LAR gives them, bits 23:8 of its upper half with the limit's bits 19:16; 0 for none. */
export function accessRights(selector: number): number {
  const attributes = attributesOf(selector);
  if (attributes === undefined) return 0;
  return (attributes === CPU_NUMBER ? attributes : attributes | FLAT_LIMIT_ATTRIBUTES) << 8;
}

/** Whether segment registers hold paragraphs: real-address and virtual-8086 mode. */
function isReal(m: Int32Array): boolean {
  return (m[CR0 >> 2]! & CR0_PE) === 0 || (m[RFLAGS_SYSTEM >> 2]! & Flag.VM) !== 0;
}

function loadReal(m: Int32Array, segment: number, selector: number): void {
  const at = (SEGMENT + SEGMENT_STRIDE * segment) >> 2;
  m[at + (SEG_SELECTOR >> 2)] = selector;
  m[at + (SEG_BASE >> 2)] = selector << 4;
  m[at + (SEG_BASE >> 2) + 1] = 0;
}

function write(m: Int32Array, segment: number, selector: number, limit: number, attributes: number): void {
  const at = (SEGMENT + SEGMENT_STRIDE * segment) >> 2;
  m[at + (SEG_SELECTOR >> 2)] = selector;
  m[at + (SEG_LIMIT >> 2)] = limit;
  m[at + (SEG_ATTRIBUTES >> 2)] = attributes;
  m[at + (SEG_BASE >> 2)] = 0;
  m[at + (SEG_BASE >> 2) + 1] = 0;
}

/** Loads ES, SS, DS, FS or GS; raises #GP. */
export function loadDataSegment(m: Int32Array, access: GuestMemory, segment: number, selector: number): void {
  if (isReal(m)) return loadReal(m, segment, selector);
  const error = selector & 0xfffc;
  if (error === 0) {
    if (segment === Segment.SS) return access.raise(Vector.GP, 0);
    return write(m, segment, selector, 0, 0);
  }
  const attributes = attributesOf(selector);
  const stack = segment === Segment.SS;
  if (attributes === undefined || (stack && (attributes !== USER_DATA || (selector & 3) !== USER))) {
    return access.raise(Vector.GP, error);
  }
  write(m, segment, selector, attributes === CPU_NUMBER ? 0 : FLAT_LIMIT, attributes);
}

/** Whether a far transfer to the same privilege level may load CS; raises #GP. */
export function checkCodeSegment(m: Int32Array, access: GuestMemory, selector: number): boolean {
  if (isReal(m)) return true;
  const attributes = attributesOf(selector);
  if ((attributes === USER_CODE32 || attributes === USER_CODE64) && m[CPL >> 2] === USER) return true;
  access.raise(Vector.GP, selector & 0xfffc);
  return false;
}

/** Loads CS as a far transfer to the same privilege level does; raises #GP. */
export function loadCodeSegment(m: Int32Array, access: GuestMemory, selector: number): void {
  if (isReal(m)) return loadReal(m, Segment.CS, selector);
  if (!checkCodeSegment(m, access, selector)) return;
  write(m, Segment.CS, selector | USER, FLAT_LIMIT, attributesOf(selector)!);
}
