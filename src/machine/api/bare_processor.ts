/** A processor without an operating system, for those who want to run a piece of code and look at what it did. */
import type { EngineName } from "../engines.ts";
import { newProcessor } from "../engines.ts";
import type { HostedProcessor } from "../hosted_processor.ts";
import type { TranslationObserver } from "../observer.ts";
import type { Stop } from "../processor.ts";
import { Vector } from "../../cpu/fault.ts";
import type { DebugPoints } from "../../cpu/system/debug_points.ts";
import { LinearMemory } from "../../memory/physical.ts";
import { findWholeRange, type RamRange, readRange, writeRange } from "../../memory/ram_range.ts";
import { loadCells, saveCells } from "../snapshot/processor_cells.ts";
import { linearRip } from "../debug/program_counter.ts";
import { AddressSpace, checkSize, type Protection, type SavedSpace } from "./address_space.ts";
import { EventSource } from "./events.ts";
import { type BareMode, enterBareMode } from "./modes.ts";
import {
  addBreakpoint,
  addWatchpoint,
  leavePoint,
  type PointStop,
  pointStop,
  type WatchedAccess,
} from "./points.ts";
import { readRegister, type RegisterName, writeRegister } from "./registers.ts";
import { readStatistics, type Statistics } from "./statistics.ts";

export { isRegisterName, REGISTER_NAMES, registerBits, type RegisterName } from "./registers.ts";

/** What to make. */
export interface ProcessorOptions {
  /** RAM in bytes, a multiple of 64 KB; page tables take some. Real mode needs 1.25 MB. Default: 16 MB. */
  readonly memory?: number;
  /** Default: `auto`. */
  readonly engine?: EngineName;
  /** Default: 64. */
  readonly mode?: BareMode;
  /** Seed of RDRAND and RDSEED. Default: a fixed one. */
  readonly seed?: number;
  /** Is shown what is translated and compiled, as `dumpStages` is. */
  readonly observer?: TranslationObserver;
}

/** Why `run` of a bare processor returned. */
export type BareStop = Stop | PointStop;

/** Why the processor stopped, for a listener that may want it to go on. */
export type StopEvent<K extends BareStop["kind"] = Exclude<BareStop["kind"], "budget">> =
  & Extract<BareStop, { kind: K }>
  & {
    /** Makes `run` go on, from RIP as it is then, rather than return. */
    resume(): void;
  };

/** The events of a processor. */
export interface ProcessorEvents {
  /** An exception. RIP is at the instruction that raised it. */
  readonly fault: StopEvent<"fault">;
  /** SYSCALL. RIP is behind it. */
  readonly syscall: StopEvent<"syscall">;
  /** INT n, INT3, INTO, INT1. RIP is behind it. */
  readonly interrupt: StopEvent<"interrupt">;
  /** HLT. RIP is behind it. */
  readonly halt: StopEvent<"halt">;
  /** A breakpoint: RIP is at its instruction, which has not been executed. */
  readonly breakpoint: StopEvent<"breakpoint">;
  /** An access that is watched. RIP is behind the instruction. */
  readonly watchpoint: StopEvent<"watchpoint">;
  /** IN or INS: what was answered last is read, all ones where nobody answers. */
  readonly in: PortRead;
  /** OUT or OUTS. */
  readonly out: PortWrite;
  /** `run` is about to return. */
  readonly stop: BareStop;
}

/**
 * A read of an I/O port. In real mode code may do that, else with RFLAGS.IOPL = 3 only; registers are not up to date while it is
 * answered.
 */
export interface PortRead {
  readonly port: number;
  /** Bytes. */
  readonly size: number;
  /** Says what is read. */
  answer(value: number): void;
}

/** A write to an I/O port, as `PortRead`. */
export interface PortWrite {
  readonly port: number;
  readonly size: number;
  readonly value: number;
}

/** Registers and memory of a processor as they were when `save` was called. */
export interface SavedProcessor {
  readonly mode: BareMode;
  /** Size of the memory in bytes. */
  readonly memory: number;
  /** @internal */
  readonly cells: Uint8Array;
  /** @internal */
  readonly space: SavedSpace;
}

/** Limits of a run. */
export interface RunLimits {
  /** Guest instructions at most; default: no limit. */
  readonly instructions?: number;
}

/** What real mode reaches with 20 bits of address and a segment's 64 KB, in whole pages. SDM vol. 3B, section 21.1.1. */
const REAL_MODE_BYTES = 0x11_0000;

/** Where the linear addresses of a mode end, where paging does not tell. */
const REACH: Readonly<Partial<Record<BareMode, { readonly what: string; readonly end: number }>>> = {
  16: { what: "real mode", end: REAL_MODE_BYTES },
  32: { what: "a 32-bit address space", end: 2 ** 32 },
};

/** Opcode of HLT. */
const HLT = 0xf4;

/** Most instructions asked of the processor at a time. */
const SLICE = 1 << 28;

/** A processor, its memory and its registers. Make it with `createProcessor`. */
export class BareProcessor {
  readonly mode: BareMode;
  readonly #processor: HostedProcessor;
  readonly #space: AddressSpace;
  readonly #events = new EventSource<ProcessorEvents>();
  #isExecuting = false;

  constructor({ memory = 1 << 24, mode = 64, ...configuration }: ProcessorOptions = {}) {
    this.mode = mode;
    const linear = new LinearMemory(memory);
    // Code that is worth a processor of its own may be short; who names an engine wants to see that at work.
    const tiers = configuration.engine === "js" ? { tiers: { threshold: 1 } } : {};
    const ports = {
      in: (port: number, size: number) => this.#in(port, size),
      out: (port: number, size: number, value: number) => this.#events.emit("out", { port, size, value }),
    };
    this.#processor = newProcessor(linear, { ...configuration, ...tiers, ports });
    const { mmu } = this.#processor;
    this.#space = new AddressSpace(linear, mmu);
    enterBareMode(linear.view, mode, this.#space.cr3);
    mmu.switchAddressSpace(this.#space.cr3);
    if (mode === 16) this.#space.map(0n, REAL_MODE_BYTES, "rwx");
  }

  /** Guest instructions executed so far; HLT counts in real mode only. */
  get instructions(): number {
    return this.#processor.instructions;
  }

  /**
   * Gives the code memory: all pages that [address, address + size) touches, zeros at first. In real mode all that it
   * can reach is there already, and this only checks.
   */
  map(address: bigint | number, size: number, protection: Protection = "rwx"): void {
    checkSize(size, "map");
    const start = BigInt(address), reach = REACH[this.mode];
    if (reach !== undefined && start + BigInt(size) > BigInt(reach.end)) {
      throw new RangeError(
        `Cannot map ${size} bytes at 0x${start.toString(16)}: ${reach.what} ends at 0x${
          reach.end.toString(16)
        }`,
      );
    }
    if (this.mode !== 16) this.#space.map(start, size, protection);
  }

  /** Takes away the pages that [address, address + size) touches. */
  unmap(address: bigint | number, size: number): void {
    this.#space.unmap(BigInt(address), size);
  }

  /** Reads memory, whatever its protection. */
  read(address: bigint | number, size: number): Uint8Array {
    checkSize(size, "read");
    return readRange(this.#processor.memory, this.#find(address, size));
  }

  /** Writes memory, whatever its protection. */
  write(address: bigint | number, bytes: Uint8Array): void {
    const { memory, mmu } = this.#processor, range = this.#find(address, bytes.length);
    writeRange(memory, range, bytes, (physical, length) => mmu.wroteRam(physical, length));
  }

  /** Maps memory for `code` at `address` with 64 KB of room after it, writes it there, and points RIP at it. */
  load(code: Uint8Array, address: bigint | number = 0x10000): void {
    const start = BigInt(address);
    this.map(start, code.length + 0x10000);
    this.write(start, code);
    if (this.mode !== 16) return this.set("rip", start);
    if (start > 0xf_ffffn) {
      throw new RangeError(`Cannot load at 0x${start.toString(16)}: real mode ends at 0xfffff`);
    }
    // Real mode reaches code above 64 KB through the segment: CS takes the 16-byte paragraph, IP the rest.
    const paragraph = start > 0xffffn ? start >> 4n : 0n;
    this.set("cs", paragraph);
    this.set("rip", start - (paragraph << 4n));
  }

  /** Value of a register, unsigned. */
  get(name: RegisterName): bigint {
    return readRegister(this.#processor.memory.view, name);
  }

  /** Sets a register; a negative value as its two's complement. In real mode, a segment register's base follows. */
  set(name: RegisterName, value: bigint | number): void {
    const { view } = this.#processor.memory;
    writeRegister(view, name, BigInt(value));
    if (this.mode === 16 && /^[c-gs]s$/.test(name)) {
      writeRegister(view, `${name}_base` as RegisterName, this.get(name) << 4n);
    }
  }

  /**
   * Stops runs before the instruction at a linear address, which must be mapped by then. The run after that goes on with this instruction. As many as one
   * likes; they change no byte of memory. Returns a function that takes it away.
   */
  breakpoint(address: bigint | number): () => void {
    return addBreakpoint(this.#points, address);
  }

  /**
   * Stops runs behind instructions that access any of `size` bytes at a linear address. Other accesses to the pages that
   * they lie in become slower. Returns a function that takes it away.
   */
  watch(address: bigint | number, size: number, access: WatchedAccess = "any"): () => void {
    return addWatchpoint(this.#points, address, size, access);
  }

  /** Runs until something stops it that no listener resumes. */
  run({ instructions = Infinity }: RunLimits = {}): BareStop {
    const end = this.#processor.instructions + instructions;
    for (;;) {
      leavePoint(this.#points, linearRip(this.#processor.memory.view));
      const left = end - this.#processor.instructions;
      const stop: BareStop = left > 0 ? this.#slice(Math.min(left, SLICE)) : { kind: "budget" };
      if (stop.kind === "budget" && this.#processor.instructions < end) continue;
      if (stop.kind !== "budget" && this.#resumed(stop)) continue;
      this.#events.emit("stop", stop);
      return stop;
    }
  }

  /**
   * Saves all registers and the memory, for `restore`. Breakpoints, watchpoints and listeners are not in it, nor the
   * time-stamp counter and the random numbers: they go on.
   */
  save(): SavedProcessor {
    const { memory } = this.#processor;
    return {
      mode: this.mode,
      memory: memory.ramBytes,
      cells: saveCells(memory.i32),
      space: this.#space.save(),
    };
  }

  /**
   * Makes registers and memory as they were when `save` was called, here or of a processor with the same mode and memory;
   * as often as one likes. It takes microseconds where little has changed, and code that was compiled stays so.
   */
  restore(saved: SavedProcessor): void {
    const { mode, memory, cells, space } = saved, { i32, ramBytes } = this.#processor.memory;
    if (mode !== this.mode || memory !== ramBytes) {
      throw new RangeError(
        `Cannot restore mode ${mode} with ${memory} bytes of memory: this processor has mode ${this.mode} and ${ramBytes} bytes`,
      );
    }
    loadCells(i32, cells);
    this.#space.restore(space);
  }

  /** Numbers about all runs so far. */
  statistics(): Statistics {
    return readStatistics(this.#processor);
  }

  /** Runs one instruction. */
  step(): BareStop {
    return this.run({ instructions: 1 });
  }

  /** Calls `listener` at each event of this name. Returns a function that ends it. */
  on<N extends keyof ProcessorEvents>(name: N, listener: (event: ProcessorEvents[N]) => void): () => void {
    return this.#events.on(name, listener);
  }

  get #points(): DebugPoints {
    return this.#processor.mmu.breakpoints.outside;
  }

  /** User code may not execute HLT; here it is how code says that it is done. */
  #slice(instructions: number): BareStop {
    const stop = this.#execute(instructions);
    if (stop.kind === "budget") return pointStop(this.#points) ?? stop;
    if (stop.kind !== "fault" || stop.vector !== Vector.GP || this.mode === 16) return stop;
    const rip = this.get("rip"), hpa = this.#space.translate(rip);
    if (hpa === undefined || this.#processor.memory.ram(hpa, 1)[0] !== HLT) return stop;
    this.set("rip", rip + 1n);
    return { kind: "halt" };
  }

  #execute(instructions: number): Stop {
    if (this.#isExecuting) {
      throw new Error("Cannot run the processor while it waits for what its port answers");
    }
    this.#isExecuting = true;
    try {
      return this.#processor.run(instructions);
    } finally {
      this.#isExecuting = false;
    }
  }

  #in(port: number, size: number): number {
    let answered = -1;
    this.#events.emit("in", { port, size, answer: (value) => answered = value });
    return answered;
  }

  #resumed(stop: Exclude<BareStop, { kind: "budget" }>): boolean {
    let resumed = false;
    const resume = (): void => void (resumed = true);
    this.#events.emit(stop.kind, { ...stop, resume } as StopEvent);
    return resumed;
  }

  #find(address: bigint | number, size: number): RamRange {
    const { memory } = this.#processor;
    return findWholeRange(memory, BigInt(address), size, (linear) => this.#space.translate(linear));
  }
}

/**
 * Makes a processor that runs bare machine code.
 *
 * @example Run three instructions and read a register
 * ```ts
 * import assert from "node:assert";
 * import { createProcessor } from "@causeway/x86";
 *
 * const cpu = createProcessor();
 * cpu.load(new Uint8Array([0x48, 0x01, 0xd8, 0xf4])); // ADD RAX, RBX; HLT
 * cpu.set("rax", 40n);
 * cpu.set("rbx", 2n);
 * const stop = cpu.run();
 * assert(stop.kind === "halt" && cpu.get("rax") === 42n);
 * ```
 */
export function createProcessor(options: ProcessorOptions = {}): BareProcessor {
  return new BareProcessor(options);
}
