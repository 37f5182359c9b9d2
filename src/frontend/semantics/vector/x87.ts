/** The x87 instructions: operands here, everything else in helpers. SDM vol. 1, chapter 8; vol. 2. */
import type { Value } from "../../../ir/types.ts";
import type { HelperName } from "../../../cpu/helpers.ts";
import { Mode } from "../../../cpu/mode.ts";
import { FCW, FDP, FIP, FOP, FSW } from "../../../cpu/state.ts";
import type { Mnemonic } from "../../opcodes/mnemonics.ts";
import type { Operand, OperandOf } from "../../instruction.ts";
import type { Translator } from "../../translator.ts";
import type { Semantics } from "../semantics.ts";
import { orderFlags, raisePending, type SemanticsTable } from "./access.ts";

/** Error summary of the status word: an unmasked exception is pending. */
const FSW_ES = 0x80;

/**
 * Wraps a non-control instruction: it waits (a pending exception is raised first), and afterwards the instruction
 * pointer is that of this instruction. Opcode and operand pointer are noted only with an unmasked exception, as
 * current processors do (CPUID.7.0:EBX bit 6). SDM vol. 1, sections 8.1.8 and 8.1.9.
 */
function waiting(semantics: Semantics): Semantics {
  return (t, ...operands) => {
    const { ir } = t;
    raisePending(t);
    const area = operands.find((operand) => operand.kind === "mem");
    const pointer = area === undefined ? undefined : t.effectiveAddress(area);
    semantics(t, ...operands);
    ir.set(FIP, ir.i64(t.pc));
    const pending = ir.and(ir.get(FSW, "i32"), ir.i32(FSW_ES));
    ir.set(FOP, ir.select(pending, ir.i32(t.instruction.fop), ir.get(FOP, "i32")));
    if (pointer !== undefined) ir.set(FDP, ir.select(pending, pointer, ir.get(FDP, "i64")));
  };
}

const name = (method: string): HelperName => `x87_${method}` as HelperName;

function registerNumber(t: Translator, operand: Operand): Value {
  if (operand.kind !== "st") throw new TypeError(`The operand is ${operand.kind}, not a stack register`);
  return t.ir.i32(operand.reg);
}
function memory(operand: Operand): OperandOf<"mem"> {
  if (operand.kind !== "mem") throw new TypeError(`The operand is ${operand.kind}, not memory`);
  return operand;
}

/** Calls a method without operands. */
const plain = (method: string): Semantics => waiting((t) => void t.call(name(method)));

/** ST(dst) ← ST(dst) op ST(src), or ST(0) with a single or double from memory. */
function arithmetic(method: string): Semantics {
  return waiting((t, dst, src) => {
    if (dst.kind === "mem") t.call(name(`${method}${8 * dst.size}`), t.read(dst));
    else t.call(name(method), registerNumber(t, dst), registerNumber(t, src));
  });
}
/** A sign-extended 16-bit, or a 32- or 64-bit integer from memory. */
function integerOf(t: Translator, operand: Operand): Value {
  const value = t.read(operand);
  return value.type === "i16" ? t.ir.sext(value, "i32") : value;
}
const integerArithmetic = (method: string): Semantics =>
  waiting((t, src) => void t.call(name(method), integerOf(t, src)));

/** Compares ST(0) with a stack register (the last operand) or a single or double. */
function compare(method: string): Semantics {
  return waiting((t, ...operands) => {
    const last = operands[operands.length - 1]!;
    if (last.kind === "mem") t.call(name(`${method}${8 * last.size}`), t.read(last));
    else t.call(name(method), registerNumber(t, last));
  });
}

/** FCOMI and so on: CF, PF and ZF from the relation; OF, SF and AF are cleared. */
function order(method: string): Semantics {
  return waiting((t, _first, second) =>
    t.setFlags(orderFlags(t, t.call(name(method), registerNumber(t, second))))
  );
}

/** FLD, FILD, FBLD. */
const load: Semantics = waiting((t, src) => {
  if (src.kind === "st") t.call("x87_FLD", registerNumber(t, src));
  else if (memory(src).size === 10) loadTen(t, "x87_FLD80", memory(src));
  else t.call(name(`FLD${8 * memory(src).size}`), t.read(src));
});
/** Reads ten bytes. */
function loadTen(t: Translator, helper: "x87_FLD80" | "x87_FBLD", src: OperandOf<"mem">): void {
  const address = t.address(src), flags = t.memoryFlags(src);
  const low = t.ir.load("i64", address, flags);
  const high = t.ir.load("i16", t.ir.add(address, t.ir.const("i64", 8)), flags);
  t.call(helper, low, t.ir.low(high));
}

/** Stores to memory: the helper does it, because an unmasked exception can forbid it. */
function storeTo(t: Translator, method: string, dst: OperandOf<"mem">, pops: 0 | 1): void {
  t.checkWritable(dst);
  t.call(name(method), t.address(dst), t.ir.i32(t.memoryFlags(dst)), t.ir.i32(pops));
}
function store(pops: 0 | 1): Semantics {
  return waiting((t, dst) => {
    if (dst.kind === "st") t.call(pops === 0 ? "x87_FST" : "x87_FSTP", registerNumber(t, dst));
    else storeTo(t, `FST${8 * memory(dst).size}`, memory(dst), pops);
  });
}
const storeInteger = (method: string, pops: 0 | 1): Semantics =>
  waiting((t, dst) => storeTo(t, `${method}${8 * memory(dst).size}`, memory(dst), pops));

const oneRegister = (method: string): Semantics =>
  waiting((t, ...operands) => void t.call(name(method), registerNumber(t, operands[operands.length - 1]!)));

const conditionalMove = (condition: number): Semantics =>
  waiting((t, _dst, src) => void t.call("x87_FCMOV", registerNumber(t, src), t.condition(condition)));

/** Bytes of the images of the environment and the whole state, with 16- and 32-bit operands. SDM vol. 1, section 8.1.10. */
const ENVIRONMENT = [14, 28], WHOLE = [94, 108];
const IMAGE_BYTES = {
  x87_FNSTENV: ENVIRONMENT,
  x87_FLDENV: ENVIRONMENT,
  x87_FNSAVE: WHOLE,
  x87_FRSTOR: WHOLE,
} as const;

/** FNSTENV and so on: control instructions, they leave the pointers alone (or load them). */
function image(helper: keyof typeof IMAGE_BYTES): Semantics {
  return (t, operand) => {
    if (helper === "x87_FLDENV" || helper === "x87_FRSTOR") raisePending(t);
    const area = memory(operand);
    if (helper === "x87_FNSTENV" || helper === "x87_FNSAVE") t.checkWritable(area);
    const form = (t.instruction.operandSize === 2 ? 0 : 1) | ((t.mode & Mode.REAL) !== 0 ? 2 : 0);
    const bytes = IMAGE_BYTES[helper][form & 1]!;
    t.call(helper, t.address(area, bytes), t.ir.i32(t.memoryFlags(area)), t.ir.i32(form));
  };
}

/** Instructions without operands, named as the unit's methods. */
const PLAIN = [
  "FLD1",
  "FLDL2T",
  "FLDL2E",
  "FLDPI",
  "FLDLG2",
  "FLDLN2",
  "FLDZ",
  "FCHS",
  "FABS",
  "FTST",
  "FXAM",
  "F2XM1",
  "FYL2X",
  "FPTAN",
  "FPATAN",
  "FXTRACT",
  "FPREM1",
  "FPREM",
  "FYL2XP1",
  "FSQRT",
  "FSINCOS",
  "FRNDINT",
  "FSCALE",
  "FSIN",
  "FCOS",
  "FDECSTP",
  "FINCSTP",
  "FCOMPP",
  "FUCOMPP",
] as const satisfies readonly Mnemonic[]; // deno-fmt-ignore

/** The x87 instructions. */
export const X87_SEMANTICS: SemanticsTable = {
  ...Object.fromEntries(PLAIN.map((mnemonic) => [mnemonic, plain(mnemonic)])),
  FNOP: waiting(() => {}),
  FLD: load,
  FILD: waiting((t, src) => void t.call(name(`FILD${8 * memory(src).size}`), integerOf(t, src))),
  FBLD: waiting((t, src) => loadTen(t, "x87_FBLD", memory(src))),
  FST: store(0),
  FSTP: store(1),
  FSTPNCE: waiting((t, dst) => void t.call("x87_FSTPNCE", registerNumber(t, dst))),
  FIST: storeInteger("FIST", 0),
  FISTP: storeInteger("FIST", 1),
  FISTTP: storeInteger("FISTT", 1),
  FBSTP: waiting((t, dst) => storeTo(t, "FBST", memory(dst), 1)),
  FXCH: oneRegister("FXCH"),
  FFREE: oneRegister("FFREE"),
  FFREEP: oneRegister("FFREEP"),
  FADD: arithmetic("FADD"),
  FSUB: arithmetic("FSUB"),
  FSUBR: arithmetic("FSUBR"),
  FMUL: arithmetic("FMUL"),
  FDIV: arithmetic("FDIV"),
  FDIVR: arithmetic("FDIVR"),
  FADDP: arithmetic("FADDP"),
  FSUBP: arithmetic("FSUBP"),
  FSUBRP: arithmetic("FSUBRP"),
  FMULP: arithmetic("FMULP"),
  FDIVP: arithmetic("FDIVP"),
  FDIVRP: arithmetic("FDIVRP"),
  FIADD: integerArithmetic("FIADD"),
  FISUB: integerArithmetic("FISUB"),
  FISUBR: integerArithmetic("FISUBR"),
  FIMUL: integerArithmetic("FIMUL"),
  FIDIV: integerArithmetic("FIDIV"),
  FIDIVR: integerArithmetic("FIDIVR"),
  FICOM: integerArithmetic("FICOM"),
  FICOMP: integerArithmetic("FICOMP"),
  FCOM: compare("FCOM"),
  FCOMP: compare("FCOMP"),
  FUCOM: compare("FUCOM"),
  FUCOMP: compare("FUCOMP"),
  FCOMI: order("FCOMI"),
  FCOMIP: order("FCOMIP"),
  FUCOMI: order("FUCOMI"),
  FUCOMIP: order("FUCOMIP"),
  FCMOVB: conditionalMove(2),
  FCMOVNB: conditionalMove(3),
  FCMOVE: conditionalMove(4),
  FCMOVNE: conditionalMove(5),
  FCMOVBE: conditionalMove(6),
  FCMOVNBE: conditionalMove(7),
  FCMOVU: conditionalMove(10),
  FCMOVNU: conditionalMove(11),

  // Control instructions: they do not touch the pointers; the ones with N in their name do not wait.
  FWAIT: (t) => raisePending(t),
  FNENI: () => {},
  FNDISI: () => {},
  FNSETPM: () => {},
  FNINIT: (t) => void t.call("x87_FNINIT"),
  FNCLEX: (t) => void t.call("x87_FNCLEX"),
  FLDCW: (t, src) => {
    raisePending(t);
    t.call("x87_FLDCW", t.ir.low(t.read(src)));
  },
  FNSTCW: (t, dst) => t.write(dst, t.ir.trunc(t.ir.get(FCW, "i32"), "i16")),
  FNSTSW: (t, dst) => t.write(dst, t.ir.trunc(t.ir.get(FSW, "i32"), "i16")),
  FLDENV: image("x87_FLDENV"),
  FNSTENV: image("x87_FNSTENV"),
  FRSTOR: image("x87_FRSTOR"),
  FNSAVE: image("x87_FNSAVE"),
};
