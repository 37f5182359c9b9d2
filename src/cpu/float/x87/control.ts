/** Stack and control instructions. SDM vol. 1, sections 8.3.10 and 8.1.7. */
import { FCS, FCW, FDP, FDS, FIP, FOP, FSW, FTW } from "../../state.ts";
import { FpException } from "../significand.ts";
import { Fsw, STACK_FAULT } from "./registers.ts";
import { Comparison } from "./compare.ts";

/** Bits of the control word that can be written; bit 6 always reads as 1. */
const FCW_WRITABLE = 0x1f3f, FCW_FIXED = 0x40;
/** The control word after FNINIT: everything masked, 64 bits, to nearest. */
const FCW_INITIAL = 0x37f;

/** FXCH, FCMOVcc, tags, TOP, control and status words. */
export class Control extends Comparison {
  FXCH(i: number): void {
    if (this.isEmpty(0) || this.isEmpty(i)) {
      this.raise(STACK_FAULT, 0);
      if (this.unmasked(FpException.IE)) return;
      if (this.isEmpty(0)) this.writeIndefinite(0);
      if (this.isEmpty(i)) this.writeIndefinite(i);
    } else this.raise(0, 0);
    const a = this.cell(0), b = this.cell(i), state = this.state;
    for (let n = 0; n < 3; n++) {
      const x = state[a + n]!;
      state[a + n] = state[b + n]!;
      state[b + n] = x;
    }
  }

  /** FCMOVcc ST(0), ST(i): `holds` is not 0 if the condition holds. */
  FCMOV(i: number, holds: number): void {
    if (this.isEmpty(0) || this.isEmpty(i)) {
      this.underflow(0);
      return;
    }
    if (holds === 0) return; // C1 stays as it is
    const from = this.cell(i), state = this.state;
    this.write(0, state[from]!, state[from + 1]!, state[from + 2]!);
  }

  FFREE(i: number): void {
    this.raise(0, 0);
    this.state[FTW >> 2] = this.state[FTW >> 2]! &
      ~(1 << ((this.state[FSW >> 2]! >>> Fsw.TOP_SHIFT) + i & 7));
  }

  /** FFREEP (undocumented): FFREE, then pop. */
  FFREEP(i: number): void {
    this.FFREE(i);
    this.pop();
  }

  FINCSTP(): void {
    this.rotate(1);
    this.raise(0, 0);
  }

  FDECSTP(): void {
    this.rotate(-1);
    this.raise(0, 0);
  }

  FNINIT(): void {
    const state = this.state;
    state[FCW >> 2] = FCW_INITIAL;
    for (const cell of [FSW, FTW, FOP, FIP, FIP + 4, FDP, FDP + 4, FCS, FDS]) state[cell >> 2] = 0;
  }

  FNCLEX(): void {
    this.state[FSW >> 2] = this.state[FSW >> 2]! & 0x7f00;
  }

  /** FLDCW. Unmasking an exception that is set makes it pending. */
  FLDCW(fcw: number): void {
    this.state[FCW >> 2] = (fcw & FCW_WRITABLE) | FCW_FIXED;
    this.refresh();
  }

  /** EMMS: all registers empty. */
  EMMS(): void {
    this.state[FTW >> 2] = 0;
  }

  /** What every other MMX instruction does to the stack: TOP 0, nothing empty. */
  MMX(): void {
    this.state[FSW >> 2] = this.state[FSW >> 2]! & ~Fsw.TOP;
    this.state[FTW >> 2] = 0xff;
  }

  /** Recomputes ES and B after the control or status word was loaded. */
  protected refresh(): void {
    const fsw = this.state[FSW >> 2]! & ~(Fsw.ES | Fsw.B);
    this.state[FSW >> 2] = fsw | (this.unmasked(fsw) ? Fsw.ES | Fsw.B : 0);
  }
}
