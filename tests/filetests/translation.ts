/** The disassembly and the IR of a file's code, as the files have them. */
import { disassembleAll } from "../../src/frontend/disassemble.ts";
import { translate } from "../../src/frontend/translate.ts";
import { optimize } from "../../src/ir/passes/optimize.ts";
import { print } from "../../src/ir/print.ts";
import type { Block } from "../../src/ir/types.ts";
import { verify } from "../../src/ir/verify.ts";
import { HELPER_NAMES, helperInfo } from "../../src/cpu/helpers.ts";
import { Mode } from "../../src/cpu/mode.ts";
import { STATE_EFFECTS } from "../../src/cpu/state_effects.ts";
import { nameOfCell } from "../../src/cpu/state_names.ts";

const START = 0x10000n;
const CODE_SIZES = { 16: Mode.REAL, 32: 1 | Mode.STACK32 | Mode.USER, 64: 2 | Mode.USER } as const;
const NAMES = { cell: nameOfCell, helper: (id: number): string | undefined => HELPER_NAMES[id] };

/** The first block of the code, verified before and after the passes. */
export function firstBlock(code: Uint8Array, mode: 16 | 32 | 64): Block {
  const block = translate(code, 0x1000, START, CODE_SIZES[mode]);
  if (block === "truncated") throw new SyntaxError("the code ends inside its first instruction");
  const options = { names: NAMES, signatureOf: (id: number): string => helperInfo(id).signature };
  verify(block, options);
  const optimized = optimize(block, STATE_EFFECTS);
  verify(optimized, options);
  return optimized;
}

/** The text of an `ir` section. */
export function irText(code: Uint8Array, mode: 16 | 32 | 64): string {
  return print(firstBlock(code, mode), NAMES).split("\n").slice(1, -1).join("\n");
}

/** Instructions of the code: bytes and text. */
export function disassembly(code: Uint8Array, mode: 16 | 32 | 64): { bytes: Uint8Array; text: string }[] {
  let at = 0;
  return [...disassembleAll(code, { address: START, codeSize: mode })].map(({ length, text }) => {
    const bytes = code.slice(at, at + length);
    at += length;
    return { bytes, text };
  });
}
