/** The dispatcher: runs the code where the processor is, on the tier it has reached, and settles what ends it. */
import { Event, Vector } from "../cpu/fault.ts";
import { Mode } from "../cpu/mode.ts";
import { Flag } from "../cpu/rflags.ts";
import {
  ATTENTION,
  Attention,
  BUDGET,
  EVENT,
  EVENT_ERROR,
  EVENT_VECTOR,
  INSTRUCTIONS,
  RFLAGS_SYSTEM,
  RIP,
} from "../cpu/state.ts";
import { PAGE_SIZE } from "../memory/physical.ts";
import { WorldSwitches } from "../cpu/system/world_switches.ts";
import type { Bindings } from "./bindings.ts";
import type { Code, Entry } from "./code.ts";
import { CodeCache } from "./code_cache.ts";
import { CodeFinder, type Translate } from "./code_finder.ts";
import { currentMode } from "./current_mode.ts";
import type { Engine, Exit, Region } from "./engine.ts";
import { Interpreter } from "./interpreter/interpreter.ts";
import { SingleStepper } from "./single_step.ts";
import { selectRegion } from "./region.ts";

/** When code changes tier, and how much of it is kept. */
export interface Tiers {
  /** The compiling engine; without one everything is interpreted. */
  readonly engine: Engine | undefined;
  /** Interpreted executions of a block before it is compiled. */
  readonly threshold: number;
  /** Most blocks in a compiled region; in one that is made for the first time, before it has shown how often it is entered. */
  readonly regionBlocks: number;
  readonly firstRegionBlocks: number;
  /** Most translated blocks kept. */
  readonly codeCacheBlocks: number;
  /** Most compiled regions kept. */
  readonly regions: number;
}

/** What the dispatcher counts. */
export interface DispatchCounts {
  interpretedBlocks: number;
  interpretedInstructions: number;
  regionEntries: number;
  /** It is also the number of the last region. */
  regionsCompiled: number;
  regionsEvicted: number;
  singleSteps: number;
}

/** Interpreted executions of a block before it goes through the passes: about when their cost is earned back. */
export const OPTIMIZE_RUNS = 16;

/**
 * Most cycles in the budget cell. Compiled code returns when they are used up: WebAssembly has no on-stack replacement, so
 * that a loop is only optimized when it is entered again.
 */
const SLICE = 400_000;

/**
 * Entries of a region after which it is made again: blocks that were cold when it was made may now belong to it. Each time
 * it takes so many times more.
 */
const REGROW_ENTRIES = 1000, MORE_ENTRIES = 100;
/** Blocks of a region are on average executed with one in so many of its visits, when it is made again. */
const OWN_SHARE = 8;

/** Regions that a block is entered through at most: in so many worlds with different code around it none is made again. */
const MOST_ENTRIES = 4;

/** Mode.CODE_SIZE of 64-bit code. */
const CODE64 = 2;

/** V8 knows the values of a module's own constants, and reads those that are imported or exported each time. */
const RIP_LO = RIP >> 2, RIP_HI = (RIP >> 2) + 1, BUDGET_WORD = BUDGET >> 2, EVENT_WORD = EVENT >> 2;
const ATTENTION_WORD = ATTENTION >> 2, NO_EVENT = Event.NONE, VM_EXIT = Event.VM_EXIT, TRAP = Mode.TRAP;
const RUNS_TO_OPTIMIZE = OPTIMIZE_RUNS;

/** Runs guest code until an event that is not its own to settle. */
export class Dispatcher {
  readonly cache: CodeCache;
  readonly counts: DispatchCounts = {
    interpretedBlocks: 0,
    interpretedInstructions: 0,
    regionEntries: 0,
    regionsCompiled: 0,
    regionsEvicted: 0,
    singleSteps: 0,
  };
  readonly finder: CodeFinder;
  /** Is told how many milliseconds execution has waited for a region. */
  onCompilation: ((milliseconds: number) => void) | undefined;
  readonly #m: Int32Array;
  readonly #interpreter: Interpreter;
  readonly #stepper: SingleStepper;
  /** Live regions, oldest first. */
  readonly #regions = new Set<Region>();
  readonly switches: WorldSwitches;
  /** Budget at the start of the current run, what of it is not in the budget cell yet, and the cycles that had passed. */
  #granted = 0;
  #reserve = 0;
  #startedAt = 0;
  /** Where the last run stopped for want of budget: mostly in the middle of a block that starts elsewhere. */
  #rest: { readonly lo: number; readonly hi: number } | undefined;

  constructor(
    readonly bindings: Bindings,
    translate: Translate,
    readonly tiers: Tiers,
  ) {
    this.#m = bindings.memory.i32;
    this.switches = new WorldSwitches(bindings.memory);
    this.cache = new CodeCache(bindings.access.mmu.codePages, tiers.codeCacheBlocks);
    this.cache.onDrop = (region) => {
      this.#regions.delete(region);
      bindings.access.mmu.worlds.forgetRegion(region.id);
      tiers.engine?.drop?.(region);
    };
    const { outside } = bindings.access.mmu.breakpoints;
    // Where CS may have a base, PCs are not linear addresses; their offsets into pages are known all the same.
    this.cache.isWatched = ({ lo, hi, hpa, length, mode }) =>
      (mode & Mode.CODE_SIZE) === CODE64
        ? outside.mayLieIn(lo, hi, length)
        : outside.mayLieIn(hpa % PAGE_SIZE, undefined, length);
    outside.onBreakpoints = () => this.cache.watchAnew();
    this.#interpreter = new Interpreter(bindings);
    this.finder = new CodeFinder(bindings, this.cache, translate, this.#interpreter);
    this.#stepper = new SingleStepper(
      bindings,
      this.finder,
      this.#interpreter,
      this.switches,
      this.counts,
    );
  }

  /**
   * Cycles that have passed, also inside a run (exact at block boundaries): one for each instruction, and what world
   * switches cost.
   */
  cycles(): number {
    return this.#startedAt + this.#granted - this.#reserve - this.#m[BUDGET >> 2]!;
  }

  /** Guest instructions executed, also inside a run (exact at block boundaries). */
  instructions(): number {
    return this.cycles() - this.switches.cycles;
  }

  /** Sets the cycles that have passed so far, between runs. */
  setCycles(cycles: number): void {
    this.#startedAt = cycles;
    this.#granted = 0;
    this.#m[BUDGET >> 2] = 0;
  }

  /**
   * Executes up to `budget` cycles: so many instructions, or fewer if there are world switches that cost. Returns with
   * EVENT set: BUDGET when they are used up, or what else ended the run. RIP and all state are exact.
   */
  run(budget: number): void {
    const m = this.#m;
    // What switches between runs have cost.
    this.#startedAt -= m[BUDGET >> 2]!;
    m[BUDGET >> 2] = Math.min(budget, SLICE);
    this.#granted = budget;
    this.#reserve = budget - m[BUDGET >> 2]!;
    this.bindings.access.mmu.worlds.resize();
    if (this.#rest !== undefined && !isAt(this.#rest, m)) this.#rest = undefined;
    this.#loop();
    this.#rest = m[EVENT >> 2] === Event.BUDGET ? { lo: m[RIP_LO]!, hi: m[RIP_HI]! } : undefined;
    if (m[EVENT >> 2] === Event.FAULT && m[EVENT_VECTOR >> 2] === Vector.OF) this.#passInto();
    this.#startedAt += this.#granted - this.#reserve - m[BUDGET >> 2]!;
    this.#granted = 0;
    this.#reserve = 0;
    m[BUDGET >> 2] = 0;
    const instructions = this.instructions();
    m[INSTRUCTIONS >> 2] = instructions | 0;
    m[(INSTRUCTIONS >> 2) + 1] = Math.floor(instructions / 0x1_0000_0000);
  }

  /** INTO is stopped at, and is as many bytes long as EVENT_ERROR says; but it is a software interrupt, behind itself. */
  #passInto(): void {
    const m = this.#m;
    m[EVENT >> 2] = Event.INTERRUPT;
    m[RIP >> 2] = (m[RIP >> 2]! + m[EVENT_ERROR >> 2]!) | 0;
  }

  /** Gives the current run so many cycles from now on, instead of what is left to it. Compiled code must look at the cell again. */
  grantAnew(budget: number): void {
    const m = this.#m, more = budget - this.#reserve - m[BUDGET >> 2]!;
    this.#granted += more;
    this.#reserve += more;
    if (this.#reserve >= 0) return;
    m[BUDGET >> 2]! += this.#reserve;
    this.#reserve = 0;
  }

  /** Fills the budget cell up from the reserve. Returns whether there was any. */
  #refill(): boolean {
    if (this.#reserve <= 0) return false;
    this.bindings.access.mmu.worlds.resize();
    const more = Math.min(this.#reserve, SLICE);
    this.#m[BUDGET >> 2]! += more;
    this.#reserve -= more;
    return true;
  }

  #loop(): void {
    const m = this.#m, { breakpoints } = this.bindings.access.mmu;
    for (;;) {
      m[EVENT_WORD] = NO_EVENT;
      if (breakpoints.hits !== 0 && this.#stepper.trapped()) return;
      if (breakpoints.outside.hit !== undefined) {
        m[EVENT >> 2] = Event.ATTENTION;
        return;
      }
      while (m[BUDGET_WORD]! <= 0) {
        if (this.#refill()) continue;
        m[EVENT >> 2] = Event.BUDGET;
        return;
      }
      if (m[ATTENTION_WORD] !== 0 && attentive(m)) {
        m[EVENT >> 2] = Event.ATTENTION;
        return;
      }
      const mode = currentMode(m);
      if ((mode & TRAP) !== 0 || breakpoints.deferred !== 0) {
        if (!this.#step(mode)) return;
      } else if (!(breakpoints.guestExecutes ? this.#runWatched(mode) : this.#runMode(mode))) {
        return;
      }
    }
  }

  /** Runs blocks of one mode. Returns whether to go on (with the mode looked at again). */
  #runMode(mode: number): boolean {
    const m = this.#m, { outside } = this.bindings.access.mmu.breakpoints;
    let code = this.finder.lookup(mode);
    while (code !== undefined) {
      if (outside.executes && this.#mayStop(code)) return this.#step(mode);
      const entry = this.finder.entry(code);
      if (entry !== undefined) {
        if (this.#runRegions(entry)) return this.#settle();
      } else {
        if (m[BUDGET_WORD]! < code.count) return this.#scarce(mode);
        if (this.#interpret(code)) return this.#settle();
      }
      if (m[BUDGET_WORD]! <= 0) return true;
      if (entry !== undefined) {
        code = this.finder.lookup(mode);
        continue;
      }
      const next = this.finder.follow(code);
      if (next !== undefined && code.mostTargets > 0) code.noteTarget(next);
      code = next;
    }
    return false;
  }

  /** Runs blocks of one mode while the guest has breakpoints for instructions. Returns as `#runMode` does. */
  #runWatched(mode: number): boolean {
    const m = this.#m;
    const code = this.finder.lookup(mode);
    if (code === undefined) return false;
    if (this.#stepper.mayStop(code.length)) return this.#step(mode);
    m[RFLAGS_SYSTEM >> 2]! &= ~Flag.RF;
    this.bindings.access.mmu.breakpoints.outside.nothingStops();
    if (m[BUDGET >> 2]! < code.count) return this.#scarce(mode);
    this.#interpret(code);
    return this.#settle();
  }

  /** Whether a debugger's point lies in code that is about to be executed. */
  #mayStop({ watched, length }: Code): boolean {
    if (watched && this.#stepper.mayStop(length)) return true;
    this.bindings.access.mmu.breakpoints.outside.nothingStops();
    return false;
  }

  /** Executes the instruction at RIP, unless a breakpoint stops it. Returns as `#runMode` does. */
  #step(mode: number): boolean {
    this.#stepper.step(mode);
    return this.#stepped();
  }

  /** Whether to go on behind an instruction that has been executed alone. */
  #stepped(): boolean {
    const event = this.#m[EVENT >> 2];
    return event === Event.NONE || (event === Event.SYSCALL && this.bindings.systemCalls.make());
  }

  /** Deals with what ended a block: goes on (true) or leaves the event to the caller (false). */
  #settle(): boolean {
    const m = this.#m;
    switch (m[EVENT >> 2]) {
      case Event.NONE:
      case Event.REDISPATCH:
        return true;
      case Event.BUDGET:
        m[EVENT >> 2] = Event.NONE;
        return m[BUDGET >> 2]! <= 0 ? true : this.#scarce(currentMode(m));
      case Event.CODE_WRITE:
        m[EVENT >> 2] = Event.NONE;
        this.#stepper.alone(currentMode(m));
        return this.#stepped();
      case Event.SYSCALL:
        return this.bindings.systemCalls.make();
      default:
        return false;
    }
  }

  /** Executes one block in the interpreter. Returns whether the mode or an event must be looked at. */
  #interpret(code: Code): boolean {
    if (code.runs === RUNS_TO_OPTIMIZE) code.program = this.#interpreter.prepare(this.finder.optimized(code));
    this.counts.interpretedBlocks++;
    this.counts.interpretedInstructions += code.count;
    const stopped = this.#interpreter.run(code.program);
    // A rest of a block would become a second way into the loop around it.
    if (this.#rest?.lo !== code.lo || this.#rest.hi !== code.hi) code.runs++;
    this.#rest = undefined;
    // Looking for what belongs to the region could meet another refusal of EPT: that of a VM exit that is due is kept.
    const isQuiet = this.#m[EVENT_WORD] !== VM_EXIT;
    if (
      code.runs >= this.tiers.threshold && this.tiers.engine !== undefined && isQuiet && mayCompile(code)
    ) {
      this.#compile(code, this.tiers.engine, undefined);
    }
    // Exact floating point may have set the sticky bit that makes the mode plain.
    return stopped || code.usesFloat;
  }

  /**
   * Compiles the region around a block. `old` is the one that it replaces: then it is made from all that has become warm.
   * Returns the way in.
   */
  #compile(code: Code, engine: Engine, old: Region | undefined): Entry {
    if (this.onCompilation === undefined) return this.#makeRegion(code, engine, old);
    const begun = performance.now();
    const entry = this.#makeRegion(code, engine, old);
    this.onCompilation(performance.now() - begun);
    return entry;
  }

  #makeRegion(code: Code, engine: Engine, old: Region | undefined): Entry {
    const heat = this.#heats(old);
    if (old !== undefined) {
      this.cache.dropRegion(old);
      // Links have led to it still while there was a larger one.
      const larger = this.finder.entry(code);
      if (larger !== undefined && larger.region.generation > old.generation) return larger;
    }
    if (this.#regions.size >= this.tiers.regions) this.#evictRegions();
    const { finder } = this, { mode } = code, again = old !== undefined;
    const find = (pc: bigint): Code | undefined => {
      const lo = Number(BigInt.asIntN(32, pc)), hi = Number(BigInt.asIntN(32, pc >> 32n));
      const hpa = finder.placeOf(lo, hi);
      const other = hpa < 0 ? undefined : this.cache.find(hpa, lo, hi, mode);
      return other === undefined || other.watched || !finder.goesOn(other) ? undefined : other;
    };
    const generation = old === undefined ? 0 : old.generation + 1;
    // Of what others have as well, it takes in what they were too young for, and those that there is room for as a whole.
    const isTaken = (other: Code, room: number): boolean => {
      const entry = finder.entry(other);
      if (entry === undefined) return false;
      const { region } = entry;
      return !again || (region.generation >= generation && region.codes.length > room);
    };
    const { regionBlocks, firstRegionBlocks, threshold } = this.tiers;
    const most = Math.min(again ? regionBlocks : firstRegionBlocks, engine.mostBlocks);
    const codes = selectRegion(code, find, heat, isTaken, most, engine.mostInstructions, threshold);
    const id = ++this.counts.regionsCompiled;
    const compiled = engine.compile({
      blocks: codes.map((member) => finder.optimized(member)),
      id,
      targets: codes.map(({ targets }) => targets),
      // One that is made again has been entered at the places that matter. Of lukewarm code, half would be compiled twice:
      // as part of the region that it is reached in, and as the start of another where control comes from elsewhere.
      open: !again,
    });
    const region: Region = {
      ...compiled,
      id,
      generation,
      codes,
      dropped: false,
      entered: 0,
      mostEntered: REGROW_ENTRIES * MORE_ENTRIES ** generation,
    };
    engine.adopt?.(region);
    this.#regions.add(region);
    this.bindings.access.mmu.worlds.notePlacement(id, true);
    for (const member of codes) member.memberOf = [...member.memberOf, region];
    const numbers = compiled.entrances ?? codes.keys();
    const entries = [...numbers].sort((a, b) => a - b).map((number) => ({
      code: codes[number]!,
      region,
      number,
    }));
    if (again) this.#dropContained(region, entries);
    for (const entry of entries) {
      const member = entry.code;
      if (!again && member !== code && finder.entry(member) !== undefined) continue;
      const oldest = member.entries.slice(MOST_ENTRIES - 1);
      member.entries = [entry, ...member.entries.slice(0, MOST_ENTRIES - 1)];
      for (const { region } of oldest) if (!isEntered(region)) this.cache.dropRegion(region);
    }
    return entries.find((entry) => entry.code === code)!;
  }

  /**
   * How hot blocks are that a region may take in when it is made again, as a logarithm: by how often the regions were entered
   * that they are in. Its own blocks are not all that hot.
   */
  #heats(old: Region | undefined): (code: Code) => number {
    if (old === undefined) return () => 0;
    const own = new Set(old.codes), ownHeat = this.#visits(old) / OWN_SHARE;
    return (code) => {
      const most = Math.max(
        own.has(code) ? ownHeat : 0,
        ...code.memberOf.map((region) => this.#visits(region)),
      );
      return 32 - Math.clz32(most);
    };
  }

  #visits(region: Region): number {
    return this.tiers.engine?.visits?.(region) ?? region.entered;
  }

  /** Drops a share of the oldest regions: those that were entered least. The others count as new. */
  #evictRegions(): void {
    const count = Math.max(1, Math.floor(this.#regions.size / 16));
    const oldest = [...this.#regions].slice(0, 2 * count);
    const visits = new Map(oldest.map((region) => [region, this.#visits(region)]));
    oldest.sort((a, b) => visits.get(a)! - visits.get(b)!);
    for (const region of oldest.slice(0, count)) this.cache.dropRegion(region);
    for (const region of oldest.slice(count)) {
      this.#regions.delete(region);
      this.#regions.add(region);
    }
    this.counts.regionsEvicted += Math.min(count, oldest.length);
  }

  /** Drops the regions that a new one contains, with all their ways in: what led to them shall lead to it. */
  #dropContained(region: Region, entries: readonly Entry[]): void {
    const codes = new Set(region.codes), entrances = new Set(entries.map(({ code }) => code));
    const others = new Set(entries.flatMap(({ code }) => code.entries.map((entry) => entry.region)));
    for (const other of others) {
      const isContained = other.codes.every((code) =>
        codes.has(code) && (entrances.has(code) || !code.entries.some((entry) => entry.region === other))
      );
      if (isContained) this.cache.dropRegion(other);
    }
  }

  /** Runs compiled code and what follows it. Returns whether the mode or an event must be looked at. */
  #runRegions(first: Entry): boolean {
    const m = this.#m, engine = this.tiers.engine!;
    let mode = 0;
    let entry = first;
    for (;;) {
      let { region } = entry;
      if (region.place === undefined && ++region.entered === region.mostEntered) {
        entry = this.#compile(entry.code, engine, region);
        region = entry.region;
      }
      this.counts.regionEntries++;
      const taken = region.run(entry.number);
      if (engine.left !== undefined) {
        const left = engine.left(taken);
        region = left.region;
        if (left.entry !== undefined) {
          entry = this.#compile(region.codes[left.entry]!, engine, region);
          continue;
        }
      }
      // On its way it may have come to another mode, by a world call.
      mode = region.codes[0]!.mode;
      const exit = region.exits[taken]!;
      if (exit.kind === "jump") {
        const { next } = exit;
        if (next !== undefined && this.#isLinked(next)) {
          engine.link?.(region, taken, next);
          entry = next;
          continue;
        }
        m[RIP_LO] = exit.lo;
        m[RIP_HI] = exit.hi;
      } else if (exit.kind === "indirect") {
        if (exit.redispatch) {
          if (m[EVENT >> 2] !== Event.NONE || m[BUDGET >> 2]! <= 0 || m[ATTENTION >> 2] !== 0) return true;
          mode = currentMode(m);
          // In other modes the same RIP may be another place, as CS has a base.
          if ((mode & (Mode.CODE_SIZE | Mode.TRAP)) !== CODE64) return true;
        }
        const { next } = exit;
        if (next !== undefined && isAt(next.code, m) && next.code.mode === mode && this.#isLinked(next)) {
          engine.link?.(region, taken, next);
          entry = next;
          continue;
        }
      } else {
        this.#leave(exit);
        return true;
      }
      const found = this.finder.lookup(mode);
      if (found === undefined) return true;
      if (exit.kind === "indirect") {
        region.codes[exit.block]!.noteTarget(found);
        // Where the region lies in place too, calls go on in it.
        if (exit.worldCall === true && !region.dropped) this.finder.isInPlace(region);
      }
      const next = this.finder.entry(found);
      if (next === undefined) return mode !== first.code.mode;
      exit.next = next;
      engine.link?.(region, taken, next);
      entry = next;
    }
  }

  /** Whether compiled code can still be entered, in the current world. */
  #isLinked({ region }: Entry): boolean {
    return !region.dropped && this.bindings.access.mmu.worlds.placement(region.id) === true;
  }

  /** Stores what an exit with an event says. */
  #leave(exit: Exclude<Exit, { kind: "jump" | "indirect" }>): void {
    const m = this.#m;
    m[RIP_LO] = exit.lo;
    m[RIP_HI] = exit.hi;
    switch (exit.kind) {
      case "budget":
        m[EVENT >> 2] = Event.BUDGET;
        return;
      case "side":
        m[BUDGET >> 2] = m[BUDGET >> 2]! + exit.undo;
        return;
      case "event":
        m[BUDGET >> 2] = m[BUDGET >> 2]! + exit.undo;
        m[EVENT >> 2] = exit.event;
        m[EVENT_VECTOR >> 2] = exit.vector;
        m[EVENT_ERROR >> 2] = exit.error;
    }
  }

  /** Goes on where the budget does not cover what comes: fills it up, or executes exactly what is left. */
  #scarce(mode: number): boolean {
    if (this.#refill()) return true;
    const m = this.#m, code = this.finder.lookup(mode);
    if (code === undefined) return false;
    if (this.bindings.access.mmu.breakpoints.executes && this.#mayStop(code)) return this.#step(mode);
    // A region asks for more than its first block does.
    if (code.count <= m[BUDGET >> 2]!) {
      this.counts.interpretedInstructions += code.count;
      this.#interpreter.run(code.program);
      return this.#settle();
    }
    const block = this.finder.translate(mode, m[BUDGET >> 2]!);
    if (block === undefined) return false;
    this.counts.interpretedInstructions += block.offsets.length - 1;
    this.#interpreter.run(this.#interpreter.prepare(block));
    return this.#settle();
  }
}

/** Whether code is where the processor is. */
function isAt({ lo, hi }: Pick<Code, "lo" | "hi">, m: Int32Array): boolean {
  return lo === m[RIP_LO] && hi === m[RIP_HI];
}

/** Whether blocks of a region still lead into it. */
const isEntered = (region: Region): boolean =>
  region.codes.some(({ entries }) => entries.some((entry) => entry.region === region));

/** Whether code may become part of a region. */
const mayCompile = ({ dropped, watched }: Code): boolean => !dropped && !watched;

/** Whether what the ATTENTION cell asks for can be attended to now. */
function attentive(m: Int32Array): boolean {
  return (m[ATTENTION >> 2]! & Attention.NOW) !== 0 || (m[RFLAGS_SYSTEM >> 2]! & Flag.IF) !== 0;
}
