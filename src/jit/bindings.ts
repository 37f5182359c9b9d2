/** What the machine binds compiled code to: memory, slow paths, helpers, and the reference functions of vectors and floats. */
import type { FloatOpcode } from "../ir/float_opcodes.ts";
import type { VectorOpcode } from "../ir/vector_opcodes.ts";
import type { HelperFunction } from "../cpu/helpers.ts";
import type { VectorReference } from "../cpu/vector/reference.ts";
import type { GuestAccess } from "../memory/access.ts";
import type { LinearMemory } from "../memory/physical.ts";
import type { SystemCalls } from "./system_calls.ts";

/** Everything an engine's code reaches. */
export interface Bindings {
  readonly memory: LinearMemory;
  readonly access: GuestAccess;
  /** Helpers by id (cpu/helpers.ts). */
  readonly helpers: readonly HelperFunction[];
  /** Meaning of the vector opcodes. */
  readonly vector: Readonly<Record<VectorOpcode, VectorReference>>;
  /** Meaning of the floating-point opcodes, in the calling convention of helpers. */
  readonly float: Readonly<Record<FloatOpcode, HelperFunction>>;
  readonly systemCalls: SystemCalls;
}
