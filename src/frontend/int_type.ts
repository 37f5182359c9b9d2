/** Integer types by their width. */
import type { IntType } from "../ir/types.ts";

const INT_TYPES = { 1: "i8", 2: "i16", 4: "i32", 8: "i64" } as const;

/** Integer type of `size` bytes. */
export function intType(size: number): IntType {
  const type = INT_TYPES[size as 1 | 2 | 4 | 8];
  if (type === undefined) throw new RangeError(`No integer type has ${size} bytes`);
  return type;
}
