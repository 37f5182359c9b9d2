/** Instructions without an effect that software can see: NOP, hints, fences, cache control. SDM vol. 2. */
import type { Operand } from "../instruction.ts";
import type { Mnemonic } from "../opcodes/mnemonics.ts";
import type { Translator } from "../translator.ts";
import type { Semantics } from "./semantics.ts";

/** Memory operands of hints are not accessed. */
function nothing(): void {}

/** Cache-line instructions access memory as a load of a byte. */
function touch(t: Translator, operand: Operand): void {
  if (operand.kind === "mem") t.ir.load("i8", t.address(operand, 1), t.memoryFlags(operand));
}

/** The hints by mnemonic. */
export const HINTS = {
  NOP: nothing,
  ENDBR32: nothing,
  ENDBR64: nothing,
  PREFETCHNTA: nothing,
  PREFETCHT0: nothing,
  PREFETCHT1: nothing,
  PREFETCHT2: nothing,
  PREFETCHW: nothing,
  LFENCE: nothing,
  MFENCE: nothing,
  SFENCE: nothing,
  CLFLUSH: touch,
  CLFLUSHOPT: touch,
  CLWB: touch,
} as const satisfies Partial<Record<Mnemonic, Semantics>>;
