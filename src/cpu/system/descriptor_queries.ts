/** LAR, LSL, VERR, VERW. SDM vol. 2; vol. 3A, section 5.10. */
import type { SystemContext } from "./context.ts";
import {
  type Descriptor,
  dplOf,
  isConforming,
  isReadable,
  isWritableData,
  limitOf,
  SystemType,
  typeOf,
} from "./descriptor.ts";
import { isNull, type SegmentRegisters } from "./segments.ts";

/** What LAR gives of a descriptor's upper half. */
const ACCESS_RIGHTS = 0x00ff_ff00;
const S = 0x10;
const { TSS16, LDT, TSS16_BUSY, CALL_GATE16, TASK_GATE, TSS32, TSS32_BUSY, CALL_GATE } = SystemType;
/** Types of system descriptors that are visible. SDM vol. 2A, tables 3-53 and 3-64. */
const LAR_TYPES: readonly number[] = [
  TSS16,
  LDT,
  TSS16_BUSY,
  CALL_GATE16,
  TASK_GATE,
  TSS32,
  TSS32_BUSY,
  CALL_GATE,
]; // deno-fmt-ignore
const LAR_TYPES_LONG: readonly number[] = [LDT, TSS32, TSS32_BUSY, CALL_GATE];
const LSL_TYPES: readonly number[] = [TSS16, LDT, TSS16_BUSY, TSS32, TSS32_BUSY];
const LSL_TYPES_LONG: readonly number[] = [LDT, TSS32, TSS32_BUSY];

/** Answers what programs may know of descriptors. */
export class DescriptorQueries {
  constructor(readonly context: SystemContext, readonly segments: SegmentRegisters) {}

  /** LAR: the access rights, or 0 if the descriptor is not visible. */
  accessRights(selector: number): number {
    const types = this.context.isLong ? LAR_TYPES_LONG : LAR_TYPES;
    const descriptor = this.#visible(selector, types);
    return descriptor === undefined ? 0 : descriptor.hi & ACCESS_RIGHTS;
  }

  /** LSL: the limit, and in the upper half 1 if the descriptor is visible. */
  limit(selector: number): number {
    const descriptor = this.#visible(selector, this.context.isLong ? LSL_TYPES_LONG : LSL_TYPES);
    return descriptor === undefined ? this.context.wide(0, 0) : this.context.wide(limitOf(descriptor), 1);
  }

  /** VERR and VERW: whether the segment can be read or written. */
  verify(selector: number, write: boolean): number {
    const descriptor = this.#visible(selector, []);
    if (descriptor === undefined) return 0;
    return Number(write ? isWritableData(descriptor) : isReadable(descriptor));
  }

  #visible(selector: number, systemTypes: readonly number[]): Descriptor | undefined {
    if (isNull(selector)) return undefined;
    const descriptor = this.segments.tables.read(selector);
    if (descriptor === undefined) return undefined;
    const type = typeOf(descriptor);
    if ((type & S) === 0 && !systemTypes.includes(type)) return undefined;
    const privilege = Math.max(this.context.cpl, selector & 3);
    return isConforming(descriptor) || privilege <= dplOf(descriptor) ? descriptor : undefined;
  }
}
