/** The instruction that a processor is at, for VM exits. */
import { CPL, EVENT, RIP, SEG_ATTRIBUTES, SEG_BASE, SEGMENT, Segment, SEGMENT_STRIDE } from "../cpu/state.ts";
import { Attribute } from "../cpu/system/descriptor.ts";
import { decode } from "../frontend/decode.ts";
import type { Instruction } from "../frontend/instruction.ts";
import { PAGE_SIZE, RAM_BASE } from "../memory/physical.ts";
import type { HostedProcessor } from "./hosted_processor.ts";

const MAX_BYTES = 15, CS = SEGMENT + SEGMENT_STRIDE * Segment.CS;

/** The instruction at RIP; undefined if it cannot be read. */
export function instructionAtRip({ memory, mmu }: HostedProcessor): Instruction | undefined {
  const { i32: m, u8, ramBytes } = memory;
  const event = m[EVENT >> 2]!, attributes = m[(CS + SEG_ATTRIBUTES) >> 2]!;
  const long = (attributes & Attribute.L) !== 0;
  const quad = (cell: number): bigint => (BigInt(m[(cell >> 2) + 1]!) << 32n) | BigInt(m[cell >> 2]! >>> 0);
  const linear = long ? quad(RIP) : BigInt.asUintN(32, quad(RIP) + quad(CS + SEG_BASE));
  const size = long ? 64 : (attributes & Attribute.DB) !== 0 ? 32 : 16;
  const bytes = new Uint8Array(MAX_BYTES);
  // The next page only matters where the instruction reaches into it.
  for (let available = 0; available < MAX_BYTES;) {
    const at = BigInt.asUintN(64, linear + BigInt(available));
    const place = mmu.translate(at, "execute", m[CPL >> 2] === 3);
    if ("error" in place || place.hpa >= ramBytes) break;
    const count = Math.min(MAX_BYTES - available, PAGE_SIZE - place.hpa % PAGE_SIZE);
    for (let n = 0; n < count; n++) bytes[available + n] = u8[RAM_BASE + place.hpa + n]!;
    available += count;
    const decoded = decode(bytes, 0, available, size);
    if ("length" in decoded) {
      m[EVENT >> 2] = event;
      return decoded;
    }
  }
  m[EVENT >> 2] = event;
  return undefined;
}
