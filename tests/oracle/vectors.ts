/**
 * Recorded vectors: cases and what the processor made of them, for hosts that cannot ask one. Written by record.ts.
 *
 * `states.bin.gz` has the memory image and the states that cases start from. Every other file is a sequence of vectors:
 * the number of the state, the registers that differ from it, the code, and what the case has changed.
 */
import { baseImage, type Case, type End, FX_BYTES, type Result } from "./case.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { CODE, CODE_OFFSET } from "./layout.ts";

/** A case and the processor's result. */
export interface Vector {
  readonly one: Case;
  readonly expected: Result;
}

/** Registers that cases start from. */
export type BaseState = Pick<Case, "gpr" | "rflags" | "fx">;

/** What all vectors share. */
export interface Shared {
  readonly image: Uint8Array<ArrayBuffer>;
  readonly states: readonly BaseState[];
}

/** Names of the files of vectors. */
export const FILES = ["integer", "vector", "x87", "compatibility"] as const;

const PLACE = 0x100;
/** Which parts a vector has. */
const Part = {
  ELSEWHERE: 1,
  GPR_IN: 2,
  FAULT: 4,
  GPR_OUT: 8,
  FX_OUT: 0x10,
  MEMORY: 0x20,
  WHOLE: 0x40,
  COMPATIBILITY: 0x80,
} as const;
const ENDS: readonly End[] = ["completed", "fault", "timeout", "syscall"];
/** Stands for a RIP that is far from the code. */
const FAR = 0x8000;
const FX_WORDS = FX_BYTES / 4;

/** Bytes of the image and the states. */
export function encodeShared({ image, states }: Shared): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  out.bytes(image.subarray(0, CODE_OFFSET));
  for (const { gpr, rflags, fx } of states) {
    for (const value of gpr) out.u64(value);
    out.u32(rflags);
    out.bytes(fx.subarray(0, FX_BYTES));
  }
  return out.written;
}

/** The other way round. */
export function decodeShared(bytes: Uint8Array<ArrayBuffer>): Shared {
  const source = new ByteReader(bytes);
  const image = baseImage(source.bytes(CODE_OFFSET));
  const states: BaseState[] = [];
  while (source.more) {
    const gpr = BigUint64Array.from({ length: 16 }, () => source.u64());
    const rflags = source.u32();
    const fx = new Uint8Array(512);
    fx.set(source.bytes(FX_BYTES));
    states.push({ gpr, rflags, fx });
  }
  return { image, states };
}

/** Appends a vector whose case starts from state `number`. */
export function encodeVector(
  out: ByteWriter,
  { one, expected }: Vector,
  number: number,
  state: BaseState,
): void {
  const gprIn = changed(one.gpr, state.gpr), gprOut = changed(expected.gpr, one.gpr);
  const fxIn = words(one.fx), fxOut = words(expected.fx);
  const fxMask = [...fxOut.keys()].filter((n) => fxIn[n] !== fxOut[n]);
  const parts = (one.offset === PLACE ? 0 : Part.ELSEWHERE) |
    (gprIn.length > 0 ? Part.GPR_IN : 0) |
    (expected.end === "completed" ? 0 : Part.FAULT) |
    (gprOut.length > 0 ? Part.GPR_OUT : 0) |
    (fxMask.length > 0 ? Part.FX_OUT : 0) |
    (expected.memory.size > 0 ? Part.MEMORY : 0) |
    (one.whole === true ? Part.WHOLE : 0) |
    (one.codeSize === 32 ? Part.COMPATIBILITY : 0);
  out.u8(number);
  out.u8(parts);
  if ((parts & Part.ELSEWHERE) !== 0) out.u16(one.offset);
  out.u8(one.code.length & 0xff);
  out.u8(one.code.length >> 8);
  out.bytes(one.code);
  if ((parts & Part.GPR_IN) !== 0) encodeRegisters(out, gprIn, one.gpr);
  if ((parts & Part.FAULT) !== 0) {
    out.u8(ENDS.indexOf(expected.end));
    out.u8(expected.vector);
    out.u32(expected.error);
    out.u64(expected.cr2);
  }
  encodeRip(out, expected.rip - CODE - BigInt(one.offset), expected.rip);
  out.u32(expected.rflags);
  if ((parts & Part.GPR_OUT) !== 0) encodeRegisters(out, gprOut, expected.gpr);
  if ((parts & Part.FX_OUT) !== 0) {
    out.u8(fxMask.length);
    for (const n of fxMask) {
      out.u8(n);
      out.u32(fxOut[n]!);
    }
  }
  if ((parts & Part.MEMORY) !== 0) {
    out.u16(expected.memory.size);
    for (const [offset, word] of expected.memory) {
      out.u16(offset);
      out.u64(word);
    }
  }
}

/** The vectors of a file. */
export function* decodeVectors(
  bytes: Uint8Array<ArrayBuffer>,
  states: readonly BaseState[],
): Generator<Vector> {
  const source = new ByteReader(bytes);
  while (source.more) yield decodeVector(source, states);
}

function decodeVector(source: ByteReader, states: readonly BaseState[]): Vector {
  const state = states[source.u8()]!;
  const parts = source.u8();
  const offset = (parts & Part.ELSEWHERE) !== 0 ? source.u16() : PLACE;
  const code = source.bytes(source.u8() | (source.u8() << 8));
  const gpr = state.gpr.slice();
  if ((parts & Part.GPR_IN) !== 0) decodeRegisters(source, gpr);
  const faulted = (parts & Part.FAULT) !== 0;
  const end = faulted ? ENDS[source.u8()]! : "completed";
  const vector = faulted ? source.u8() : 0,
    error = faulted ? source.u32() : 0,
    cr2 = faulted ? source.u64() : 0n;
  const near = source.u16();
  const rip = near === FAR ? source.u64() : CODE + BigInt(offset) + BigInt((near << 16) >> 16);
  const rflags = source.u32();
  const gprOut = gpr.slice();
  if ((parts & Part.GPR_OUT) !== 0) decodeRegisters(source, gprOut);
  const fx = state.fx.slice(0, FX_BYTES);
  if ((parts & Part.FX_OUT) !== 0) {
    const view = new DataView(fx.buffer);
    for (let count = source.u8(); count > 0; count--) view.setUint32(4 * source.u8(), source.u32(), true);
  }
  const memory = new Map<number, bigint>();
  if ((parts & Part.MEMORY) !== 0) {
    for (let count = source.u16(); count > 0; count--) memory.set(source.u16(), source.u64());
  }
  return {
    one: {
      gpr,
      rflags: state.rflags,
      fx: state.fx,
      code,
      offset,
      codeSize: (parts & Part.COMPATIBILITY) !== 0 ? 32 : 64,
      ...((parts & Part.WHOLE) !== 0 ? { whole: true } : {}),
    },
    expected: { end, vector, error, cr2, gpr: gprOut, rflags, rip, fx, memory },
  };
}

/** Numbers of the registers that differ. */
function changed(now: BigUint64Array, before: BigUint64Array): number[] {
  return [...now.keys()].filter((n) => now[n] !== before[n]);
}

function encodeRegisters(out: ByteWriter, numbers: readonly number[], values: BigUint64Array): void {
  out.u16(numbers.reduce((mask, n) => mask | (1 << n), 0));
  for (const n of numbers) out.u64(values[n]!);
}

function decodeRegisters(source: ByteReader, values: BigUint64Array): void {
  const mask = source.u16();
  for (let n = 0; n < 16; n++) if (((mask >> n) & 1) !== 0) values[n] = source.u64();
}

function encodeRip(out: ByteWriter, distance: bigint, rip: bigint): void {
  if (distance > -0x7fffn && distance < 0x7fffn) {
    out.u16(Number(BigInt.asUintN(16, distance)));
    return;
  }
  out.u16(FAR);
  out.u64(rip);
}

function words(fx: Uint8Array): Uint32Array {
  return new Uint32Array(fx.slice(0, FX_WORDS * 4).buffer);
}
