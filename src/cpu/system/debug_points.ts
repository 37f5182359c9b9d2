/** What a debugger outside the guest watches. The guest cannot see it: no register, flag or byte of memory tells. */

/** When a point stops the machine: before an instruction, or behind one that has accessed data. */
export type DebugPointKind = "execute" | "write" | "read" | "access";

/** A breakpoint or watchpoint at a linear address, in whatever address space. */
export interface DebugPoint {
  readonly kind: DebugPointKind;
  readonly address: bigint;
  /** Bytes that are watched; a breakpoint has its instruction's first one. */
  readonly length: number;
}

/** An access to data that is watched. */
export interface DebugAccess {
  readonly isWrite: boolean;
  /** Linear. */
  readonly address: bigint;
  readonly size: number;
  /** RIP of the instruction. */
  readonly rip: bigint;
}

/** The point that was met. */
export interface DebugHit {
  readonly point: DebugPoint;
  /** The access that met it; undefined: the instruction at RIP did, and has not been executed. */
  readonly access: DebugAccess | undefined;
}

/** The points of a debugger. They hold for all processors and address spaces. */
export class DebugPoints {
  /** Whether there are some for instructions, and for data. */
  executes = false;
  watches = false;
  /** What has been met; the machine stops for it. Who has dealt with it sets it to undefined. */
  hit: DebugHit | undefined;
  /** Is told that the machine is to stop. */
  onHit: () => void = () => {};
  /** Is told that the points are other ones. */
  onChange: () => void = () => {};
  /** Is told that the points for instructions are other ones. */
  onBreakpoints: () => void = () => {};

  #all: readonly DebugPoint[] = [];
  /** False while what executes is not what is debugged. */
  #applies = true;
  /** Linear address of the instruction that the next check lets pass. */
  #passed: bigint | undefined;

  /** Adds a point; one that is there already is not added again. */
  add(point: DebugPoint): void {
    if (this.#find(point) === undefined) this.#set([...this.#all, point]);
  }

  /** Removes a point. Returns whether it was there. */
  remove(point: DebugPoint): boolean {
    const there = this.#find(point);
    if (there !== undefined) this.#set(this.#all.filter((other) => other !== there));
    return there !== undefined;
  }

  /** Removes all points. */
  clear(): void {
    this.hit = undefined;
    this.#passed = undefined;
    if (this.#all.length > 0) this.#set([]);
  }

  /** Says whether what executes from now on is what is debugged. */
  apply(applies: boolean): void {
    if (this.#applies === applies) return;
    this.#applies = applies;
    if (this.#all.length > 0) this.#set(this.#all);
  }

  /** Lets the instruction at a linear address pass if it is executed next: the debugger has seen that it is there. */
  pass(linear: bigint): void {
    this.#passed = linear;
  }

  /** Before the instruction at a linear address: whether a point stops it. */
  stops(lo: number, hi: number): boolean {
    const linear = linearOf(lo, hi), passed = this.#passed;
    this.#passed = undefined;
    if (passed === linear) return false;
    const point = this.#all.find(({ kind, address }) => kind === "execute" && address === linear);
    if (point !== undefined) this.#meet({ point, access: undefined });
    return point !== undefined;
  }

  /** Code without a point is being executed. */
  nothingStops(): void {
    this.#passed = undefined;
  }

  /**
   * Whether a point for instructions lies, whether points apply now or not, in `length` bytes of code that is at a linear
   * address; without `hi`, at an offset into any page.
   */
  mayLieIn(lo: number, hi: number | undefined, length: number): boolean {
    return this.#all.some(({ kind, address }) => {
      if (kind !== "execute") return false;
      if (hi === undefined) return ((Number(address & OFFSET) - lo) & Number(OFFSET)) < length;
      const start = linearOf(lo, hi);
      return address >= start && address < start + BigInt(length);
    });
  }

  /** Whether data of the page of a linear address is watched. */
  watchesPage(lo: number, hi: number): boolean {
    if (!this.watches) return false;
    const start = linearOf(lo & ~0xfff, hi);
    return this.#all.some((point) => point.kind !== "execute" && overlaps(point, start, 0x1000));
  }

  /** The point that an access to data meets. */
  watching(lo: number, hi: number, size: number, write: boolean): DebugPoint | undefined {
    const start = linearOf(lo, hi), other = write ? "read" : "write";
    return this.#all.find((point) =>
      point.kind !== "execute" && point.kind !== other && overlaps(point, start, size)
    );
  }

  /** The instruction that is executed has met a point for data, by an access to a linear address. */
  touched(point: DebugPoint, lo: number, hi: number, access: Omit<DebugAccess, "address">): void {
    if (this.hit === undefined) this.#meet({ point, access: { ...access, address: linearOf(lo, hi) } });
  }

  /** The instruction has raised a fault: it will be executed again, and with it what it accesses. */
  undo(): void {
    if (this.hit?.access !== undefined) this.hit = undefined;
  }

  #meet(hit: DebugHit): void {
    this.hit = hit;
    this.onHit();
  }

  #find({ kind, address, length }: DebugPoint): DebugPoint | undefined {
    return this.#all.find((other) =>
      other.kind === kind && other.address === address && other.length === length
    );
  }

  #set(all: readonly DebugPoint[]): void {
    const before = this.#all.filter(isBreakpoint), now = all.filter(isBreakpoint);
    this.#all = all;
    if (before.length !== now.length || before.some((point, n) => point !== now[n])) this.onBreakpoints();
    this.executes = this.#applies && now.length > 0;
    this.watches = this.#applies && all.length > now.length;
    this.onChange();
  }
}

/** Bits of an address that paging leaves alone. */
const OFFSET = 0xfffn;

const isBreakpoint = ({ kind }: DebugPoint): boolean => kind === "execute";

const linearOf = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

const overlaps = ({ address, length }: DebugPoint, start: bigint, size: number): boolean =>
  address < start + BigInt(size) && start < address + BigInt(length);
