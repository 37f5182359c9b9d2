/** Instructions of operating systems: table registers, MSRs, caches, parts of control registers. SDM vol. 2; vol. 3A, section 2.8. */
import { MemoryFlag, type Value } from "../../ir/types.ts";
import { Gpr, Segment } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import { intType, type Translator } from "../translator.ts";
import { Table } from "../../cpu/system/table_registers.ts";

function memoryOperand(t: Translator, operand: Operand): { address: Value; flags: Value } {
  if (operand.kind !== "mem") throw new TypeError("A descriptor table register goes with memory");
  return { address: t.address(operand), flags: t.ir.i32(t.memoryFlags(operand)) };
}

function loadTable(t: Translator, table: number, operand: Operand): void {
  const { address, flags } = memoryOperand(t, operand);
  t.call("load_table", t.ir.i32(table), address, t.ir.i32(t.instruction.operandSize), flags);
}
/** LGDT. */
export function LGDT(t: Translator, operand: Operand): void {
  loadTable(t, Table.GDT, operand);
}
/** LIDT. */
export function LIDT(t: Translator, operand: Operand): void {
  loadTable(t, Table.IDT, operand);
}

function storeTable(t: Translator, table: number, operand: Operand): void {
  if (operand.kind === "mem") t.checkWritable(operand);
  const { address, flags } = memoryOperand(t, operand);
  t.call("store_table", t.ir.i32(table), address, flags);
}
/** SGDT. */
export function SGDT(t: Translator, operand: Operand): void {
  storeTable(t, Table.GDT, operand);
}
/** SIDT. */
export function SIDT(t: Translator, operand: Operand): void {
  storeTable(t, Table.IDT, operand);
}

/** The selector goes to 16 bits of memory, or zero-extended to a register. */
function storeSelector(t: Translator, table: number, dst: Operand): void {
  const selector = t.call("table_selector", t.ir.i32(table));
  const type = dst.kind === "gpr" ? intType(dst.size) : "i16";
  t.write(dst, type === "i16" ? t.ir.trunc(selector, type) : t.ir.zext(selector, type));
}
/** SLDT. */
export function SLDT(t: Translator, dst: Operand): void {
  storeSelector(t, Table.LDT, dst);
}
/** STR. */
export function STR(t: Translator, dst: Operand): void {
  storeSelector(t, Table.TASK, dst);
}

/** LLDT. */
export function LLDT(t: Translator, src: Operand): void {
  t.call("load_ldt", t.ir.zext(t.read(src), "i32"));
}
/** LTR. */
export function LTR(t: Translator, src: Operand): void {
  t.call("load_task", t.ir.zext(t.read(src), "i32"));
}

/** LMSW. */
export function LMSW(t: Translator, src: Operand): void {
  t.call("load_status_word", t.ir.zext(t.read(src), "i32"));
  t.redispatch();
}
/** CLTS. */
export function CLTS(t: Translator): void {
  t.call("clear_task_switched");
  t.redispatch();
}

/** RDMSR. */
export function RDMSR(t: Translator): void {
  t.call("read_msr");
  t.jump(t.next);
}
/** WRMSR. */
export function WRMSR(t: Translator): void {
  t.call("write_msr");
  t.redispatch();
}

/** INVLPG: the operand is an address and is not accessed. */
export function INVLPG(t: Translator, operand: Operand): void {
  t.call("invalidate_page", memoryOperand(t, operand).address);
  t.redispatch();
}
/** INVPCID. */
export function INVPCID(t: Translator, type: Operand, descriptor: Operand): void {
  const { address, flags } = memoryOperand(t, descriptor);
  t.call("invalidate_pcid", t.ir.zext(t.read(type), "i64"), address, flags);
  t.redispatch();
}

/** INVD. */
export function INVD(t: Translator): void {
  t.call("invalidate_caches", t.ir.i32(0));
}
/** WBINVD. */
export function WBINVD(t: Translator): void {
  t.call("invalidate_caches", t.ir.i32(1));
}

/** SWAPGS. */
export function SWAPGS(t: Translator): void {
  t.call("swap_gs");
}

/** CLAC: SMAP holds again. */
export function CLAC(t: Translator): void {
  t.call("set_alignment_check", t.ir.i32(0));
  t.redispatch();
}
/** STAC: SMAP is suspended. */
export function STAC(t: Translator): void {
  t.call("set_alignment_check", t.ir.i32(1));
  t.redispatch();
}

/** XSETBV. */
export function XSETBV(t: Translator): void {
  t.call("set_extended_control");
  t.redispatch();
}

/** MONITOR: the line at DS:rAX. */
export function MONITOR(t: Translator): void {
  const { ir, instruction: { addressSize, segmentOverride } } = t;
  const segment = segmentOverride < 0 ? Segment.DS : segmentOverride;
  const offset = ir.zext(t.readGpr(Gpr.RAX, addressSize), "i64");
  const address = t.segmentAddress(segment, offset, 1, addressSize === 2);
  t.call("monitor", address, ir.i32(segment === Segment.SS ? MemoryFlag.STACK : 0));
}
/** MWAIT. */
export function MWAIT(t: Translator): void {
  t.call("monitor_wait");
  t.redispatch();
}
