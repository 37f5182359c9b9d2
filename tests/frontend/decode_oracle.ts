/** The decoder against iced-x86: the same length, mnemonic and operands, or the same refusal. */
import {
  Code,
  CodeSize as IcedCodeSize,
  CpuidFeature,
  Decoder,
  DecoderError,
  DecoderOptions,
  Instruction as IcedInstruction,
  MemorySizeExt,
  Mnemonic as IcedMnemonic,
  OpKind,
  Register,
} from "iced-x86";
import { Segment } from "../../src/cpu/state.ts";
import { decode } from "../../src/frontend/decode.ts";
import type {
  CodeSize,
  DecodeFailure,
  Instruction,
  Operand,
  OperandOf,
} from "../../src/frontend/instruction.ts";

/** Bytes of a slot of a test buffer: one instruction starts in each. */
export const SLOT = 16;

/** CPUID features whose instructions the decoder knows; all other instructions must be #UD. */
// deno-fmt-ignore
const CLAIMED: ReadonlySet<number> = new Set([
  CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486,
  CpuidFeature.X64, CpuidFeature.ADX, CpuidFeature.AES, CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.CET_IBT,
  CpuidFeature.CLFLUSHOPT, CpuidFeature.CLFSH, CpuidFeature.CLWB, CpuidFeature.CMOV, CpuidFeature.CMPXCHG16B,
  CpuidFeature.CPUID, CpuidFeature.CX8, CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387,
  CpuidFeature.FSGSBASE, CpuidFeature.FXSR, CpuidFeature.INVEPT, CpuidFeature.INVPCID, CpuidFeature.INVVPID,
  CpuidFeature.LZCNT, CpuidFeature.MMX, CpuidFeature.MONITOR, CpuidFeature.MOVBE, CpuidFeature.MSR,
  CpuidFeature.MULTIBYTENOP, CpuidFeature.PAUSE, CpuidFeature.PCLMULQDQ, CpuidFeature.PKU, CpuidFeature.POPCNT, CpuidFeature.PREFETCHW,
  CpuidFeature.RDPID, CpuidFeature.RDPMC, CpuidFeature.RDRAND, CpuidFeature.RDSEED, CpuidFeature.RDTSCP,
  CpuidFeature.SEP, CpuidFeature.SHA, CpuidFeature.SMAP, CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3,
  CpuidFeature.SSE4_1, CpuidFeature.SSE4_2, CpuidFeature.SSSE3, CpuidFeature.SYSCALL, CpuidFeature.TSC,
  CpuidFeature.VMX, CpuidFeature.XSAVE, CpuidFeature.XSAVEOPT, CpuidFeature.XSAVEC,
]);

const OPTIONS = DecoderOptions.NoWbnoinvd;

/** Our mnemonic for iced's, where they differ: one name for all widths (see opcodes/mnemonics.ts), or another spelling. */
// deno-fmt-ignore
const RENAMED: Readonly<Record<string, string>> = {
  MOVSB: "MOVS", MOVSW: "MOVS", MOVSQ: "MOVS", CMPSB: "CMPS", CMPSW: "CMPS", CMPSQ: "CMPS", STOSB: "STOS",
  STOSW: "STOS", STOSD: "STOS", STOSQ: "STOS", LODSB: "LODS", LODSW: "LODS", LODSD: "LODS", LODSQ: "LODS",
  SCASB: "SCAS", SCASW: "SCAS", SCASD: "SCAS", SCASQ: "SCAS", INSB: "INS", INSW: "INS", INSD: "INS", OUTSB: "OUTS",
  OUTSW: "OUTS", OUTSD: "OUTS", CWDE: "CBW", CDQE: "CBW", CDQ: "CWD", CQO: "CWD", PUSHFD: "PUSHF", PUSHFQ: "PUSHF",
  POPFD: "POPF", POPFQ: "POPF", PUSHAD: "PUSHA", POPAD: "POPA", IRETD: "IRET", IRETQ: "IRET", SYSRETQ: "SYSRET",
  SYSEXITQ: "SYSEXIT", JECXZ: "JCXZ", JRCXZ: "JCXZ", XLATB: "XLAT", FXSAVE64: "FXSAVE", FXRSTOR64: "FXRSTOR",
  XSAVE64: "XSAVE", XRSTOR64: "XRSTOR", XSAVEOPT64: "XSAVEOPT", XSAVEC64: "XSAVEC", WAIT: "FWAIT", RESERVEDNOP: "NOP", SAL: "SHL",
  PCMPESTRM64: "PCMPESTRM", PCMPESTRI64: "PCMPESTRI",
};

/**
 * Hints of later processors in the encodings that SDM vol. 2D, table A-3, gives to reserved NOPs and prefetches: where the
 * feature is missing they are NOPs of the same length. By name of iced's instruction code.
 */
const HINT = /^(Prefetch_|Prefetchreserved|Prefetchwt1|Prefetchit|Cldemote|Rdssp|Reservednop)/;

/** What an iced instruction code means to us. */
interface Known {
  readonly name: string;
  readonly claimed: boolean;
  /** A NOP of ours, whatever its operands are for iced. */
  readonly hint: boolean;
  /** Operand and address size in bytes, where iced's name of the code tells it and operands do not; 0 elsewhere. */
  readonly operandSize: number;
  readonly addressSize: number;
}

const known: (Known | undefined)[] = [];
const memorySizes: number[] = [];

/** Register numbers of iced as our operands. */
const registers: readonly (Operand | undefined)[] = (() => {
  const table: (Operand | undefined)[] = [];
  const put = (first: number, count: number, make: (reg: number) => Operand): void => {
    for (let i = 0; i < count; i++) table[first + i] = make(i);
  };
  put(Register.AL, 4, (reg) => ({ kind: "gpr", reg, size: 1, high: false }));
  put(Register.AH, 4, (reg) => ({ kind: "gpr", reg, size: 1, high: true }));
  put(Register.SPL, 12, (reg) => ({ kind: "gpr", reg: reg + 4, size: 1, high: false }));
  put(Register.AX, 16, (reg) => ({ kind: "gpr", reg, size: 2, high: false }));
  put(Register.EAX, 16, (reg) => ({ kind: "gpr", reg, size: 4, high: false }));
  put(Register.RAX, 16, (reg) => ({ kind: "gpr", reg, size: 8, high: false }));
  put(Register.ES, 6, (reg) => ({ kind: "segment", reg }));
  put(Register.XMM0, 16, (reg) => ({ kind: "xmm", reg, size: 16 }));
  put(Register.MM0, 8, (reg) => ({ kind: "mmx", reg, size: 8 }));
  put(Register.CR0, 16, (reg) => ({ kind: "control", reg }));
  put(Register.DR0, 16, (reg) => ({ kind: "debug", reg }));
  put(Register.ST0, 8, (reg) => ({ kind: "st", reg }));
  return table;
})();

/** Operand sizes that iced's mnemonics tell. */
// deno-fmt-ignore
const SIZES_BY_MNEMONIC: Readonly<Record<string, number>> = {
  CBW: 2, CWDE: 4, CDQE: 8, CWD: 2, CDQ: 4, CQO: 8, SYSRETQ: 8, SYSEXITQ: 8, FXSAVE64: 8, FXRSTOR64: 8,
  XSAVE64: 8, XRSTOR64: 8, XSAVEOPT64: 8, XSAVEC64: 8,
};

const ADDRESS_SIZES: Readonly<Record<string, number>> = {
  _CX: 2,
  _ECX: 4,
  _RCX: 8,
  Jcxz: 2,
  Jecxz: 4,
  Jrcxz: 8,
};

/** The operand size in bytes that iced's name of an instruction code tells (`Enterq_imm16_imm8`, `Jo_rel8_32`), or 0. */
function sizeInName(code: string, name: string): number {
  const suffix = code.match(/^(?:Retn|Retf|Enter|Leave|Iret|Pushf|Popf|Pusha|Popa|Push|Pop)([wdq])(?:_|$)/)
    ?.[1];
  if (suffix !== undefined) return { w: 2, d: 4, q: 8 }[suffix]!;
  const branch = code.match(/_rel(?:8|16|32)_(16|32|64)/)?.[1];
  return branch === undefined ? SIZES_BY_MNEMONIC[name] ?? 0 : Number(branch) / 8;
}

function describe(instruction: IcedInstruction): Known {
  let name = IcedMnemonic[instruction.mnemonic]!.toUpperCase();
  if (name === "MOVSD" && instruction.isStringInstruction) name = "MOVS";
  if (name === "CMPSD" && instruction.isStringInstruction) name = "CMPS";
  const code = Code[instruction.code]!;
  if (/^(Call|Jmp)_(ptr|m16)/.test(code)) name += "F";
  if (HINT.test(code)) return { name: "NOP", claimed: true, hint: true, operandSize: 0, addressSize: 0 };
  return {
    name: RENAMED[name] ?? name,
    claimed: instruction.cpuidFeatures().every((feature) => CLAIMED.has(feature)),
    hint: false,
    operandSize: sizeInName(code, name),
    addressSize: ADDRESS_SIZES[code.match(/_(CX|ECX|RCX)$|^J(c|ec|rc)xz/)?.[0] ?? ""] ?? 0,
  };
}

/** A disagreement, in words. */
export interface Mismatch {
  readonly bytes: string;
  readonly codeSize: CodeSize;
  readonly reason: string;
}

/** What a comparison counted. */
export interface Tally {
  /** Slots compared. */
  compared: number;
  /** Slots both decode to the same instruction. */
  decoded: number;
  /** Slots both refuse. */
  refused: number;
}

/** Compares the instruction at the start of each slot of `bytes`; returns the disagreements. */
export function compareSlots(bytes: Uint8Array, codeSize: CodeSize, tally: Tally): Mismatch[] {
  const decoder = new Decoder(codeSize, bytes, OPTIONS);
  const iced = new IcedInstruction();
  const mismatches: Mismatch[] = [];
  for (let offset = 0; offset + SLOT <= bytes.length; offset += SLOT) {
    decoder.position = offset;
    decoder.ip = 0n;
    decoder.decodeOut(iced);
    const refused = decoder.lastError !== DecoderError.None;
    const ours = decode(bytes, offset, bytes.length - offset, codeSize);
    tally.compared++;
    const reason = refused ? refusal(ours) : disagreement(iced, ours, codeSize);
    if (reason !== undefined) mismatches.push({ bytes: hex(bytes, offset), codeSize, reason });
    else if ("failure" in ours) tally.refused++;
    else tally.decoded++;
  }
  iced.free();
  decoder.free();
  return mismatches;
}

function hex(bytes: Uint8Array, offset: number): string {
  return [...bytes.subarray(offset, offset + 15)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function refusal(ours: Instruction | DecodeFailure): string | undefined {
  return "failure" in ours ? undefined : `iced refuses, we decode ${ours.mnemonic} (${ours.length} bytes)`;
}

function disagreement(
  iced: IcedInstruction,
  ours: Instruction | DecodeFailure,
  codeSize: CodeSize,
): string | undefined {
  const { name, claimed, hint, operandSize, addressSize } = known[iced.code] ??= describe(iced);
  if (!claimed || mustBeRefused(name, codeSize)) {
    return "failure" in ours ? undefined : `${Code[iced.code]} is not claimed, we decode ${ours.mnemonic}`;
  }
  if ("failure" in ours) {
    return `iced decodes ${Code[iced.code]} (${iced.length} bytes), we refuse: ${ours.failure}`;
  }
  if (ours.length !== iced.length) return `length ${ours.length}, iced ${iced.length} (${Code[iced.code]})`;
  if (ours.mnemonic !== name) return `${ours.mnemonic}, iced ${name}`;
  if (hint) return undefined;
  if (ours.lock !== iced.hasLockPrefix) return `lock ${ours.lock}`;
  if (operandSize !== 0 && ours.operandSize !== operandSize) {
    return `${name}: operand size ${ours.operandSize}`;
  }
  if (addressSize !== 0 && ours.addressSize !== addressSize) {
    return `${name}: address size ${ours.addressSize}`;
  }
  // iced numbers conditions from 1, in the order of the condition codes.
  const condition = CONDITIONAL.test(name) ? iced.conditionCode - 1 : -1;
  if (ours.condition !== condition) return `${name}: condition ${ours.condition}`;
  const rep = !iced.isStringInstruction ? 0 : iced.hasRepnePrefix ? 0xf2 : iced.hasRepPrefix ? 0xf3 : 0;
  if (ours.rep !== rep) return `${name}: rep ${ours.rep}`;
  return compareOperands(iced, ours);
}

const CONDITIONAL = /^(J(?!MP|CXZ)|SET|CMOV)/;

/** SYSCALL and SYSRET outside 64-bit mode: iced follows AMD. Intel: #UD (SDM vol. 2B, "SYSCALL", "SYSRET"). */
function mustBeRefused(name: string, codeSize: CodeSize): boolean {
  return codeSize !== 64 && (name === "SYSCALL" || name === "SYSRET");
}

function compareOperands(iced: IcedInstruction, ours: Instruction): string | undefined {
  let first = 0, count = iced.opCount;
  const operands = ours.operands;
  if (iced.isStringInstruction || ours.mnemonic === "XLAT") {
    if (operands.length !== 0) return "a string instruction with operands";
    return iced.isStringInstruction && ours.operandSize !== memorySize(iced)
      ? `size ${ours.operandSize}`
      : undefined;
  }
  if (ours.mnemonic.startsWith("MASKMOV")) first++, count--;
  let ourCount = operands.length;
  const last = operands[ourCount - 1];
  if (IMPLICIT_XMM0.has(ours.mnemonic) && last!.kind === "xmm" && last!.reg === 0) ourCount--;
  if (count !== ourCount) {
    return `${ours.mnemonic} has ${ourCount} operands, iced ${count} (${Code[iced.code]})`;
  }
  for (let i = 0; i < count; i++) {
    const reason = compareOperand(iced, first + i, operands[i]!, ours);
    if (reason !== undefined) return `${ours.mnemonic} operand ${i}: ${reason} (${Code[iced.code]})`;
  }
  return undefined;
}

/** Instructions with the implicit operand XMM0, which iced leaves out. */
const IMPLICIT_XMM0: ReadonlySet<string> = new Set(["PBLENDVB", "BLENDVPS", "BLENDVPD", "SHA256RNDS2"]);

function memorySize(iced: IcedInstruction): number {
  return memorySizes[iced.memorySize] ??= MemorySizeExt.size(iced.memorySize);
}

function compareOperand(
  iced: IcedInstruction,
  index: number,
  operand: Operand,
  ours: Instruction,
): string | undefined {
  const kind = iced.opKind(index);
  switch (kind) {
    case OpKind.Register: {
      const register = registers[iced.opRegister(index)];
      if (register === undefined || !sameRegister(register, operand, WORD_OPERANDS.has(ours.mnemonic))) {
        return `register ${JSON.stringify(operand)}, iced ${Register[iced.opRegister(index)]}`;
      }
      return undefined;
    }
    case OpKind.Memory:
      return compareMemory(iced, operand, ours);
    case OpKind.NearBranch16:
    case OpKind.NearBranch32:
    case OpKind.NearBranch64: {
      if (operand.kind !== "rel") return `${operand.kind}, iced a branch`;
      const bits = kind === OpKind.NearBranch16 ? 16 : kind === OpKind.NearBranch32 ? 32 : 64;
      const target = BigInt.asUintN(bits, BigInt(operand.disp + ours.length));
      return target === iced.nearBranchTarget
        ? undefined
        : `branch to ${target}, iced ${iced.nearBranchTarget}`;
    }
    case OpKind.FarBranch16:
    case OpKind.FarBranch32: {
      if (operand.kind !== "far") return `${operand.kind}, iced a far pointer`;
      const offset = kind === OpKind.FarBranch16 ? iced.farBranch16 : iced.farBranch32;
      const size = kind === OpKind.FarBranch16 ? 2 : 4;
      const same = operand.selector === iced.farBranchSelector && operand.offset >>> 0 === offset &&
        operand.size === size;
      return same ? undefined : "far pointers differ";
    }
    default:
      return compareImmediate(iced.immediate(index), kind, operand);
  }
}

/** Instructions whose register operands are words for us, and for iced wider registers of which they use the low word. */
const WORD_OPERANDS: ReadonlySet<string> = new Set(["ARPL", "LLDT", "LTR", "LMSW", "VERR", "VERW"]);

function sameRegister(expected: Operand, ours: Operand, anySize: boolean): boolean {
  if (expected.kind !== ours.kind) return false;
  if ("reg" in expected && "reg" in ours && expected.reg !== ours.reg) return false;
  if (anySize) return true;
  return expected.kind !== "gpr" ||
    (ours.kind === "gpr" && expected.size === ours.size && expected.high === ours.high);
}

/** Bytes to which iced's kinds of immediate are extended. */
// deno-fmt-ignore
const IMMEDIATE_SIZES: Readonly<Record<number, number>> = {
  [OpKind.Immediate8]: 1, [OpKind.Immediate8_2nd]: 1, [OpKind.Immediate16]: 2, [OpKind.Immediate32]: 4,
  [OpKind.Immediate64]: 8, [OpKind.Immediate8to16]: 2, [OpKind.Immediate8to32]: 4, [OpKind.Immediate8to64]: 8,
  [OpKind.Immediate32to64]: 8,
};

function compareImmediate(value: bigint, kind: OpKind, operand: Operand): string | undefined {
  if (operand.kind !== "imm") return `${operand.kind}, iced ${OpKind[kind]}`;
  const size = IMMEDIATE_SIZES[kind];
  if (operand.size !== size) return `immediate of ${operand.size} bytes, iced ${OpKind[kind]}`;
  const ours = BigInt.asUintN(size * 8, (BigInt(operand.hi) << 32n) | BigInt(operand.lo >>> 0));
  return ours === BigInt.asUintN(size * 8, value) ? undefined : `immediate ${ours}, iced ${value}`;
}

/**
 * Whether iced names an override that 64-bit mode ignores (SDM vol. 1, section 3.3.4): then the default must be ours, SS
 * or DS by base.
 */
function ignoresSegment(iced: IcedInstruction, operand: OperandOf<"mem">, segment: number): boolean {
  if (iced.codeSize !== IcedCodeSize.Code64 || segment >= Segment.FS) return false;
  return operand.segment === (operand.base === 4 || operand.base === 5 ? Segment.SS : Segment.DS);
}

function compareMemory(iced: IcedInstruction, operand: Operand, ours: Instruction): string | undefined {
  if (operand.kind !== "mem") return `${operand.kind}, iced memory`;
  const base = iced.memoryBase, index = iced.memoryIndex;
  const ripRelative = base === Register.RIP || base === Register.EIP;
  if (operand.ripRelative !== ripRelative) return `RIP-relative ${operand.ripRelative}`;
  const baseRegister = registers[base], indexRegister = registers[index];
  const baseNumber = !ripRelative && baseRegister?.kind === "gpr" ? baseRegister.reg : -1;
  const indexNumber = indexRegister?.kind === "gpr" ? indexRegister.reg : -1;
  if (operand.base !== baseNumber) return `base ${operand.base}, iced ${Register[base]}`;
  if (operand.index !== indexNumber) return `index ${operand.index}, iced ${Register[index]}`;
  if (indexNumber >= 0 && operand.scale !== iced.memoryIndexScale) return `scale ${operand.scale}`;
  const widest = baseRegister ?? indexRegister;
  const addressSize = ripRelative
    ? (base === Register.RIP ? 8 : 4)
    : widest?.kind === "gpr"
    ? widest.size
    : 0;
  if (addressSize !== 0 && operand.addressSize !== addressSize) return `address size ${operand.addressSize}`;
  if (operand.addressSize !== ours.addressSize) return "address sizes of operand and instruction differ";
  const segment = iced.memorySegment - Register.ES;
  if (operand.segment !== segment && !ignoresSegment(iced, operand, segment)) {
    return `segment ${operand.segment}, iced ${segment}`;
  }
  let displacement = (BigInt(operand.dispHi) << 32n) | BigInt(operand.disp >>> 0);
  if (ripRelative) displacement += BigInt(ours.length);
  const bits = operand.addressSize * 8;
  const theirs = iced.memoryDisplacement;
  if (BigInt.asUintN(bits, displacement) !== BigInt.asUintN(bits, theirs)) {
    return `displacement, iced ${theirs}`;
  }
  const size = memorySize(iced);
  return operand.size === 0 || operand.size === size
    ? undefined
    : `memory of ${operand.size} bytes, iced ${size}`;
}
