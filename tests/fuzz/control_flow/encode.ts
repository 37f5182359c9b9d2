/** Encodings of the few instructions that random programs are made of. SDM vol. 2A, chapter 2. */

/** Operand sizes in bytes. */
export type Size = 1 | 2 | 4 | 8;

/** Numbers of general registers, as instructions encode them. */
export const RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7, R14 = 14, R15 = 15;

const OPERAND_SIZE = 0x66, REX = 0x40, REX_W = 8, REX_R = 4, REX_B = 1;
/** ModR/M: displacement of 32 bits; register. */
const DISP32 = 0x80, REGISTER = 0xc0;

/** 32 bits, little-endian. */
export const le32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >> shift) & 255);
const le16 = (value: number): number[] => [value & 255, (value >> 8) & 255];

/** An immediate of an operand size: 32 bits, sign-extended, where the operand has 64. */
export const immediate = (size: Size, value: number): number[] =>
  size === 1 ? [value & 255] : size === 2 ? le16(value) : le32(value);

/**
 * Prefixes, opcode and the ModR/M byte for registers. The opcode is that of the wide form; the byte form is one less.
 * `legacy`: byte registers 4 to 7 are AH, CH, DH and BH.
 */
export function withRegister(
  size: Size,
  opcode: readonly number[],
  reg: number,
  rm: number,
  legacy = false,
): number[] {
  return [...prefixes(size, reg, rm, legacy), ...sized(size, opcode), REGISTER | ((reg & 7) << 3) | (rm & 7)];
}

/** The same with memory at a base register other than RSP and R12, plus a displacement. */
export function withMemory(
  size: Size,
  opcode: readonly number[],
  reg: number,
  base: number,
  displacement: number,
): number[] {
  const modrm = DISP32 | ((reg & 7) << 3) | (base & 7);
  return [...prefixes(size, reg, base, false), ...sized(size, opcode), modrm, ...le32(displacement)];
}

function sized(size: Size, opcode: readonly number[]): number[] {
  return size === 1 ? [...opcode.slice(0, -1), opcode.at(-1)! - 1] : [...opcode];
}

function prefixes(size: Size, reg: number, rm: number, legacy: boolean): number[] {
  const rex = (size === 8 ? REX_W : 0) | (reg > 7 ? REX_R : 0) | (rm > 7 ? REX_B : 0);
  const needed = rex !== 0 || (size === 1 && !legacy && (reg > 3 || rm > 3));
  return [...(size === 2 ? [OPERAND_SIZE] : []), ...(needed ? [REX | rex] : [])];
}

/** MOV r64, imm32 (sign-extended). */
export const moveImmediate = (register: number, value: number): number[] => [
  ...withRegister(8, [0xc7], 0, register),
  ...le32(value),
];

/** PUSH r64, POP r64. */
export const push = (register: number): number[] => [
  ...(register > 7 ? [REX | REX_B] : []),
  0x50 | (register & 7),
];
export const pop = (register: number): number[] => [
  ...(register > 7 ? [REX | REX_B] : []),
  0x58 | (register & 7),
];
