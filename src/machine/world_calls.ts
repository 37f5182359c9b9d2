/** The machine's options about world calls. */
import { DEFAULT_SIZES } from "../crossover/crossover.ts";
import type { WorldCacheSizes } from "../crossover/world_cache.ts";

export {
  MAX_ENTRIES as MAX_WORLD_CACHE_ENTRIES,
  MIN_ENTRIES as MIN_WORLD_CACHE_ENTRIES,
} from "../crossover/crossover.ts";

/** Sizes of the two world caches, from 2 to 65536 entries each. Default: 64. */
export type WorldCallOptions = Partial<WorldCacheSizes>;

/** Sizes of the world caches that the options ask for; undefined if there are to be no world calls. */
export function worldCacheSizes(
  { vmx = false, crossover = false }: {
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
  return crossover === true ? DEFAULT_SIZES : { ...DEFAULT_SIZES, ...crossover };
}
