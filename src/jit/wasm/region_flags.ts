/** Follows flags through a region: which are asked for, where their operands can stay, and which recipes may hold where. */
import { ALL_FLAGS, MOST_IN_REGISTERS, type PlacedUse, type Recipes } from "./flags.ts";
import type { BlockPlan } from "./plan.ts";
import type { Edges } from "./region_graph.ts";
import type { RegionShape } from "./region_shape.ts";

/** What is known of the flags of a region. */
export class RegionFlags {
  /** For each block, numbers of the recipes that may hold when it is entered. */
  readonly sources: readonly Set<number>[];
  /** For each block, the flags of its start that something in or behind it observes. */
  readonly #live: readonly number[];
  /** For each block, the registers that change while something still observes the flags of its start. */
  readonly #clobbered: readonly ReadonlySet<number>[];

  readonly edges: readonly Edges[];

  constructor(readonly plans: readonly BlockPlan[], shape: RegionShape, readonly recipes: Recipes) {
    const { edges, checked, flow: { entrances } } = shape;
    this.edges = edges;
    this.#live = this.#findLive(checked);
    this.#clobbered = this.#findClobbered();
    this.sources = plans.map(() => new Set<number>());
    // They are entered from outside too, where the cells hold the flags.
    for (const number of entrances) this.sources[number]!.add(0);
    this.#findSources();
  }

  /** Whether control that goes from a block to another must take the block's flags along. */
  mustNote(from: number, to: number): boolean {
    return (this.#live[to]! & this.plans[from]!.end.mask) !== 0;
  }

  /** The recipe that holds behind a block for blocks that it leads to (none: control leaves). */
  placed(from: number, targets: readonly number[]): PlacedUse {
    const { end, endRegisters } = this.plans[from]!;
    let mask = 0;
    for (let n = 0; n < endRegisters.length && n < MOST_IN_REGISTERS; n++) {
      const place = endRegisters[n];
      if (place?.kind !== "register") continue;
      if (!targets.some((to) => this.#clobbered[to]!.has(place.cell))) mask |= 1 << n;
    }
    return this.recipes.place(end.use!, endRegisters, mask);
  }

  /** Whether a recipe that defines the flag may hold when a block is entered. */
  isDefinedBefore(block: number, flag: number): boolean {
    const { list } = this.recipes;
    return [...this.sources[block]!].some((number) => ((list[number]?.mask ?? 0) & (1 << flag)) !== 0);
  }

  /** @param checked blocks at whose start control may leave */
  #findLive(checked: readonly boolean[]): number[] {
    const live = this.plans.map(({ observed }, n) => checked[n] ? ALL_FLAGS : observed);
    this.#repeat((n) => {
      const { end } = this.plans[n]!;
      if (!end.inherits) return false;
      const all = live[n]! | (this.#observedBehind(n, live) & ~end.mask);
      const isNew = all !== live[n];
      live[n] = all;
      return isNew;
    });
    return live;
  }

  #observedBehind(block: number, live: readonly number[]): number {
    const { direct, computed, leaves } = this.edges[block]!;
    let behind = leaves ? ALL_FLAGS : 0;
    for (const next of direct) behind |= live[next]!;
    for (const next of computed) behind |= live[next]!;
    return behind;
  }

  #findClobbered(): ReadonlySet<number>[] {
    const goesOn = this.plans.map(({ end }, n) =>
      end.inherits && (this.#observedBehind(n, this.#live) & ~end.mask) !== 0
    );
    const clobbered = this.plans.map(({ clobbered }, n) =>
      goesOn[n] ? new Set(clobbered.live) : clobbered.dead
    );
    this.#repeat((n) => {
      if (!goesOn[n]) return false;
      const { direct, computed } = this.edges[n]!;
      const own = clobbered[n] as Set<number>, before = own.size;
      for (const list of [direct, computed]) {
        for (const next of list) for (const cell of clobbered[next]!) own.add(cell);
      }
      return own.size !== before;
    });
    return clobbered;
  }

  #findSources(): void {
    this.#repeat((from) => {
      const { direct, computed } = this.edges[from]!;
      const { use, inherits } = this.plans[from]!.end;
      let isNew = false;
      const step = (to: number, targets: readonly number[], notes: boolean): void => {
        const sources = this.sources[to]!, before = sources.size;
        if (use !== undefined && notes) sources.add(this.placed(from, targets).recipe.number);
        else if (!inherits) sources.add(0);
        else for (const number of this.sources[from]!) sources.add(number);
        if (sources.size !== before) isNew = true;
      };
      for (const to of direct) step(to, [to], this.mustNote(from, to));
      for (const to of computed) step(to, computed, true);
      return isNew;
    });
  }

  /** Does something for each block, until it makes no difference any more. */
  #repeat(change: (block: number) => boolean): void {
    for (let changed = true; changed;) {
      changed = false;
      for (let n = this.plans.length - 1; n >= 0; n--) if (change(n)) changed = true;
    }
  }
}
