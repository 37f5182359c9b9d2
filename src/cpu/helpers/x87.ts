/** Helpers of the x87 instructions. Rows: see ../helpers.ts. */
import type { HelperInfo } from "../helpers.ts";

/*
 * Names are those of the methods of the x87 unit (cpu/float/x87/unit.ts) behind `x87_`. Numbers at the end are the bits
 * of a memory operand's value, which translated code has read.
 */

/** No operands. */
export const X87_PLAIN = [
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
  "FNINIT",
  "FNCLEX",
] as const; // deno-fmt-ignore
/** One number: of a stack register, or a 16- or 32-bit value from memory (integers sign-extended). */
export const X87_WORD = [
  "FLD", "FST", "FSTP", "FXCH", "FFREE", "FFREEP", "FCOM", "FCOMP", "FUCOM", "FUCOMP", "FLDCW", "FLD32", "FILD16",
  "FILD32", "FADD32", "FSUB32", "FSUBR32", "FMUL32", "FDIV32", "FDIVR32", "FCOM32", "FCOMP32", "FIADD", "FISUB",
  "FISUBR", "FIMUL", "FIDIV", "FIDIVR", "FICOM", "FICOMP",
] as const; // deno-fmt-ignore
/** Two numbers of stack registers: destination and source. FCMOV: source, and whether the condition holds. */
export const X87_WORDS = [
  "FADD", "FSUB", "FSUBR", "FMUL", "FDIV", "FDIVR", "FADDP", "FSUBP", "FSUBRP", "FMULP", "FDIVP", "FDIVRP", "FCMOV",
] as const; // deno-fmt-ignore
/** A 64-bit value from memory. */
export const X87_QUAD = [
  "FLD64", "FILD64", "FADD64", "FSUB64", "FSUBR64", "FMUL64", "FDIV64", "FDIVR64", "FCOM64", "FCOMP64",
] as const; // deno-fmt-ignore
/** A stack register; yields RFLAGS bits. */
export const X87_ORDER = ["FCOMI", "FCOMIP", "FUCOMI", "FUCOMIP"] as const;
/** An 80-bit value from memory: low 64 bits and upper 16. */
export const X87_TEN = ["FLD80", "FBLD"] as const;
/**
 * Stores: address, MemoryFlag bits, and 1 to pop afterwards. The unit decides whether anything is stored; nothing else
 * changes if the store fails.
 */
export const X87_STORE = [
  "FST32",
  "FST64",
  "FST80",
  "FIST16",
  "FIST32",
  "FIST64",
  "FISTT16",
  "FISTT32",
  "FISTT64",
  "FBST",
] as const; // deno-fmt-ignore
/** Images in memory: address, MemoryFlag bits, form (bit 0: 32-bit operand size, bit 1: real or virtual-8086 mode). */
export const X87_IMAGE = ["FNSTENV", "FLDENV", "FNSAVE", "FRSTOR"] as const;

type Rows<Names extends readonly string[]> = { readonly [K in Names[number] as `x87_${K}`]: HelperInfo };

function rows<const Names extends readonly string[]>(names: Names, info: HelperInfo): Rows<Names> {
  return Object.fromEntries(names.map((name) => [`x87_${name}`, info])) as Rows<Names>;
}

/** Helpers of the x87 instructions. */
export const X87_HELPERS = {
  ...rows(X87_PLAIN, { signature: ":.", state: "fpu" }),
  ...rows(X87_WORD, { signature: "w:.", state: "fpu" }),
  /** FSTP ST(i) that raises no stack underflow: an empty ST(0) is popped and nothing is written. */
  x87_FSTPNCE: { signature: "w:.", state: "fpu" },
  ...rows(X87_WORDS, { signature: "ww:.", state: "fpu" }),
  ...rows(X87_QUAD, { signature: "q:.", state: "fpu" }),
  ...rows(X87_ORDER, { signature: "w:w", state: "fpu" }),
  ...rows(X87_TEN, { signature: "qw:.", state: "fpu" }),
  ...rows(X87_STORE, { signature: "qww:.", state: "fpu", exits: true }),
  ...rows(X87_IMAGE, { signature: "qww:.", state: "fpu", exits: true }),
} as const satisfies Record<string, HelperInfo>;
