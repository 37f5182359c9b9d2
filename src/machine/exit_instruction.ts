/** The instruction that a processor is at, for VM exits. */
import { CPL, EVENT, RIP, SEG_ATTRIBUTES, SEG_BASE, SEGMENT, Segment, SEGMENT_STRIDE } from "../cpu/state.ts";
import { Attribute } from "../cpu/system/descriptor.ts";
import { decode } from "../frontend/decode.ts";
import type { Instruction } from "../frontend/instruction.ts";
import { RAM_BASE } from "../memory/physical.ts";
import type { HostedProcessor } from "./hosted_processor.ts";

const MAX_BYTES = 15, CS = SEGMENT + SEGMENT_STRIDE * Segment.CS;

/** The instruction at RIP; undefined if it cannot be read. */
export function instructionAtRip({ memory, mmu }: HostedProcessor): Instruction | undefined {
  const { i32: m, u8, ramBytes } = memory;
  const event = m[EVENT >> 2]!, attributes = m[(CS + SEG_ATTRIBUTES) >> 2]!;
  const long = (attributes & Attribute.L) !== 0;
  const quad = (cell: number): bigint => (BigInt(m[(cell >> 2) + 1]!) << 32n) | BigInt(m[cell >> 2]! >>> 0);
  const linear = long ? quad(RIP) : BigInt.asUintN(32, quad(RIP) + quad(CS + SEG_BASE));
  const bytes = new Uint8Array(MAX_BYTES);
  let available = 0;
  for (; available < MAX_BYTES; available++) {
    const place = mmu.translate(BigInt.asUintN(64, linear + BigInt(available)), "execute", m[CPL >> 2] === 3);
    if ("error" in place || place.hpa >= ramBytes) break;
    bytes[available] = u8[RAM_BASE + place.hpa]!;
  }
  m[EVENT >> 2] = event;
  const decoded = decode(bytes, 0, available, long ? 64 : (attributes & Attribute.DB) !== 0 ? 32 : 16);
  return "length" in decoded ? decoded : undefined;
}
