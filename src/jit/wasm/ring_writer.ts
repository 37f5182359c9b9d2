/** What the functions in WebAssembly have in common that change the privilege level, or RFLAGS.AC. */
import { Flag, SYSTEM_FLAGS } from "../../cpu/rflags.ts";
import {
  AF,
  BUDGET,
  CF,
  DF,
  OF,
  PF,
  RETURN_HI,
  RFLAGS_SYSTEM,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  SF,
  SWITCHES_OBSERVED,
  TLB_BASE,
  ZF,
} from "../../cpu/state.ts";
import type { RingLinkKind } from "../../cpu/system/world_control.ts";
import type { WorldSwitchKind } from "../../cpu/system/world_switches.ts";
import { ringLink } from "../../memory/physical.ts";
import type { FunctionCode, Label } from "./encoder.ts";
import { I32, W } from "./instructions.ts";
import { countSwitch, payForSwitch, storeCell } from "./state_cells.ts";

/** Cells of CS and SS. */
export const CS: number = SEGMENT + SEGMENT_STRIDE * Segment.CS;
export const SS: number = SEGMENT + SEGMENT_STRIDE * Segment.SS;
/** Positions of flags in RFLAGS, and of the bits that SF and OF are in their cells. */
export const DF_BIT = 10, SF_TO_SIGN = 24, OF_TO_SIGN = 20, ZF_BIT = 6;
/** Bits above those of canonical addresses, where these have 48. */
const BEYOND_48 = 16;

/** Writes parts of one such function. */
export class RingWriter {
  /** Local: the slot that is linked. */
  readonly #link: number;

  constructor(readonly code: FunctionCode) {
    this.#link = code.local(I32);
  }

  plus(local: number, offset: number): void {
    const { code } = this;
    code.get(local);
    code.opWith(W.i32_add, offset);
    code.opWith(W.i32_and, 0xffff);
  }

  bit(local: number, bit: number): void {
    const { code } = this;
    code.get(local);
    code.opWith(W.i32_shr_u, bit);
    code.opWith(W.i32_and, 1);
  }

  /** Clears of what is on the stack the bits of a local, shifted to the left. */
  unmasked(local: number, shift: number): void {
    const { code } = this;
    code.get(local);
    if (shift !== 0) {
      code.i32(Math.abs(shift));
      code.op(shift > 0 ? W.i32_shl : W.i32_shr_u);
    }
    code.opWith(W.i32_xor, -1);
    code.op(W.i32_and);
  }

  /** Leaves whether an address in a local is not canonical, where those have 48 bits. */
  isBeyond48(local: number): void {
    const { code } = this;
    code.get(local);
    code.i64(BEYOND_48, 0);
    code.op(W.i64_shl);
    code.i64(BEYOND_48, 0);
    code.op(W.i64_shr_s);
    code.get(local);
    code.op(W.i64_ne);
  }

  /** Branches out if somebody is told of switches. */
  leaveIfObserved(slow: Label): void {
    this.code.load(W.i32_load, SWITCHES_OBSERVED);
    this.code.brIfRarely(slow);
  }

  /** Makes the current slot the linked one, until another is found. */
  stay(): void {
    const { code } = this;
    code.load(W.i32_load, TLB_BASE);
    code.set(this.#link);
  }

  /** Finds the slot that a link of the current one leads to; branches out if there is none. */
  findLink(kind: RingLinkKind, slow: Label): void {
    const { code } = this;
    code.load(W.i32_load, TLB_BASE);
    code.memory(W.i32_load, ringLink(kind));
    code.tee(this.#link);
    code.op(W.i32_eqz);
    code.brIfRarely(slow);
  }

  /** Enters it. */
  enterLinked(): void {
    storeCell(this.code, W.i32_store, TLB_BASE, () => this.code.get(this.#link));
  }

  /** Counts a switch, and lets its cycles pass. */
  count(kind: WorldSwitchKind): void {
    const { code } = this;
    countSwitch(code, kind);
    storeCell(code, W.i32_store, BUDGET, () => {
      code.load(W.i32_load, BUDGET);
      payForSwitch(code, kind);
    });
  }

  /** Loads a flat segment. */
  loadSegment(cell: number, pushAttributes: () => void, pushSelector: () => void): void {
    const { code } = this;
    storeCell(code, W.i32_store, cell + SEG_SELECTOR, pushSelector);
    storeCell(code, W.i32_store, cell + SEG_LIMIT, () => code.i32(-1));
    storeCell(code, W.i32_store, cell + SEG_ATTRIBUTES, pushAttributes);
    storeCell(code, W.i64_store, cell + SEG_BASE, () => code.i64(0, 0));
  }

  /** Sets all flags to those of an image in a local. */
  takeFlags(image: number): void {
    const { code } = this;
    const take = (cell: number, push: () => void): void =>
      storeCell(code, W.i32_store, cell, () => {
        code.get(image);
        push();
      });
    const bits = (cell: number, mask: number): void => take(cell, () => code.opWith(W.i32_and, mask));
    const shifted = (cell: number, by: number): void => take(cell, () => code.opWith(W.i32_shl, by));
    const inverted = (cell: number, bit: number): void =>
      take(cell, () => {
        code.opWith(W.i32_and, bit);
        code.op(W.i32_eqz);
      });
    bits(RFLAGS_SYSTEM, SYSTEM_FLAGS);
    bits(CF, Flag.CF);
    bits(AF, Flag.AF);
    inverted(PF, Flag.PF);
    inverted(ZF, Flag.ZF);
    shifted(SF, SF_TO_SIGN);
    shifted(OF, OF_TO_SIGN);
    storeCell(code, W.i32_store, DF, () => this.bit(image, DF_BIT));
  }

  /** Returns an address in a local, as helpers do. */
  returnTo(address: number): void {
    const { code } = this;
    storeCell(code, W.i32_store, RETURN_HI, () => {
      code.get(address);
      code.i64(32, 0);
      code.op(W.i64_shr_u);
      code.op(W.i32_wrap_i64);
    });
    code.get(address);
    code.op(W.i32_wrap_i64);
    code.op(W.return);
  }
}
