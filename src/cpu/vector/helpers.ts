/** Implementations of the helpers of the MMX and SSE instructions (rows: cpu/helpers/vector.ts). */
import { FLOAT_OPCODES, type FloatOpcode } from "../../ir/float_opcodes.ts";
import { MemoryFlag } from "../../ir/types.ts";
import { Vector } from "../fault.ts";
import { type Float, RCPSS, RSQRTSS } from "../float/mod.ts";
import type { GuestMemory, StateMemory } from "../guest_memory.ts";
import type { HelperFunction, HelperImplementations } from "../helpers.ts";
import type { VECTOR_HELPERS } from "../helpers/vector.ts";
import { EVENT, FP_RAISED, MXCSR } from "../state.ts";
import { upperHalf } from "../x87/image_transfer.ts";
import { createImageHelpers, MXCSR_MASK } from "../x87/fxsave.ts";
import { createExactFunctions } from "./float_reference.ts";

type ExactHelpers = { readonly [K in FloatOpcode as `exact_${K}`]: HelperFunction };

function exactHelpers(float: Float): ExactHelpers {
  const functions = createExactFunctions(float);
  const names = Object.keys(FLOAT_OPCODES) as FloatOpcode[];
  return Object.fromEntries(names.map((name) => [`exact_${name}`, functions[name]])) as ExactHelpers;
}

/** Creates the helpers over a linear memory and its floating-point library. */
export function createVectorHelpers(
  memory: StateMemory,
  access: GuestMemory,
  float: Float,
): HelperImplementations<typeof VECTOR_HELPERS> {
  const m = memory.i32;
  const images = createImageHelpers(memory, access, float.x87);
  return {
    ...exactHelpers(float),
    float_begin: () => {
      m[FP_RAISED >> 2] = 0;
    },
    float_check: () => {
      if (float.check()) access.raise(Vector.XM, -1);
    },
    rcpss: RCPSS,
    rsqrtss: RSQRTSS,
    maskmov: (
      lo: number,
      hi: number,
      d0: number,
      d1: number,
      d2: number,
      d3: number,
      m0: number,
      m1: number,
      m2: number,
      m3: number,
      bytes: number,
    ) => {
      // The processor checks the whole area, the upper half first, whatever the mask.
      for (let half = bytes - 8; half >= 0; half -= 8) {
        access.load64((lo + half) | 0, upperHalf(m, lo, hi, half), MemoryFlag.WRITE_INTENT);
        if (m[EVENT >> 2] !== 0) return;
      }
      const data = [d0, d1, d2, d3], mask = [m0, m1, m2, m3];
      for (let byte = 0; byte < bytes; byte++) {
        const shift = 8 * (byte & 3);
        if (((mask[byte >> 2]! >>> shift) & 0x80) === 0) continue;
        access.store8((lo + byte) | 0, upperHalf(m, lo, hi, byte), (data[byte >> 2]! >>> shift) & 0xff, 0);
        if (m[EVENT >> 2] !== 0) return;
      }
    },
    stmxcsr: () => m[MXCSR >> 2]!,
    ldmxcsr: (value: number) => {
      if ((value & ~MXCSR_MASK) !== 0) access.raise(Vector.GP, 0);
      else m[MXCSR >> 2] = value;
    },
    fxsave: images.fxsave,
    fxrstor: images.fxrstor,
    xsave: images.xsave,
    xrstor: images.xrstor,
  };
}
