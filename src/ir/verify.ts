/** Checks that a block is well formed. For tests and debugging: a block of the frontend or of a pass always is. */
import { type OpcodeInfo, OPCODES } from "./opcodes.ts";
import { terminalValue } from "./passes/blocks.ts";
import { possibleBitsOfOperation } from "./passes/bits.ts";
import { CELL_WORDS } from "./passes/rows.ts";
import { LETTER_TYPES, printInst, type PrintNames } from "./print.ts";
import { type Block, type Inst, MemoryFlag, type Type } from "./types.ts";

/** What verification must know beyond the block. */
export interface VerifyOptions {
  /** Bytes of the processor state; default 8192. */
  readonly stateBytes?: number;
  /** Signature of a helper, in the letters of opcodes.ts; undefined for an id that names none. */
  readonly signatureOf?: (helperId: number) => string | undefined;
  /** Names used in errors. */
  readonly names?: PrintNames;
}

const ALL_FLAGS = Object.values(MemoryFlag).reduce((x, y) => x | y, 0);

/** Lanes that `imm` may name. */
const LANES: { readonly [op: string]: number } = { vextract32: 4, vinsert32: 4, vextract64: 2, vinsert64: 2 };

/** Throws an error that names the operation if the block is not well formed. */
export function verify(block: Block, options: VerifyOptions = {}): void {
  const seen = new Set<Inst>();
  let guest = 0;
  const last = block.offsets.length - 1;
  if (block.offsets[0] !== 0 || block.offsets.some((offset, i) => i > 0 && offset <= block.offsets[i - 1]!)) {
    throw new TypeError(`Block offsets must rise from 0: ${block.offsets.join(", ")}`);
  }
  if (block.length !== block.offsets[last]) {
    throw new TypeError(`The block's length is ${block.length}, its last offset ${block.offsets[last]}`);
  }
  block.insts.forEach((inst, position) => {
    const problem = (inst.id !== position ? `is at position ${position}` : undefined) ??
      outOfOrder(inst, guest, last) ??
      inst.args.map((arg) => seen.has(arg) ? undefined : `uses %${arg.id}, which is not defined before it`)
        .find((p) => p !== undefined) ??
      typeProblem(inst, options) ?? immediateProblem(inst, options) ?? narrowProblem(inst);
    if (problem !== undefined) {
      throw new TypeError(`Malformed IR: "${printInst(inst, options.names)}" ${problem}`);
    }
    guest = inst.guest;
    seen.add(inst);
  });
  const value = terminalValue(block.terminal);
  if (value === undefined) return;
  if (!seen.has(value)) {
    throw new TypeError(`Malformed IR: the ${block.terminal.kind} uses an undefined value`);
  }
  const wanted = block.terminal.kind === "branch" ? "i32" : "i64";
  if (wide(value.type) !== wanted) {
    throw new TypeError(`Malformed IR: the ${block.terminal.kind} needs ${wanted}, not ${value.type}`);
  }
}

function outOfOrder(inst: Inst, guest: number, last: number): string | undefined {
  if (inst.guest < guest) return `belongs to guest instruction ${inst.guest} but follows ${guest}`;
  return inst.guest > 0 && inst.guest >= last
    ? `belongs to guest instruction ${inst.guest} of ${last}`
    : undefined;
}

/** Engines hold narrow values as i32. */
const wide = (type: Type): Type => type === "i8" || type === "i16" ? "i32" : type;

function typeProblem(inst: Inst, { signatureOf }: VerifyOptions): string | undefined {
  const info: OpcodeInfo = OPCODES[inst.op];
  let signature: string | undefined = info.signature;
  if (signature === "*:*") {
    if (signatureOf === undefined) return undefined;
    signature = signatureOf(inst.imm);
    if (signature === undefined) return `calls helper ${inst.imm}, which does not exist`;
  }
  const [operands, result] = signature.split(":") as [string, string];
  const wanted = [...operands].map((letter) => LETTER_TYPES[letter]!);
  if (inst.args.length !== wanted.length) return `has ${inst.args.length} operands, not ${wanted.length}`;
  for (const [i, type] of wanted.entries()) {
    const actual = inst.args[i]!.type;
    if (wide(actual) !== type) return `needs ${type} as operand ${i + 1}, not ${actual}`;
  }
  const yields = result === "" ? "void" : LETTER_TYPES[result]!;
  return wide(inst.type) === yields ? undefined : `yields ${yields}, not ${inst.type}`;
}

function immediateProblem(inst: Inst, { stateBytes = 0x2000 }: VerifyOptions): string | undefined {
  const { op, imm, imm2 } = inst;
  if (imm !== (imm | 0) || imm2 !== (imm2 | 0)) return "has an immediate that is not a signed 32-bit number";
  const words = CELL_WORDS[inst.code]!;
  if (words > 0) {
    if (imm < 0 || imm + 4 * words > stateBytes) return `reaches beyond the ${stateBytes} bytes of the state`;
    return imm % (4 * words) !== 0 ? `is not aligned to ${4 * words} bytes` : undefined;
  }
  if (/^(load|store)/.test(op) && (imm & ~ALL_FLAGS) !== 0) return "has unknown memory flags";
  if (op === "faultIf" && (imm < 0 || imm > 31)) return "has a vector that is not an exception's";
  const lanes = LANES[op];
  return lanes !== undefined && (imm < 0 || imm >= lanes) ? `names a lane beyond ${lanes - 1}` : undefined;
}

const NARROW = { i8: 0xff, i16: 0xffff } as const;

/** A narrow value must be 0 above its width by the way it is made. */
function narrowProblem(inst: Inst): string | undefined {
  if (inst.type !== "i8" && inst.type !== "i16") return undefined;
  if (isRetyped(inst)) return undefined;
  const mask = NARROW[inst.type];
  const bits = inst.op === "call" || inst.op === "callpure" ? mask : possibleBitsOfOperation(inst, DEPTH);
  return (bits & ~mask) === 0 ? undefined : `can have bits above ${inst.type}`;
}

/** An i32 under a narrow type (`IrBuilder.zext`): the frontend knows what it can be, a flag for example. */
function isRetyped({ op, args }: Inst): boolean {
  return op === "or32" && args[0]!.type === "i32" && args[1]!.op === "const32" && args[1]!.imm === 0;
}

/** How deep operands are looked at: further than the passes do. */
const DEPTH = 8;
