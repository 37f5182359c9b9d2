/** The two sources of descriptors: GDT and LDT in memory, and the fixed ones of a processor that the host serves. */
import { EVENT, GDTR_BASE, GDTR_LIMIT, LDTR, SEG_ATTRIBUTES, SEG_BASE, SEG_LIMIT } from "../state.ts";
import type { SystemContext } from "./context.ts";
import { Attribute, type Descriptor, type DescriptorSource } from "./descriptor.ts";

/** The global and the local descriptor table. SDM vol. 3A, section 3.5.1. */
export class DescriptorTables implements DescriptorSource {
  constructor(readonly context: SystemContext) {}

  read(selector: number): Descriptor | undefined {
    return this.#readAt(selector, selector & 0xfff8);
  }

  readUpper(selector: number): Descriptor | undefined {
    return this.#readAt(selector, (selector & 0xfff8) + 8);
  }

  setType(selector: number, { hi }: Descriptor, bits: number): void {
    const byte = (hi >>> 8) & 0xff;
    if ((byte & bits) !== bits) this.#writeType(selector, byte | bits);
  }

  clearType(selector: number, { hi }: Descriptor, bits: number): void {
    const byte = (hi >>> 8) & 0xff;
    if ((byte & bits) !== 0) this.#writeType(selector, byte & ~bits);
  }

  #writeType(selector: number, byte: number): void {
    const { context } = this, base = this.#base(selector);
    context.asSupervisor(() => context.storeByteAt(base, (selector & 0xfff8) + 5, byte));
  }

  #readAt(selector: number, offset: number): Descriptor | undefined {
    const { context } = this, { m } = context;
    if ((selector & 4) !== 0 && (m[(LDTR + SEG_ATTRIBUTES) >> 2]! & Attribute.P) === 0) return undefined;
    const limit = m[((selector & 4) !== 0 ? LDTR + SEG_LIMIT : GDTR_LIMIT) >> 2]! >>> 0;
    if (offset + 7 > limit) return undefined;
    const base = this.#base(selector);
    return context.asSupervisor(() => {
      const lo = context.loadAt(base, offset, 4);
      if (m[EVENT >> 2] !== 0) return undefined;
      const hi = context.loadAt(base, offset + 4, 4);
      return m[EVENT >> 2] !== 0 ? undefined : { lo, hi };
    });
  }

  #base(selector: number): number {
    return (selector & 4) !== 0 ? LDTR + SEG_BASE : GDTR_BASE;
  }
}

/** Present, DPL 3, accessed, flat: 32-bit code, data, 64-bit code. */
const USER_CODE32: Descriptor = { lo: 0xffff, hi: 0x00cf_fb00 };
const USER_DATA: Descriptor = { lo: 0xffff, hi: 0x00cf_f300 };
const USER_CODE64: Descriptor = { lo: 0xffff, hi: 0x00af_fb00 };
/** Read-only data with the number of the processor, 0, as its limit: what getcpu() in C libraries asks LSL for. */
const CPU_NUMBER: Descriptor = { lo: 0, hi: 0x0040_f500 };

/**
 * The descriptors of a processor whose exceptions the host settles: it has no tables, but the flat descriptors that
 * Linux gives its programs, at the same selectors. Everything else is outside the table.
 */
export const HOSTED_DESCRIPTORS: DescriptorSource = {
  read(selector: number): Descriptor | undefined {
    switch (selector >> 2) { // index and table indicator
      case 4 << 1:
        return USER_CODE32;
      case 5 << 1:
        return USER_DATA;
      case 6 << 1:
        return USER_CODE64;
      case 15 << 1:
        return CPU_NUMBER;
      default:
        return undefined;
    }
  },
  readUpper: () => undefined,
  setType: () => {},
  clearType: () => {},
};
