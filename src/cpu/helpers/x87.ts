/** Helpers of the x87 instructions. Rows: see ../helpers.ts. */
import type { HelperInfo } from "../helpers.ts";

/** Helpers of the x87 instructions. */
export const X87_HELPERS = {} as const satisfies Record<string, HelperInfo>;
