/** The CrossOver extension of one processor: world calls, their caches, and what enumerates and enables them. */
import { fields, type Shape, whole } from "../snapshot/shape.ts";
import type { CpuidResult } from "../cpu/cpuid.ts";
import type { MsrValue } from "../cpu/system/bus.ts";
import type { VmxState } from "../vmx/vmx_state.ts";
import type { WorldFunctions } from "../vmx/world_functions.ts";
import { worldCall } from "./call.ts";
import { manageWorlds } from "./manage.ts";
import {
  WORLD_CACHES_STATE,
  WorldCaches,
  type WorldCacheSizes,
  type WorldCachesState,
} from "./world_cache.ts";

/** Number of the MSR that enables world calls. */
export const IA32_CROSSOVER_CTL = 0x4f00;
const ENABLE = 1;

/** CPUID: the leaf with the signature, and that with the version and the sizes of the caches. */
export const SIGNATURE_LEAF = 0x4000_0100, CAPACITY_LEAF = 0x4000_0101;
/** "CrossOverISA" in EBX, ECX, EDX. */
const SIGNATURE = [0x736f_7243, 0x6576_4f73, 0x4153_4972] as const;
const VERSION = 1;

/** Sizes of the caches where nobody asks for others. */
export const DEFAULT_SIZES: WorldCacheSizes = { worldCacheEntries: 64, inverseWorldCacheEntries: 64 };
/** Fewest and most entries of a cache. With one, inserting the callee of a call would evict its caller. */
export const MIN_ENTRIES = 2, MAX_ENTRIES = 65536;

/** Saved state of a processor's CrossOver. */
export type CrossOverState = { readonly control: number; readonly caches: WorldCachesState };
/** What it looks like. */
export const CROSSOVER_STATE: Shape<CrossOverState> = fields({
  control: whole(0, ENABLE),
  caches: WORLD_CACHES_STATE,
});

/** CrossOver. Make it for a processor with VMX; from then on VMFUNC has functions 1 and 2. */
export class CrossOver implements WorldFunctions {
  readonly caches: WorldCaches;
  readonly #state: VmxState;
  #control = 0;

  /** @throws {RangeError} if a cache has no size that it can have */
  constructor(state: VmxState, sizes: WorldCacheSizes = DEFAULT_SIZES) {
    for (const entries of [sizes.worldCacheEntries, sizes.inverseWorldCacheEntries]) {
      if (!Number.isInteger(entries) || entries < MIN_ENTRIES || entries > MAX_ENTRIES) {
        throw new RangeError(
          `Cannot make a world cache of ${entries} entries: it must be from ${MIN_ENTRIES} to ${MAX_ENTRIES}`,
        );
      }
    }
    this.#state = state;
    this.caches = new WorldCaches(sizes, state.mmu.links);
    this.caches.onChange = () => {
      state.mmu.links.renew();
      state.noteVmFunctions();
    };
    state.worldFunctions = this;
  }

  get isEnabled(): boolean {
    return (this.#control & ENABLE) !== 0;
  }

  call(nextLo: number, nextHi: number): number {
    return worldCall(this.#state, this.caches, nextLo, nextHi);
  }

  manage(): void {
    manageWorlds(this.#state, this.caches);
  }

  /** RDMSR of IA32_CROSSOVER_CTL. */
  readControl(): MsrValue {
    return { lo: this.#control, hi: 0 };
  }

  /** WRMSR to it; false: #GP(0). */
  writeControl(lo: number, hi: number): boolean {
    if (hi !== 0 || (lo & ~ENABLE) !== 0) return false;
    this.#control = lo;
    this.caches.changed();
    return true;
  }

  saveState(): CrossOverState {
    return { control: this.#control, caches: this.caches.saveState() };
  }

  /** The processor must sit in the seat. What translated code keeps of it is the caller's matter. */
  loadState({ control, caches }: CrossOverState): void {
    this.#control = control;
    this.caches.loadState(caches);
  }

  /** CPUID of a leaf of ours; undefined for others. */
  cpuid(leaf: number): CpuidResult | undefined {
    switch (leaf >>> 0) {
      case SIGNATURE_LEAF:
        return [CAPACITY_LEAF, ...SIGNATURE];
      case CAPACITY_LEAF: {
        const { worldCacheEntries, inverseWorldCacheEntries } = this.caches.sizes;
        return [VERSION, worldCacheEntries, inverseWorldCacheEntries, 0];
      }
      default:
        return undefined;
    }
  }
}
