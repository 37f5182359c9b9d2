/** Makes a failing program small: fewer blocks and items, plainer ends, less fuel, plainer registers. */
import { caseOf, type Start } from "./generate.ts";
import type { Block, End, Program } from "./program.ts";

/** Long programs take long: what is found after so many milliseconds must do. */
const PATIENCE = 30_000;

/** The smallest program found that still fails. */
export async function shrinkStart(
  start: Start,
  fails: (candidate: Start) => Promise<boolean>,
): Promise<Start> {
  let best = start;
  const end = performance.now() + PATIENCE;
  for (let again = true; again;) {
    again = false;
    for (const candidate of candidates(best)) {
      if (performance.now() > end) return best;
      if (caseOf(candidate) === undefined || !(await fails(candidate))) continue;
      best = candidate;
      again = true;
      break;
    }
  }
  return best;
}

function* candidates(start: Start): Iterable<Start> {
  const { program, gpr } = start;
  for (const smaller of smallerPrograms(program)) yield { ...start, program: smaller };
  for (let n = 0; n < 16; n++) {
    if (gpr[n] === 0n) continue;
    const registers = gpr.slice();
    registers[n] = 0n;
    yield { ...start, gpr: registers };
  }
  if (start.rflags !== 0x202) yield { ...start, rflags: 0x202 };
}

function* smallerPrograms(program: Program): Iterable<Program> {
  const { blocks, fuel, offset } = program;
  for (const less of [1, 2, fuel >> 4, fuel >> 1, fuel - 1]) {
    if (less > 0 && less < fuel) yield { ...program, fuel: less };
  }
  for (let n = blocks.length - 1; n >= 0 && blocks.length > 1; n--) {
    yield { ...program, blocks: without(blocks, n) };
  }
  for (let n = blocks.length - 1; n >= 0; n--) {
    const block = blocks[n]!;
    const changed = (block: Block): Program => ({ ...program, blocks: blocks.with(n, block) });
    for (let half = block.items.length >> 1; half > 1; half >>= 1) {
      yield changed({ ...block, items: block.items.slice(half) });
      yield changed({ ...block, items: block.items.slice(0, -half) });
    }
    for (let k = block.items.length - 1; k >= 0; k--) {
      yield changed({ ...block, items: block.items.toSpliced(k, 1) });
    }
    if (block.gap > 0) yield changed({ ...block, gap: 0 });
    if (block.end.kind !== "next" && n < blocks.length - 1) {
      yield changed({ ...block, end: { kind: "next" } });
    }
    if (block.end.kind === "table") {
      yield changed({ ...block, end: { kind: "jump", target: block.end.targets[0]! } });
    }
  }
  for (const less of [1, 2, fuel >> 1, fuel - 1]) {
    if (less > 0 && less < fuel) yield { ...program, fuel: less };
  }
  if (offset !== 0x100) yield { ...program, offset: 0x100 };
  if (program.keepsFlags) yield { ...program, keepsFlags: false };
}

/** Without a block: what led to it leads to the one behind it. */
function without(blocks: readonly Block[], gone: number): Block[] {
  const last = blocks.length - 2;
  const moved = (n: number): number => Math.min(n > gone ? n - 1 : n, last);
  const end = (one: End): End => {
    if (one.kind === "table") return { ...one, targets: one.targets.map(moved) };
    return "target" in one ? { ...one, target: moved(one.target) } : one;
  };
  return blocks.toSpliced(gone, 1).map((block) => ({
    ...block,
    items: block.items.map((item) => "block" in item ? { ...item, block: moved(item.block) } : item),
    end: end(block.end),
  }));
}
