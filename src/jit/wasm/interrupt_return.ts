/**
 * IRET in WebAssembly from 64-bit code of CPL 0 to such code of CPL 0 or 3: what cpu/system/interrupt_return.ts does, where the
 * soft TLB has the frame and the descriptors, and these are the flat ones that operating systems use. SDM vol. 2A,
 * "IRET/IRETD/IRETQ".
 */
import { Flag } from "../../cpu/rflags.ts";
import {
  Blocking,
  CPL,
  CR4,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  Gpr,
  INTERRUPTIBILITY,
  RFLAGS_SYSTEM,
  SEG_ATTRIBUTES,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
} from "../../cpu/state.ts";
import { Cr4, Efer } from "../../cpu/system/control_bits.ts";
import { Attribute } from "../../cpu/system/descriptor.ts";
import { CODE64, DATA, USER } from "../../cpu/system/flat_segments.ts";
import { RingLink } from "../../cpu/system/world_control.ts";
import { WorldSwitch } from "../../cpu/system/world_switches.ts";
import { PAGE_SIZE, TLB_ADDEND, TLB_READ } from "../../memory/physical.ts";
import { FunctionCode, type Imports, type Label } from "./encoder.ts";
import { I32, I64, VOID, W } from "./instructions.ts";
import { pushIsInTlb, tlbLocals } from "./locate.ts";
import { CS, RingWriter, SS } from "./ring_writer.ts";
import { pushMasked, storeCell } from "./state_cells.ts";

/** Name of what is called where it is another case. */
export const SLOW_IRET = "SLOW_IRET";

export type InterruptReturner = (size: number, next: number) => number;

const RSP = GPR + 8 * Gpr.RSP;
/** What 64-bit code pushes: RIP, CS, RFLAGS, RSP, SS. */
const FRAME = { RIP: 0, CS: 8, FLAGS: 16, RSP: 24, SS: 32, BYTES: 40 } as const;
const DESCRIPTOR_BYTES = 8;
/** Bits of a selector: its level; the table that it is in; what makes it not null. */
const LEVEL = 3, IN_LDT = 4, NOT_NULL = 0xfffc;
/** Where attributes lie in a descriptor's upper half, and DPL in the whole; what else a flat one has there. */
const ATTRIBUTES_SHIFT = 8, DPL_SHIFT = 45, LIMIT_HIGH = 0xf_0000, LIMIT_LOW = 0xffff;
/** Flags that make it another case, before or behind it. */
const RARE_FLAGS = Flag.TF | Flag.NT | Flag.RF | Flag.VM;
const DATA_SEGMENTS = [Segment.ES, Segment.DS, Segment.FS, Segment.GS];

/** The helper `interrupt_return`: operand size, the low half of the address behind it; returns RIP. */
export function interruptReturnCode(imports: Imports): FunctionCode {
  const code = new FunctionCode([I32, I32]), size = 0, next = 1;
  const slow = code.open(W.block, VOID);
  new ReturnWriter(code, slow).write(size);
  code.end();
  code.get(size);
  code.get(next);
  code.call(imports.index(SLOW_IRET, [I32, I32], true));
  return code;
}

class ReturnWriter {
  readonly #ring: RingWriter;
  /** Locals: where the frame lies; an address, and the entry of the soft TLB for it. */
  readonly #frame: number;
  readonly #address: number;
  readonly #tlb: ReturnType<typeof tlbLocals>;
  /** What is popped: the level is that of CS. */
  readonly #target: number;
  readonly #code: number;
  readonly #stack: number;
  readonly #flags: number;
  readonly #level: number;

  constructor(readonly code: FunctionCode, readonly slow: Label) {
    this.#ring = new RingWriter(code);
    this.#tlb = tlbLocals(code);
    [this.#address, this.#target] = [code.local(I64), code.local(I64)];
    [this.#frame, this.#code, this.#stack] = [code.local(I32), code.local(I32), code.local(I32)];
    [this.#flags, this.#level] = [code.local(I32), code.local(I32)];
  }

  /** All checks, then all that changes. */
  write(size: number): void {
    const { code, slow } = this, ring = this.#ring;
    ring.leaveIfObserved(slow);
    this.#leaveUnlessLong(size);
    code.load(W.i64_load, RSP);
    code.set(this.#address);
    this.#find(FRAME.BYTES);
    code.set(this.#frame);
    this.#pop();
    this.#leaveUnlessDescribed(this.#code, CODE64);
    code.get(this.#stack);
    code.open(W.if, VOID);
    this.#leaveUnlessDescribed(this.#stack, DATA);
    code.else();
    code.get(this.#level);
    code.brIfRarely(slow);
    code.end();
    this.#findWorld();

    ring.enterLinked();
    ring.count(WorldSwitch.IRET);
    this.#load();
    ring.takeFlags(this.#flags);
    ring.returnTo(this.#target);
  }

  /** What is rare before it: other modes and levels, what faults, and blocking of NMIs. */
  #leaveUnlessLong(size: number): void {
    const { code } = this;
    code.get(size);
    code.opWith(W.i32_ne, 8);
    const or = (cell: number, bits: number, wanted = 0): void => {
      pushMasked(code, cell, bits);
      if (wanted !== 0) code.op(W.i32_eqz);
      code.op(W.i32_or);
    };
    or(CPL, LEVEL);
    or(INTERRUPTIBILITY, Blocking.NMI);
    or(RFLAGS_SYSTEM, RARE_FLAGS);
    or(CR4, Cr4.LA57);
    or(EFER, Efer.LMA, 1);
    or(CS + SEG_ATTRIBUTES, Attribute.L, 1);
    code.brIfRarely(this.slow);
  }

  /** Leaves the offset in the linear memory of so many bytes at the address. */
  #find(bytes: number): void {
    const { code } = this;
    pushIsInTlb(code, this.#address, TLB_READ, this.#tlb);
    this.#low();
    code.opWith(W.i32_and, PAGE_SIZE - 1);
    code.opWith(W.i32_le_u, PAGE_SIZE - bytes);
    code.op(W.i32_and);
    code.op(W.i32_eqz);
    code.brIfRarely(this.slow);
    this.#low();
    code.get(this.#tlb.entry);
    code.memory(W.i32_load, TLB_ADDEND);
    code.op(W.i32_add);
  }

  #low(): void {
    this.code.get(this.#address);
    this.code.op(W.i32_wrap_i64);
  }

  #popped(load: number, at: number): void {
    this.code.get(this.#frame);
    this.code.memory(load, at);
  }

  #pop(): void {
    const { code } = this;
    this.#popped(W.i64_load, FRAME.RIP);
    code.set(this.#target);
    this.#ring.isBeyond48(this.#target);
    this.#popped(W.i32_load16_u, FRAME.SS);
    code.set(this.#stack);
    this.#popped(W.i32_load, FRAME.FLAGS);
    code.tee(this.#flags);
    code.opWith(W.i32_and, RARE_FLAGS);
    code.op(W.i32_or);
    this.#popped(W.i32_load16_u, FRAME.CS);
    code.tee(this.#code);
    code.opWith(W.i32_and, LEVEL);
    code.tee(this.#level);
    code.opWith(W.i32_sub, 1);
    code.opWith(W.i32_lt_u, 2);
    code.op(W.i32_or);
    code.brIfRarely(this.slow);
  }

  /** Whether a selector of the level is that of a flat descriptor of these attributes, in the GDT. */
  #leaveUnlessDescribed(selector: number, attributes: number): void {
    const { code, slow } = this;
    code.get(selector);
    code.opWith(W.i32_and, NOT_NULL);
    code.op(W.i32_eqz);
    code.get(selector);
    code.opWith(W.i32_and, LEVEL | IN_LDT);
    code.get(this.#level);
    code.op(W.i32_ne);
    code.op(W.i32_or);
    code.get(selector);
    code.opWith(W.i32_or, DESCRIPTOR_BYTES - 1);
    code.load(W.i32_load, GDTR_LIMIT);
    code.op(W.i32_gt_u);
    code.op(W.i32_or);
    code.brIfRarely(slow);
    code.load(W.i64_load, GDTR_BASE);
    code.get(selector);
    code.opWith(W.i32_and, -DESCRIPTOR_BYTES);
    code.op(W.i64_extend_i32_u);
    code.op(W.i64_add);
    code.set(this.#address);
    this.#find(DESCRIPTOR_BYTES);
    code.memory(W.i64_load, 0);
    code.get(this.#level);
    code.op(W.i64_extend_i32_u);
    code.i64(DPL_SHIFT, 0);
    code.op(W.i64_shl);
    code.i64(LIMIT_LOW, (attributes << ATTRIBUTES_SHIFT) | LIMIT_HIGH);
    code.op(W.i64_or);
    code.op(W.i64_ne);
    code.brIfRarely(slow);
  }

  /** Finds the slot of the world that it leads to. For the user there must be no data segment that must be made null. */
  #findWorld(): void {
    const { code, slow } = this, ring = this.#ring;
    code.get(this.#level);
    code.open(W.if, VOID);
    for (const n of DATA_SEGMENTS) {
      const cell = SEGMENT + SEGMENT_STRIDE * n;
      code.load(W.i32_load, cell + SEG_SELECTOR);
      code.openHinted(VOID, 0);
      pushMasked(code, cell + SEG_SELECTOR, NOT_NULL);
      code.op(W.i32_eqz);
      pushMasked(code, cell + SEG_ATTRIBUTES, USER);
      code.opWith(W.i32_ne, USER);
      code.op(W.i32_or);
      code.brIfRarely(slow);
      code.end();
    }
    ring.findLink(RingLink.TO_USER, slow);
    code.else();
    ring.stay();
    code.get(this.#flags);
    code.load(W.i32_load, RFLAGS_SYSTEM);
    code.op(W.i32_xor);
    code.opWith(W.i32_and, Flag.AC);
    code.openHinted(VOID, 0);
    ring.findLink(RingLink.AC, slow);
    code.end();
    code.end();
  }

  /** Loads CS, SS, the level and RSP. */
  #load(): void {
    const { code } = this, ring = this.#ring;
    const pushAttributes = (attributes: number): void => {
      code.get(this.#level);
      code.opWith(W.i32_shl, Attribute.DPL_SHIFT);
      code.opWith(W.i32_or, attributes);
    };
    ring.loadSegment(CS, () => pushAttributes(CODE64), () => code.get(this.#code));
    // A null one has no attributes but its level, which is 0.
    ring.loadSegment(SS, () => {
      pushAttributes(DATA);
      code.i32(0);
      code.get(this.#stack);
      code.op(W.select);
    }, () => code.get(this.#stack));
    storeCell(code, W.i32_store, CPL, () => code.get(this.#level));
    storeCell(code, W.i64_store, RSP, () => this.#popped(W.i64_load, FRAME.RSP));
  }
}
