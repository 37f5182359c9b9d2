/**
 * A second definition of the IR's integer opcodes, over bigints and written from the documentation in ir/opcodes.ts
 * alone: what the passes and the engines are compared with. Slow and plain on purpose.
 */
import { type Opcode, type OpcodeInfo, OPCODES } from "../../src/ir/opcodes.ts";
import type { Block, Inst } from "../../src/ir/types.ts";
import { VECTOR_MEANINGS } from "./vector_lanes.ts";

const mask = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
/** The low `bits` bits of a number, as a signed number. */
export const signed = (x: bigint, bits: number): bigint => BigInt.asIntN(bits, x);
const bool = (x: boolean): bigint => x ? 1n : 0n;

type Meaning = (args: readonly bigint[], imm: number, imm2: number) => bigint;

function integerOpcodes(bits: 32 | 64): Record<string, Meaning> {
  const all = mask(bits), n = BigInt(bits);
  const count = (x: bigint): bigint => x % n;
  const zeros = (digits: string): bigint => BigInt(digits.length);
  const binary = (x: bigint): string => x.toString(2).padStart(bits, "0");
  const rotl = (x: bigint, c: bigint): bigint => ((x << c) | (x >> (n - c))) & all;
  const meanings: Record<string, Meaning> = {
    const: (_, imm, imm2) => ((BigInt(imm2) << 32n) | BigInt(imm >>> 0)) & all,
    add: ([x, y]) => (x! + y!) & all,
    sub: ([x, y]) => (x! - y!) & all,
    mul: ([x, y]) => (x! * y!) & all,
    and: ([x, y]) => x! & y!,
    or: ([x, y]) => x! | y!,
    xor: ([x, y]) => x! ^ y!,
    shl: ([x, y]) => (x! << count(y!)) & all,
    shr: ([x, y]) => x! >> count(y!),
    sar: ([x, y]) => (signed(x!, bits) >> count(y!)) & all,
    rotl: ([x, y]) => rotl(x!, count(y!)),
    rotr: ([x, y]) => rotl(x!, (n - count(y!)) % n),
    eq: ([x, y]) => bool(x === y),
    ne: ([x, y]) => bool(x !== y),
    ltu: ([x, y]) => bool(x! < y!),
    leu: ([x, y]) => bool(x! <= y!),
    lts: ([x, y]) => bool(signed(x!, bits) < signed(y!, bits)),
    les: ([x, y]) => bool(signed(x!, bits) <= signed(y!, bits)),
    clz: ([x]) => zeros(/^0*/.exec(binary(x!))![0]),
    ctz: ([x]) => zeros(/0*$/.exec(binary(x!))![0]),
    popcnt: ([x]) => zeros(binary(x!).replaceAll("0", "")),
    bswap: ([x]) => BigInt("0x" + x!.toString(16).padStart(bits / 4, "0").match(/../g)!.reverse().join("")),
    select: ([c, x, y]) => c !== 0n ? x! : y!,
  };
  return Object.fromEntries(Object.entries(meanings).map(([name, meaning]) => [name + bits, meaning]));
}

function overflows(x: bigint, y: bigint, bits: number): bigint {
  const product = signed(x, bits) * signed(y, bits);
  return bool(signed(product, bits) !== product);
}

const WIDTHS: Record<string, Meaning> = {
  sext8: ([x]) => signed(x!, 8) & mask(32),
  sext16: ([x]) => signed(x!, 16) & mask(32),
  mulhu64: ([x, y]) => (x! * y!) >> 64n,
  mulhs64: ([x, y]) => ((signed(x!, 64) * signed(y!, 64)) >> 64n) & mask(64),
  lo: ([x]) => x! & mask(32),
  hi: ([x]) => x! >> 32n,
  zext: ([x]) => x!,
  sext: ([x]) => signed(x!, 32) & mask(64),
  pair: ([x, y]) => x! | (y! << 32n),
  mulwideu32: ([x, y]) => x! * y!,
  mulwides32: ([x, y]) => (signed(x!, 32) * signed(y!, 32)) & mask(64),
  mulo32: ([x, y]) => overflows(x!, y!, 32),
  mulo64: ([x, y]) => overflows(x!, y!, 64),
  insert8: ([x, y]) => (x! & ~0xffn) | (y! & 0xffn),
  insert8high: ([x, y]) => (x! & ~0xff00n) | ((y! & 0xffn) << 8n),
  insert16: ([x, y]) => (x! & ~0xffffn) | (y! & 0xffffn),
};

const replaced = (x: bigint, lane: number, bits: number, part: bigint): bigint => {
  const at = BigInt(lane * bits);
  return (x & ~(mask(bits) << at) & mask(128)) | (part << at);
};

/** The top bits of the lanes, the lowest lane's first. */
function signs(x: bigint, bits: number): bigint {
  let result = 0n;
  for (let lane = 0; lane < 128 / bits; lane++) {
    result |= ((x >> BigInt((lane + 1) * bits - 1)) & 1n) << BigInt(lane);
  }
  return result;
}

const LANES: Record<string, Meaning> = {
  vconst: (_, imm) => [0n, 1n, 2n, 3n].reduce((v, i) => v | (BigInt(imm >>> 0) << (32n * i)), 0n),
  vextract32: ([x], lane) => (x! >> BigInt(32 * lane)) & mask(32),
  vextract64: ([x], lane) => (x! >> BigInt(64 * lane)) & mask(64),
  vinsert32: ([x, y], lane) => replaced(x!, lane, 32, y!),
  vinsert64: ([x, y], lane) => replaced(x!, lane, 64, y!),
  vpair: ([x, y]) => x! | (y! << 64n),
  vand: ([x, y]) => x! & y!,
  vor: ([x, y]) => x! | y!,
  vxor: ([x, y]) => x! ^ y!,
  vandn: ([x, y]) => ~x! & y! & mask(128),
  vextract8: ([x], lane) => (x! >> BigInt(8 * lane)) & mask(8),
  vextract16: ([x], lane) => (x! >> BigInt(16 * lane)) & mask(16),
  vinsert8: ([x, y], lane) => replaced(x!, lane, 8, y! & mask(8)),
  vinsert16: ([x, y], lane) => replaced(x!, lane, 16, y! & mask(16)),
  vmask8: ([x]) => signs(x!, 8),
  vmask32: ([x]) => signs(x!, 32),
  vmask64: ([x]) => signs(x!, 64),
  vanytrue: ([x]) => bool(x !== 0n),
};

const MEANINGS: Record<string, Meaning> = {
  ...integerOpcodes(32),
  ...integerOpcodes(64),
  ...WIDTHS,
  ...LANES,
  ...VECTOR_MEANINGS,
};

/** Opcodes that have a meaning here: those that depend on operands and immediates only, but for AES, SHA and PCMPxSTRx. */
export const REFERENCE_OPCODES: readonly Opcode[] = (Object.keys(OPCODES) as Opcode[])
  .filter((op) => Object.hasOwn(MEANINGS, op));

/** Value of a pure operation; operands and result are unsigned. */
export function evaluate(op: Opcode, args: readonly bigint[], imm: number, imm2: number): bigint {
  const meaning = MEANINGS[op];
  if (meaning === undefined) throw new TypeError(`${op} has no reference meaning`);
  return meaning(args, imm, imm2);
}

/** Bits of a value by the letter of its type. */
export const LETTER_BITS: Readonly<Record<string, number>> = { w: 32, q: 64, v: 128 };

/** What a block reaches besides its state. */
export interface World {
  readonly state: Uint8Array;
  /** An access or a helper call is about to happen: true makes the block leave there. */
  leaves(description: string): boolean;
  /** A value of `bits` bits in guest memory. */
  load(address: bigint, bits: number): bigint;
  store(address: bigint, bits: number, value: bigint): void;
  /** Performs an operation that has no meaning here: a helper call, an opcode of vectors or floats. */
  opaque(inst: Inst, args: readonly bigint[]): bigint;
}

/** How a block ended. */
export interface Ending {
  /** Guest instruction and reason of a side exit, or the terminal with its operand's value. */
  readonly how: string;
  /** Where execution goes on, if the block reached its end. */
  readonly target?: bigint;
}

/** Executes a block. */
export function run(block: Block, world: World): Ending {
  const values = new Map<Inst, bigint>();
  for (const inst of block.insts) {
    const args = inst.args.map((arg) => values.get(arg)!);
    const value = step(inst, args, world);
    if (typeof value === "string") return { how: `${value} at instruction ${inst.guest}` };
    values.set(inst, value);
  }
  const { terminal } = block;
  switch (terminal.kind) {
    case "jump":
      return { how: "end", target: terminal.target };
    case "branch":
      return { how: "end", target: values.get(terminal.condition) !== 0n ? terminal.taken : terminal.next };
    case "indirect":
    case "redispatch":
      return { how: terminal.kind, target: values.get(terminal.target)! };
    case "vmfunc":
      return { how: terminal.kind, target: terminal.next };
    case "event":
      return { how: `event ${terminal.event}`, target: terminal.rip };
  }
}

/** One operation: its value (0 for none), or why the block is left. */
function step(inst: Inst, args: readonly bigint[], world: World): bigint | string {
  const { op, imm, imm2 } = inst;
  const info: OpcodeInfo = OPCODES[op];
  const cell = /^(get|set)(32|64|v)$/.exec(op);
  if (cell !== null) {
    const bits = cell[2] === "v" ? 128 : Number(cell[2]);
    if (cell[1] === "get") return readBytes(world.state, imm, bits);
    writeBytes(world.state, imm, bits, args[0]!);
    return 0n;
  }
  const access = /^(load|store)(8|16|32|64|v)$/.exec(op);
  if (access !== null) {
    const bits = access[2] === "v" ? 128 : Number(access[2]);
    const value = access[1] === "store" ? args[1]! & mask(bits) : undefined;
    if (world.leaves(`${op} 0x${args[0]!.toString(16)} flags ${imm} ${value ?? ""}`)) return op;
    if (value === undefined) return world.load(args[0]!, bits);
    world.store(args[0]!, bits, value);
    return 0n;
  }
  if (op === "faultIf") return args[0] !== 0n ? `fault ${imm} error ${imm2}` : 0n;
  if (op === "call" && world.leaves(`call ${imm} ${args.join()}`)) return op;
  if (info.pure && Object.hasOwn(MEANINGS, op)) return evaluate(op, args, imm, imm2);
  return world.opaque(inst, args);
}

/** Little-endian value of `bits` bits. */
export function readBytes(bytes: Uint8Array, offset: number, bits: number): bigint {
  let value = 0n;
  for (let i = bits / 8 - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[offset + i]!);
  return value;
}

/** Writes a value of `bits` bits, little-endian. */
export function writeBytes(bytes: Uint8Array, offset: number, bits: number, value: bigint): void {
  for (let i = 0; i < bits / 8; i++) bytes[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}
