/** Functions that regions call to store where the span known to have had the operand has it no more. */
import { EVENT } from "../../cpu/state.ts";
import { TLB_WRITE } from "../../memory/physical.ts";
import { FunctionCode, type Imports } from "./encoder.ts";
import { pushHalves, pushWords } from "./host_words.ts";
import { I32, W } from "./instructions.ts";
import { FIND_PARAMETERS, pushFlags, pushPlace } from "./locate.ts";
import { STORES } from "./memory_opcodes.ts";

/** Stores, by what regions call the functions. */
export const SLOW_STORES = {
  STORE8: { store: "store8", host: "S8" },
  STORE16: { store: "store16", host: "S16" },
  STORE32: { store: "store32", host: "S32" },
  STORE64: { store: "store64", host: "S64" },
  STOREV: { store: "storev", host: "SV" },
} as const;
export type SlowStoreName = keyof typeof SLOW_STORES;

/** What `FIND_PARAMETERS` are, and the value. */
export const slowStoreParameters = (type: number): number[] => [...FIND_PARAMETERS, type];

/** Returns whether an event was raised, 0 if not; FOUND_RUN is noted. */
export type SlowStore = (address: bigint, access: number, cells: number, value: never) => number;

/** The code of one: looks the operand up in the soft TLB, and has the host store where that does not know it. */
export function slowStoreCode(name: SlowStoreName, imports: Imports): FunctionCode {
  const { store, host } = SLOW_STORES[name], { type, instruction } = STORES[store];
  const code = new FunctionCode(slowStoreParameters(type)), access = 1, value = 3;
  pushPlace(code, { address: 0, access, cells: 2 }, TLB_WRITE, () => {
    pushHalves(code, 0);
    const words = pushWords(code, value, type);
    pushFlags(code, access);
    code.call(imports.index(host, new Array<number>(words + 3).fill(I32), false));
    code.load(W.i32_load, EVENT);
    code.op(W.return);
  });
  code.get(value);
  code.memory(instruction, 0);
  code.i32(0);
  return code;
}
