/** The instruction that a processor is at, for VM exits. */
import { CPL, EVENT, RIP, SEG_ATTRIBUTES, SEG_BASE, SEGMENT, Segment, SEGMENT_STRIDE } from "../cpu/state.ts";
import { Attribute } from "../cpu/system/descriptor.ts";
import { decode } from "../frontend/decode.ts";
import type { CodeSize, Instruction } from "../frontend/instruction.ts";
import type { Mmu } from "../memory/mmu.ts";
import { PAGE_SIZE, RAM_BASE } from "../memory/physical.ts";
import type { HostedProcessor } from "./hosted_processor.ts";

const MAX_BYTES = 15, CS = SEGMENT + SEGMENT_STRIDE * Segment.CS;

/** The instruction at RIP; undefined if it cannot be read. */
export function instructionAtRip({ mmu }: HostedProcessor): Instruction | undefined {
  const { i32: m } = mmu.memory, attributes = m[(CS + SEG_ATTRIBUTES) >> 2]!;
  const long = (attributes & Attribute.L) !== 0;
  const rip = m[RIP >> 2]!, lo = long ? rip : (rip + m[(CS + SEG_BASE) >> 2]!) | 0;
  const size = long ? 64 : (attributes & Attribute.DB) !== 0 ? 32 : 16, event = m[EVENT >> 2]!;
  const instruction = instructionAt(mmu, lo, long ? m[(RIP >> 2) + 1]! : 0, size);
  // Reading it may have met a page that is not there.
  m[EVENT >> 2] = event;
  return instruction;
}

function instructionAt(mmu: Mmu, lo: number, hi: number, size: CodeSize): Instruction | undefined {
  const { u8 } = mmu.memory, hpa = placeOf(mmu, lo, hi);
  if (hpa < 0) return undefined;
  const first = RAM_BASE + hpa, inPage = Math.min(MAX_BYTES, PAGE_SIZE - hpa % PAGE_SIZE);
  const decoded = decode(u8, first, inPage, size);
  if ("length" in decoded) return decoded;
  // The next page only matters where the instruction reaches into it.
  const next = (lo + inPage) | 0;
  const second = inPage === MAX_BYTES
    ? -1
    : placeOf(mmu, next, next === 0 && size === 64 ? (hi + 1) | 0 : hi);
  if (second < 0) return undefined;
  const bytes = new Uint8Array(MAX_BYTES);
  bytes.set(u8.subarray(first, first + inPage));
  bytes.set(u8.subarray(RAM_BASE + second, RAM_BASE + second + MAX_BYTES - inPage), inPage);
  const crossing = decode(bytes, 0, MAX_BYTES, size);
  return "length" in crossing ? crossing : undefined;
}

/** Where the processor fetches the byte at a linear address from: a host-physical address in RAM, or -1. */
function placeOf(mmu: Mmu, lo: number, hi: number): number {
  const { i32: m, ramBytes } = mmu.memory, known = mmu.executablePage(lo, hi);
  if (known >= 0) return known + (lo & 0xfff);
  const linear = BigInt.asUintN(64, (BigInt(hi) << 32n) | BigInt(lo >>> 0));
  const place = mmu.translate(linear, "execute", m[CPL >> 2] === 3);
  return "error" in place || place.hpa >= ramBytes ? -1 : place.hpa;
}
