/** A processor in 64-bit user mode over page tables that the test edits, with each engine and cache size to try. */
import {
  CPL,
  CR0,
  EFER,
  GPR,
  MXCSR,
  RIP,
  SEG_ATTRIBUTES,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
} from "../../src/cpu/state.ts";
import { newProcessor, type ProcessorConfiguration } from "../../src/machine/engines.ts";
import type { HostedProcessor } from "../../src/machine/hosted_processor.ts";
import { LinearMemory, RAM_BASE } from "../../src/memory/physical.ts";

const PRESENT_WRITABLE_USER = 7;
const PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, PT = 0x4000;
/** Linear addresses from 0 that the one page table covers. */
const COVERED = 0x20_0000;

/** Ways to run the same code. */
export const CONFIGURATIONS: Readonly<Record<string, ProcessorConfiguration>> = {
  "interpreter": { engine: "interpreter" },
  "js": { engine: "js", tiers: { threshold: 1, firstRegionBlocks: 12, regionBlocks: 48 } },
  "js, regions of one block": { engine: "js", tiers: { threshold: 1, regionBlocks: 1 } },
  "js, code cache of three blocks": { engine: "js", tiers: { threshold: 1, codeCacheBlocks: 3 } },
  "wasm": { engine: "wasm" },
  "wasm, regions of one block": { engine: "wasm", tiers: { regionBlocks: 1 } },
  "wasm, regions of the largest size": { engine: "wasm", tiers: { regionBlocks: 256 } },
  "wasm, code cache of three blocks": { engine: "wasm", tiers: { codeCacheBlocks: 3 } },
  "auto, threshold of five": { engine: "auto", tiers: { threshold: 5, inSlices: false } },
  "auto, regions in slices": { engine: "auto", tiers: { threshold: 1 } },
};

/** Those that do not compile blocks again and again: guests of some length take minutes in caches of three blocks. */
export const KEEPING_BLOCKS: typeof CONFIGURATIONS = Object.fromEntries(
  Object.entries(CONFIGURATIONS).filter(([, { tiers }]) => tiers?.codeCacheBlocks === undefined),
);

/** Every page displaces another from the soft TLB, in the middle of instructions too. */
export const TINY_TLB: typeof CONFIGURATIONS = {
  "interpreter, soft TLB of one entry": { engine: "interpreter", tiers: { tlbEntries: 1 } },
  "js, soft TLB of one entry": { engine: "js", tiers: { threshold: 1, tlbEntries: 1 } },
  "wasm, soft TLB of one entry": { engine: "wasm", tiers: { tlbEntries: 1 } },
  "auto, soft TLB of four entries": {
    engine: "auto",
    tiers: { threshold: 5, inSlices: false, tlbEntries: 4 },
  },
};

/** The same, and each compilation drops the region before: programs of some length take minutes so. */
export const EVICTING: typeof CONFIGURATIONS = {
  ...CONFIGURATIONS,
  "js, one region": { engine: "js", tiers: { threshold: 1, regionBlocks: 2, regions: 1 } },
  "wasm, one region": { engine: "wasm", tiers: { regionBlocks: 2, regions: 1 } },
};

/** The processor and its page table: linear 0 to 2 MB mapped one to one at first. */
export class Bare {
  readonly memory = new LinearMemory(0x80_0000);
  readonly processor: HostedProcessor;

  constructor(configuration: ProcessorConfiguration) {
    this.processor = newProcessor(this.memory, configuration);
    const m = this.memory.i32;
    this.#entry(PML4, PDPT | PRESENT_WRITABLE_USER);
    this.#entry(PDPT, PD | PRESENT_WRITABLE_USER);
    this.#entry(PD, PT | PRESENT_WRITABLE_USER);
    for (let page = 0; page < COVERED; page += 0x1000) this.mapPage(page, page);
    m[CPL >> 2] = 3;
    m[CR0 >> 2] = 0x8001_0001 | 0;
    m[EFER >> 2] = 0xd01;
    m[MXCSR >> 2] = 0x1f80;
    m[(SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_ATTRIBUTES) >> 2] = 0xa0fb;
    this.processor.mmu.switchAddressSpace(PML4);
  }

  /** Maps a page; `flags` are the entry's low bits. */
  mapPage(linear: number, physical: number, flags = PRESENT_WRITABLE_USER): void {
    this.#entry(PT + (linear >> 12) * 8, physical | flags);
    this.processor.mmu.invalidatePage(BigInt(linear));
  }

  /** Writes code or data from the host. */
  write(physical: number, bytes: readonly number[]): void {
    this.memory.ram(physical, bytes.length).set(bytes);
    this.processor.mmu.wroteRam(physical, bytes.length);
  }

  /** Low 32 bits of a general register. */
  get(register: number): number {
    return this.memory.i32[(GPR + 8 * register) >> 2]!;
  }
  set(register: number, value: number): void {
    this.memory.i32[(GPR + 8 * register) >> 2] = value;
    this.memory.i32[((GPR + 8 * register) >> 2) + 1] = 0;
  }

  /** Low half of RIP. */
  get rip(): number {
    return this.memory.i32[RIP >> 2]!;
  }

  /** Runs from an address until something stops it. */
  run(rip: number, instructions = 1_000_000): ReturnType<HostedProcessor["run"]> {
    this.memory.i32[RIP >> 2] = rip;
    this.memory.i32[(RIP >> 2) + 1] = 0;
    return this.processor.run(instructions);
  }

  #entry(physical: number, value: number): void {
    this.memory.i32[(RAM_BASE + physical) >> 2] = value;
    this.memory.i32[(RAM_BASE + physical + 4) >> 2] = 0;
  }
}

/** Declares a test for every configuration. */
export function everywhere(name: string, test: (bare: Bare) => void): void {
  for (const [label, configuration] of Object.entries({ ...CONFIGURATIONS, ...TINY_TLB })) {
    Deno.test(`${name} (${label})`, () => test(new Bare(configuration)));
  }
}

/** 32-bit little-endian bytes. */
export const le32 = (
  value: number,
): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
