/** What VM exits tell of the instruction that caused them: information and displacement. SDM vol. 3C, sections 28.2.1 and 28.2.5. */
import { GPR, RIP, segmentBase } from "../cpu/state.ts";
import { Reason } from "./exit_reasons.ts";

/** An operand, as far as exits tell of it; the decoder's operands are such. */
export type ExitOperand =
  | { readonly kind: "gpr"; readonly reg: number; readonly size: number }
  | {
    readonly kind: "mem";
    readonly segment: number;
    readonly base: number;
    readonly index: number;
    readonly scale: number;
    readonly disp: number;
    readonly dispHi: number;
    readonly ripRelative: boolean;
    readonly addressSize: number;
  }
  | { readonly kind: "imm" | "rel" | "far" | "xmm" | "mmx" | "st" | "segment" | "control" | "debug" };

type MemoryOperand = Extract<ExitOperand, { kind: "mem" }>;

/** An instruction that caused a VM exit. */
export interface ExitInstruction {
  readonly mnemonic: string;
  readonly length: number;
  readonly operandSize: number;
  readonly addressSize: number;
  readonly operands: readonly ExitOperand[];
  /** Segment override, or -1. */
  readonly segmentOverride: number;
}

const ADDRESS_SIZE = 7, SEGMENT_AT = 15, INDEX = 18, NO_INDEX = 1 << 22, BASE = 23, NO_BASE = 1 << 27;
const REGISTER_FORM = 1 << 10, REG1 = 3, REG2 = 28, IDENTITY = 28, WIDE = 1 << 11, OPERAND_SIZE = 11;
const DS = 3;
/** Which of their group the instructions are: bits 29:28. */
const IDENTITIES: Readonly<Record<string, number>> = {
  SGDT: 0,
  SIDT: 1,
  LGDT: 2,
  LIDT: 3,
  SLDT: 0,
  STR: 1,
  LLDT: 2,
  LTR: 3,
};

/** 16-, 32- or 64-bit sizes as 0, 1, 2. */
const sizeCode = (bytes: number): number => bytes >> 2;

const memoryOf = ({ operands }: ExitInstruction): MemoryOperand | undefined =>
  operands.find((operand): operand is MemoryOperand => operand.kind === "mem");
const registerOf = ({ operands }: ExitInstruction): number =>
  operands.find((operand) => operand.kind === "gpr")?.reg ?? 0;

function address({ scale, addressSize, segment, index, base, ripRelative }: MemoryOperand): number {
  const none = ripRelative || base < 0;
  return Math.log2(scale) | (sizeCode(addressSize) << ADDRESS_SIZE) | (segment << SEGMENT_AT) |
    (index < 0 ? NO_INDEX : index << INDEX) | (none ? NO_BASE : base << BASE);
}

/** Memory, or a register in its place. */
function addressOrRegister(instruction: ExitInstruction): number {
  const memory = memoryOf(instruction);
  return memory !== undefined ? address(memory) : REGISTER_FORM | (registerOf(instruction) << REG1);
}

const memoryForm = (instruction: ExitInstruction): number => address(memoryOf(instruction)!);

/** INVEPT, INVVPID, INVPCID: table 28-9. */
const invalidation = (instruction: ExitInstruction): number =>
  memoryForm(instruction) | (registerOf(instruction) << REG2);

/** VMREAD, VMWRITE: table 28-14. Reg2 names the field. */
function fieldAccess(instruction: ExitInstruction): number {
  const { mnemonic, operands } = instruction;
  const [first, second] = operands;
  const [place, field] = mnemonic === "VMREAD" ? [first!, second!] : [second!, first!];
  const form = place.kind === "gpr" ? REGISTER_FORM | (place.reg << REG1) : memoryForm(instruction);
  return form | ((field.kind === "gpr" ? field.reg : 0) << REG2);
}

/** INS, OUTS: table 28-8. The segment is that of OUTS. */
function string({ addressSize, mnemonic, segmentOverride }: ExitInstruction): number {
  const size = sizeCode(addressSize) << ADDRESS_SIZE;
  if (mnemonic === "INS") return size;
  return mnemonic === "OUTS" ? size | ((segmentOverride < 0 ? DS : segmentOverride) << SEGMENT_AT) : 0;
}

/** RDRAND, RDSEED: table 28-12. */
const randomNumber = (instruction: ExitInstruction): number =>
  (registerOf(instruction) << REG1) | (sizeCode(instruction.operandSize) << OPERAND_SIZE);

// deno-fmt-ignore
/** VM-exit instruction information by basic exit reason; of the others it is 0. */
const INFORMATION: Readonly<Record<number, (instruction: ExitInstruction) => number>> = {
  [Reason.IO]: string,
  [Reason.INVEPT]: invalidation,
  [Reason.INVVPID]: invalidation,
  [Reason.INVPCID]: invalidation,
  [Reason.GDTR_IDTR]: (instruction) =>
    memoryForm(instruction) | (instruction.operandSize === 2 ? 0 : WIDE) |
    (IDENTITIES[instruction.mnemonic]! << IDENTITY),
  [Reason.LDTR_TR]: (instruction) =>
    addressOrRegister(instruction) | (IDENTITIES[instruction.mnemonic]! << IDENTITY),
  [Reason.RDRAND]: randomNumber,
  [Reason.RDSEED]: randomNumber,
  [Reason.VMCLEAR]: memoryForm,
  [Reason.VMPTRLD]: memoryForm,
  [Reason.VMPTRST]: memoryForm,
  [Reason.VMXON]: memoryForm,
  [Reason.VMREAD]: fieldAccess,
  [Reason.VMWRITE]: fieldAccess,
};

/** VM-exit instruction information. */
export const informationOf = (reason: number, instruction: ExitInstruction): number =>
  INFORMATION[reason]?.(instruction) ?? 0;

/** Exits whose qualification is the displacement. */
const WITH_DISPLACEMENT: ReadonlySet<number> = new Set([
  Reason.INVEPT,
  Reason.INVVPID,
  Reason.INVPCID,
  Reason.GDTR_IDTR,
  Reason.LDTR_TR,
  Reason.VMCLEAR,
  Reason.VMPTRLD,
  Reason.VMPTRST,
  Reason.VMXON,
  Reason.VMREAD,
  Reason.VMWRITE,
]);

const quad = (m: Int32Array, cell: number): bigint =>
  BigInt.asUintN(64, (BigInt(m[(cell >> 2) + 1]!) << 32n) | BigInt(m[cell >> 2]! >>> 0));

/** The displacement, and the next instruction's address where it is relative to that. */
function displacement(m: Int32Array, instruction: ExitInstruction): bigint {
  const memory = memoryOf(instruction);
  if (memory === undefined) return 0n;
  const given = (BigInt(memory.dispHi) << 32n) | BigInt(memory.disp >>> 0);
  const next = memory.ripRelative ? quad(m, RIP) + BigInt(instruction.length) : 0n;
  return BigInt.asUintN(64, given + next);
}

/** Qualification of I/O exits: the port is an immediate. Of LMSW: the operand is in memory. */
const IMMEDIATE_PORT = 0x40n, MEMORY_OPERAND = 0x40n;
/** Kind of access in the qualification of control-register exits. */
const ACCESS = 0x30n, LMSW = 0x30n;

/** What an exit tells, completed with what only the instruction tells. */
export interface Told {
  readonly qualification: bigint;
  readonly linear: bigint | undefined;
}

/** Completes the qualification that an exit with this reason has recorded, and the guest-linear address. */
export function told(
  m: Int32Array,
  reason: number,
  instruction: ExitInstruction,
  given: Told,
  long: boolean,
): Told {
  const { qualification, linear } = given;
  if (WITH_DISPLACEMENT.has(reason)) return { qualification: displacement(m, instruction), linear };
  if (reason === Reason.IO && instruction.operands.some(({ kind }) => kind === "imm")) {
    return { qualification: qualification | IMMEDIATE_PORT, linear };
  }
  const at = reason === Reason.CR_ACCESS && (qualification & ACCESS) === LMSW
    ? linearOf(m, instruction, long)
    : undefined;
  return at === undefined ? given : { qualification: qualification | MEMORY_OPERAND, linear: at };
}

/** Linear address of the memory operand; undefined if there is none. */
function linearOf(m: Int32Array, instruction: ExitInstruction, long: boolean): bigint | undefined {
  const memory = memoryOf(instruction);
  if (memory === undefined) return undefined;
  const { base, index, scale, segment, addressSize, ripRelative } = memory;
  const register = (n: number): bigint => n < 0 ? 0n : quad(m, GPR + 8 * n);
  const sum = displacement(m, instruction) + (ripRelative ? 0n : register(base)) +
    register(index) * BigInt(scale);
  const offset = BigInt.asUintN(8 * addressSize, sum);
  const flat = long && segment < 4;
  return BigInt.asUintN(long ? 64 : 32, offset + (flat ? 0n : quad(m, segmentBase(segment))));
}
