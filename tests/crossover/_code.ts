/** Bytes of the few instructions that the tests of world calls are made of. */

const little = (value: bigint | number, size: number): number[] =>
  Array.from(
    { length: size },
    (_, n) => Number((BigInt.asUintN(64, BigInt(value)) >> BigInt(8 * n)) & 0xffn),
  );

export const VMFUNC: readonly number[] = [0x0f, 0x01, 0xd4];
/** JMP to itself: where a test is meant to end. */
export const STOP: readonly number[] = [0xeb, 0xfe];
export const STI: readonly number[] = [0xfb];
export const CLI: readonly number[] = [0xfa];
export const VMCALL: readonly number[] = [0x0f, 0x01, 0xc1];
export const NOP: readonly number[] = [0x90];

/** MOV to a 64-bit register. */
export const load = (register: number, value: bigint | number): number[] => [
  register < 8 ? 0x48 : 0x49,
  0xb8 | (register & 7),
  ...little(value, 8),
];
/** MOV of a register to another. */
export const move = (to: number, from: number): number[] => [
  0x48 | (from >= 8 ? 4 : 0) | (to >= 8 ? 1 : 0),
  0x89,
  0xc0 | ((from & 7) << 3) | (to & 7),
];
/** INC of a 64-bit register. */
export const increment = (
  register: number,
): number[] => [register < 8 ? 0x48 : 0x49, 0xff, 0xc0 | (register & 7)];
/** DEC of a 64-bit register. */
export const decrement = (
  register: number,
): number[] => [register < 8 ? 0x48 : 0x49, 0xff, 0xc8 | (register & 7)];
/** JNZ over `distance` bytes, counted from behind the jump (two bytes). */
export const jumpIfNotZero = (distance: number): number[] => [0x75, distance & 0xff];
/** MOV RAX, [address], of 64 bits at an address of 32 bits. */
export const loadFrom = (address: number): number[] => [0x48, 0x8b, 0x04, 0x25, ...little(address, 4)];
/** MOV [address], RAX. */
export const storeTo = (address: number): number[] => [0x48, 0x89, 0x04, 0x25, ...little(address, 4)];

/** VMFUNC of a function with an operand in RCX. */
export const vmfunc = (leaf: number, rcx: bigint | number): number[] => [
  0xb8,
  ...little(leaf, 4),
  ...load(1, rcx),
  ...VMFUNC,
];
/** WORLD_CALL of a WID. */
export const worldCall = (wid: bigint | number): number[] => vmfunc(1, wid);
