/** The bytes of the instruction that is being decoded, and what is known about it so far. */
import type { CodeSize } from "./instruction.ts";

/** Longest instruction in bytes; more raise #GP(0). SDM vol. 2A, section 2.3.11, and vol. 3A, table 6-2. */
export const MAX_LENGTH = 15;

/** The instruction that is being decoded. One object is used again for every instruction. */
export class DecodeState {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the instruction starts in `bytes`, the next byte to read, and the end of what may be read. */
  start = 0;
  position = 0;
  end = 0;
  /** A byte at or behind `end` was asked for; it was read as 0. */
  overrun = false;

  codeSize: CodeSize = 64;
  mode64 = true;

  /** 66 was there. */
  operandSizePrefix = false;
  addressSize: 2 | 4 | 8 = 8;
  lock = false;
  /** The last of F2 and F3, or 0. */
  rep: 0 | 0xf2 | 0xf3 = 0;
  segmentOverride = -1;
  /** The REX prefix right before the opcode, or 0. */
  rex = 0;
  /** W of REX or VEX. */
  w = false;
  /** R, X and B of REX or VEX, as 0 or 8. */
  r = 0;
  x = 0;
  b = 0;
  /** VEX.L, and VEX.vvvv as a register number. */
  vexL = 0;
  vexV = 0;
  /** Mandatory prefix (`Prefix` in opcodes/row.ts). */
  prefix = 0;

  opcode = 0;
  modrm = 0;
  mod = 0;
  /** reg and rm fields of ModR/M without REX. */
  reg = 0;
  rm = 0;
  operandSize: 1 | 2 | 4 | 8 = 4;

  /** The memory operand, if ModR/M names one. */
  segment = 0;
  base = -1;
  index = -1;
  scale: 1 | 2 | 4 | 8 = 1;
  displacement = 0;
  ripRelative = false;

  /** Prepares for the instruction at `offset` of `bytes`, of which `available` bytes can be read. */
  begin(bytes: Uint8Array, offset: number, available: number, codeSize: CodeSize): void {
    this.bytes = bytes;
    this.start = this.position = offset;
    this.end = Math.min(offset + available, offset + MAX_LENGTH, bytes.length);
    this.overrun = false;
    this.codeSize = codeSize;
    this.mode64 = codeSize === 64;
    this.modrm = 0;
    this.mod = 3;
  }

  /** Next byte, 0 to 255. */
  next8(): number {
    if (this.position < this.end) return this.bytes[this.position++]!;
    this.overrun = true;
    return 0;
  }

  /** Next two bytes, 0 to 65535. */
  next16(): number {
    const low = this.next8();
    return low | (this.next8() << 8);
  }

  /** Next four bytes as a signed number. */
  next32(): number {
    const low = this.next16();
    return low | (this.next16() << 16);
  }
}
