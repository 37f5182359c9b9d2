/** Implementations of the helpers of the x87 instructions (rows: cpu/helpers/x87.ts). */
import { MemoryFlag } from "../../ir/types.ts";
import type { Float } from "../float/mod.ts";
import type { GuestMemory, StateMemory } from "../guest_memory.ts";
import type { HelperFunction, HelperImplementations } from "../helpers.ts";
import {
  type X87_HELPERS,
  type X87_IMAGE,
  X87_ORDER,
  X87_PLAIN,
  X87_QUAD,
  type X87_STORE,
  X87_TEN,
  X87_WORD,
  X87_WORDS,
} from "../helpers/x87.ts";
import { EVENT, FSW, FTW, RETURN_HI, RETURN_V128 } from "../state.ts";
import { loadBytes, readable, storeBytes, upperHalf, writable } from "./image_transfer.ts";

/** Fields of the status word. */
const TOP_SHIFT = 11, TOP = 0x3800, C1 = 0x200;
/** Form bits of an image in memory. */
const WIDE = 1, REAL = 2;

/** Creates the helpers over a linear memory and its x87 unit. */
export function createX87Helpers(
  memory: StateMemory,
  access: GuestMemory,
  { x87 }: Float,
): HelperImplementations<typeof X87_HELPERS> {
  const m = memory.i32;
  const image = new DataView(new ArrayBuffer(108));
  const failed = (): boolean => m[EVENT >> 2] !== 0;
  /** A store of what the unit computes, then its other effects. */
  const storing = (
    compute: () => number,
    store: (lo: number, hi: number, value: number, flags: number) => void,
  ): HelperFunction =>
  (lo: number, hi: number, flags: number, pops: number) => {
    const value = compute();
    if (x87.stores()) {
      store(lo, hi, value, flags);
      if (failed()) return;
    }
    x87.COMMIT(pops);
  };
  const store16 = access.store16.bind(access), store32 = access.store32.bind(access);
  const store64 = (lo: number, hi: number, value: number, flags: number): void =>
    access.store64(lo, hi, value, m[RETURN_HI >> 2]!, flags);
  const store80 = (lo: number, hi: number, value: number, flags: number): void => {
    const top = m[(RETURN_V128 >> 2) + 2]!;
    access.store64(lo, hi, value, m[RETURN_HI >> 2]!, flags);
    if (!failed()) access.store16((lo + 8) | 0, upperHalf(m, lo, hi, 8), top & 0xffff, flags);
  };
  const form = (bits: number): { wide: boolean; real: boolean } => ({
    wide: (bits & WIDE) !== 0,
    real: (bits & REAL) !== 0,
  });
  const environment = (bits: number): number => (bits & WIDE) !== 0 ? 28 : 14;

  /** Whether the control word at the start of an image can be accessed. The processor looks at it before the end. */
  const reaches = (lo: number, hi: number, flags: number, bits: number): boolean => {
    if ((bits & WIDE) !== 0) access.load32(lo, hi, flags);
    else access.load16(lo, hi, flags);
    return !failed();
  };

  const methods = x87 as unknown as Record<string, (...words: number[]) => number | void>;
  const direct: Record<string, HelperFunction> = {};
  for (const name of [...X87_PLAIN, ...X87_WORD, ...X87_WORDS, ...X87_QUAD, ...X87_ORDER, ...X87_TEN]) {
    direct[`x87_${name}`] = methods[name]!.bind(x87);
  }

  const popEmpty: HelperFunction = (i: number) => {
    const fsw = m[FSW >> 2]!;
    if (((m[FTW >> 2]! >>> ((fsw >> TOP_SHIFT) & 7)) & 1) !== 0) return x87.FSTP(i);
    m[FSW >> 2] = (fsw & ~(TOP | C1)) | ((fsw + (1 << TOP_SHIFT)) & TOP);
  };

  const stores: { readonly [K in (typeof X87_STORE)[number] as `x87_${K}`]: HelperFunction } = {
    x87_FST32: storing(() => x87.FST32(), store32),
    x87_FST64: storing(() => x87.FST64(), store64),
    x87_FST80: storing(() => x87.FST80(), store80),
    x87_FIST16: storing(() => x87.FIST16(), store16),
    x87_FIST32: storing(() => x87.FIST32(), store32),
    x87_FIST64: storing(() => x87.FIST64(), store64),
    x87_FISTT16: storing(() => x87.FISTT16(), store16),
    x87_FISTT32: storing(() => x87.FISTT32(), store32),
    x87_FISTT64: storing(() => x87.FISTT64(), store64),
    x87_FBST: storing(() => x87.FBST(), store80),
  };
  const images: { readonly [K in (typeof X87_IMAGE)[number] as `x87_${K}`]: HelperFunction } = {
    x87_FNSTENV: (lo: number, hi: number, flags: number, bits: number) => {
      const size = environment(bits);
      if (!reaches(lo, hi, flags | MemoryFlag.WRITE_INTENT, bits)) return;
      if (!writable(access, m, lo, hi, flags, size)) return;
      x87.writeEnvironment(image, 0, form(bits));
      if (storeBytes(access, m, image, lo, hi, flags, 0, size)) x87.FNSTENV();
    },
    x87_FNSAVE: (lo: number, hi: number, flags: number, bits: number) => {
      const size = environment(bits) + 80;
      if (!reaches(lo, hi, flags | MemoryFlag.WRITE_INTENT, bits)) return;
      if (!writable(access, m, lo, hi, flags, size)) return;
      x87.writeSave(image, 0, form(bits));
      if (storeBytes(access, m, image, lo, hi, flags, 0, size)) x87.FNINIT();
    },
    x87_FLDENV: (lo: number, hi: number, flags: number, bits: number) => {
      const size = environment(bits);
      if (!reaches(lo, hi, flags, bits) || !readable(access, m, lo, hi, flags, size)) return;
      if (loadBytes(access, m, image, lo, hi, flags, 0, size)) x87.FLDENV(image, 0, form(bits));
    },
    x87_FRSTOR: (lo: number, hi: number, flags: number, bits: number) => {
      const size = environment(bits) + 80;
      if (!reaches(lo, hi, flags, bits) || !readable(access, m, lo, hi, flags, size)) return;
      if (loadBytes(access, m, image, lo, hi, flags, 0, size)) x87.FRSTOR(image, 0, form(bits));
    },
  };
  return { ...direct, x87_FSTPNCE: popEmpty, ...stores, ...images } as HelperImplementations<
    typeof X87_HELPERS
  >;
}
