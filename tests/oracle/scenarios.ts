/** Code around random instructions: loops, flags to be popped, saved states. */
import { Gpr } from "../../src/cpu/state.ts";
import type { Instruction } from "../../src/frontend/instruction.ts";
import type { CodeSize } from "./case.ts";
import type { Encoded } from "./encode.ts";
import { LOW_DATA } from "./layout.ts";
import type { Random } from "./random.ts";

/** RFLAGS.AC: Causeway checks no alignment (DEVIATIONS.md). RFLAGS.TF is seldom wanted. */
const AC = 1 << 18, TF = 1 << 8;
/** XSAVE header, SDM vol. 1, section 13.4.2: its offset and its words. */
const HEADER = 512, HEADER_WORDS = 16;
/** Bit of a component that XCR0 never has. */
const UNKNOWN_COMPONENT = 1 << 8;

const bare = (bytes: readonly number[]): Encoded => ({
  bytes: Uint8Array.from(bytes),
  instruction: undefined,
});
const bytes32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255);

/** The instructions between a counter and a jump back: as often as makes code hot. */
export function loop(random: Random, codeSize: CodeSize, body: readonly Encoded[]): readonly Encoded[] {
  const count = 2 + random.below(30);
  const kept = body.filter(({ instruction }) =>
    instruction !== undefined && !usesCounter(instruction.operands)
  );
  const length = kept.reduce((sum, { bytes }) => sum + bytes.length, 0);
  // R15 (EBX in 32-bit code), because nothing uses it without naming it.
  const start = codeSize === 64 ? [0x41, 0xbf] : [0xbb], step = codeSize === 64 ? [0x41, 0xff, 0xcf] : [0x4b];
  const back = -(length + step.length + 6);
  return [bare([...start, ...bytes32(count)]), ...kept, bare([...step, 0x0f, 0x85, ...bytes32(back)])];

  function usesCounter(operands: NonNullable<Encoded["instruction"]>["operands"]): boolean {
    const counter = codeSize === 64 ? 15 : 3;
    return operands.some((operand) => operand.kind === "gpr" && (operand.reg === counter));
  }
}

/** RET to behind itself: a call to it, and a jump over it where it returns to. */
export function returning({ bytes }: Encoded): Encoded {
  return bare([0xe8, ...bytes32(2), 0xeb, bytes.length, ...bytes]);
}

/** An indirect jump or call to behind itself: its register, or its memory operand, is set first. */
export function landing(codeSize: CodeSize, encoded: Encoded): Encoded {
  const { bytes, instruction } = encoded;
  const target = instruction?.operands[0];
  if (target?.kind === "gpr" && target.reg !== Gpr.RSP && target.size === codeSize / 8) {
    return bare([...addressBehind(codeSize, target.reg, bytes.length), ...bytes]);
  }
  if (target?.kind !== "mem" || target.ripRelative || target.size !== codeSize / 8) return encoded;
  // RDI carries the address into memory: a MOV with the operand of the instruction.
  if (target.base === Gpr.RDI || target.index === Gpr.RDI || target.base < 0) return encoded;
  const opcode = bytes.findIndex((byte, n) => byte === 0xff && isModrmOf(instruction!, bytes[n + 1]!));
  const before = [...bytes.subarray(0, opcode)],
    rex = codeSize === 64 && (before.at(-1)! & 0xf0) === 0x40 ? before.pop()! : 0x40;
  const kept = before.filter((prefix) => ![0x66, 0xf2, 0xf3].includes(prefix));
  const rest = [(bytes[opcode + 1]! & 0xc7) | (Gpr.RDI << 3), ...bytes.subarray(opcode + 2)];
  const move = [...kept, ...(codeSize === 64 ? [(rex & 0x4b) | 8] : []), 0x89, ...rest];
  return bare([...addressBehind(codeSize, Gpr.RDI, move.length + bytes.length), ...move, ...bytes]);
}

const isModrmOf = ({ mnemonic }: Instruction, modrm: number): boolean =>
  ((modrm >> 3) & 7) === (mnemonic === "CALL" ? 2 : 4);

/** Puts the address `distance` bytes behind itself into a register. */
function addressBehind(codeSize: CodeSize, reg: number, distance: number): number[] {
  if (codeSize === 64) {
    return [0x48 | (reg > 7 ? 4 : 0), 0x8d, 0x05 | ((reg & 7) << 3), ...bytes32(distance)]; // lea reg, [rip+…]
  }
  // call $+5; pop reg; lea reg, [reg+…]
  const lea = reg === Gpr.RSP ? [] : [0x8d, 0x80 | (reg << 3) | reg, ...bytes32(distance + 7)];
  return [0xe8, ...bytes32(0), 0x58 | reg, ...lea];
}

/** POPF after a push of flags. */
export function setFlags(random: Random, popf: Encoded): Encoded {
  const flags = (random.bits() & 0x7f_ffff & ~AC & (random.oneIn(16) ? -1 : ~TF)) | 0;
  return { bytes: Uint8Array.from([0x68, ...bytes32(flags), ...popf.bytes]), instruction: undefined };
}

/**
 * XSAVE of x87 and SSE to an area at RBX whose header is cleared first; then, for XRSTOR, another state and XRSTOR with
 * some of the components, some of them marked as initial.
 */
export function savedState(
  random: Random,
  codeSize: CodeSize,
  restore: boolean,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly area: bigint } {
  const code: number[] = [];
  const header = (word: number, value: number): void => {
    code.push(0xc7, 0x83, ...bytes32(HEADER + 4 * word), ...bytes32(value)); // mov dword [rbx+…], …
  };
  const components = (): void => {
    code.push(0xb8, ...bytes32(random.below(4)), 0x31, 0xd2); // mov eax, …; xor edx, edx
  };
  const wide = codeSize === 64 && random.oneIn(2) ? [0x48] : [];
  for (let word = 0; word < HEADER_WORDS; word++) header(word, word === 0 ? random.below(4) : 0);
  components();
  code.push(...wide, 0x0f, 0xae, 0x23); // xsave [rbx]
  if (restore) {
    if (random.oneIn(2)) header(0, random.oneIn(16) ? UNKNOWN_COMPONENT : random.below(4));
    if (random.oneIn(8)) header(random.below(HEADER_WORDS), random.bits());
    if (random.oneIn(4)) code.push(0xc7, 0x43, 24, ...bytes32(random.bits() & 0xffff)); // MXCSR
    code.push(0x0f, 0x57, 0xc0, 0x0f, 0x57, 0xff); // xorps xmm0, xmm0; xorps xmm7, xmm7
    if (random.oneIn(2)) code.push(0xdb, 0xe3); // fninit
    components();
    code.push(...wide, 0x0f, 0xae, 0x2b); // xrstor [rbx]
  }
  const misaligned = random.oneIn(16) ? BigInt(random.below(64)) : 0n;
  return { bytes: Uint8Array.from(code), area: LOW_DATA + BigInt(random.below(0x30) * 64) + misaligned };
}
