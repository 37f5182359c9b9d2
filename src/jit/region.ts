/** Chooses the blocks that are compiled together: those the entry leads to inside its page, as far as they are warm. */
import type { Terminal } from "../ir/terminal.ts";
import type { Code } from "./code.ts";
import type { CodeCache } from "./code_cache.ts";

const PAGE_MASK = ~0xfffn;

/** Guest instructions in a region beyond which no further block is taken. */
const MAX_REGION_INSTRUCTIONS = 600;

/**
 * The region entered at `entry`: blocks of the same page and mode that direct jumps, branches and calls lead to and that
 * have been executed a good part of `threshold` times, breadth first; and the places calls return to.
 */
export function selectRegion(entry: Code, cache: CodeCache, limit: number, threshold: number): Code[] {
  const codes = [entry];
  if (entry.secondPage >= 0) return codes;
  const chosen = new Set<Code>(codes);
  let instructions = entry.count;
  for (let i = 0; i < codes.length; i++) {
    for (const pc of successors(codes[i]!.block.terminal)) {
      if (codes.length >= limit || instructions >= MAX_REGION_INSTRUCTIONS) return codes;
      if ((pc & PAGE_MASK) !== (entry.block.pc & PAGE_MASK)) continue;
      const hpa = entry.hpa - entry.hpa % 0x1000 + Number(pc & 0xfffn);
      const next = cache.find(
        hpa,
        Number(BigInt.asIntN(32, pc)),
        Number(BigInt.asIntN(32, pc >> 32n)),
        entry.block.mode,
      );
      if (next === undefined || next.secondPage >= 0 || chosen.has(next)) continue;
      if (next.runs * 8 < threshold && next.region === undefined) continue;
      chosen.add(next);
      codes.push(next);
      instructions += next.count;
    }
  }
  return codes;
}

/** Linear addresses a block's end is known to lead to. */
export function successors(terminal: Terminal): bigint[] {
  switch (terminal.kind) {
    case "jump":
      return [terminal.target];
    case "branch":
      return [terminal.next, terminal.taken];
    case "indirect": {
      const target = knownTarget(terminal);
      const targets = target === undefined ? [] : [target];
      return terminal.returnTo === undefined ? targets : [...targets, terminal.returnTo];
    }
    default:
      return [];
  }
}

/** Target of an indirect transfer whose target is a constant (a direct CALL). */
export function knownTarget({ target }: Extract<Terminal, { kind: "indirect" }>): bigint | undefined {
  if (target.op !== "const64") return undefined;
  return (BigInt(target.imm2 >>> 0) << 32n) | BigInt(target.imm >>> 0);
}
