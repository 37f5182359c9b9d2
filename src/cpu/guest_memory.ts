/** What helper implementations need of the memory: memory/physical.ts and memory/access.ts provide it. */

/** The linear memory that the processor state is at the start of. */
export interface StateMemory {
  readonly buffer: ArrayBuffer;
  readonly i32: Int32Array;
}

/**
 * Guest memory at linear addresses (in halves). After an access that fails, the EVENT cell is not 0 and nothing has
 * been stored. `flags` are MemoryFlag bits (ir/types.ts). 64-bit loads leave the upper half in RETURN_HI.
 */
export interface GuestMemory {
  load8(lo: number, hi: number, flags: number): number;
  load16(lo: number, hi: number, flags: number): number;
  load32(lo: number, hi: number, flags: number): number;
  load64(lo: number, hi: number, flags: number): number;
  store8(lo: number, hi: number, value: number, flags: number): void;
  store16(lo: number, hi: number, value: number, flags: number): void;
  store32(lo: number, hi: number, value: number, flags: number): void;
  store64(lo: number, hi: number, valueLo: number, valueHi: number, flags: number): void;
  /** Offset in the linear memory of an address whose page can be accessed directly; else it is negative. */
  offsetForCopy(lo: number, hi: number, write: boolean): number;
  /** PKRU has changed. */
  keysChanged?(): void;
  /** Raises a fault: sets the EVENT cells. `error` is -1 where the vector has none. */
  raise(vector: number, error: number): void;
}
