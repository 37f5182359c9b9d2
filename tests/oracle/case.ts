/** A case of the oracle and its result, and the byte streams that runner.c reads and writes. */
import { CODE_OFFSET, IMAGE_BYTES } from "./layout.ts";

/** What is executed, from which state. */
export interface Case {
  /** General registers in encoding order. */
  readonly gpr: BigUint64Array;
  readonly rflags: number;
  /** x87, MMX, XMM and MXCSR, as FXRSTOR takes them: 512 bytes. */
  readonly fx: Uint8Array;
  /** The code, followed by INT3s, at this offset in the code pages. */
  readonly code: Uint8Array;
  readonly offset: number;
  /** Code of 64-bit mode, or of compatibility mode with flat segments. */
  readonly codeSize: CodeSize;
  /** The code makes sense only as it is: nothing is taken out of it when the case is made smaller. */
  readonly whole?: true;
}

/** Widths of code that a user program can run. */
export type CodeSize = 32 | 64;

/** How a case ended. */
export type End = "completed" | "fault" | "timeout" | "syscall";
const ENDS: readonly End[] = ["completed", "fault", "timeout", "syscall"];

/** The state a case left. */
export interface Result {
  readonly end: End;
  /** Of a fault. */
  readonly vector: number;
  readonly error: number;
  readonly cr2: bigint;
  readonly gpr: BigUint64Array;
  readonly rflags: number;
  readonly rip: bigint;
  /** RIP is behind an INT instruction at which the fault is. */
  readonly behind?: true;
  /** The first 416 bytes of an FXSAVE image. */
  readonly fx: Uint8Array;
  /** Changed memory: 64-bit words by their offset in the flat image. */
  readonly memory: ReadonlyMap<number, bigint>;
}

const STATE_BYTES = 16 * 8 + 8 + 512 + 8;
export const FX_BYTES = 416;

/** Bytes of a batch of cases. */
export function encodeBatch(cases: readonly Case[]): Uint8Array<ArrayBuffer> {
  const total = cases.reduce((sum, { code }) => sum + STATE_BYTES + code.length, 0);
  const bytes = new Uint8Array(8 + total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, total, true);
  view.setUint32(4, cases.length, true);
  let at = 8;
  for (const { gpr, rflags, fx, code, offset, codeSize } of cases) {
    for (let n = 0; n < 16; n++) view.setBigUint64(at + 8 * n, gpr[n]!, true);
    view.setBigUint64(at + 128, BigInt(rflags), true);
    bytes.set(fx, at + 136);
    view.setUint16(at + 648, offset, true);
    view.setUint16(at + 650, code.length, true);
    view.setUint16(at + 654, codeSize === 32 ? 1 : 0, true);
    bytes.set(code, at + STATE_BYTES);
    at += STATE_BYTES + code.length;
  }
  return bytes;
}

/** The results in the body of a batch. */
export function decodeBatch(body: Uint8Array, count: number): Result[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const results: Result[] = [];
  let at = 0;
  for (let n = 0; n < count; n++) {
    const gpr = new BigUint64Array(16);
    for (let r = 0; r < 16; r++) gpr[r] = view.getBigUint64(at + 8 * r, true);
    const rflags = view.getUint32(at + 128, true);
    const fx = body.slice(at + 136, at + 136 + FX_BYTES);
    at += 136 + FX_BYTES;
    const rip = view.getBigUint64(at, true), cr2 = view.getBigUint64(at + 8, true);
    const error = view.getUint32(at + 16, true);
    const end = ENDS[body[at + 20]!]!, vector = body[at + 21]!;
    const changes = view.getUint16(at + 22, true);
    at += 24;
    const memory = new Map<number, bigint>();
    for (let change = 0; change < changes; change++) {
      const offset = view.getUint16(at, true), length = view.getUint16(at + 2, true);
      for (let word = 0; word < length; word += 8) {
        memory.set(offset + word, view.getBigUint64(at + 4 + word, true));
      }
      at += 4 + length;
    }
    results.push({ end, vector, error, cr2, gpr, rflags, rip, fx, memory });
  }
  return results;
}

/** The flat memory image that all cases start from: data as given, code pages full of INT3. */
export function baseImage(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const image = new Uint8Array(IMAGE_BYTES).fill(0xcc);
  image.set(data.subarray(0, CODE_OFFSET));
  return image;
}
