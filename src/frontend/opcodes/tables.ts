/** The opcode tables of 64-bit mode, and of 16- and 32-bit code. */
import { MAP_0F38 } from "./0f38.ts";
import { MAP_0F3A } from "./0f3a.ts";
import { MMX_0F } from "./mmx_0f.ts";
import { ONE_BYTE } from "./one_byte.ts";
import type { Row } from "./row.ts";
import { SSE_0F } from "./sse_0f.ts";
import { buildTables, type MapTable } from "./table.ts";
import { TWO_BYTE } from "./two_byte.ts";
import { VEX } from "./vex.ts";
import { X87 } from "./x87.ts";

/** Every row there is. */
export const ROWS: readonly Row[] = [ONE_BYTE, TWO_BYTE, SSE_0F, MMX_0F, MAP_0F38, MAP_0F3A, X87, VEX].flat();

const tables = buildTables(ROWS);

/** Maps of 64-bit mode: legacy maps 0 to 3, then VEX maps 0 to 3. */
export const TABLES_64: readonly MapTable[] = tables.mode64;
/** Maps of 16- and 32-bit code. */
export const TABLES_LEGACY: readonly MapTable[] = tables.legacy;
