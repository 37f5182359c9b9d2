/**
 * Random instructions for blocks. Only results that the SDM defines reach what is compared: what leaves flags undefined is
 * followed by something that sets them, so that processors of all vendors agree.
 */
import type { Random } from "../../oracle/random.ts";
import {
  immediate,
  le32,
  moveImmediate,
  pop,
  push,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RSI,
  type Size,
  withMemory,
  withRegister,
} from "./encode.ts";

/** Registers that programs compute with; the others are the stack, pointers to data, fuel, and a scratch register. */
const FREE = [0, 1, 2, 6, 7, 8, 9, 10, 11, 12, 13];
/** AL to DL without BL, AH, CH, DH: without a prefix these are byte registers. */
const LEGACY_BYTES = [0, 1, 2, 4, 5, 6];
const SIZES: readonly Size[] = [1, 2, 4, 8];
/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP: opcode 8 times the number, plus 1 for the wide form that writes r/m. */
const ARITHMETIC = 8, COMPARE = 7;
/** CMP EAX, ECX: defines all flags. */
const SET_FLAGS = [0x39, 0xc8];
/** RBX points into the first of two pages of data, RBP into a page of its own; a third, behind RBX's, is read-only. */
const LOW = { base: RBX, from: -0x7f8, to: 0x8f0 }, CROSSING = { base: RBX, from: 0x7f0, to: 0x800 };
const HIGH = { base: RBP, from: -0x7f8, to: 0x7e0 };
const READ_ONLY = 0x1800 + 0x123, UNMAPPED = 0x2800 + 0x40;

const wide = (random: Random): Size => random.pick([4, 8, 4, 8, 2]);

function memory(random: Random): readonly [base: number, displacement: number] {
  const { base, from, to } = random.pick([LOW, LOW, HIGH, CROSSING]);
  return [base, from + random.below(to - from)];
}

/** An edge value, a small one, or any. */
function value(random: Random): number {
  if (random.oneIn(2)) return random.below(20) - 5;
  return random.oneIn(2)
    ? random.pick([0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 1 << 31, -1])
    : random.bits() | 0;
}

type Maker = (random: Random) => readonly number[];

function arithmetic(random: Random): readonly number[] {
  const size = random.pick(SIZES), opcode = [random.below(8) * ARITHMETIC + 1];
  if (size === 1 && random.oneIn(2)) {
    return withRegister(1, opcode, random.pick(LEGACY_BYTES), random.pick(LEGACY_BYTES), true);
  }
  return withRegister(size, opcode, random.pick(FREE), random.pick(FREE));
}

function arithmeticImmediate(random: Random): readonly number[] {
  const size = random.pick(SIZES);
  return [
    ...withRegister(size, [0x81], random.below(8), random.pick(FREE)),
    ...immediate(size, value(random)),
  ];
}

/** The direction bit of the opcode decides whether memory is read or written. */
function arithmeticMemory(random: Random): readonly number[] {
  const opcode = random.below(8) * ARITHMETIC + 1 + (random.oneIn(2) ? 2 : 0);
  return withMemory(random.pick(SIZES), [opcode], random.pick(FREE), ...memory(random));
}

/** INC, DEC, NOT, NEG. */
function unary(random: Random): readonly number[] {
  const [opcode, digit] = random.pick([[0xff, 0], [0xff, 1], [0xf7, 2], [0xf7, 3]] as const);
  const size = random.pick(SIZES);
  return random.oneIn(3)
    ? withMemory(size, [opcode], digit, ...memory(random))
    : withRegister(size, [opcode], digit, random.pick(FREE));
}

function move(random: Random): readonly number[] {
  const size = random.pick(SIZES), register = random.pick(FREE);
  switch (random.below(6)) {
    case 0:
      return withRegister(size, [0x89], random.pick(FREE), register);
    case 1:
      return withMemory(size, [0x89], register, ...memory(random));
    case 2:
      return withMemory(size, [0x8b], register, ...memory(random));
    case 3: // a byte register that is a part of another
      return withRegister(1, [0x89], random.pick(LEGACY_BYTES), random.pick(LEGACY_BYTES), true);
    case 4: // MOVZX, MOVSX from bytes and words: the opcode's lowest bit is the source's width
      return withRegister(
        wide(random),
        [0x0f, random.pick([0xb6, 0xb7, 0xbe, 0xbf])],
        register,
        random.pick(FREE),
      );
    default:
      return moveImmediate(register, value(random));
  }
}

/** SETcc, CMOVcc, LAHF, PUSHFQ and POP: they show flags of other blocks. */
function readFlags(random: Random): readonly number[] {
  const condition = random.below(16), register = random.pick(FREE);
  switch (random.below(4)) {
    case 0:
      return withRegister(1, [0x0f, 0x91 + condition], 0, register);
    case 1:
      return [0x9f];
    case 2:
      return [0x9c, ...pop(register)];
    default:
      return withRegister(wide(random), [0x0f, 0x40 + condition], random.pick(FREE), register);
  }
}

/** Shifts and rotations; all but those by one leave OF undefined. */
function shift(random: Random): readonly number[] {
  const digit = random.pick([0, 1, 4, 5, 7]), size = random.pick(SIZES), register = random.pick(FREE);
  if (random.oneIn(2)) {
    const rotates = digit < 2;
    const byOne = withRegister(size, [0xd1], digit, register);
    return rotates ? byOne : [...byOne, ...SET_FLAGS];
  }
  return [...withRegister(size, [0xc1], digit, register), 1 + random.below(8 * size - 1), ...SET_FLAGS];
}

/** IMUL; BT, BTS, BTR, BTC: they define CF only (IMUL also OF). */
function partlyDefined(random: Random): readonly number[] {
  const size = wide(random), register = random.pick(FREE);
  return random.oneIn(2)
    ? [...withRegister(size, [0x0f, 0xaf], random.pick(FREE), register), ...SET_FLAGS]
    : [
      ...withRegister(size, [0x0f, 0xba], 4 + random.below(4), register),
      random.below(8 * size),
      ...SET_FLAGS,
    ];
}

function stack(random: Random): readonly number[] {
  const register = random.pick(FREE);
  switch (random.below(6)) {
    case 0:
      return push(register);
    case 1:
      return pop(register);
    case 2:
      return [...push(register), ...pop(random.pick(FREE))];
    case 3:
      return [0x68, ...le32(value(random))];
    case 4: // the status flags and DF only: PUSHFQ; AND DWORD [RSP], 0CD5H; POPFQ; CLD
      return [0x9c, 0x81, 0x24, 0x24, ...le32(0xcd5), 0x9d, 0xfc];
    default: // frames: PUSH RBP; MOV RBP, RSP; LEAVE
      return [...push(RBP), 0x48, 0x89, 0xe5, 0xc9];
  }
}

/** LEA, XCHG, and what changes flags alone: CMC, CLC, STC. */
function plain(random: Random): readonly number[] {
  switch (random.below(3)) {
    case 0:
      return withMemory(
        wide(random),
        [0x8d],
        random.pick(FREE),
        random.pick([RBX, ...FREE.filter((n) => n !== 12)]),
        value(random),
      );
    case 1:
      return withRegister(random.pick(SIZES), [0x87], random.pick(FREE), random.pick(FREE));
    default:
      return [random.pick([0xf5, 0xf8, 0xf9])];
  }
}

/** String instructions over the data pages, forwards and backwards, some up to a page that cannot be written. */
function strings(random: Random): readonly number[] {
  const opcode = random.pick([0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xae, 0xa6, 0xa7, 0xaf]);
  const compares = opcode === 0xae || opcode === 0xa6 || opcode === 0xa7 || opcode === 0xaf;
  const count = random.pick([0, 1, 5, 30, 200]);
  const place = (): number => random.pick([-0x700, 0, 0x500, 0x7f8]) + random.below(64);
  const backwards = random.oneIn(4);
  const wideOperand = (opcode & 1) === 1 && random.oneIn(2) ? [0x48] : [];
  return [
    ...withMemory(8, [0x8d], RSI, RBX, place()),
    ...withMemory(8, [0x8d], RDI, random.pick([RBX, RBP]), random.oneIn(30) ? 0x17e0 : place()),
    ...moveImmediate(RCX, count),
    ...(backwards ? [0xfd] : []),
    ...(random.oneIn(5) ? [] : [compares ? random.pick([0xf2, 0xf3]) : 0xf3]),
    ...wideOperand,
    opcode,
    ...(backwards ? [0xfc] : []),
  ];
}

/** MOVDQU, PADDQ, PXOR, MOVQ. */
function vectors(random: Random): readonly number[] {
  const one = random.below(8), other = random.below(8);
  switch (random.below(5)) {
    case 0:
      return [0xf3, ...withMemory(4, [0x0f, 0x6f], one, ...memory(random))];
    case 1:
      return [0xf3, ...withMemory(4, [0x0f, 0x7f], one, ...memory(random))];
    case 2:
      return [0x66, 0x0f, random.pick([0xd4, 0xef, 0xfe]), 0xc0 | (one << 3) | other];
    case 3:
      return [0x66, ...withRegister(8, [0x0f, 0x6e], one, random.pick(FREE))];
    default:
      return [0x66, ...withRegister(8, [0x0f, 0x7e], one, random.pick(FREE))];
  }
}

/** Faults when some loop has been gone through so often: a JNE over it. R15 counts down. */
function fault(random: Random): readonly number[] {
  const faulting = random.pick<readonly number[]>([
    withMemory(8, [0x89], RAX, RBX, READ_ONLY),
    withMemory(4, [0x01], RAX, RBX, 0x17fd), // across the end of what can be written
    withMemory(8, [0x8b], RAX, RBX, UNMAPPED),
    [0x31, 0xc9, 0xf7, 0xf1], // XOR ECX, ECX; DIV ECX
    [0x0f, 0x0b], // UD2
    [0xfa], // CLI: privileged
    [...moveImmediate(RAX, 0x4000_0000), 0x48, 0xc1, 0xe0, 0x20, 0x39, 0xc0, 0x8b, 0x00], // not canonical
  ]);
  return [0x49, 0x83, 0xff, random.below(random.pick([3, 30, 120])), 0x75, faulting.length, ...faulting];
}

/** What items are made by, and how often. */
const MAKERS: readonly (readonly [weight: number, maker: Maker])[] = [
  [8, arithmetic],
  [5, arithmeticImmediate],
  [6, arithmeticMemory],
  [4, unary],
  [8, move],
  [5, readFlags],
  [3, shift],
  [2, partlyDefined],
  [4, stack],
  [3, plain],
  [2, strings],
  [2, vectors],
  [1, fault],
];
const TOTAL = MAKERS.reduce((sum, [weight]) => sum + weight, 0);

/** Machine code of a random instruction, or of a few that belong together. */
export function randomCode(random: Random): readonly number[] {
  let at = random.below(TOTAL);
  for (const [weight, maker] of MAKERS) {
    if (at < weight) return maker(random);
    at -= weight;
  }
  throw new Error("the weights do not add up");
}

/** An instruction whose last 4 bytes are an immediate: whatever it becomes, the instruction stays one. */
export function changeableCode(random: Random): readonly number[] {
  return [
    ...withRegister(random.pick([4, 8]), [0x81], random.below(COMPARE), random.pick(FREE)),
    ...le32(value(random)),
  ];
}
