/** Breakpoints and watchpoints for programs that run a processor or a machine from outside. */
import type { DebugPoint, DebugPointKind, DebugPoints } from "../../cpu/system/debug_points.ts";

/** A run has met a breakpoint or a watchpoint. Addresses are linear. */
export type PointStop =
  /** The instruction at RIP has a breakpoint, and has not been executed. */
  | { readonly kind: "breakpoint"; readonly address: bigint }
  /**
   * An instruction has accessed `size` bytes at `address`, some of which are watched. It has been executed; `rip` is where
   * it is, or its offset in the code segment.
   */
  | {
    readonly kind: "watchpoint";
    readonly access: "read" | "write";
    readonly address: bigint;
    readonly size: number;
    readonly rip: bigint;
  };

/** Which accesses a watchpoint stops. */
export type WatchedAccess = "read" | "write" | "any";

const POINT_KINDS = { read: "read", write: "write", any: "access" } as const satisfies Record<
  WatchedAccess,
  DebugPointKind
>;

/** Adds a breakpoint. Returns a function that takes it away. */
export function addBreakpoint(points: DebugPoints, address: bigint | number): () => void {
  return add(points, { kind: "execute", address: linear(address), length: 1 });
}

/** Adds a watchpoint. Returns a function that takes it away. */
export function addWatchpoint(
  points: DebugPoints,
  address: bigint | number,
  size: number,
  access: WatchedAccess,
): () => void {
  if (!Number.isSafeInteger(size) || size < 1) throw new RangeError(`Cannot watch ${size} bytes`);
  return add(points, { kind: POINT_KINDS[access], address: linear(address), length: size });
}

/** What the run that has ended has met. */
export function pointStop({ hit }: DebugPoints): PointStop | undefined {
  if (hit === undefined) return undefined;
  const { point, access } = hit;
  if (access === undefined) return { kind: "breakpoint", address: point.address };
  const { isWrite, address, size, rip } = access;
  return { kind: "watchpoint", access: isWrite ? "write" : "read", address, size, rip };
}

/** Before a run: the breakpoint that the last one has stopped at lets its instruction pass, if that is next. */
export function leavePoint(points: DebugPoints, rip: bigint): void {
  const { hit } = points;
  if (hit === undefined) return;
  points.hit = undefined;
  if (hit.access === undefined && hit.point.address === rip) points.pass(rip);
}

function add(points: DebugPoints, point: DebugPoint): () => void {
  points.add(point);
  return () => void points.remove(point);
}

function linear(address: bigint | number): bigint {
  const value = BigInt(address);
  if (BigInt.asUintN(64, value) !== value) throw new RangeError(`${value} is no address: it has 64 bits`);
  return value;
}
