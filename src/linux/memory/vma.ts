/** The regions of an address space: which addresses exist, what may be done with them, what is behind them. */
import { PAGE_SIZE } from "../../memory/physical.ts";
import type { Backing } from "./backing.ts";

/** Bits of `prot`. mmap(2). */
export const Prot = { READ: 1, WRITE: 2, EXEC: 4 } as const;

/** A region: pages [start, end) with the same properties. */
export interface Region {
  start: number;
  end: number;
  prot: number;
  /** MAP_SHARED: stores reach the backing. */
  readonly shared: boolean;
  /** The stack: grows down to `stackLimit` below its end. */
  readonly growsDown: boolean;
  /** Undefined: private anonymous memory. */
  readonly backing: Backing | undefined;
  /** Position in the backing of `start`. */
  offset: number;
  /** What /proc/self/maps calls it, where that is no file. */
  readonly name: string;
  /** True if the file was opened for writing (mprotect may add WRITE to a shared mapping). */
  readonly mayWrite: boolean;
}

/** Regions in order of address, never overlapping. */
export class RegionList {
  readonly list: Region[] = [];
  #last: Region | undefined;

  /** Index of the first region that ends behind `address`. */
  indexAt(address: number): number {
    let low = 0, high = this.list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.list[middle]!.end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The region that contains `address`. */
  find(address: number): Region | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.start && address < last.end) return last;
    const region = this.list[this.indexAt(address)];
    if (region === undefined || address < region.start) return undefined;
    this.#last = region;
    return region;
  }

  /** The regions that overlap [start, end). */
  overlapping(start: number, end: number): Region[] {
    const found: Region[] = [];
    for (let i = this.indexAt(start); i < this.list.length && this.list[i]!.start < end; i++) {
      found.push(this.list[i]!);
    }
    return found;
  }

  /** True if every address in [start, end) belongs to a region. */
  covers(start: number, end: number): boolean {
    let reached = start;
    for (const region of this.overlapping(start, end)) {
      if (region.start > reached) return false;
      reached = region.end;
    }
    return reached >= end;
  }

  /** Adds a region into a free place, merging it with neighbours that are alike. */
  insert(region: Region): void {
    const at = this.indexAt(region.start);
    this.list.splice(at, 0, region);
    this.#mergeAt(at);
    if (at > 0) this.#mergeAt(at - 1);
  }

  /** Cuts regions so that none crosses `address`. */
  split(address: number): void {
    const region = this.find(address);
    if (region === undefined || region.start === address) return;
    const upper = { ...region, start: address, offset: region.offset + (address - region.start) };
    region.end = address;
    region.backing?.share();
    this.#last = undefined;
    this.list.splice(this.indexAt(address), 0, upper);
  }

  /** Takes out the regions in [start, end), cutting those that cross its ends. */
  remove(start: number, end: number): Region[] {
    this.split(start);
    this.split(end);
    const from = this.indexAt(start);
    let to = from;
    while (to < this.list.length && this.list[to]!.start < end) to++;
    this.#last = undefined;
    return this.list.splice(from, to - from);
  }

  /** Merges what is alike around [start, end), after properties were changed. */
  mergeAround(start: number, end: number): void {
    for (let i = Math.max(0, this.indexAt(start) - 1); i < this.list.length && this.list[i]!.start <= end;) {
      if (!this.#mergeAt(i)) i++;
    }
  }

  /**
   * Highest free place of `length` bytes in [lowest, highest), or -1. Stacks keep a gap of 1 MB below them.
   */
  gapBelow(length: number, lowest: number, highest: number): number {
    let top = highest;
    for (let i = this.list.length - 1; i >= 0; i--) {
      const region = this.list[i]!;
      if (region.start >= highest && !region.growsDown) continue;
      if (region.end <= top && top - region.end >= length) return top - length;
      top = Math.min(top, region.start - (region.growsDown ? STACK_GAP : 0));
    }
    return top - length >= lowest ? top - length : -1;
  }

  #mergeAt(at: number): boolean {
    const lower = this.list[at], upper = this.list[at + 1];
    if (lower === undefined || upper === undefined || !alike(lower, upper)) return false;
    lower.end = upper.end;
    upper.backing?.detach();
    this.list.splice(at + 1, 1);
    this.#last = undefined;
    return true;
  }
}

/** Distance that the stack keeps from what is below it. */
export const STACK_GAP = 256 * PAGE_SIZE;

function alike(lower: Region, upper: Region): boolean {
  return lower.end === upper.start && lower.prot === upper.prot && lower.shared === upper.shared &&
    lower.backing === upper.backing && lower.name === upper.name && !lower.growsDown && !upper.growsDown &&
    lower.mayWrite === upper.mayWrite &&
    (lower.backing === undefined || lower.offset + (lower.end - lower.start) === upper.offset);
}
