/** The functions that regions call, by the names that the emitter uses. */
import { HELPER_NAMES, helperId } from "../../cpu/helpers.ts";
import { RETURN_V128 } from "../../cpu/state.ts";
import type { WordPart } from "../../cpu/vector/reference.ts";
import type { Bindings } from "../bindings.ts";
import { SLOW_SET_AC } from "./access_flag.ts";
import { SLOW_SYSCALL, SLOW_SYSRET } from "./fast_calls.ts";
import { SLOW_IRET } from "./interrupt_return.ts";

/** A function of the host that regions call. */
export type ImportedFunction = (...words: number[]) => number | void;

/** All of them: slow paths of accesses, helpers (`H_`), reference functions of vectors (`V_`) and floats (`F_`). */
export function importedFunctions(bindings: Bindings): Record<string, ImportedFunction> {
  const { memory, access, helpers, vector, float, systemCalls } = bindings;
  const out = memory.i32.subarray(RETURN_V128 >> 2, (RETURN_V128 >> 2) + 4);
  const functions: Record<string, ImportedFunction> = {
    LOCATE: access.locate.bind(access),
    S8: access.store8.bind(access),
    S16: access.store16.bind(access),
    S32: access.store32.bind(access),
    S64: access.store64.bind(access),
    SV: access.storev.bind(access),
    RAISE: access.raise.bind(access),
    SYSCALL: systemCalls.makeFromRegion.bind(systemCalls),
    [SLOW_SYSCALL]: systemCalls.makeFromRegion.bind(systemCalls),
    [SLOW_SYSRET]: helpers[helperId("sysret")]!,
    [SLOW_IRET]: helpers[helperId("interrupt_return")]!,
    [SLOW_SET_AC]: helpers[helperId("set_alignment_check")]!,
  };
  for (const [id, name] of HELPER_NAMES.entries()) functions[`H_${name}`] = helpers[id]!;
  for (const [name, row] of Object.entries(vector)) {
    functions[`V_${name}`] = row.kind === "whole"
      ? (row.fn as unknown as (out: Int32Array, ...words: number[]) => number | void).bind(undefined, out)
      : wordByWord(row.parts, out);
  }
  for (const [name, f] of Object.entries(float)) functions[`F_${name}`] = f;
  return functions;
}

/** A function of whole vectors from those of their words. */
function wordByWord(parts: readonly WordPart[], out: Int32Array): ImportedFunction {
  return (...words) => {
    const result = parts.map(({ fn, from }) => fn(...from.map((n) => words[n]!)));
    out.set(result);
  };
}
