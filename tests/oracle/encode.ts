/** Random encodings of a form. */
import { decode } from "../../src/frontend/decode.ts";
import type { Instruction } from "../../src/frontend/instruction.ts";
import type { CodeSize } from "./case.ts";
import { type Form, nameOf } from "./forms.ts";
import type { Random } from "./random.ts";
import { pointer } from "./state.ts";

/** Loops end soon: this often in a thousand a branch goes backwards. */
const BACKWARDS_PER_MILLE = 25;
const MANDATORY = [[], [0x66], [0xf3], [0xf2]] as const;
const SEGMENT_PREFIXES = [0x64, 0x65, 0x3e, 0x26, 0x2e, 0x36];
const ADDRESS_SIZE = 0x67, OPERAND_SIZE = 0x66, LOCK = 0xf0;
/** Bytes behind the opcode that are free: enough for every immediate. */
const FREE_BYTES = 8;

/** Encoded bytes, decoded; a failure for what our decoder refuses. */
export interface Encoded {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly instruction: Instruction | undefined;
}

/** An instruction of the form. Now and then one that our decoder refuses: the processor must refuse it too. */
export function encode(random: Random, form: Form, codeSize: CodeSize, refused = true): Encoded {
  for (let attempt = 0; attempt < 500; attempt++) {
    const bytes = candidate(random, form, codeSize);
    const instruction = decode(bytes, 0, bytes.length, codeSize);
    if ("failure" in instruction) {
      if (refused && random.oneIn(200)) return { bytes: bytes.slice(0, 10), instruction: undefined };
      continue;
    }
    const exact = bytes.slice(0, instruction.length);
    if (form.row[2].includes("O")) toData(random, exact, instruction);
    return { bytes: nearBranch(random, exact, instruction), instruction };
  }
  throw new Error(`No valid encoding of ${nameOf(form)} was found`);
}

/** An absolute address (moffs) is one of data. */
function toData(random: Random, bytes: Uint8Array, { addressSize }: Instruction): void {
  const address = pointer(random);
  for (let n = 0; n < addressSize; n++) {
    bytes[bytes.length - addressSize + n] = Number((address >> BigInt(8 * n)) & 0xffn);
  }
}

/** Relative branches stay near. */
function nearBranch(
  random: Random,
  bytes: Uint8Array<ArrayBuffer>,
  { operands, length }: Instruction,
): Uint8Array<ArrayBuffer> {
  const target = operands[0];
  if (target?.kind !== "rel") return bytes;
  const displacement = random.below(1000) < BACKWARDS_PER_MILLE ? -random.below(40) : random.below(14);
  for (let n = 0; n < target.size; n++) bytes[length - target.size + n] = displacement >> (8 * n);
  return bytes;
}

/** Bytes of the form with everything free chosen at random, then more bytes than any immediate needs. */
function candidate(random: Random, { row, encoding }: Form, codeSize: CodeSize): Uint8Array<ArrayBuffer> {
  const { fields, map } = encoding;
  const attributes = row[3];
  const bytes: number[] = [];
  const field = (name: keyof typeof fields, count: number): number => {
    const allowed = fields[name] ?? (1 << count) - 1;
    return random.pick(Array.from({ length: count }, (_, n) => n).filter((n) => (allowed >> n) & 1));
  };
  const memory = encoding.modrm && field("register", 2) === 0 && random.below(100) < 60;
  const isMemory = encoding.modrm && (fields.register === 1 || (memory && fields.register !== 2));
  if (encoding.vex) {
    const r = random.bits();
    // In 32-bit code C4 is VEX only in front of what would be a register for LES.
    const inverted = ((r & 7) << 5) | (codeSize === 32 ? 0xc0 : 0);
    if (random.oneIn(25)) bytes.push(random.pick(SEGMENT_PREFIXES));
    if (random.oneIn(20)) bytes.push(ADDRESS_SIZE);
    bytes.push(0xc4, inverted | map);
    bytes.push((field("w", 2) << 7) | (((r >> 3) & 15) << 3) | field("prefix", 4));
  } else {
    prefixes(
      random,
      bytes,
      fields.prefix === undefined ? undefined : field("prefix", 4),
      attributes?.rep === true,
    );
    if (isMemory && (attributes?.lock === true ? random.oneIn(4) : random.oneIn(300))) bytes.push(LOCK);
    if (codeSize === 64) rex(random, bytes, fields.w === undefined ? -1 : field("w", 2), fields.b ?? 0);
    if (map >= 1) bytes.push(0x0f);
    if (map === 2) bytes.push(0x38);
    if (map === 3) bytes.push(0x3a);
  }
  bytes.push(encoding.opcode + random.below(encoding.opcodeCount));
  if (encoding.modrm) modrm(random, bytes, isMemory, field("reg", 8), field("rm", 8));
  for (let n = 0; n < FREE_BYTES; n++) {
    bytes.push(random.oneIn(4) ? random.pick([0, 1, 2, 7, 8, 0xff, 0x80, 0x7f]) : random.below(256));
  }
  return Uint8Array.from(bytes);
}

function prefixes(random: Random, bytes: number[], mandatory: number | undefined, rep: boolean): void {
  if (random.oneIn(25)) bytes.push(random.pick(SEGMENT_PREFIXES));
  if (random.oneIn(15)) bytes.push(ADDRESS_SIZE);
  if (mandatory !== undefined) {
    bytes.push(...MANDATORY[mandatory]!);
    return;
  }
  if (rep && !random.oneIn(3)) bytes.push(random.pick([0xf2, 0xf3]));
  else if (random.oneIn(60)) bytes.push(random.pick([0xf2, 0xf3]));
  if (random.below(100) < 20) bytes.push(OPERAND_SIZE);
}

/** A REX prefix, or none. `w`: the bit's value or -1 for any; `b`: the allowed values as a set of bits, 0 for any. */
function rex(random: Random, bytes: number[], w: number, b: number): void {
  if (w < 0 && b === 0 && random.oneIn(2)) return;
  let value = 0x40 | (random.bits() & 15);
  if (w >= 0) value = (value & ~8) | (w << 3);
  if (b !== 0) value = (value & ~1) | (b >> 1);
  bytes.push(value);
}

function modrm(random: Random, bytes: number[], isMemory: boolean, reg: number, rm: number): void {
  if (!isMemory) {
    bytes.push(0xc0 | (reg << 3) | rm);
    return;
  }
  const mod = random.pick([0, 1, 1, 2]);
  bytes.push((mod << 6) | (reg << 3) | rm);
  let base = rm;
  if (rm === 4) {
    const sib = random.oneIn(3) ? random.below(256) : 0x20 | random.below(8);
    bytes.push(sib);
    base = sib & 7;
  }
  if (mod === 2 || (mod === 0 && base === 5)) {
    const displacement = random.oneIn(3) ? random.below(256) : -random.below(256);
    for (let n = 0; n < 4; n++) bytes.push((displacement >> (8 * n)) & 255);
  } else if (mod === 1 && random.oneIn(2)) {
    bytes.push(random.below(256) & 0xf0); // aligned more often
  }
}
