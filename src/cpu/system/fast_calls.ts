/** SYSCALL, SYSRET, SYSENTER, SYSEXIT. SDM vol. 2B; vol. 3A, section 5.8.7 and 5.8.8. */
import { Vector } from "../fault.ts";
import { Flag, readRflags, writeRflags } from "../rflags.ts";
import {
  CPL,
  EFER,
  GPR,
  Gpr,
  MSR_FMASK,
  MSR_LSTAR,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  RFLAGS_SYSTEM,
  RIP,
  Segment,
  TLB_BASE,
} from "../state.ts";
import type { SystemContext } from "./context.ts";
import { Efer } from "./control_bits.ts";
import { CODE32, CODE64, DATA, USER } from "./flat_segments.ts";
import { RingLink } from "./world_control.ts";
import { SwitchCause, WorldSwitch, type WorldSwitchKind } from "./world_switches.ts";
import { segmentCell, type SegmentRegisters } from "./segments.ts";

/** What SYSRET takes from R11. SDM vol. 2B, "SYSRET". */
export const SYSRET_FLAGS = 0x3c_7fd7;

/** The fast system calls of one processor. */
export class FastCalls {
  constructor(readonly context: SystemContext, readonly segments: SegmentRegisters) {}

  /** What is left of SYSCALL when RCX and R11 are written and RIP is behind it. */
  syscall(): void {
    const { m } = this.context;
    const selector = m[(MSR_STAR >> 2) + 1]! & 0xfffc;
    this.#enter(selector, CODE64, selector + 8, DATA, 0);
    m[RIP >> 2] = m[MSR_LSTAR >> 2]!;
    m[(RIP >> 2) + 1] = m[(MSR_LSTAR >> 2) + 1]!;
    writeRflags(m, readRflags(m) & ~m[MSR_FMASK >> 2]! & ~Flag.RF);
    this.#enteredRing(WorldSwitch.SYSCALL);
  }

  /** SYSRET; returns the new RIP, or anything after raising a fault. */
  sysret(size: number): number {
    const { context } = this, { m } = context;
    if ((m[EFER >> 2]! & Efer.SCE) === 0 || !context.is64) return Number(context.raise(Vector.UD));
    const lo = m[(GPR >> 2) + 2 * Gpr.RCX]!, hi = size === 8 ? m[(GPR >> 2) + 2 * Gpr.RCX + 1]! : 0;
    if (context.cpl !== 0 || (size === 8 && !context.isCanonical(hi))) {
      return Number(context.raise(Vector.GP, 0));
    }
    const base = (m[(MSR_STAR >> 2) + 1]! >>> 16) & 0xffff;
    const code = size === 8 ? base + 16 : base;
    this.#enter(code | 3, size === 8 ? CODE64 | USER : CODE32 | USER, (base + 8) | 3, DATA | USER, 3);
    writeRflags(m, m[(GPR >> 2) + 2 * Gpr.R11]! & SYSRET_FLAGS);
    this.#enteredRing(WorldSwitch.SYSRET);
    return context.wide(lo, hi);
  }

  /** SYSENTER; returns the new RIP, or anything after raising a fault: in real-address mode, too, that is #GP. */
  sysenter(): number {
    const { context } = this, { m } = context;
    const selector = m[MSR_SYSENTER_CS >> 2]! & 0xfffc;
    if (selector === 0 || context.isRealAddress) return Number(context.raise(Vector.GP, 0));
    const long = context.isLong;
    writeRflags(m, readRflags(m) & ~(Flag.VM | Flag.IF | Flag.RF));
    this.#enter(selector, long ? CODE64 : CODE32, selector + 8, DATA, 0);
    this.#setRsp(m[MSR_SYSENTER_ESP >> 2]!, long ? m[(MSR_SYSENTER_ESP >> 2) + 1]! : 0);
    this.#entered(WorldSwitch.SYSCALL, SwitchCause.SECOND);
    return context.wide(m[MSR_SYSENTER_EIP >> 2]!, long ? m[(MSR_SYSENTER_EIP >> 2) + 1]! : 0);
  }

  /** SYSEXIT, likewise. */
  sysexit(size: number): number {
    const { context } = this, { m } = context;
    const selector = m[MSR_SYSENTER_CS >> 2]! & 0xfffc;
    const word = (register: number): number => (GPR >> 2) + 2 * register;
    const rip = word(Gpr.RDX), rsp = word(Gpr.RCX), wide = size === 8;
    const canonical = !wide || (context.isCanonical(m[rip + 1]!) && context.isCanonical(m[rsp + 1]!));
    if (selector === 0 || context.isRealAddress || context.cpl !== 0 || !canonical) {
      return Number(context.raise(Vector.GP, 0));
    }
    const code = selector + (wide ? 32 : 16);
    this.#enter(code | 3, (wide ? CODE64 : CODE32) | USER, (code + 8) | 3, DATA | USER, 3);
    this.#setRsp(m[rsp]!, wide ? m[rsp + 1]! : 0);
    this.#entered(WorldSwitch.SYSRET, SwitchCause.SECOND);
    return context.wide(m[rip]!, wide ? m[rip + 1]! : 0);
  }

  /** The same for what compiled code does by itself, once it knows the slot that it leads to. */
  #enteredRing(kind: typeof WorldSwitch.SYSCALL | typeof WorldSwitch.SYSRET): void {
    const { m, world } = this.context, from = m[TLB_BASE >> 2]!;
    this.#entered(kind);
    if (kind === WorldSwitch.SYSRET) world.linkRing?.(from, RingLink.TO_USER);
    else if ((m[RFLAGS_SYSTEM >> 2]! & Flag.AC) === 0) world.linkRing?.(from, RingLink.SYSCALL);
  }

  #entered(kind: WorldSwitchKind, cause = 0): void {
    this.context.world.enterWorld();
    this.context.switches.count(kind, cause);
  }

  /** Loads CS and SS with fixed descriptors, and CPL. */
  #enter(code: number, codeAttributes: number, stack: number, stackAttributes: number, cpl: number): void {
    const { context, segments } = this;
    segments.write(segmentCell(Segment.CS), code & 0xffff, -1, codeAttributes, 0);
    segments.write(segmentCell(Segment.SS), stack & 0xffff, -1, stackAttributes, 0);
    context.m[CPL >> 2] = cpl;
  }

  #setRsp(lo: number, hi: number): void {
    const { m } = this.context;
    m[(GPR >> 2) + 2 * Gpr.RSP] = lo;
    m[(GPR >> 2) + 2 * Gpr.RSP + 1] = hi;
  }
}
