/** Values as words of 32 bits, the low one first: as functions of the host take them. */
import type { FunctionCode } from "./encoder.ts";
import { I32, I64, W } from "./instructions.ts";

/** Leaves both halves of a local of 64 bits. */
export function pushHalves(code: FunctionCode, local: number): void {
  code.get(local);
  code.op(W.i32_wrap_i64);
  code.get(local);
  code.i64(32, 0);
  code.op(W.i64_shr_u);
  code.op(W.i32_wrap_i64);
}

/** Leaves the words of a local. Returns how many. */
export function pushWords(code: FunctionCode, local: number, type: number): number {
  if (type === I64) {
    pushHalves(code, local);
    return 2;
  }
  if (type === I32) {
    code.get(local);
    return 1;
  }
  for (let word = 0; word < 4; word++) {
    code.get(local);
    code.lane(W.i32x4_extract_lane, word);
  }
  return 4;
}
