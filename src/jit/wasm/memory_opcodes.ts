/** What loads and stores are, for regions and for the interpreter's loop. */
import type { Opcode } from "../../ir/opcodes.ts";
import { MemoryFlag } from "../../ir/types.ts";
import { I32, I64, V128, W } from "./instructions.ts";

/** Bytes, type of the value, and instruction of an access. */
export interface MemoryAccess {
  readonly size: number;
  readonly type: number;
  readonly instruction: number;
}

/** Those that read, and those that write. */
export const LOADS = {
  load8: { size: 1, type: I32, instruction: W.i32_load8_u },
  load16: { size: 2, type: I32, instruction: W.i32_load16_u },
  load32: { size: 4, type: I32, instruction: W.i32_load },
  load64: { size: 8, type: I64, instruction: W.i64_load },
  loadv: { size: 16, type: V128, instruction: W.v128_load },
} as const satisfies Partial<Record<Opcode, MemoryAccess>>;
export const STORES = {
  store8: { size: 1, type: I32, instruction: W.i32_store8 },
  store16: { size: 2, type: I32, instruction: W.i32_store16 },
  store32: { size: 4, type: I32, instruction: W.i32_store },
  store64: { size: 8, type: I64, instruction: W.i64_store },
  storev: { size: 16, type: V128, instruction: W.v128_store },
} as const satisfies Partial<Record<Opcode, MemoryAccess>>;

/** Opcodes of loads and stores. */
export type MemoryOpcode = keyof typeof LOADS | keyof typeof STORES;

/** Flags of accesses whose alignment must be seen. */
export const CHECKING: number = MemoryFlag.ALIGNED | MemoryFlag.CHECKED;
