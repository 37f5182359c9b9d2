/** Helpers of the system instructions: CPUID, RDTSC, segment loads, MXCSR. Rows: see ../helpers.ts. */
import type { HelperInfo } from "../helpers.ts";

/** Helpers of the system instructions: CPUID, RDTSC, segment loads, MXCSR. */
export const SYSTEM_HELPERS = {} as const satisfies Record<string, HelperInfo>;
