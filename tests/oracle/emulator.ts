/** Causeway under the oracle: one processor in one configuration, running cases from the same state as runner.c. */
import {
  FCW,
  FDP,
  FIP,
  FOP,
  FSW,
  FTW,
  GPR,
  MXCSR,
  RIP,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  segmentBase,
  TLB_BASE,
  X87,
  XMM,
} from "../../src/cpu/state.ts";
import { Vector } from "../../src/cpu/fault.ts";
import { readRflags, writeRflags } from "../../src/cpu/rflags.ts";
import { AddressSpace } from "../../src/machine/api/address_space.ts";
import { enterBareMode } from "../../src/machine/api/modes.ts";
import { newProcessor, type ProcessorConfiguration } from "../../src/machine/engines.ts";
import type { HostedProcessor } from "../../src/machine/hosted_processor.ts";
import type { Stop } from "../../src/machine/processor.ts";
import { LinearMemory } from "../../src/memory/physical.ts";
import { type Case, type CodeSize, type End, FX_BYTES, type Result } from "./case.ts";
import { CODE, CODE_OFFSET, FS_BASE, GS_BASE, IMAGE_BYTES, PAGE, PAGES } from "./layout.ts";

/** The configurations that cases run in. */
export const CONFIGURATIONS = {
  "interpreter": { engine: "interpreter" },
  "js": { engine: "js", tiers: { threshold: 1 } },
  "js-blocks": { engine: "js", tiers: { threshold: 1, regionBlocks: 1 } },
  "js-tiny-cache": { engine: "js", tiers: { threshold: 1, codeCacheBlocks: 4 } },
  "wasm": { engine: "wasm" },
  "wasm-blocks": { engine: "wasm", tiers: { regionBlocks: 1 } },
  "wasm-tiny-cache": { engine: "wasm", tiers: { codeCacheBlocks: 4 } },
  "auto": { engine: "auto", tiers: { threshold: 3, inSlices: false } },
} as const satisfies Record<string, ProcessorConfiguration>;

/** Name of a configuration. */
export type ConfigurationName = keyof typeof CONFIGURATIONS;

/** Instructions after which a case counts as endless. */
const LIMIT = 20_000;
/** Linux's GDT: 32-bit user code. */
const CODE32_SELECTOR = 0x23;
const LINUX_SYSTEM_CALL = 0x80;
/** Error code bit IDT, SDM vol. 3A, section 6.13. */
const IDT = 2;
/** Opcode of INT1: unlike INT 1, the gate's DPL does not matter for it. */
const INT1 = 0xf1;

/** A processor that executes cases. */
export class Emulator {
  readonly #processor: HostedProcessor;
  readonly #space: AddressSpace;
  readonly #frames: { readonly hpa: number; readonly words: Int32Array; readonly base: Int32Array }[];
  /** The code pages with a case's code in place. */
  readonly #placed = new Uint8Array(IMAGE_BYTES - CODE_OFFSET);
  readonly #placedWords = new Int32Array(this.#placed.buffer);
  readonly #bytes: Uint8Array;

  constructor(
    readonly name: ConfigurationName,
    image: Uint8Array<ArrayBuffer>,
    configuration: ProcessorConfiguration = CONFIGURATIONS[name],
  ) {
    const memory = new LinearMemory(1 << 22);
    this.#processor = newProcessor(memory, configuration);
    this.#space = new AddressSpace(memory, this.#processor.mmu);
    for (const { address, protection } of PAGES) this.#space.map(address, PAGE, protection);
    this.#frames = PAGES.map(({ address }, page) => {
      const hpa = this.#space.translate(address)!;
      const ram = memory.ram(hpa, PAGE);
      ram.set(image.subarray(page * PAGE, (page + 1) * PAGE));
      return {
        hpa,
        words: new Int32Array(ram.buffer, ram.byteOffset, PAGE / 4),
        base: new Int32Array(image.buffer, page * PAGE, PAGE / 4),
      };
    });
    this.#bytes = memory.u8;
  }

  /** Guest instructions executed in all cases. */
  get instructions(): number {
    return this.#processor.instructions;
  }

  /** Executes a case, `limit` instructions at most. Memory is as the image afterwards. */
  run(one: Case, limit = LIMIT): Result {
    const { mmu, memory } = this.#processor;
    const m = memory.i32, { view } = memory;
    // All registers, but not the MMU's own cells in between.
    m.fill(0, 0, TLB_BASE >> 2);
    m.fill(0, (TLB_BASE >> 2) + 1, (XMM + 0x100) >> 2);
    enterBareMode(view, one.codeSize, this.#space.cr3);
    mmu.switchAddressSpace(this.#space.cr3);
    for (let n = 0; n < 16; n++) view.setBigUint64(GPR + 8 * n, one.gpr[n]!, true);
    writeRflags(m, one.rflags);
    this.#loadSegments(one.codeSize);
    this.#loadFx(one.fx);
    this.#place(one);
    view.setBigUint64(RIP, CODE + BigInt(one.offset), true);
    const stop = this.#processor.run(limit);
    const rip = view.getBigUint64(RIP, true);
    const ended = endOf(stop, rip, this.#byteAt(rip - 1n) === INT1);
    return {
      end: ended.end,
      vector: ended.vector ?? 0,
      error: ended.error ?? 0,
      cr2: stop.kind === "fault" ? stop.address : 0n,
      gpr: new BigUint64Array(memory.buffer.slice(GPR, GPR + 128)),
      rflags: readRflags(m),
      rip: ended.rip,
      ...(ended.behind === true ? { behind: true } : {}),
      fx: this.#saveFx(),
      memory: this.#restore(one),
    };
  }

  /** Selectors as runner.c loads them: null where 64-bit mode allows it. */
  #loadSegments(codeSize: CodeSize): void {
    const { view } = this.#processor.memory;
    if (codeSize === 32) {
      view.setUint32(SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_SELECTOR, CODE32_SELECTOR, true);
      return;
    }
    for (const n of [Segment.ES, Segment.DS, Segment.FS, Segment.GS]) {
      view.setUint32(SEGMENT + SEGMENT_STRIDE * n + SEG_SELECTOR, 0, true);
    }
    view.setBigUint64(segmentBase(Segment.FS), FS_BASE, true);
    view.setBigUint64(segmentBase(Segment.GS), GS_BASE, true);
  }

  #byteAt(address: bigint): number | undefined {
    const place = this.#space.translate(address);
    return place === undefined ? undefined : this.#processor.memory.ram(place, 1)[0];
  }

  #place({ code, offset }: Case): void {
    for (let page = 4; page < 6; page++) {
      const { hpa, words } = this.#frames[page]!;
      const start = Math.max(offset - (page - 4) * PAGE, 0), skip = Math.max((page - 4) * PAGE - offset, 0);
      if (start >= PAGE || skip >= code.length) continue;
      const part = code.subarray(skip, skip + PAGE - start);
      this.#bytes.set(part, words.byteOffset + start);
      this.#processor.mmu.wroteRam(hpa + start, part.length);
    }
  }

  /** What the case has changed in memory besides its code, in 64-bit words; everything is put back. */
  #restore({ code, offset }: Case): Map<number, bigint> {
    const changed = new Map<number, bigint>();
    this.#placed.fill(0xcc);
    this.#placed.set(code, offset);
    for (const [page, { hpa, words, base }] of this.#frames.entries()) {
      const inCode = page * PAGE >= CODE_OFFSET;
      const expected = inCode ? this.#placedWords.subarray((page * PAGE - CODE_OFFSET) / 4) : base;
      for (let n = 0; n < words.length; n += 2) {
        if (words[n] !== expected[n] || words[n + 1] !== expected[n + 1]) {
          changed.set(page * PAGE + 4 * n, this.#word64(words, n));
        }
        if (words[n] === base[n] && words[n + 1] === base[n + 1]) continue;
        words[n] = base[n]!;
        words[n + 1] = base[n + 1]!;
        if (inCode) this.#processor.mmu.wroteRam(hpa + 4 * n, 8);
      }
    }
    return changed;
  }

  #word64(words: Int32Array, n: number): bigint {
    return (BigInt(words[n + 1]! >>> 0) << 32n) | BigInt(words[n]! >>> 0);
  }

  #loadFx(fx: Uint8Array): void {
    const m = this.#processor.memory.i32;
    const words = new Int32Array(fx.slice(0, FX_BYTES).buffer);
    m[FCW >> 2] = words[0]! & 0xffff;
    const fsw = words[0]! >>> 16;
    // ES and B follow from the flags and masks, as FXRSTOR leaves them.
    m[FSW >> 2] = (fsw & ~m[FCW >> 2]! & 0x3f) !== 0 ? fsw | 0x8080 : fsw & ~0x8080;
    m[FTW >> 2] = words[1]! & 0xff;
    m[FOP >> 2] = (words[1]! >>> 16) & 0x7ff;
    for (let half = 0; half < 2; half++) {
      m[(FIP >> 2) + half] = words[2 + half]!;
      m[(FDP >> 2) + half] = words[4 + half]!;
    }
    m[MXCSR >> 2] = words[6]!;
    const top = (fsw >> 11) & 7;
    for (let n = 0; n < 8; n++) {
      for (let k = 0; k < 3; k++) {
        m[((X87 + 16 * ((top + n) & 7)) >> 2) + k] = words[8 + 4 * n + k]! & (k === 2 ? 0xffff : -1);
      }
    }
    for (let n = 0; n < 64; n++) m[(XMM >> 2) + n] = words[40 + n]!;
  }

  #saveFx(): Uint8Array {
    const m = this.#processor.memory.i32;
    const words = new Int32Array(FX_BYTES / 4);
    words[0] = (m[FCW >> 2]! & 0xffff) | (m[FSW >> 2]! << 16);
    words[1] = (m[FTW >> 2]! & 0xff) | (m[FOP >> 2]! << 16);
    for (let half = 0; half < 2; half++) {
      words[2 + half] = m[(FIP >> 2) + half]!;
      words[4 + half] = m[(FDP >> 2) + half]!;
    }
    words[6] = m[MXCSR >> 2]!;
    const top = (m[FSW >> 2]! >> 11) & 7;
    for (let n = 0; n < 8; n++) {
      for (let k = 0; k < 3; k++) {
        words[8 + 4 * n + k] = m[((X87 + 16 * ((top + n) & 7)) >> 2) + k]! & (k === 2 ? 0xffff : -1);
      }
    }
    for (let n = 0; n < 64; n++) words[40 + n] = m[(XMM >> 2) + n]!;
    return new Uint8Array(words.buffer);
  }
}

/** How a case ended, and RIP as the processor would have left it. */
interface Ended {
  readonly end: End;
  readonly rip: bigint;
  readonly vector?: number;
  readonly error?: number;
  readonly behind?: true;
}

/** What Linux and the processor make of a stop: only INT3, INT 4 and INT 80h are open to programs. */
function endOf(stop: Stop, rip: bigint, isInt1: boolean): Ended {
  switch (stop.kind) {
    case "interrupt": {
      const { vector } = stop;
      if (vector === Vector.BP) return { end: "completed", vector, rip };
      if (vector === Vector.OF || (vector === Vector.DB && isInt1)) return { end: "fault", vector, rip };
      if (vector === LINUX_SYSTEM_CALL) return { end: "syscall", rip };
      // SDM vol. 3A, section 6.12.1.2: the gate's DPL is below CPL. The error code names the gate.
      return { end: "fault", vector: Vector.GP, error: vector * 8 + IDT, rip, behind: true };
    }
    case "fault":
      return { end: "fault", vector: stop.vector, error: Math.max(stop.error, 0), rip };
    case "budget":
      return { end: "timeout", rip };
    case "syscall":
      return { end: "syscall", rip };
    case "halt":
      return { end: "fault", vector: Vector.GP, rip: rip - 1n };
  }
}
