/** The JavaScript engine: regions become JavaScript functions. */
import type { Block } from "../../ir/types.ts";
import { HELPER_NAMES } from "../../cpu/helpers.ts";
import {
  bswap32,
  ctz32,
  mul64,
  mulHighS32,
  mulHighU32,
  mulhs64,
  mulhu64,
  mulo64,
  popcnt32,
  rotl64,
  sar64,
  shl64,
  shr64,
} from "../../cpu/int64.ts";
import { RETURN_V128 } from "../../cpu/state.ts";
import type { Bindings } from "../bindings.ts";
import type { Compiled, CompileRequest, Engine } from "../engine.ts";
import { partName } from "./lowering.ts";
import { emitRegion } from "./emitter.ts";

/** Names that emitted code can use, by kind. */
type Names = Record<string, unknown>;

/** Compiles regions to JavaScript functions. */
export class JsEngine implements Engine {
  readonly name = "js" as const;
  readonly mostBlocks = Infinity;
  readonly mostInstructions = 600;
  /** Called with the text of each region, for `--dump=js`. */
  onEmit: ((blocks: readonly Block[], source: string) => void) | undefined;
  readonly #names: Names;

  constructor(bindings: Bindings) {
    this.#names = namesFor(bindings);
  }

  compile({ blocks, id }: CompileRequest): Compiled {
    const { source, exits } = emitRegion(blocks, id);
    this.onEmit?.(blocks, source);
    return { run: this.#evaluate(source), exits };
  }

  /** Makes the function. The text contains numbers and our own identifiers only, nothing of the guest's. */
  #evaluate(source: string): (entry: number) => number {
    const used = [...new Set(source.match(/\b(?:[HVF]_\w+|[A-Z]\w*|[a-z]\w*(?=\())/g))]
      .filter((name) => Object.hasOwn(this.#names, name));
    const make = new Function(...used, `"use strict";return ${source}`);
    return make(...used.map((name) => this.#names[name])) as (entry: number) => number;
  }
}

function namesFor({ memory, access, helpers, vector, float }: Bindings): Names {
  const names: Names = {
    M: memory.i32,
    U8: memory.u8,
    U16: memory.u16,
    OUT: memory.i32.subarray(RETURN_V128 >> 2, (RETURN_V128 >> 2) + 4),
    L8: access.load8.bind(access),
    L16: access.load16.bind(access),
    L32: access.load32.bind(access),
    L64: access.load64.bind(access),
    LV: access.loadv.bind(access),
    S8: access.store8.bind(access),
    S16: access.store16.bind(access),
    S32: access.store32.bind(access),
    S64: access.store64.bind(access),
    SV: access.storev.bind(access),
    RAISE: access.raise.bind(access),
    ...{
      bswap32,
      ctz32,
      popcnt32,
      mulHighU32,
      mulHighS32,
      mul64,
      mulhu64,
      mulhs64,
      mulo64,
      shl64,
      shr64,
      sar64,
      rotl64,
    },
    rotr64: (out: Int32Array, at: number, lo: number, hi: number, n: number) => rotl64(out, at, lo, hi, -n),
  };
  for (const [id, name] of HELPER_NAMES.entries()) names[`H_${name}`] = helpers[id];
  for (const [name, row] of Object.entries(vector)) {
    if (row.kind === "whole") names[`V_${name}`] = row.fn;
    else row.parts.forEach(({ fn }) => names[partName(name, row.parts, fn)] = fn);
  }
  for (const [name, f] of Object.entries(float)) names[`F_${name}`] = f;
  return names;
}
