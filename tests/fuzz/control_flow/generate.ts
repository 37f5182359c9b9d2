/** Random programs, and the state they start from. */
import type { Case } from "../../oracle/case.ts";
import { CODE_OFFSET, FS_BASE, GS_BASE, IMAGE_BYTES, LOW_DATA, PAGE } from "../../oracle/layout.ts";
import type { Random } from "../../oracle/random.ts";
import { fxImage, generalRegisters } from "../../oracle/state.ts";
import { RBP, RBX, RSP } from "./encode.ts";
import { changeableCode, randomCode } from "./items.ts";
import { assemble, type Block, type End, type Item, type Program } from "./program.ts";

const CODE_BYTES = IMAGE_BYTES - CODE_OFFSET;
const STACK = LOW_DATA + 0x1c00n;
/** RFLAGS that programs start with: the status flags as they come. */
const STATUS_FLAGS = 0x8d5, FIXED_FLAGS = 0x202;

/** A program with the state it starts from. */
export interface Start {
  readonly program: Program;
  readonly gpr: BigUint64Array;
  readonly rflags: number;
  readonly fx: Uint8Array;
}

/** A program that fits its pages. */
export function randomStart(random: Random): Start {
  for (;;) {
    const start: Start = {
      program: randomProgram(random),
      gpr: generalRegisters(random),
      rflags: FIXED_FLAGS | (random.bits() & STATUS_FLAGS),
      fx: fxImage(random, false),
    };
    if (caseOf(start) !== undefined) return start;
  }
}

/** The case of the oracle that a program is; undefined if it does not fit its pages. */
export function caseOf({ program, gpr, rflags, fx }: Start): Case | undefined {
  const code = assemble(program, CODE_BYTES - program.offset);
  if (code === undefined) return undefined;
  const registers = gpr.slice();
  registers[RSP] = STACK;
  // The middles of two pages of data.
  registers[RBX] = FS_BASE;
  registers[RBP] = GS_BASE;
  return { gpr: registers, rflags, fx, code, offset: program.offset, codeSize: 64 };
}

function randomProgram(random: Random): Program {
  const count = 2 + random.below(random.pick([4, 10, 30]));
  // Some begin so that a boundary of pages lies in them.
  const offset = random.oneIn(3) ? random.below(16) : PAGE - random.below(1200);
  const longest = random.pick([2, 6, 12]);
  return {
    blocks: Array.from({ length: count }, (_, n) => randomBlock(random, n, count, longest)),
    // Some go around so often that regions are made again from what has become warm.
    fuel: random.oneIn(25) ? 25_000 : random.pick([3, 20, 60, 200]),
    offset,
    keepsFlags: random.oneIn(2),
  };
}

function randomBlock(random: Random, n: number, count: number, longest: number): Block {
  const items = Array.from({ length: random.below(longest + 1) }, () => randomItem(random, n, count));
  if (random.oneIn(4)) items.push({ kind: "changeable", bytes: changeableCode(random) });
  const end: End = n === count - 1 ? { kind: "exit" } : randomEnd(random, n, count);
  return { items, end, gap: random.oneIn(12) ? random.below(random.pick([20, 1500])) : 0 };
}

function randomItem(random: Random, n: number, count: number): Item {
  if (!random.oneIn(25)) return { kind: "code", bytes: randomCode(random) };
  // Often the block itself, or the one behind it.
  const block = random.oneIn(3) ? Math.min(n + random.below(2), count - 1) : random.below(count);
  return random.oneIn(3)
    ? { kind: "changeCondition", block, condition: random.below(16) }
    : { kind: "changeImmediate", block, byte: random.oneIn(2) ? random.below(256) : undefined };
}

function randomEnd(random: Random, n: number, count: number): End {
  // Loops are small more often than not.
  const target = random.oneIn(2)
    ? Math.max(0, Math.min(count - 1, n + 3 - random.below(6)))
    : random.below(count);
  switch (random.below(16)) {
    case 0:
      return { kind: "next" };
    case 1:
      return { kind: "jump", target };
    case 2:
      return { kind: "count", opcode: 0xe0 + random.below(4), target };
    case 3:
    case 4:
      return { kind: "call", target };
    case 5:
    case 6:
      return { kind: "return", bytes: random.oneIn(8) ? 8 * random.below(3) : 0 };
    case 7:
      return { kind: "pushReturn", target };
    case 8:
      return random.oneIn(2) ? { kind: "popJump" } : { kind: "indirectCall", target };
    case 9:
      return { kind: "indirectJump", target };
    case 10: {
      const targets = Array.from({ length: random.pick([2, 4, 8]) }, () => random.below(count));
      return { kind: "table", call: random.oneIn(3), targets };
    }
    default:
      return { kind: "branch", condition: random.below(16), target };
  }
}
