/** Functions that fill and copy stretches of the linear memory as string instructions do, which regions call. */
import { FunctionCode, type Label } from "./encoder.ts";
import { I32, I64, V128, VOID, W } from "./instructions.ts";
import { LOADS, type MemoryAccess, STORES } from "./memory_opcodes.ts";

/** Offset, bytes, and the elements in 64 bits. */
export const FILL_PARAMETERS: readonly number[] = [I32, I32, I64];
/** Offsets to copy to and from, bytes, and those of an element. */
export const COPY_PARAMETERS: readonly number[] = [I32, I32, I32, I32];
/** They return 0, as functions in the table return something. */
export type BulkFunction = (...operands: (number | bigint)[]) => number;

/**
 * Bytes above which an instruction for all is faster than pieces of 16: V8 calls a function of its own then, and saves all
 * registers around that.
 */
const BULK = 256;

/** A piece: of so many bytes, with the instructions of its accesses. */
interface Piece extends Pick<MemoryAccess, "size" | "type"> {
  readonly load: number;
  readonly store: number;
}
const piece = ({ size, type, instruction }: MemoryAccess, store: MemoryAccess): Piece => ({
  size,
  type,
  load: instruction,
  store: store.instruction,
});
const LARGEST = piece(LOADS.loadv, STORES.storev);
/** Two of one kind, which may overlap, are as many bytes as the next kind has at most. */
const SMALLER: readonly Piece[] = [
  piece(LOADS.load64, STORES.store64),
  piece(LOADS.load32, STORES.store32),
  piece(LOADS.load16, STORES.store16),
  piece(LOADS.load8, STORES.store8),
];

/** Leaves 64 bits of elements, which the low bytes of a local of 64 bits are. */
export function pushPattern(code: FunctionCode, value: number, size: number): void {
  code.get(value);
  if (size === 8) return;
  const ones = 0xffff_ffff >>> (32 - 8 * size), times = 0xffff_ffff / ones | 0;
  code.i64(ones, 0);
  code.op(W.i64_and);
  code.i64(times, size === 4 ? 1 : times);
  code.op(W.i64_mul);
}

/** Writes what is done where a local is at least a size; it leaves the block that it is in. */
function ifAtLeast(code: FunctionCode, local: number, size: number, done: Label, write: () => void): void {
  code.get(local);
  code.opWith(W.i32_ge_u, size);
  code.open(W.if, VOID);
  write();
  code.br(done);
  code.end();
}

/** Leaves an offset plus some bytes less a constant. */
function pushEnd(code: FunctionCode, offset: number, bytes: number, size: number): void {
  code.get(offset);
  code.get(bytes);
  code.op(W.i32_add);
  code.opWith(W.i32_sub, size);
}

/** Repeats `write` for offsets up to where the last piece begins; that one is not written. */
function eachPiece(code: FunctionCode, to: number, last: number, write: () => void): void {
  const done = code.open(W.block, VOID), again = code.open(W.loop, VOID);
  code.get(to);
  code.get(last);
  code.op(W.i32_ge_u);
  code.brIf(done);
  write();
  code.br(again);
  code.end();
  code.end();
}

function advance(code: FunctionCode, local: number, size: number): void {
  code.get(local);
  code.opWith(W.i32_add, size);
  code.set(local);
}

/** FILL. Pieces begin where elements do, as all sizes are powers of two. */
export function fillCode(): FunctionCode {
  const code = new FunctionCode(FILL_PARAMETERS), to = 0, bytes = 1, pattern = 2;
  const last = code.local(I32), all = code.local(V128);
  const done = code.open(W.block, VOID);
  // Of equal bytes.
  code.get(bytes);
  code.opWith(W.i32_gt_u, BULK);
  code.get(pattern);
  code.get(pattern);
  code.i64(8, 0);
  code.op(W.i64_rotl);
  code.op(W.i64_eq);
  code.op(W.i32_and);
  code.open(W.if, VOID);
  code.get(to);
  code.get(pattern);
  code.op(W.i32_wrap_i64);
  code.get(bytes);
  code.op(W.memory_fill);
  code.u8(0);
  code.br(done);
  code.end();
  ifAtLeast(code, bytes, LARGEST.size, done, () => {
    code.get(pattern);
    code.op(W.i64x2_splat);
    code.set(all);
    pushEnd(code, to, bytes, LARGEST.size);
    code.set(last);
    const store = (): void => {
      code.get(all);
      code.memory(LARGEST.store, 0);
    };
    eachPiece(code, to, last, () => {
      code.get(to);
      store();
      advance(code, to, LARGEST.size);
    });
    code.get(last);
    store();
  });
  for (const { size, type, store } of SMALLER) {
    const write = (): void => {
      code.get(pattern);
      if (type === I32) code.op(W.i32_wrap_i64);
      code.memory(store, 0);
    };
    ifAtLeast(code, bytes, size, done, () => {
      code.get(to);
      write();
      pushEnd(code, to, bytes, size);
      write();
    });
  }
  code.end();
  code.i32(0);
  return code;
}

/** COPY: upwards, as if element by element. */
export function copyCode(): FunctionCode {
  const code = new FunctionCode(COPY_PARAMETERS), to = 0, from = 1, bytes = 2, element = 3;
  const last = code.local(I32), end = code.local(V128);
  const kept = new Map([I64, I32].map((type) => [type, [code.local(type), code.local(type)] as const]));
  const done = code.open(W.block, VOID);
  // Where an element would be read after an earlier one was written there, the pattern spreads.
  code.get(to);
  code.get(from);
  code.op(W.i32_sub);
  code.get(bytes);
  code.op(W.i32_lt_u);
  code.openHinted(VOID, 0);
  writeSpreading(code, done);
  code.end();
  code.get(bytes);
  code.opWith(W.i32_gt_u, BULK);
  code.open(W.if, VOID);
  for (const local of [to, from, bytes]) code.get(local);
  code.op(W.memory_copy);
  code.u8(0);
  code.u8(0);
  code.br(done);
  code.end();
  ifAtLeast(code, bytes, LARGEST.size, done, () => {
    // What is behind may be written over before its turn.
    pushEnd(code, from, bytes, LARGEST.size);
    code.memory(LARGEST.load, 0);
    code.set(end);
    pushEnd(code, to, bytes, LARGEST.size);
    code.set(last);
    eachPiece(code, to, last, () => {
      code.get(to);
      code.get(from);
      code.memory(LARGEST.load, 0);
      code.memory(LARGEST.store, 0);
      advance(code, to, LARGEST.size);
      advance(code, from, LARGEST.size);
    });
    code.get(last);
    code.get(end);
    code.memory(LARGEST.store, 0);
  });
  for (const { size, type, load, store } of SMALLER) {
    const [first, second] = kept.get(type)!;
    ifAtLeast(code, bytes, size, done, () => {
      code.get(from);
      code.memory(load, 0);
      code.set(first);
      pushEnd(code, from, bytes, size);
      code.memory(load, 0);
      code.set(second);
      code.get(to);
      code.get(first);
      code.memory(store, 0);
      pushEnd(code, to, bytes, size);
      code.get(second);
      code.memory(store, 0);
    });
  }
  code.end();
  code.i32(0);
  return code;

  function writeSpreading(code: FunctionCode, done: Label): void {
    pushEnd(code, to, bytes, 0);
    code.set(last);
    for (const { size, load, store } of SMALLER) {
      code.get(element);
      code.opWith(W.i32_eq, size);
      code.open(W.if, VOID);
      eachPiece(code, to, last, () => {
        code.get(to);
        code.get(from);
        code.memory(load, 0);
        code.memory(store, 0);
        advance(code, to, size);
        advance(code, from, size);
      });
      code.end();
    }
    code.br(done);
  }
}
