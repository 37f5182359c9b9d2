/** The WebAssembly engine: regions become functions of modules, and go from one to the next without leaving WebAssembly. */
import type { Block } from "../../ir/types.ts";
import { Mode } from "../../cpu/mode.ts";
import { REGION_LEFT, WORLD_LINK_TAKEN } from "../../cpu/state.ts";
import {
  CODE_LINK_BYTES,
  CODE_LINKS,
  codeLinks,
  REGION_PLACES,
  regionVisits,
} from "../../memory/physical.ts";
import { CallLink } from "../../memory/world_links.ts";
import type { Bindings } from "../bindings.ts";
import type { Entry } from "../code.ts";
import type { BlockLoop, Compiled, CompileRequest, Engine, Leaving, Region } from "../engine.ts";
import { atOnce, type Slices } from "../slices.ts";
import type { SystemCalls } from "../system_calls.ts";
import { type AccessFlagSetter, setAccessFlagCode } from "./access_flag.ts";
import { type BulkFunction, copyCode, fillCode } from "./bulk_memory.ts";
import { driverCode, VISITS_USED_UP } from "./driver.ts";
import { totalInstructions } from "./emitter.ts";
import { encodeModule, type FunctionCode, Imports, type TableFunction } from "./encoder.ts";
import { systemCallCode, type SystemCallMaker, type SystemReturn, systemReturnCode } from "./fast_calls.ts";
import { findModeCode, type ModeFinder } from "./find_mode.ts";
import { findWayCode, noteWay, type WayFinder } from "./find_way.ts";
import { type ImportedFunction, importedFunctions } from "./imports.ts";
import { FlagFunctions } from "./pending_flags.ts";
import { forgetGroupsCode, GroupCells } from "./group_spans.ts";
import { interpreterLoopCode, RARE, rareOperationCode, ROW } from "./interpreter_loop.ts";
import { interruptReturnCode, type InterruptReturner } from "./interrupt_return.ts";
import { type Finder, finderCode, type FinderName, FINDERS } from "./locate.ts";
import { printCode } from "./printer.ts";
import { emitRegion, type EmittedRegion } from "./region_writer.ts";
import { SLOW_STORES, type SlowStore, slowStoreCode, type SlowStoreName } from "./slow_stores.ts";
import { MOST_BLOCKS, WAY_BLOCK_BITS, wayOf } from "./ways.ts";

/** Visits of a region after which it is made again from what has become warm since; each time so many times more. */
const VISITS = 1_000_000, MORE_VISITS = 30, MOST_VISITS = 0x7fff_ffff;
/** Visits that a region is given besides while the one that replaces it is not ready. */
const POSTPONED_VISITS = 100_000;

type OwnFunction =
  | BulkFunction
  | Finder
  | SlowStore
  | WayFinder
  | ModeFinder
  | SystemCallMaker
  | SystemReturn
  | InterruptReturner
  | AccessFlagSetter
  | ((group: number) => number);
type Own =
  | FinderName
  | SlowStoreName
  | "FILL"
  | "COPY"
  | "FORGET_GROUPS"
  | "FIND_MODE"
  | "FIND_WAY"
  | "SYSCALL"
  | "H_sysret"
  | "H_interrupt_return"
  | "H_set_alignment_check"
  | "drive";
/** Functions that are in the table before any region, in this order; the last is what regions are entered by. */
const OWN: readonly (readonly [Own, (imports: Imports) => FunctionCode])[] = [
  ...(Object.keys(FINDERS) as FinderName[]).map((name) =>
    [name, (imports: Imports) => finderCode(name, imports)] as const
  ),
  ...(Object.keys(SLOW_STORES) as SlowStoreName[]).map((name) =>
    [name, (imports: Imports) => slowStoreCode(name, imports)] as const
  ),
  ["FILL", fillCode],
  ["COPY", copyCode],
  ["FORGET_GROUPS", forgetGroupsCode],
  ["FIND_MODE", findModeCode],
  ["FIND_WAY", findWayCode],
  ["SYSCALL", systemCallCode],
  ["H_sysret", systemReturnCode],
  ["H_interrupt_return", interruptReturnCode],
  ["H_set_alignment_check", setAccessFlagCode],
  ["drive", driverCode],
];
const DRIVER = OWN.length - 1;
/** Where the interpreter's loop is, and what that calls. */
const LOOP = OWN.length, RARE_OPERATION = LOOP + 1;

/** What the engine keeps of a region. */
interface Placed {
  region: Region | undefined;
  /** Visits that it was given. */
  granted: number;
  /** Byte offsets of the cells of links, by exit. */
  readonly links: readonly (number | undefined)[];
}

/** Compiles regions to WebAssembly. */
export class WasmEngine implements Engine {
  readonly name = "wasm" as const;
  readonly mostBlocks = MOST_BLOCKS;
  readonly mostInstructions = 3000;
  /** Called with the text of each region, for `--dump=wasm`. */
  onEmit: ((blocks: readonly Block[], source: string) => void) | undefined;
  readonly #m: Int32Array;
  readonly #table: WebAssembly.Table;
  readonly #drive: (way: number) => number;
  readonly #memory: WebAssembly.Memory;
  /** Its size in pages. */
  readonly #pages: number;
  readonly #groupCells = new GroupCells();
  readonly #flagFunctions = new FlagFunctions((name, code) => this.#placeFunction(name, code));
  readonly #functions: Record<string, ImportedFunction | OwnFunction>;
  /** By place; those of the engine's own functions stay empty. */
  readonly #placed: (Placed | undefined)[] = new Array(RARE_OPERATION + 1).fill(undefined);
  #leaving: { region: Region; entry: number | undefined } | undefined;
  readonly #freePlaces: number[] = [];
  readonly #freeLinks: number[] = [];
  #links = 0;

  /**
   * @throws {WebAssembly.CompileError} where the host refuses to compile WebAssembly
   */
  constructor(bindings: Bindings) {
    this.#m = bindings.memory.i32;
    this.#memory = bindings.memory.wasm;
    this.#pages = this.#memory.buffer.byteLength / 0x1_0000;
    this.#functions = importedFunctions(bindings);
    this.#table = new WebAssembly.Table({ element: "anyfunc", initial: 64 });
    this.#placeOwn(bindings.systemCalls);
    this.#drive = this.#table.get(DRIVER) as (way: number) => number;
  }

  /** Makes the functions that regions are entered by, and that they call. */
  #placeOwn({ goOnBehind }: SystemCalls): void {
    const imports = new Imports();
    const own = OWN.map(([name, code], place): TableFunction => ({ code: code(imports), place, name }));
    this.#instantiate(own, imports);
    for (const [place, [name]] of OWN.entries()) {
      // Where the host makes system calls, there are no links between privilege levels to look for.
      if (name === "SYSCALL" && goOnBehind) continue;
      this.#functions[name] = this.#table.get(place) as OwnFunction;
    }
  }

  /** Gives a function a place in the table. */
  #placeFunction(name: string, code: FunctionCode): number {
    const place = this.#takePlace();
    this.#instantiate([{ code, place, name }], new Imports());
    return place;
  }

  interpreterLoop(row: (index: number) => void): BlockLoop {
    this.#functions[ROW] = row;
    const rare = new Imports(), loop = new Imports();
    this.#instantiate([{ code: rareOperationCode(rare), place: RARE_OPERATION, name: RARE }], rare);
    this.#functions[RARE] = this.#table.get(RARE_OPERATION) as (index: number) => number;
    this.#instantiate([{ code: interpreterLoopCode(loop), place: LOOP, name: "interpret" }], loop);
    return this.#table.get(LOOP) as BlockLoop;
  }

  compile(request: CompileRequest): Compiled {
    return atOnce(this.compileInSlices(request));
  }

  *compileInSlices(request: CompileRequest): Slices<Compiled> {
    const place = this.#takePlace(), links: (number | undefined)[] = [];
    let compiled: Compiled | undefined;
    try {
      return compiled = yield* this.#compile(request, place, links);
    } finally {
      if (compiled === undefined) this.#free(place, links);
    }
  }

  *#compile(
    { blocks, id, targets, open, isGuest }: CompileRequest,
    place: number,
    links: (number | undefined)[],
  ): Slices<Compiled> {
    const imports = new Imports();
    const emitted = yield* emitRegion(blocks, {
      id,
      place,
      imports,
      targets,
      open,
      isGuest,
      groupCells: this.#groupCells,
      flagFunctions: this.#flagFunctions,
      takeLink: (exit) => links[exit] = this.#takeLink(exit),
    });
    yield totalInstructions(blocks) / 2;
    this.#placed[place] = { region: undefined, granted: 0, links };
    this.onEmit?.(blocks, printCode(emitted.code.view(), (index) => imports.list[index]!.name));
    const name = `guest_${blocks[0]!.pc.toString(16)}`;
    this.#instantiate([{ code: emitted.code, place, name }], imports);
    return this.#compiled(emitted, place);
  }

  #compiled({ exits, entrances }: EmittedRegion, place: number): Compiled {
    return { run: (entry) => this.#drive(wayOf(place, entry)), exits, entrances, place };
  }

  adopt(region: Region): void {
    const placed = this.#placed[region.place!]!;
    placed.region = region;
    placed.granted = Math.min(VISITS * MORE_VISITS ** region.generation, MOST_VISITS);
    this.#m[(regionVisits >> 2) + region.place!] = placed.granted;
  }

  postpone({ place }: Region): void {
    this.#placed[place!]!.granted += POSTPONED_VISITS;
    this.#m[(regionVisits >> 2) + place!]! += POSTPONED_VISITS;
  }

  visits({ place }: Region): number {
    return this.#placed[place!]!.granted - this.#m[(regionVisits >> 2) + place!]!;
  }

  left(exit: number): Leaving {
    const left = this.#m[REGION_LEFT >> 2]!, isEntered = exit !== VISITS_USED_UP;
    const way = left & 0x7fff_ffff, place = isEntered ? left : way >>> WAY_BLOCK_BITS;
    const region = this.#placed[place]!.region!;
    const entry = isEntered ? undefined : way & ((1 << WAY_BLOCK_BITS) - 1);
    const leaving = this.#leaving ??= { region, entry };
    leaving.region = region;
    leaving.entry = entry;
    return leaving;
  }

  link({ place, codes, exits, dropped }: Region, exit: number, { region, number, code }: Entry): void {
    if (dropped) return;
    const m = this.#m, taken = exits[exit]!, way = wayOf(region.place!, number);
    if (taken.kind === "jump") {
      const cell = this.#placed[place!]!.links[exit]! >> 2;
      m[cell] = way;
      m[cell + 1] = region.id;
    } else if (taken.kind !== "indirect") {
      return;
    } else if (taken.worldCall === true) {
      const { mode } = codes[taken.block]!, link = m[WORLD_LINK_TAKEN >> 2]!;
      // All else that the mode depends on, a call sets or leaves alone.
      if (((mode ^ code.mode) & Mode.FP) !== 0) return;
      m[(link + CallLink.WAY) >> 2] = way;
      m[(link + CallLink.WAY_REGION) >> 2] = region.id;
      m[(link + CallLink.WAY_MODE) >> 2] = mode;
    } else {
      noteWay(m, code.mode, way, region.id);
    }
  }

  drop({ place }: Region): void {
    // The entry stays until the place is taken again: the region may be what is running.
    this.#table.set(place!, null);
    this.#free(place!, this.#placed[place!]!.links);
  }

  #free(place: number, links: readonly (number | undefined)[]): void {
    for (const link of links) if (link !== undefined) this.#freeLinks.push(link);
    this.#freePlaces.push(place);
  }

  #takePlace(): number {
    const place = this.#freePlaces.pop() ?? this.#placed.push(undefined) - 1;
    if (place >= REGION_PLACES) throw new RangeError(`There are more than ${REGION_PLACES} compiled regions`);
    if (place >= this.#table.length) this.#table.grow(this.#table.length);
    return place;
  }

  /** A cell for the link of an exit, which leads to the dispatcher for now. */
  #takeLink(exit: number): number {
    const link = this.#freeLinks.pop() ?? codeLinks + CODE_LINK_BYTES * this.#links++;
    if (this.#links > CODE_LINKS) {
      throw new RangeError(`There are more than ${CODE_LINKS} links between regions`);
    }
    this.#m[link >> 2] = exit;
    return link;
  }

  #instantiate(functions: readonly TableFunction[], imports: Imports): void {
    const bytes = encodeModule(functions, imports, this.#pages);
    const f = Object.fromEntries(imports.list.map(({ name }) => [name, this.#functions[name]!]));
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { f, s: { m: this.#memory, t: this.#table } });
  }
}
