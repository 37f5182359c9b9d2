/** Puts a processor together: memory, helpers, frontend and engines. */
import { createFloat } from "../cpu/float/mod.ts";
import { HELPER_NAMES } from "../cpu/helpers.ts";
import type { HelperFunction, HelperName } from "../cpu/helpers.ts";
import { createVectorHelpers } from "../cpu/vector/helpers.ts";
import { createFloatReference } from "../cpu/vector/float_reference.ts";
import { VECTOR_REFERENCE } from "../cpu/vector/reference.ts";
import { createX87Helpers } from "../cpu/x87/helpers.ts";
import { translate } from "../frontend/translate.ts";
import type { Bindings } from "../jit/bindings.ts";
import { Dispatcher } from "../jit/dispatcher.ts";
import type { Tiers } from "../jit/tiers.ts";
import { SystemCalls } from "../jit/system_calls.ts";
import { GuestAccess } from "../memory/access.ts";
import { Mmu } from "../memory/mmu.ts";
import type { LinearMemory } from "../memory/physical.ts";
import { createIntegerHelpers } from "../cpu/integer_helpers.ts";
import { createSystemHelpers, type IoPorts } from "../cpu/system_helpers.ts";
import type { ProcessorSeat } from "../cpu/system/seat.ts";
import type { SystemUnit } from "../cpu/system/unit.ts";
import { requireOneOf } from "./api/choice.ts";
import type { TranslationObserver } from "./observer.ts";
import { compilerFor, whyNoWebAssembly } from "./compilers.ts";
import { HostedProcessor } from "./hosted_processor.ts";

/** Which engine runs guest code; `auto` moves it up as it gets hot. */
export type EngineName = "interpreter" | "js" | "wasm" | "auto";

/** How a processor is put together. */
export interface ProcessorConfiguration {
  /** Default: `auto`. */
  readonly engine?: EngineName;
  /** Seed of RDRAND and RDSEED. Default: a fixed one. */
  readonly seed?: number;
  /** For tests and measurements: thresholds and sizes; defaults come from the engine. */
  readonly tiers?: Partial<Omit<Tiers, "engine">> & {
    /** Entries of every soft TLB, a power of 2. Default: as many as each world shows to need. */
    readonly tlbEntries?: number;
  };
  /** Makes the system unit of a processor that has its own operating system, or the seat of several. */
  readonly system?: (access: GuestAccess) => SystemUnit | ProcessorSeat;
  /** I/O ports of a processor without a system unit. */
  readonly ports?: IoPorts;
  /** Is shown what is translated and compiled. */
  readonly observer?: TranslationObserver;
}

/** Names of the engines. */
export const ENGINE_NAMES: readonly ["interpreter", "js", "wasm", "auto"] = [
  "interpreter",
  "js",
  "wasm",
  "auto",
];

/** Measured defaults (bench/): compile a block after this many runs. */
const THRESHOLDS = { interpreter: 1, js: 2000, wasm: 1, auto: 1000 } as const satisfies Record<
  EngineName,
  number
>;
/**
 * Blocks in a region. JavaScript's are small: what V8 has not optimized yet is slower than the interpreter here, and how
 * long that takes, and how much memory, grows with the function (bench/boot.ts).
 */
const REGION_BLOCKS = { js: 16, wasm: 256 } as const;
/** The same for regions that are made for the first time: most of them stay lukewarm, as booting kernels show. */
const FIRST_REGION_BLOCKS = { js: 3, wasm: 32 } as const;
const CODE_CACHE_BLOCKS = 1 << 17;
/** Most compiled regions: below what WebAssembly's table has room for. */
const REGIONS = 1 << 14;

/** A processor over a linear memory, its exceptions and system calls left to the host. */
export function newProcessor(
  memory: LinearMemory,
  configuration: ProcessorConfiguration = {},
): HostedProcessor {
  const { engine = "auto", seed = 1, tiers = {}, observer } = configuration;
  requireOneOf("engine", ENGINE_NAMES, engine);
  const { tlbEntries } = tiers;
  const mmu = new Mmu(memory, tlbEntries === undefined ? undefined : { least: tlbEntries, most: tlbEntries });
  const access = new GuestAccess(mmu);
  const float = createFloat(whyNoWebAssembly() === undefined ? memory.wasm : memory.buffer);
  const clock = { cycles: (): number => dispatcher.cycles() };
  const implementations: Record<HelperName, HelperFunction> = {
    ...createIntegerHelpers(memory, access),
    ...createSystemHelpers(memory, access, {
      clock,
      seed,
      unit: configuration.system?.(access),
      ports: configuration.ports,
    }),
    ...createVectorHelpers(memory, access, float),
    ...createX87Helpers(memory, access, float),
  };
  const bindings: Bindings = {
    memory,
    access,
    helpers: HELPER_NAMES.map((name) => implementations[name]),
    vector: VECTOR_REFERENCE,
    float: createFloatReference(float),
    systemCalls: new SystemCalls(memory, configuration.system === undefined),
  };
  const compiler = compilerFor(engine, bindings);
  if (compiler !== undefined && observer?.compiled !== undefined) {
    compiler.onEmit = (blocks, source) => observer.compiled!(blocks, source, compiler.name);
  }
  const dispatcher = new Dispatcher(bindings, translate, {
    engine: compiler,
    threshold: tiers.threshold ?? defaultThreshold(engine, compiler?.name, observer),
    regionBlocks: tiers.regionBlocks ?? REGION_BLOCKS[compiler?.name ?? "js"],
    firstRegionBlocks: tiers.firstRegionBlocks ?? tiers.regionBlocks ??
      FIRST_REGION_BLOCKS[compiler?.name ?? "js"],
    // With another engine, all code is compiled before it runs again.
    inSlices: tiers.inSlices ?? engine === "auto",
    regions: tiers.regions ?? REGIONS,
    codeCacheBlocks: tiers.codeCacheBlocks ?? CODE_CACHE_BLOCKS,
  });
  dispatcher.finder.onTranslate = observer?.translated?.bind(observer);
  dispatcher.compilationListener = observer;
  return new HostedProcessor(dispatcher);
}

/** Who looks at JavaScript wants to see that of short programs, too. */
function defaultThreshold(
  engine: EngineName,
  compiler: "js" | "wasm" | undefined,
  observer: TranslationObserver | undefined,
): number {
  if (engine === "js" && observer?.compiled !== undefined) return 1;
  return THRESHOLDS[engine === "auto" && compiler === "js" ? "js" : engine];
}
