/** Helpers of the MMX and SSE instructions. Rows: see ../helpers.ts. */
import type { HelperInfo } from "../helpers.ts";

/** Helpers of the MMX and SSE instructions. */
export const VECTOR_HELPERS = {} as const satisfies Record<string, HelperInfo>;
