/** Copies bytes between arrays. */

/** Bytes up to which a loop takes less time than calling the host, and than making a view of them for that. */
const FEWEST = 16, FEW = 96;

/** Copies `length` bytes of `source` from `from` on to `target` at `to`. The arrays do not overlap. */
export function copyBytes(
  target: Uint8Array,
  to: number,
  source: Uint8Array,
  from: number,
  length: number,
): void {
  if (length > FEWEST && length === source.length) return target.set(source, to);
  if (length > FEW) return target.set(source.subarray(from, from + length), to);
  for (let n = 0; n < length; n++) target[to + n] = source[from + n]!;
}
