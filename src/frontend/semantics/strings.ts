/**
 * String instructions: MOVS, CMPS, SCAS, LODS, STOS; INS and OUTS. SDM vol. 1, section 7.3.9; vol. 2, "REP".
 *
 * With REP, a helper executes a chunk of iterations: as many as stay in the pages the pointers are in. Then the
 * instruction goes on at itself, or behind itself. It is a block of its own (translate.ts), so each chunk counts one
 * instruction, and an interruption finds the registers as after whole iterations.
 */
import { MemoryFlag, type Value } from "../../ir/types.ts";
import type { HelperName } from "../../cpu/helpers.ts";
import { RepeatForm } from "../../cpu/helpers/repeat_form.ts";
import { reachIn } from "../../cpu/mode.ts";
import { Reach } from "../../cpu/segment_limits.ts";
import { DF, Gpr, Segment } from "../../cpu/state.ts";
import { intType, type Translator } from "../translator.ts";
import { compare } from "./compare.ts";

function sourceSegment(t: Translator): number {
  const { segmentOverride } = t.instruction;
  return segmentOverride < 0 ? Segment.DS : segmentOverride;
}

/** Linear address of the element rSI or rDI points at. */
function elementAddress(t: Translator, reg: number, segment: number): Value {
  const { addressSize, operandSize } = t.instruction;
  const offset = t.ir.zext(t.readGpr(reg, addressSize), "i64");
  return t.segmentAddress(segment, offset, operandSize, addressSize === 2);
}

function store(t: Translator, value: Value): void {
  t.checkWritable({ segment: Segment.ES });
  t.ir.store(elementAddress(t, Gpr.RDI, Segment.ES), value);
}

function load(t: Translator, reg: number, segment: number): Value {
  const flags = segment === Segment.SS && !t.long ? MemoryFlag.STACK : 0;
  return t.ir.load(t.operandType, elementAddress(t, reg, segment), flags);
}

/** Moves pointers by one element, the way DF says. */
function advance(t: Translator, ...registers: number[]): void {
  const { ir, instruction: { operandSize, addressSize } } = t;
  const back = ir.shl(ir.get(DF, "i32"), ir.i32(32 - Math.clz32(operandSize)));
  const step = ir.sub(ir.i32(operandSize), back);
  const type = intType(addressSize);
  for (const reg of registers) {
    const by = addressSize === 8 ? ir.sext(step, type) : ir.trunc(step, type);
    t.writeGpr(reg, ir.add(t.readGpr(reg, addressSize), by));
  }
}

/** What tells a helper to check the segments, unless both are flat. */
function segmentChecks(t: Translator): number {
  const source = sourceSegment(t);
  const flat = [source, Segment.ES].every((segment) => reachIn(t.mode, segment) === Reach.FLAT);
  return flat ? 0 : RepeatForm.CHECKED | (source << RepeatForm.SOURCE_SHIFT);
}

/** Whether the instruction has a REP prefix; then the helper `name` executes a chunk of it. */
function repeated(t: Translator, name: HelperName, source: boolean, destination: boolean): boolean {
  const { ir, instruction: { rep, operandSize, addressSize } } = t;
  if (rep === 0) return false;
  const form = operandSize | (addressSize << RepeatForm.ADDRESS_SHIFT) |
    (t.long ? RepeatForm.LONG : segmentChecks(t)) | (rep === 0xf2 ? RepeatForm.NOT_EQUAL : 0);
  const bases: Value[] = [];
  const zero = ir.const("i64", 0);
  if (source) bases.push(t.segmentLinear(sourceSegment(t), zero));
  if (destination) bases.push(t.segmentLinear(Segment.ES, zero));
  const pc = name === "rep_movs" || name === "rep_stos" ? [t.segmentLinear(Segment.CS, ir.i64(t.pc))] : [];
  const more = t.call(name, ir.i32(form), ...bases, ...pc);
  t.end({ kind: "branch", condition: more, taken: t.pc, next: t.next });
  return true;
}

/** MOVS: [rDI] ← [rSI]. */
export function MOVS(t: Translator): void {
  if (repeated(t, "rep_movs", true, true)) return;
  const value = load(t, Gpr.RSI, sourceSegment(t));
  store(t, value);
  advance(t, Gpr.RSI, Gpr.RDI);
}

/** STOS: [rDI] ← accumulator. */
export function STOS(t: Translator): void {
  if (repeated(t, "rep_stos", false, true)) return;
  const value = t.readGpr(Gpr.RAX, t.instruction.operandSize);
  store(t, value);
  advance(t, Gpr.RDI);
}

/** LODS: accumulator ← [rSI]. */
export function LODS(t: Translator): void {
  if (repeated(t, "rep_lods", true, false)) return;
  const value = load(t, Gpr.RSI, sourceSegment(t));
  t.writeGpr(Gpr.RAX, value);
  advance(t, Gpr.RSI);
}

/** CMPS: flags of [rSI] - [rDI]. */
export function CMPS(t: Translator): void {
  if (repeated(t, "rep_cmps", true, true)) return;
  // The second operand is read first, as current processors do.
  const y = load(t, Gpr.RDI, Segment.ES), x = load(t, Gpr.RSI, sourceSegment(t));
  advance(t, Gpr.RSI, Gpr.RDI);
  compare(t, x, y);
}

/** SCAS: flags of accumulator - [rDI]. */
export function SCAS(t: Translator): void {
  if (repeated(t, "rep_scas", false, true)) return;
  const x = t.readGpr(Gpr.RAX, t.instruction.operandSize), y = load(t, Gpr.RDI, Segment.ES);
  advance(t, Gpr.RDI);
  compare(t, x, y);
}

/** An element of INS or OUTS; with REP the instruction goes on at itself. */
function portString(t: Translator, name: "port_ins" | "port_outs", base: Value): void {
  const { ir, instruction: { rep, operandSize, addressSize } } = t;
  const form = operandSize | (addressSize << RepeatForm.ADDRESS_SHIFT) |
    (t.long ? RepeatForm.LONG : segmentChecks(t));
  const more = t.call(name, ir.i32(form), ir.i32(rep === 0 ? 0 : 1), base);
  if (rep !== 0) t.end({ kind: "branch", condition: more, taken: t.pc, next: t.next });
}

/** INS: [rDI] ← port DX. */
export function INS(t: Translator): void {
  portString(t, "port_ins", t.segmentLinear(Segment.ES, t.ir.const("i64", 0)));
}
/** OUTS: port DX ← [rSI]. */
export function OUTS(t: Translator): void {
  portString(t, "port_outs", t.segmentLinear(sourceSegment(t), t.ir.const("i64", 0)));
}
