/**
 * Get and set elimination: a `get` of a cell whose content is known becomes that value, and a `set` of what the cell
 * holds already disappears. Cells overlap (a `setv` covers four words), so contents are known by 32-bit word.
 */
import { opcodeNumber } from "../opcodes.ts";
import { type Block, Inst } from "../types.ts";
import { CellKind, type StateEffects } from "./effects.ts";
import { renumber, replaceArgs, replacedTerminal, withInsts } from "./blocks.ts";
import { CELL_WORDS, Kind, KINDS } from "./rows.ts";

/** Known contents of the state's words. Kept between blocks: an entry counts only if its stamp is the current epoch. */
class Contents {
  /** The value whose word number `part` the word holds. */
  readonly value: Inst[] = [];
  readonly part: Uint8Array;
  readonly stamp: Float64Array;
  /** Current epoch by kind of cell. */
  readonly epoch: [number, number] = [1, 1];

  constructor(readonly cells: Uint8Array) {
    this.part = new Uint8Array(cells.length);
    this.stamp = new Float64Array(cells.length);
  }

  /** Whether the word holds a known value. */
  known(word: number): boolean {
    const kind = this.cells[word]!;
    return kind !== CellKind.VOLATILE && this.stamp[word] === this.epoch[kind as 0 | 1];
  }

  /** Says that `words` words from `word` on hold `value`. */
  record(word: number, words: number, value: Inst): void {
    const kind = this.cells[word]!;
    if (kind === CellKind.VOLATILE) return;
    const epoch = this.epoch[kind as 0 | 1];
    for (let i = 0; i < words; i++) {
      this.value[word + i] = value;
      this.part[word + i] = i;
      this.stamp[word + i] = epoch;
    }
  }

  /** The value that exactly these words hold. */
  whole(word: number, words: number): Inst | undefined {
    if (!this.known(word) || this.part[word] !== 0) return undefined;
    const value = this.value[word]!;
    if (wordsOf(value) !== words) return undefined;
    for (let i = 1; i < words; i++) {
      if (!this.known(word + i) || this.value[word + i] !== value || this.part[word + i] !== i) {
        return undefined;
      }
    }
    return value;
  }
}

const LO = opcodeNumber("lo"), HI = opcodeNumber("hi");
const VEXTRACT32 = opcodeNumber("vextract32"), VEXTRACT64 = opcodeNumber("vextract64");

const wordsOf = (value: Inst): number => value.type === "v128" ? 4 : value.type === "i64" ? 2 : 1;

let contents: Contents | undefined;

function contentsFor(effects: StateEffects): Contents {
  if (contents === undefined || contents.cells !== effects.cells) contents = new Contents(effects.cells);
  forget(contents, "all");
  return contents;
}

function forget({ epoch }: Contents, state: "fpu" | "all"): void {
  epoch[CellKind.FPU]++;
  if (state === "all") epoch[CellKind.ORDINARY]++;
}

/** Replaces gets of known contents and removes sets that change nothing. Reuses the operations of `block`. */
export function forward(block: Block, effects: StateEffects): Block {
  const { insts } = block;
  const known = contentsFor(effects);
  const out: Inst[] = [];
  for (let i = 0; i < insts.length; i++) {
    const inst = insts[i]!;
    replaceArgs(inst);
    inst.replacement = inst;
    const words = CELL_WORDS[inst.code]!;
    switch (KINDS[inst.code]) {
      case Kind.GET: {
        const value = contentOf(known, inst, words, out);
        if (value !== undefined) {
          inst.replacement = value;
          continue;
        }
        known.record(inst.imm >> 2, words, inst);
        break;
      }
      case Kind.SET: {
        const word = inst.imm >> 2;
        const value = inst.args[0]!;
        const old = known.whole(word, words);
        if (old !== undefined && isSame(old, value)) continue;
        known.record(word, words, value);
        break;
      }
      case Kind.CALL: {
        const state = effects.helper(inst.imm);
        if (state !== "none") forget(known, state);
        break;
      }
      case Kind.BARRIER:
        forget(known, "all");
        break;
    }
    out.push(inst);
  }
  renumber(out);
  return withInsts(block, out, replacedTerminal(block.terminal));
}

function isSame(x: Inst, y: Inst): boolean {
  return x === y ||
    (x.op === y.op && (x.op === "const32" || x.op === "const64") && x.imm === y.imm && x.imm2 === y.imm2);
}

/** The value a `get` yields, if it is known: a whole value, or a part of a wider one, which is appended to `out`. */
function contentOf(known: Contents, get: Inst, words: number, out: Inst[]): Inst | undefined {
  const word = get.imm >> 2;
  if (!known.known(word)) return undefined;
  const value = known.value[word]!;
  const width = wordsOf(value);
  if (width === words) return known.whole(word, words);
  if (width < words) return undefined;
  // Part of a wider value, all of whose words in question must still be there.
  const part = known.part[word]!;
  if (words === 2 && !(known.known(word + 1) && known.value[word + 1] === value)) return undefined;
  const extract = width === 2
    ? new Inst(part === 0 ? LO : HI, "i32", [value], 0, 0, get.guest)
    : words === 1
    ? new Inst(VEXTRACT32, "i32", [value], part, 0, get.guest)
    : new Inst(VEXTRACT64, "i64", [value], part >> 1, 0, get.guest);
  out.push(extract);
  return extract;
}
