/** Task-state segments in memory: what a task switch saves to them and loads from them. SDM vol. 3A, figures 8-2 and 8-10. */
import { MemoryFlag } from "../../ir/types.ts";
import type { SystemContext } from "./context.ts";
import { SystemType } from "./descriptor.ts";

/** Byte offsets inside a TSS, and the least limit it needs. */
interface TaskLayout {
  /** Bytes of a general register. */
  readonly size: 2 | 4;
  readonly leastLimit: number;
  /** First and last byte that is saved. */
  readonly savedFirst: number;
  readonly savedLast: number;
  /** CR3, or -1. */
  readonly cr3: number;
  readonly eip: number;
  readonly eflags: number;
  /** The general registers, in the order of their numbers. */
  readonly registers: number;
  /** The segment registers, in the order of their numbers, and how many there are. */
  readonly segments: number;
  readonly segmentCount: 4 | 6;
  readonly ldt: number;
  /** The word with the T flag, or -1. */
  readonly trap: number;
}

const LAYOUT16: TaskLayout = {
  size: 2,
  leastLimit: 0x2b,
  savedFirst: 0x0e,
  savedLast: 0x29,
  cr3: -1,
  eip: 0x0e,
  eflags: 0x10,
  registers: 0x12,
  segments: 0x22,
  segmentCount: 4,
  ldt: 0x2a,
  trap: -1,
};
const LAYOUT32: TaskLayout = {
  size: 4,
  leastLimit: 0x67,
  savedFirst: 0x20,
  savedLast: 0x5f,
  cr3: 0x1c,
  eip: 0x20,
  eflags: 0x24,
  registers: 0x28,
  segments: 0x48,
  segmentCount: 6,
  ldt: 0x60,
  trap: 0x64,
};

const REGISTERS = 8, SEGMENTS = 6, TRAP = 1;
/** What becomes of the upper halves of general registers that a 16-bit TSS does not hold. */
const UPPER_HALF = 0xffff_0000 | 0;

/** What a task switch takes from a TSS. `cr3` is undefined in a 16-bit one. */
export interface TaskImage {
  readonly cr3: number | undefined;
  readonly eip: number;
  readonly eflags: number;
  readonly registers: readonly number[];
  /** Selectors by the numbers of the segment registers. */
  readonly selectors: readonly number[];
  readonly ldt: number;
  /** The T flag: #DB comes before the task's first instruction. */
  readonly traps: boolean;
}

/** What it saves. */
export type SavedTask = Pick<TaskImage, "eip" | "eflags" | "registers" | "selectors">;

/** A TSS at a linear address. */
export class TaskStateSegment {
  readonly #layout: TaskLayout;

  /** @param type its descriptor's type, busy or not */
  constructor(readonly context: SystemContext, readonly base: number, readonly type: number) {
    this.#layout = type === SystemType.TSS32 || type === SystemType.TSS32_BUSY ? LAYOUT32 : LAYOUT16;
  }

  /** Bytes of a general register: 2 or 4. */
  get size(): 2 | 4 {
    return this.#layout.size;
  }

  /** Whether a limit is enough for one that is loaded, or for one that is saved to. */
  isEnough(limit: number, saved: boolean): boolean {
    return limit >>> 0 >= (saved ? this.#layout.savedLast : this.#layout.leastLimit);
  }

  /** Raises the page fault that loading would. False after a fault. */
  probeLoad(): boolean {
    return this.#probe(0, 0) && this.#probe(this.#layout.leastLimit, 0);
  }

  /** Raises the page fault that writing the link would. */
  probeLink(): boolean {
    return this.#probe(0, MemoryFlag.WRITE_INTENT) && this.#probe(1, MemoryFlag.WRITE_INTENT);
  }

  /** Raises the page fault that saving would. */
  probeSave(): boolean {
    return this.#probe(this.#layout.savedFirst, MemoryFlag.WRITE_INTENT) &&
      this.#probe(this.#layout.savedLast, MemoryFlag.WRITE_INTENT);
  }

  /** The link to the task before. */
  get link(): number {
    return this.#load(0, 2);
  }
  set link(selector: number) {
    this.#store(0, 2, selector);
  }

  /** Saves a task's state. Whether that can fault has been asked before. */
  save({ eip, eflags, registers, selectors }: SavedTask): void {
    const layout = this.#layout, { size } = layout;
    this.#store(layout.eip, size, eip);
    this.#store(layout.eflags, size, eflags);
    for (let n = 0; n < REGISTERS; n++) this.#store(layout.registers + size * n, size, registers[n]!);
    for (let n = 0; n < layout.segmentCount; n++) this.#store(layout.segments + size * n, 2, selectors[n]!);
  }

  /** Loads it, likewise. */
  load(): TaskImage {
    const layout = this.#layout, { size } = layout, upper = size === 2 ? UPPER_HALF : 0;
    const selector = (n: number): number =>
      n < layout.segmentCount ? this.#load(layout.segments + size * n, 2) : 0;
    return {
      cr3: layout.cr3 < 0 ? undefined : this.#load(layout.cr3, 4),
      eip: this.#load(layout.eip, size),
      eflags: this.#load(layout.eflags, size),
      registers: Array.from(
        { length: REGISTERS },
        (_, n) => this.#load(layout.registers + size * n, size) | upper,
      ),
      selectors: Array.from({ length: SEGMENTS }, (_, n) => selector(n)),
      ldt: this.#load(layout.ldt, 2),
      traps: layout.trap >= 0 && (this.#load(layout.trap, 2) & TRAP) !== 0,
    };
  }

  #probe(offset: number, flags: number): boolean {
    this.context.access.load8((this.base + offset) | 0, 0, MemoryFlag.SYSTEM | flags);
    return !this.context.failed;
  }
  #load(offset: number, size: 2 | 4): number {
    const { access } = this.context, at = (this.base + offset) | 0;
    return size === 4 ? access.load32(at, 0, MemoryFlag.SYSTEM) : access.load16(at, 0, MemoryFlag.SYSTEM);
  }
  #store(offset: number, size: 2 | 4, value: number): void {
    const { access } = this.context, at = (this.base + offset) | 0;
    if (size === 4) access.store32(at, 0, value, MemoryFlag.SYSTEM);
    else access.store16(at, 0, value, MemoryFlag.SYSTEM);
  }
}
