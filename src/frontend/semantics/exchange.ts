/** Exchanges: XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B. SDM vol. 2. */
import { type IntType, MemoryFlag } from "../../ir/types.ts";
import { GPR, Gpr } from "../../cpu/state.ts";
import type { Operand } from "../instruction.ts";
import type { Translator } from "../translator.ts";
import { addFlags } from "../flags.ts";
import { compare } from "./compare.ts";

/** XCHG: with memory, LOCK is implied. SDM vol. 2D, "XCHG". */
export function XCHG(t: Translator, first: Operand, second: Operand): void {
  const x = t.read(first, first.kind === "mem" ? MemoryFlag.WRITE_INTENT : 0), y = t.read(second);
  t.write(first, y);
  t.write(second, x);
}

/** XADD: src ← dst, dst ← dst + src. SDM vol. 2D, "XADD". */
export function XADD(t: Translator, dst: Operand, src: Operand): void {
  const x = t.readForUpdate(dst), y = t.read(src);
  const sum = t.ir.add(x, y);
  if (dst.kind === "mem") {
    t.write(dst, sum);
    t.write(src, x);
  } else {
    t.write(src, x);
    t.write(dst, sum); // last: it stands where both are one register
  }
  t.setFlags(addFlags(t.ir, x, y, sum));
  t.setResult(sum);
}

/**
 * CMPXCHG: if accumulator = dst, dst ← src, else accumulator ← dst. Memory is written in both cases;
 * of the accumulator nothing changes when they are equal. SDM vol. 2A, "CMPXCHG".
 */
export function CMPXCHG(t: Translator, dst: Operand, src: Operand): void {
  const { ir } = t;
  const old = t.readForUpdate(dst), y = t.read(src);
  const rax = ir.get(GPR + 8 * Gpr.RAX, "i64");
  const accumulator = ir.trunc(rax, old.type as IntType);
  const equal = ir.eq(accumulator, old);
  if (dst.kind === "gpr" && old.type === "i32") {
    // A register that is not equal is not written: its upper half stays.
    const whole = t.readGpr(dst.reg, 8);
    t.writeGpr(dst.reg, ir.select(equal, ir.zext(y, "i64"), whole));
  } else {
    t.write(dst, ir.select(equal, y, old));
  }
  if (dst.kind === "gpr" && dst.reg === Gpr.RAX && !dst.high) {
    // Accumulator and destination are one register: they are equal, and it has been written.
    return compare(t, accumulator, old);
  }
  const loaded = old.type === "i64"
    ? old
    : old.type === "i32"
    ? ir.zext(old, "i64")
    : ir.emit(old.type === "i8" ? "insert8" : "insert16", "i64", [rax, old]);
  // The destination may be AH, a part of RAX: then what was written stands.
  const unchanged = dst.kind === "gpr" && dst.high && dst.reg === Gpr.RAX
    ? ir.get(GPR + 8 * Gpr.RAX, "i64")
    : rax;
  ir.set(GPR + 8 * Gpr.RAX, ir.select(equal, unchanged, loaded));
  compare(t, accumulator, old);
}

/** CMPXCHG8B: EDX:EAX against memory, ECX:EBX as the new value; only ZF changes. SDM vol. 2A, "CMPXCHG8B/CMPXCHG16B". */
export function CMPXCHG8B(t: Translator, dst: Operand): void {
  const { ir } = t;
  const old = t.readForUpdate(dst);
  const equal = ir.eq(old, ir.pair(t.readGpr(Gpr.RAX, 4), t.readGpr(Gpr.RDX, 4)));
  t.write(dst, ir.select(equal, ir.pair(t.readGpr(Gpr.RBX, 4), t.readGpr(Gpr.RCX, 4)), old));
  const rax = ir.get(GPR + 8 * Gpr.RAX, "i64"), rdx = ir.get(GPR + 8 * Gpr.RDX, "i64");
  ir.set(GPR + 8 * Gpr.RAX, ir.select(equal, rax, ir.zext(ir.low(old), "i64")));
  ir.set(GPR + 8 * Gpr.RDX, ir.select(equal, rdx, ir.zext(ir.high(old), "i64")));
  t.setFlags({ zf: ir.xor(equal, ir.i32(1)) });
}

/** CMPXCHG16B: RDX:RAX against aligned memory, RCX:RBX as the new value; only ZF changes. */
export function CMPXCHG16B(t: Translator, dst: Operand): void {
  if (dst.kind !== "mem") throw new TypeError("CMPXCHG16B takes memory");
  const { ir } = t;
  const old = t.read(dst, MemoryFlag.ALIGNED | MemoryFlag.WRITE_INTENT);
  const lo = ir.emit("vextract64", "i64", [old], 0), hi = ir.emit("vextract64", "i64", [old], 1);
  const rax = t.readGpr(Gpr.RAX, 8), rdx = t.readGpr(Gpr.RDX, 8);
  const equal = ir.and(ir.eq(lo, rax), ir.eq(hi, rdx));
  const newLo = ir.select(equal, t.readGpr(Gpr.RBX, 8), lo);
  const newHi = ir.select(equal, t.readGpr(Gpr.RCX, 8), hi);
  t.write(dst, ir.emit("vpair", "v128", [newLo, newHi]), MemoryFlag.ALIGNED);
  t.writeGpr(Gpr.RAX, lo); // equal: the value it has
  t.writeGpr(Gpr.RDX, hi);
  t.setFlags({ zf: ir.xor(equal, ir.i32(1)) });
}
