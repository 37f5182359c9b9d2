/** Instructions as text, in Intel syntax. */
import { Gpr, Segment } from "../cpu/state.ts";
import { decode } from "./decode.ts";
import type { CodeSize, Instruction, Operand, OperandOf } from "./instruction.ts";
import type { Mnemonic } from "./opcodes/mnemonics.ts";

/** Where bytes come from. */
export interface DisassembleOptions {
  /** Linear address of the first byte; 0 by default. */
  readonly address?: bigint;
  /** 64 by default. */
  readonly codeSize?: CodeSize;
  /** Where in the bytes the instruction starts; 0 by default. */
  readonly offset?: number;
}

/** An instruction as text. */
export interface Disassembly {
  readonly address: bigint;
  /** Bytes. Those of an invalid or incomplete instruction are taken as 1. */
  readonly length: number;
  /** The instruction in Intel syntax, or `(bad)`. */
  readonly text: string;
  /** The instruction, if the bytes are one. */
  readonly instruction?: Instruction;
}

/**
 * Disassembles one instruction.
 *
 * ```ts
 * import { disassemble } from "@causeway/x86";
 *
 * console.log(disassemble(Uint8Array.of(0x48, 0x8b, 0x04, 0x8f)).text); // mov rax, qword ptr [rdi+rcx*4]
 * ```
 */
export function disassemble(bytes: Uint8Array, options: DisassembleOptions = {}): Disassembly {
  const { address = 0n, codeSize = 64, offset = 0 } = options;
  const instruction = decode(bytes, offset, bytes.length - offset, codeSize);
  if ("failure" in instruction) return { address, length: 1, text: "(bad)" };
  return {
    address,
    length: instruction.length,
    text: formatInstruction(instruction, address, codeSize),
    instruction,
  };
}

/** Disassembles all of `bytes` from `offset` on, one instruction after the other. */
export function* disassembleAll(bytes: Uint8Array, options: DisassembleOptions = {}): Generator<Disassembly> {
  const { address = 0n, codeSize = 64, offset = 0 } = options;
  for (let at = offset; at < bytes.length;) {
    const here = BigInt.asUintN(64, address + BigInt(at - offset));
    const line = disassemble(bytes, { address: here, codeSize, offset: at });
    yield line;
    at += line.length;
  }
}

/** The text of an instruction at `address`: branch targets are absolute. */
export function formatInstruction(
  instruction: Instruction,
  address: bigint,
  codeSize: CodeSize = 64,
): string {
  const end = address + BigInt(instruction.length);
  const operands = STRING_OPERANDS[instruction.mnemonic]?.(instruction) ?? instruction.operands;
  const texts = operands.map((operand) => formatOperand(operand, instruction, end, codeSize));
  const name = prefixText(instruction, codeSize) + nameOf(instruction);
  return texts.length === 0 ? name : `${name} ${texts.join(", ")}`;
}

type StringOperands = (instruction: Instruction) => readonly Operand[];

/** What string instructions and XLAT work on, which is not in their operands. */
const STRING_OPERANDS: Partial<Record<Mnemonic, StringOperands>> = {
  MOVS: (instruction) => [destination(instruction), source(instruction)],
  CMPS: (instruction) => [source(instruction), destination(instruction)],
  STOS: (instruction) => [destination(instruction), accumulator(instruction)],
  LODS: (instruction) => [accumulator(instruction), source(instruction)],
  SCAS: (instruction) => [accumulator(instruction), destination(instruction)],
  INS: (instruction) => [destination(instruction), DX],
  OUTS: (instruction) => [DX, source(instruction)],
  XLAT: (instruction) => [{ ...source(instruction), base: Gpr.RBX, size: 1 }],
};

const DX: Operand = { kind: "gpr", reg: Gpr.RDX, size: 2, high: false };

function accumulator({ operandSize }: Instruction): Operand {
  return { kind: "gpr", reg: Gpr.RAX, size: operandSize, high: false };
}

/** ES:rDI. */
function destination({ operandSize, addressSize }: Instruction): OperandOf<"mem"> {
  return {
    kind: "mem",
    segment: Segment.ES,
    base: Gpr.RDI,
    index: -1,
    scale: 1,
    disp: 0,
    dispHi: 0,
    ripRelative: false,
    addressSize,
    size: operandSize,
  };
}

/** DS:rSI, or another segment. */
function source(instruction: Instruction): OperandOf<"mem"> {
  const { segmentOverride } = instruction;
  const segment = segmentOverride >= 0 ? segmentOverride : Segment.DS;
  return { ...destination(instruction), segment, base: Gpr.RSI };
}

function prefixText(instruction: Instruction, codeSize: CodeSize): string {
  const { lock, rep, mnemonic } = instruction;
  if (lock) return "lock ";
  if (rep === 0) return sizePrefixText(instruction, codeSize);
  if (mnemonic !== "CMPS" && mnemonic !== "SCAS") return "rep ";
  return rep === 0xf3 ? "repe " : "repne ";
}

/** Instructions whose operands do not show their operand size, unless the first is a register or memory. */
const SIZE_HIDDEN: ReadonlySet<Mnemonic> = new Set<Mnemonic>([
  "PUSH",
  "POP",
  "RET",
  "RETF",
  "ENTER",
  "LEAVE",
  "CALL",
  "JMP",
]);

/** `o16` or `o32` where the operand size is unusual and nothing else shows it; `a16` or `a32` before such a LOOP. */
function sizePrefixText(
  { mnemonic, operands, operandSize, addressSize, condition }: Instruction,
  codeSize: CodeSize,
): string {
  const kind = operands[0]?.kind;
  const branch = kind === "rel";
  if (mnemonic.startsWith("LOOP")) {
    return (addressSize * 8 === codeSize ? "" : `a${addressSize * 8} `) + unusual(operandSize, codeSize);
  }
  if (mnemonic === "JCXZ" || (condition >= 0 && branch)) return unusual(operandSize, codeSize);
  if (!SIZE_HIDDEN.has(mnemonic) || kind === "gpr" || kind === "mem") return "";
  if (mnemonic === "RETF") {
    return operandSize === 8 ? "" : unusual(operandSize, codeSize === 64 ? 32 : codeSize);
  }
  return unusual(operandSize, codeSize);
}

function unusual(operandSize: number, bits: number): string {
  return operandSize * 8 === bits ? "" : `o${operandSize * 8} `;
}

/** Names of instructions whose mnemonic stands for several widths, by operand size. */
const NAMES_BY_SIZE: Partial<Record<Mnemonic, Partial<Record<1 | 2 | 4 | 8, string>>>> = {
  CBW: { 4: "cwde", 8: "cdqe" },
  CWD: { 4: "cdq", 8: "cqo" },
  PUSHF: { 4: "pushfd", 8: "pushfq" },
  POPF: { 4: "popfd", 8: "popfq" },
  PUSHA: { 4: "pushad" },
  POPA: { 4: "popad" },
  IRET: { 4: "iretd", 8: "iretq" },
  RETF: { 8: "retfq" },
  SYSRET: { 8: "sysretq" },
  SYSEXIT: { 8: "sysexitq" },
  FXSAVE: { 8: "fxsave64" },
  FXRSTOR: { 8: "fxrstor64" },
  XSAVE: { 8: "xsave64" },
  XSAVEOPT: { 8: "xsaveopt64" },
  XSAVEC: { 8: "xsavec64" },
  XRSTOR: { 8: "xrstor64" },
  PCMPESTRI: { 8: "pcmpestri64" },
  PCMPESTRM: { 8: "pcmpestrm64" },
};

function nameOf({ mnemonic, operandSize, addressSize }: Instruction): string {
  const bySize = NAMES_BY_SIZE[mnemonic]?.[operandSize];
  if (bySize !== undefined) return bySize;
  if (mnemonic !== "XLAT" && mnemonic in STRING_OPERANDS) {
    return mnemonic.toLowerCase() + { 1: "b", 2: "w", 4: "d", 8: "q" }[operandSize];
  }
  if (mnemonic === "JCXZ") return { 2: "jcxz", 4: "jecxz", 8: "jrcxz" }[addressSize];
  if (mnemonic === "CALLF") return "call far";
  if (mnemonic === "JMPF") return "jmp far";
  return mnemonic.toLowerCase();
}

const LEGACY_NAMES = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"] as const;
const LOW_BYTES = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"] as const;
const HIGH_BYTES = ["ah", "ch", "dh", "bh"] as const;
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"] as const;

function gprName(reg: number, size: number): string {
  if (size === 1) return reg < 8 ? LOW_BYTES[reg]! : `r${reg}b`;
  if (reg >= 8) return `r${reg}${size === 8 ? "" : size === 4 ? "d" : "w"}`;
  return (size === 8 ? "r" : size === 4 ? "e" : "") + LEGACY_NAMES[reg]!;
}

function formatOperand(operand: Operand, instruction: Instruction, end: bigint, codeSize: CodeSize): string {
  switch (operand.kind) {
    case "gpr":
      return operand.high ? HIGH_BYTES[operand.reg]! : gprName(operand.reg, operand.size);
    case "mem":
      // LEA accesses no memory, so that its segment means nothing.
      return formatMemory(operand, codeSize, instruction.mnemonic !== "LEA");
    case "imm":
      return hex(quad(operand.lo, operand.hi), operand.size);
    case "rel":
      return hex(end + BigInt(operand.disp), instruction.operandSize);
    case "far":
      return `${hex(BigInt(operand.selector), 2)}:${hex(BigInt(operand.offset), operand.size)}`;
    case "xmm":
      return `xmm${operand.reg}`;
    case "mmx":
      return `mm${operand.reg}`;
    case "st":
      return `st(${operand.reg})`;
    case "segment":
      return SEGMENTS[operand.reg]!;
    case "control":
      return `cr${operand.reg}`;
    case "debug":
      return `dr${operand.reg}`;
  }
}

const SIZE_NAMES: Readonly<Record<number, string>> = {
  1: "byte ptr ",
  2: "word ptr ",
  4: "dword ptr ",
  6: "fword ptr ",
  8: "qword ptr ",
  10: "tbyte ptr ",
  16: "xmmword ptr ",
};

function formatMemory(operand: OperandOf<"mem">, codeSize: CodeSize, segmented: boolean): string {
  const prefix = memoryPrefix(operand, codeSize, segmented);
  const { base, index, scale, addressSize, ripRelative } = operand;
  const terms: string[] = [];
  if (ripRelative) terms.push(addressSize === 8 ? "rip" : "eip");
  if (base >= 0) terms.push(gprName(base, addressSize));
  if (index >= 0) terms.push(gprName(index, addressSize) + (scale > 1 || base < 0 ? `*${scale}` : ""));
  const displacement = quad(operand.disp, operand.dispHi);
  if (terms.length === 0) return `${prefix}[${hex(displacement, addressSize)}]`;
  const sign = displacement < 0n ? "-" : "+";
  const last = displacement === 0n
    ? ""
    : `${sign}0x${(displacement < 0n ? -displacement : displacement).toString(16)}`;
  return `${prefix}[${terms.join("+")}${last}]`;
}

/** Width, and the segment if it is not the default one. */
function memoryPrefix(
  { size, segment, base }: OperandOf<"mem">,
  codeSize: CodeSize,
  segmented: boolean,
): string {
  const usual = base === Gpr.RSP || base === Gpr.RBP ? Segment.SS : Segment.DS;
  const shown = segmented && segment !== usual && (codeSize !== 64 || segment >= Segment.FS);
  return (SIZE_NAMES[size] ?? "") + (shown ? `${SEGMENTS[segment]}:` : "");
}

/** A signed 64-bit number from its halves. */
function quad(lo: number, hi: number): bigint {
  return (BigInt(hi) << 32n) | BigInt(lo >>> 0);
}

function hex(value: bigint, size: number): string {
  return `0x${BigInt.asUintN(size * 8, value).toString(16)}`;
}
