/**
 * Rows of the VEX-encoded maps. SDM vol. 2D, tables, the rows in VEX notation. Notation: row.ts.
 * An opcode without a row is #UD, as on a processor without AVX.
 */
import type { Row } from "./row.ts";

// deno-fmt-ignore
export const VEX: readonly Row[] = [
  // BMI1, BMI2. VEX.W selects 64-bit operands in 64-bit mode and is ignored elsewhere.
  ["VEX.LZ.0F38 f2 /r",    "ANDN",   "Gy,By,Ey"],
  ["VEX.LZ.0F38 f3 /1",    "BLSR",   "By,Ey"],
  ["VEX.LZ.0F38 f3 /2",    "BLSMSK", "By,Ey"],
  ["VEX.LZ.0F38 f3 /3",    "BLSI",   "By,Ey"],
  ["VEX.LZ.0F38 f5 /r",    "BZHI",   "Gy,Ey,By"],
  ["VEX.LZ.F3.0F38 f5 /r", "PEXT",   "Gy,By,Ey"],
  ["VEX.LZ.F2.0F38 f5 /r", "PDEP",   "Gy,By,Ey"],
  ["VEX.LZ.F2.0F38 f6 /r", "MULX",   "Gy,By,Ey"],
  ["VEX.LZ.0F38 f7 /r",    "BEXTR",  "Gy,Ey,By"],
  ["VEX.LZ.66.0F38 f7 /r", "SHLX",   "Gy,Ey,By"],
  ["VEX.LZ.F3.0F38 f7 /r", "SARX",   "Gy,Ey,By"],
  ["VEX.LZ.F2.0F38 f7 /r", "SHRX",   "Gy,Ey,By"],
  ["VEX.LZ.F2.0F3A f0 /r", "RORX",   "Gy,Ey,Ib"],
];
