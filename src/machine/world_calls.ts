/** The machine's options about world calls. */
import { WORLD_USES } from "../memory/physical.ts";
import { DEFAULT_SIZES } from "../crossover/crossover.ts";
import type { WorldCacheSizes } from "../crossover/world_cache.ts";

export {
  DEFAULT_SIZES as DEFAULT_WORLD_CACHES,
  MAX_ENTRIES as MAX_WORLD_CACHE_ENTRIES,
  MIN_ENTRIES as MIN_WORLD_CACHE_ENTRIES,
} from "../crossover/crossover.ts";

/** Sizes of the two world caches, from 2 to 65536 entries each, for all processors together up to 262144. Default: 64. */
export type WorldCallOptions = Partial<WorldCacheSizes>;

/** Why caches of these sizes do not fit in a machine with so many processors; undefined if they do. */
export function whyTooLarge(
  { worldCacheEntries, inverseWorldCacheEntries }: WorldCacheSizes,
  processors: number,
): string | undefined {
  const entries = processors * (worldCacheEntries + inverseWorldCacheEntries);
  if (entries <= WORLD_USES) return undefined;
  return `the world caches of all processors have ${entries} entries together, at most ${WORLD_USES} are possible`;
}

/** Sizes of the world caches that the options ask for; undefined if there are to be no world calls. */
export function worldCacheSizes(
  { vmx = false, crossover = false, processors = 1 }: {
    readonly processors?: number | undefined;
    readonly vmx?: boolean | undefined;
    readonly crossover?: boolean | WorldCallOptions | undefined;
  },
): WorldCacheSizes | undefined {
  if (crossover === false) return undefined;
  if (!vmx) {
    throw new TypeError(
      "Cannot give a processor world calls (crossover) without VMX: they are functions of VMFUNC",
    );
  }
  const sizes = crossover === true ? DEFAULT_SIZES : { ...DEFAULT_SIZES, ...crossover };
  const problem = whyTooLarge(sizes, processors);
  if (problem !== undefined) throw new RangeError(`Cannot make the machine: ${problem}`);
  return sizes;
}
