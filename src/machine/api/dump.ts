/** The stages of translation as text. */
import { HELPER_NAMES, helperInfo } from "../../cpu/helpers.ts";
import { Mode, withReach } from "../../cpu/mode.ts";
import { Reach } from "../../cpu/segment_limits.ts";
import { Segment } from "../../cpu/state.ts";
import { nameOfCell } from "../../cpu/state_names.ts";
import { disassemble } from "../../frontend/disassemble.ts";
import { translate } from "../../frontend/translate.ts";
import { print, type PrintNames } from "../../ir/print.ts";
import type { Block } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import type { TranslationObserver } from "../observer.ts";

/**
 * A stage: `asm`, the guest's instructions; `ir`, the block that they are translated to, and again when the passes have
 * improved it for compilation; `js` and `wasm`, the function that a region of blocks becomes, `wasm` behind the guest's
 * instructions.
 */
export type DumpStage = "asm" | "ir" | "js" | "wasm";

/** Names of the stages. */
export const DUMP_STAGES: readonly ["asm", "ir", "js", "wasm"] = ["asm", "ir", "js", "wasm"];

const NAMES: PrintNames = { cell: nameOfCell, helper: (id) => HELPER_NAMES[id] };
const CODE_SIZES = [16, 32, 64] as const;

/** Writes a block and verifies it: whoever looks at IR may be looking for a mistake in it. */
function writeBlock(block: Block, title: string, write: (text: string) => void): void {
  write(`-- ir ${title}\n${print(block, NAMES).trimEnd()}\n\n`);
  verify(block, { names: NAMES, signatureOf: (id) => helperInfo(id).signature });
}

/** An observer that writes the stages chosen as text. */
export function dumpStages(stages: readonly DumpStage[], write: (text: string) => void): TranslationObserver {
  /** Instructions by block, as far as they are to stand before WebAssembly. */
  const instructions = new Map<string, string>();
  return {
    translated(block, bytes): void {
      if (stages.includes("wasm")) instructions.set(place(block), assembly(block, bytes));
      if (stages.includes("asm")) write(assembly(block, bytes));
      if (stages.includes("ir")) writeBlock(block, place(block), write);
    },
    compiled(blocks, source, engine): void {
      for (const block of blocks) {
        if (stages.includes("ir")) writeBlock(block, `${place(block)}, optimized`, write);
      }
      if (!stages.includes(engine)) return;
      if (engine === "wasm") { for (const block of blocks) write(instructions.get(place(block)) ?? ""); }
      write(`-- ${engine} ${blocks.map(place).join(" ")}\n${source.trimEnd()}\n\n`);
    },
  };
}

function place(block: Block): string {
  return `0x${block.pc.toString(16)}`;
}

function assembly(block: Block, bytes: Uint8Array): string {
  const codeSize = CODE_SIZES[block.mode & Mode.CODE_SIZE] ?? 64;
  const lines = block.offsets.slice(0, -1).map((offset) => {
    const address = block.pc + BigInt(offset);
    return `${address.toString(16).padStart(16, "0")}  ${
      disassemble(bytes, { address, codeSize, offset }).text
    }\n`;
  });
  return `-- asm ${place(block)}\n${lines.join("")}\n`;
}

/** In real mode all segments have 64 KB. */
const PARAGRAPHS = Object.values(Segment).map((n) => withReach(n, Reach.PARAGRAPH)).reduce((a, b) => a | b);
/** The mode in which bare code of each size runs (modes.ts), with floating point in its plain form. */
const MODES = { 64: 2 | Mode.USER, 32: 1 | Mode.USER | Mode.STACK32, 16: Mode.REAL | PARAGRAPHS } as const;

/** Shows an observer the blocks of `code`, one behind the other, without running them. */
export function translateAll(
  code: Uint8Array,
  address: bigint,
  codeSize: 16 | 32 | 64,
  observer: TranslationObserver,
): void {
  for (let offset = 0; offset < code.length;) {
    const bytes = code.subarray(offset);
    const block = translate(bytes, bytes.length, address + BigInt(offset), MODES[codeSize]);
    if (block === "truncated") return;
    observer.translated?.(block, bytes);
    offset += Math.max(1, block.offsets.at(-1)!);
  }
}
