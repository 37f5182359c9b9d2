/** Legacy, REX and VEX prefixes. SDM vol. 2A, sections 2.1.1, 2.2.1 and 2.3.5. */
import { Segment } from "../cpu/state.ts";
import type { DecodeState } from "./fetch.ts";
import { Prefix } from "./opcodes/row.ts";

const OPERAND_SIZE = 1, ADDRESS_SIZE = 2, REPEAT = 3, LOCK = 4, SEGMENT = 5, REX = 6;

/** What a byte is as a prefix; 0: none. Segment overrides have the register in the high four bits. */
const KIND: Uint8Array = (() => {
  const kind = new Uint8Array(256);
  kind.fill(REX, 0x40, 0x50);
  kind[0x66] = OPERAND_SIZE;
  kind[0x67] = ADDRESS_SIZE;
  kind[0xf2] = kind[0xf3] = REPEAT;
  kind[0xf0] = LOCK;
  kind[0x26] = SEGMENT | (Segment.ES << 4);
  kind[0x2e] = SEGMENT | (Segment.CS << 4);
  kind[0x36] = SEGMENT | (Segment.SS << 4);
  kind[0x3e] = SEGMENT | (Segment.DS << 4);
  kind[0x64] = SEGMENT | (Segment.FS << 4);
  kind[0x65] = SEGMENT | (Segment.GS << 4);
  return kind;
})();

/**
 * Reads the prefixes before the opcode and returns the byte behind them. The last of each group counts. A REX prefix
 * counts only right before the opcode. In 64-bit mode overrides with ES, CS, SS and DS do nothing, not even cancel FS.
 */
export function readPrefixes(d: DecodeState): number {
  d.operandSizePrefix = d.lock = false;
  d.rep = 0;
  d.rex = 0;
  d.segmentOverride = -1;
  let addressSizePrefix = false;
  let byte = d.next8();
  for (; KIND[byte] !== 0; byte = d.next8()) {
    const kind = KIND[byte]!;
    if (kind === REX) {
      if (!d.mode64) break;
      d.rex = byte;
      continue;
    }
    d.rex = 0;
    if (kind === OPERAND_SIZE) d.operandSizePrefix = true;
    else if (kind === ADDRESS_SIZE) addressSizePrefix = true;
    else if (kind === REPEAT) d.rep = byte as 0xf2 | 0xf3;
    else if (kind === LOCK) d.lock = true;
    else if (!d.mode64 || kind >> 4 >= Segment.FS) d.segmentOverride = kind >> 4;
  }
  if (d.mode64) d.addressSize = addressSizePrefix ? 4 : 8;
  else d.addressSize = (d.codeSize === 32) === addressSizePrefix ? 2 : 4;
  d.w = (d.rex & 8) !== 0;
  d.r = (d.rex & 4) << 1;
  d.x = (d.rex & 2) << 2;
  d.b = (d.rex & 1) << 3;
  d.prefix = d.rep === 0xf3
    ? Prefix.F3
    : d.rep === 0xf2
    ? Prefix.F2
    : d.operandSizePrefix
    ? Prefix.P66
    : Prefix.NONE;
  return byte;
}

/**
 * Whether the byte `opcode` (C4 or C5), which was just read, starts a VEX prefix. Outside 64-bit mode it does if LES or
 * LDS with a register would follow.
 */
export function startsVex(d: DecodeState, opcode: number): boolean {
  if ((opcode & 0xfe) !== 0xc4) return false;
  if (d.mode64) return true;
  return d.position < d.end && d.bytes[d.position]! >= 0xc0;
}

/** Reads the rest of a VEX prefix and returns its map, or -1 if it is invalid. */
export function readVex(d: DecodeState, first: number): number {
  if (d.rex !== 0 || d.prefix !== Prefix.NONE || d.operandSizePrefix || d.lock) return -1;
  const second = d.next8();
  let last = second;
  let map = 1;
  if (first === 0xc4) {
    last = d.next8();
    map = second & 0x1f;
    if (d.mode64) {
      d.x = ((~second >> 6) & 1) << 3;
      d.b = ((~second >> 5) & 1) << 3;
      d.w = (last & 0x80) !== 0;
    }
  }
  d.r = d.mode64 ? (~second >> 7 & 1) << 3 : 0;
  d.vexV = (~last >> 3) & 15;
  d.vexL = (last >> 2) & 1;
  d.prefix = last & 3;
  return map >= 1 && map <= 3 ? map : -1;
}
