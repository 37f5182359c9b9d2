/** Translated blocks by host-physical place, linear PC and mode; and their end when the bytes change. */
import type { CodeOwner, CodePages } from "../memory/code_pages.ts";
import { PAGE_SIZE } from "../memory/physical.ts";
import type { Code } from "./code.ts";
import { CodeQueue } from "./code_queue.ts";
import type { Region } from "./engine.ts";

/** The blocks that occupy bytes of one frame. */
interface FrameCode {
  /** Blocks that start here, by the place of the first byte: the first of those at one place (`Code.another`). */
  readonly starts: Map<number, Code>;
  /** All blocks with bytes here. */
  readonly all: Set<Code>;
  /** Bits for the bytes of the frame, 32 a word: 1 where an instruction lies, or one has lain while `isStale`. */
  readonly bits: Int32Array;
  /** Whether blocks have been dropped since the bits were written: to do so each time takes longer than all else about it. */
  isStale: boolean;
}

/** What the cache counts. */
export interface CodeCacheCounts {
  translated: number;
  droppedByStores: number;
  evicted: number;
}

/** All translated code. */
export class CodeCache implements CodeOwner {
  /** Called when a region is dropped. */
  onDrop: ((region: Region) => void) | undefined;
  /** Called when a block is dropped. */
  onDropCode: ((code: Code) => void) | undefined;
  /** Tells whether a debugger's point may lie in a block. */
  isWatched: (code: Code) => boolean = () => false;
  /** Blocks by number; number 0 is never used. */
  readonly codes: (Code | undefined)[] = [undefined];
  readonly counts: CodeCacheCounts = { translated: 0, droppedByStores: 0, evicted: 0 };
  readonly #frames = new Map<number, FrameCode>();
  readonly #live = new CodeQueue();

  /**
   * @param pages the marks that make stores to code take the slow path
   * @param limit most live blocks; the oldest that are not compiled go first
   */
  constructor(readonly pages: CodePages, readonly limit: number) {
    pages.setOwner(this);
  }

  /** Live blocks. */
  get size(): number {
    return this.#live.size;
  }

  /** The block that starts at a host-physical address, was translated for this PC and mode, and continues in this page. */
  find(hpa: number, lo: number, hi: number, mode: number): Code | undefined {
    let code = this.#frames.get(Math.floor(hpa / PAGE_SIZE))?.starts.get(hpa % PAGE_SIZE);
    while (code !== undefined && (code.lo !== lo || code.hi !== hi || code.mode !== mode)) {
      code = code.another;
    }
    return code;
  }

  /** Adds a block; evicts the oldest ones above the limit. */
  add(code: Code): void {
    while (this.#live.size >= this.limit) this.#evict();
    this.counts.translated++;
    // Numbers are not used again: jump tables may still hold those of dropped blocks.
    code.number = this.codes.push(code) - 1;
    code.watched = this.isWatched(code);
    this.#live.add(code);
    const first = Math.floor(code.hpa / PAGE_SIZE), { starts } = this.#occupy(code, first);
    const second = code.secondPage / PAGE_SIZE;
    if (second >= 0 && second !== first) this.#occupy(code, second);
    const place = code.hpa % PAGE_SIZE;
    code.another = starts.get(place);
    starts.set(place, code);
  }

  /** What `isWatched` tells is different: what has been compiled of blocks that are watched is dropped. */
  watchAnew(): void {
    for (const code of this.#live) {
      code.watched = this.isWatched(code);
      if (code.watched) { for (const region of code.memberOf) this.dropRegion(region); }
    }
  }

  /** Drops the oldest block that is not compiled, or if all are, the oldest. */
  #evict(): void {
    this.counts.evicted++;
    for (let passedOver = 0; passedOver < this.#live.size; passedOver++) {
      const oldest = this.#live.oldest!;
      if (oldest.entries.length === 0) return this.drop(oldest);
      // Compiled code is worth keeping: it goes to the end of the queue.
      this.#live.remove(oldest);
      this.#live.add(oldest);
    }
    this.drop(this.#live.oldest!);
  }

  /** Drops a block and the regions it is part of. */
  drop(code: Code): void {
    if (code.dropped) return;
    code.dropped = true;
    for (const region of code.memberOf) this.dropRegion(region);
    this.codes[code.number] = undefined;
    this.#live.remove(code);
    this.#removeFromFrames(code);
    this.onDropCode?.(code);
  }

  /** Drops a compiled region; its blocks stay. */
  dropRegion(region: Region): void {
    if (region.dropped) return;
    region.dropped = true;
    this.onDrop?.(region);
    for (const member of region.codes) {
      member.memberOf = member.memberOf.filter((other) => other !== region);
      member.entries = member.entries.filter((entry) => entry.region !== region);
    }
  }

  /** Whether an instruction of a translated block has a byte in the range (inside one page). */
  overlaps(hpa: number, length: number): boolean {
    const number = Math.floor(hpa / PAGE_SIZE), frame = this.#frames.get(number);
    if (frame === undefined || !meets(frame, hpa % PAGE_SIZE, length)) return false;
    if (!frame.isStale) return true;
    frame.isStale = false;
    frame.bits.fill(0);
    for (const code of frame.all) note(frame, code, number);
    return meets(frame, hpa % PAGE_SIZE, length);
  }

  /** Drops the blocks with bytes in the range (inside one page). */
  invalidate(hpa: number, length: number): void {
    const number = Math.floor(hpa / PAGE_SIZE);
    const frame = this.#frames.get(number);
    if (frame === undefined || !this.overlaps(hpa, length)) return;
    const from = hpa % PAGE_SIZE, to = from + length;
    // A set may lose members while it is walked through.
    for (const code of frame.all) {
      if (startIn(code, number) < to && from < endIn(code, number)) {
        this.drop(code);
        this.counts.droppedByStores++;
      }
    }
  }

  /** Notes that a block has bytes in a frame. */
  #occupy(code: Code, number: number): FrameCode {
    let frame = this.#frames.get(number);
    if (frame === undefined) {
      frame = { starts: new Map(), all: new Set(), bits: new Int32Array(PAGE_SIZE / 32), isStale: false };
      this.#frames.set(number, frame);
      this.pages.mark(number);
    }
    frame.all.add(code);
    note(frame, code, number);
    return frame;
  }

  #removeFromFrames(code: Code): void {
    for (const number of framesOf(code)) {
      const frame = this.#frames.get(number)!;
      frame.all.delete(code);
      frame.isStale = true;
      if (frame.all.size > 0) continue;
      this.#frames.delete(number);
      this.pages.unmark(number);
    }
    const starts = this.#frames.get(Math.floor(code.hpa / PAGE_SIZE))?.starts;
    if (starts !== undefined) removeStart(starts, code);
  }
}

/** Notes that instructions lie in the bytes of a frame that a block occupies. */
function note({ bits }: FrameCode, code: Code, frame: number): void {
  const end = endIn(code, frame);
  for (let at = startIn(code, frame); at < end; at++) bits[at >> 5]! |= 1 << (at & 31);
}

/** Whether a byte of a range has its bit. */
function meets({ bits }: FrameCode, from: number, length: number): boolean {
  for (let at = from; at < from + length; at++) if ((bits[at >> 5]! >> (at & 31) & 1) !== 0) return true;
  return false;
}

/** Removes a block from those that start at its place. */
function removeStart(starts: Map<number, Code>, code: Code): void {
  const place = code.hpa % PAGE_SIZE;
  let before = starts.get(place);
  if (before === code) {
    if (code.another === undefined) starts.delete(place);
    else starts.set(place, code.another);
    return;
  }
  while (before !== undefined && before.another !== code) before = before.another;
  if (before !== undefined) before.another = code.another;
}

/** Numbers of the frames that a block's bytes lie in. */
function framesOf(code: Code): number[] {
  const first = Math.floor(code.hpa / PAGE_SIZE);
  return code.secondPage < 0 ? [first] : [...new Set([first, code.secondPage / PAGE_SIZE])];
}

/** Whether a block starts in a frame; else it ends there. */
const startsIn = ({ hpa }: Code, frame: number): boolean => Math.floor(hpa / PAGE_SIZE) === frame;
/**
 * Whether both of a block's pages are one frame, of which it occupies the end and the start: all of it counts, to be simple and
 * safe.
 */
const isTwice = (code: Code, frame: number): boolean =>
  code.secondPage >= 0 && code.secondPage / PAGE_SIZE === frame && startsIn(code, frame);

/** Offset of the first byte that a block occupies in a frame, and of the one behind the last. */
function startIn(code: Code, frame: number): number {
  return startsIn(code, frame) && !isTwice(code, frame) ? code.hpa % PAGE_SIZE : 0;
}
function endIn(code: Code, frame: number): number {
  const end = code.hpa % PAGE_SIZE + code.length;
  if (!startsIn(code, frame)) return end - PAGE_SIZE;
  return isTwice(code, frame) ? PAGE_SIZE : Math.min(end, PAGE_SIZE);
}
