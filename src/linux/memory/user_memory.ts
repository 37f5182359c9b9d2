/** Access of system calls to a program's memory: the one place where the host reads and writes it. */
import { PAGE_SIZE, RAM_BASE } from "../../memory/physical.ts";
import { Errno, fail } from "../abi/errno.ts";
import type { AddressSpace } from "./address_space.ts";
import { copyBytes } from "./copy_bytes.ts";
import { Pte, USER_END } from "./page_tables.ts";

/** Longest path, with its NUL. */
export const PATH_MAX = 4096;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Text of a string of the guest. Bytes that are no UTF-8 become the characters U+DC80 to U+DCFF, which
 * `bytesOfText` turns back, so that any file name survives.
 */
export function textOfBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
    return text;
  }
}

/** Bytes of a text that `textOfBytes` may have made. */
export function bytesOfText(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(text) || /[\ud800-\udbff]/.test(text)) return encoder.encode(text);
  const parts: number[] = [];
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(code - 0xdc00);
    else parts.push(...encoder.encode(character));
  }
  return Uint8Array.from(parts);
}

/** Reads and writes the memory of an address space. Everything fails with EFAULT where the program could not. */
export class UserMemory {
  constructor(readonly space: AddressSpace) {}

  /** Offset in the linear memory of the byte at `linear`, made accessible. */
  #reach(linear: number, write: boolean): number {
    if (linear < 0 || linear >= USER_END) fail(Errno.EFAULT);
    const tables = this.space.tables;
    const i32 = tables.frames.memory.i32;
    const needed = write ? Pte.P | Pte.W : Pte.P;
    let at = tables.find(linear);
    if (at < 0 || (i32[at]! & needed) !== needed) {
      if (this.space.fault(linear, write ? "write" : "read") !== "resolved") fail(Errno.EFAULT);
      at = tables.find(linear);
    }
    if (write) i32[at] = i32[at]! | Pte.D;
    return RAM_BASE + (i32[at]! >>> 12) * PAGE_SIZE + linear % PAGE_SIZE;
  }

  /** Fills `target` from `linear` on. */
  readInto(linear: number, target: Uint8Array): void {
    const u8 = this.space.tables.frames.memory.u8;
    for (let done = 0; done < target.length;) {
      const from = this.#reach(linear + done, false);
      const part = Math.min(target.length - done, PAGE_SIZE - (linear + done) % PAGE_SIZE);
      copyBytes(target, done, u8, from, part);
      done += part;
    }
  }

  /** A copy of the bytes at `linear`. */
  read(linear: number, length: number): Uint8Array {
    // A length that cannot be mapped must not be allocated either.
    if (length > 0x1000_0000) this.#check(linear, length);
    const bytes = new Uint8Array(length);
    this.readInto(linear, bytes);
    return bytes;
  }

  #check(linear: number, length: number): void {
    if (!this.space.regions.covers(linear, Math.min(linear + length, USER_END + 1))) fail(Errno.EFAULT);
  }

  /** Writes bytes to `linear`. */
  write(linear: number, bytes: Uint8Array): void {
    const frames = this.space.tables.frames;
    const u8 = frames.memory.u8;
    for (let done = 0; done < bytes.length;) {
      const to = this.#reach(linear + done, true);
      const part = Math.min(bytes.length - done, PAGE_SIZE - (linear + done) % PAGE_SIZE);
      copyBytes(u8, to, bytes, done, part);
      frames.mmu.wroteRam(to - RAM_BASE, part);
      done += part;
    }
  }

  /** Writes zeros. */
  clear(linear: number, length: number): void {
    for (let done = 0; done < length;) {
      const part = Math.min(length - done, PAGE_SIZE - (linear + done) % PAGE_SIZE);
      this.write(linear + done, ZEROS.subarray(0, part));
      done += part;
    }
  }

  /** Reads an unsigned byte. */
  u8(linear: number): number {
    return this.space.tables.frames.memory.u8[this.#reach(linear, false)]!;
  }

  /** Reads an unsigned 16-bit number. */
  u16(linear: number): number {
    return this.u8(linear) | (this.u8(linear + 1) << 8);
  }

  /** Reads a signed 32-bit number. */
  i32(linear: number): number {
    if (linear % PAGE_SIZE <= PAGE_SIZE - 4) {
      return this.space.tables.frames.memory.view.getInt32(this.#reach(linear, false), true);
    }
    return this.u16(linear) | (this.u16(linear + 2) << 16);
  }

  /** Reads an unsigned 32-bit number. */
  u32(linear: number): number {
    return this.i32(linear) >>> 0;
  }

  /** Reads an unsigned 64-bit number; above 2^53 it is rounded. */
  u64(linear: number): number {
    return this.u32(linear) + this.u32(linear + 4) * 0x1_0000_0000;
  }

  /** Reads a signed 64-bit number; beyond 2^53 it is rounded. */
  i64(linear: number): number {
    return this.u32(linear) + this.i32(linear + 4) * 0x1_0000_0000;
  }

  /** Reads an unsigned 64-bit number exactly. */
  big(linear: number): bigint {
    return BigInt(this.u32(linear)) | (BigInt(this.u32(linear + 4)) << 32n);
  }

  /** Writes a byte. */
  setU8(linear: number, value: number): void {
    const frames = this.space.tables.frames;
    const at = this.#reach(linear, true);
    frames.memory.u8[at] = value;
    frames.mmu.wroteRam(at - RAM_BASE, 1);
  }

  /** Writes a 32-bit number. */
  setI32(linear: number, value: number): void {
    if (linear % PAGE_SIZE > PAGE_SIZE - 4) {
      for (let i = 0; i < 4; i++) this.setU8(linear + i, value >>> (8 * i));
      return;
    }
    const frames = this.space.tables.frames;
    const at = this.#reach(linear, true);
    frames.memory.view.setInt32(at, value, true);
    frames.mmu.wroteRam(at - RAM_BASE, 4);
  }

  /** Writes a 64-bit number, signed or unsigned, of at most 53 significant bits. */
  setI64(linear: number, value: number): void {
    this.setHalves(linear, value | 0, Math.floor(value / 0x1_0000_0000) | 0);
  }

  /** Writes a 64-bit number. */
  setHalves(linear: number, lo: number, hi: number): void {
    if (linear % PAGE_SIZE > PAGE_SIZE - 8) {
      this.setI32(linear, lo);
      return this.setI32(linear + 4, hi);
    }
    const { memory, mmu } = this.space.tables.frames, at = this.#reach(linear, true);
    memory.view.setInt32(at, lo, true);
    memory.view.setInt32(at + 4, hi, true);
    mmu.wroteRam(at - RAM_BASE, 8);
  }

  /** Writes a 64-bit number. */
  setBig(linear: number, value: bigint): void {
    this.setHalves(linear, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  }

  /** Bytes of the string at `linear` without its NUL. Fails with `tooLong` if there is none within `limit` bytes. */
  stringBytes(linear: number, limit: number = PATH_MAX, tooLong: number = Errno.ENAMETOOLONG): Uint8Array {
    const u8 = this.space.tables.frames.memory.u8;
    const parts: Uint8Array[] = [];
    for (let done = 0;;) {
      const from = this.#reach(linear + done, false);
      const part = Math.min(limit - done, PAGE_SIZE - (linear + done) % PAGE_SIZE);
      const bytes = u8.subarray(from, from + part);
      const end = bytes.indexOf(0);
      parts.push(end < 0 ? bytes : bytes.subarray(0, end));
      if (end >= 0) break;
      done += part;
      if (done >= limit) fail(tooLong);
    }
    return joinBytes(parts);
  }

  /** The string at `linear`. */
  string(linear: number, limit: number = PATH_MAX): string {
    return textOfBytes(this.stringBytes(linear, limit));
  }
}

const ZEROS = new Uint8Array(PAGE_SIZE);

/** One array of several; always a copy. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (parts.length === 1) return new Uint8Array(parts[0]!);
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
