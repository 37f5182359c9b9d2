/** Helpers of the integer instructions: division, string chunks. Rows: see ../helpers.ts. */
import type { HelperInfo } from "../helpers.ts";

/** Helpers of the integer instructions: division, string chunks. */
export const INTEGER_HELPERS = {} as const satisfies Record<string, HelperInfo>;
