/** Page frames of guest RAM: allocation and reference counts. */
import type { Mmu } from "../../memory/mmu.ts";
import { type LinearMemory, PAGE_SIZE, RAM_BASE } from "../../memory/physical.ts";
import { Errno, fail } from "../abi/errno.ts";

/** The frame whose bytes are all zero, mapped read-only wherever anonymous memory has only been read. */
export const ZERO_FRAME = 0;

/** Frames of a run: as many as one page table maps. */
const RUN_FRAMES = 512;

/** Allocates page frames. A frame is known by its number: its host-physical address divided by 4096. */
export class Frames {
  readonly total: number;
  readonly #references: Int32Array;
  /** Frames that have ever been taken: others are zero, as RAM starts. */
  readonly #touched: Uint8Array;
  /** Frames that nobody held when they were added; some have been taken since. Which are in it: each once. */
  readonly #released: number[] = [];
  readonly #isReleased: Uint8Array;
  /** All frames below it have been taken. */
  #next = 1;
  #held = 1;
  readonly #runs: FrameRuns;
  /** Frees frames that only caches hold; answers whether any came free. Set by the page cache. */
  reclaim: () => boolean = () => false;

  /**
   * @param limit bytes that may be used, at most the RAM there is
   */
  constructor(readonly memory: LinearMemory, readonly mmu: Mmu, limit: number = memory.ramBytes) {
    this.total = Math.floor(Math.min(limit, memory.ramBytes) / PAGE_SIZE);
    this.#references = new Int32Array(this.total);
    this.#references[ZERO_FRAME] = 1;
    this.#touched = new Uint8Array(this.total);
    this.#isReleased = new Uint8Array(this.total);
    this.#runs = new FrameRuns(Math.floor(this.total / RUN_FRAMES));
    this.#runs.note(ZERO_FRAME, 1);
  }

  /** Frames nobody holds. */
  get free(): number {
    return this.total - this.#held;
  }

  /**
   * Takes a frame with one reference, its bytes zero. Fails with ENOMEM if there is none.
   *
   * @param preferred taken if nobody holds it
   */
  allocate(preferred = ZERO_FRAME): number {
    let frame = preferred;
    if (preferred >= this.total || this.#references[preferred] !== 0) {
      const found = this.#find() ?? (this.reclaim() ? this.#find() : undefined);
      if (found === undefined) fail(Errno.ENOMEM);
      frame = found;
    }
    this.#references[frame] = 1;
    this.#held++;
    this.#runs.note(frame, 1);
    if (this.#touched[frame] === 0) {
      this.#touched[frame] = 1;
      return frame;
    }
    const start = RAM_BASE + frame * PAGE_SIZE;
    this.memory.u8.fill(0, start, start + PAGE_SIZE);
    this.mmu.wroteRam(frame * PAGE_SIZE, PAGE_SIZE);
    return frame;
  }

  /** A frame that nobody holds. */
  #find(): number | undefined {
    for (;;) {
      const frame = this.#released.pop();
      if (frame === undefined) break;
      this.#isReleased[frame] = 0;
      if (this.#references[frame] === 0) return frame;
    }
    while (this.#next < this.total && this.#references[this.#next] !== 0) this.#next++;
    return this.#next < this.total ? this.#next++ : undefined;
  }

  /**
   * Takes a run of frames that nobody holds, for who wants pages that follow each other to do so in RAM too. The frames are
   * still taken one by one, by others as well where there are no more. Returns the first; undefined if there is no run.
   *
   * @param behind the first frame of the run that it had best follow
   * @param before that of one which it had best come before
   */
  takeRun(behind: number | undefined, before: number | undefined): number | undefined {
    const next = behind === undefined ? NO_RUN : behind / RUN_FRAMES + 1;
    const last = before === undefined ? NO_RUN : before / RUN_FRAMES - 1;
    const run = this.#runs.take([next, last]);
    return run === undefined ? undefined : run * RUN_FRAMES;
  }

  /** Gives a run back, by its first frame. */
  returnRun(first: number): void {
    this.#runs.give(first / RUN_FRAMES);
  }

  /** Adds a reference. */
  retain(frame: number): void {
    this.#references[frame]!++;
  }

  /** Drops a reference; the last one frees the frame. */
  release(frame: number): void {
    if (--this.#references[frame]! > 0) return;
    if (this.#isReleased[frame] === 0) this.#released.push(frame);
    this.#isReleased[frame] = 1;
    this.#held--;
    this.#runs.note(frame, -1);
  }

  /** References to a frame. */
  references(frame: number): number {
    return this.#references[frame]!;
  }

  /** The bytes of a frame. Whoever writes them calls `wrote`. */
  bytes(frame: number): Uint8Array {
    const start = RAM_BASE + frame * PAGE_SIZE;
    return this.memory.u8.subarray(start, start + PAGE_SIZE);
  }

  /** Copies all bytes of a frame to another. */
  copy(from: number, to: number): void {
    const start = RAM_BASE + from * PAGE_SIZE;
    this.memory.u8.copyWithin(RAM_BASE + to * PAGE_SIZE, start, start + PAGE_SIZE);
    this.wrote(to, 0, PAGE_SIZE);
  }

  /** Tells the processor that the host has written into a frame. */
  wrote(frame: number, offset: number, length: number): void {
    this.mmu.wroteRam(frame * PAGE_SIZE + offset, length);
  }
}

const NO_RUN = -1;

/** Takes frames for pages that are numbered, best so that those that follow each other do so in RAM too: spans (memory/spans.ts). */
export class FramesInRuns {
  /** By what a run of pages is numbered: the first of its frames. */
  readonly #runs = new Map<number, number>();

  constructor(readonly frames: Frames) {}

  /** Takes a frame for a page, as `Frames.allocate` does. */
  allocate(page: number): number {
    const number = Math.floor(page / RUN_FRAMES);
    let run = this.#runs.get(number);
    if (run === undefined) {
      run = this.frames.takeRun(this.#runs.get(number - 1), this.#runs.get(number + 1));
      if (run !== undefined) this.#runs.set(number, run);
    }
    return this.frames.allocate(run === undefined ? undefined : run + page % RUN_FRAMES);
  }

  /** Gives the runs back; the frames stay taken. */
  close(): void {
    for (const run of this.#runs.values()) this.frames.returnRun(run);
    this.#runs.clear();
  }
}

/** Which runs are free: nobody has taken them, or holds a frame of theirs. */
class FrameRuns {
  readonly #held: Int32Array;
  readonly #taken: Uint8Array;

  constructor(readonly count: number) {
    this.#held = new Int32Array(count + 1);
    this.#taken = new Uint8Array(count);
  }

  /** Adds to the frames that are held. */
  note(frame: number, count: number): void {
    this.#held[Math.floor(frame / RUN_FRAMES)]! += count;
  }

  /** The first of some runs that is free; else one far from all others, so that these can go on. */
  take(wanted: readonly number[]): number | undefined {
    const run = wanted.find((one) => this.#isFree(one)) ?? this.#middle();
    if (run !== undefined) this.#taken[run] = 1;
    return run;
  }
  give(run: number): void {
    this.#taken[run] = 0;
  }

  #isFree(run: number): boolean {
    return run >= 0 && run < this.count && this.#taken[run] === 0 && this.#held[run] === 0;
  }

  /** The middle of the longest row of free runs. */
  #middle(): number | undefined {
    let longest = 0, middle: number | undefined, row = 0;
    for (let run = 0; run < this.count; run++) {
      row = this.#isFree(run) ? row + 1 : 0;
      if (row <= longest) continue;
      longest = row;
      middle = run - (row >> 1);
    }
    return middle;
  }
}
