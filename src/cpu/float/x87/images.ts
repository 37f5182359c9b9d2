/** Memory images of the x87 state: FNSTENV, FLDENV, FNSAVE, FRSTOR, FXSAVE, FXRSTOR. SDM vol. 1, figures 8-9 to 8-12; vol. 2A, "FXSAVE". */
import { FCS, FCW, FDP, FDS, FIP, FOP, FSW, FTW, X87, X87_EXPONENT } from "../../state.ts";
import { Transcendental } from "./transcendental.ts";

/** Form of an environment: which operand size and mode wrote it. */
export interface EnvironmentForm {
  /** 32-bit operand size: 28 bytes, else 14. */
  readonly wide: boolean;
  /** Real-address or virtual-8086 mode: linear addresses instead of selectors, FOP included. */
  readonly real: boolean;
}

/** Bytes of an environment. */
export function environmentBytes(form: EnvironmentForm): number {
  return form.wide ? 28 : 14;
}

/** Upper half of FIP as the processor keeps it: 57 bits of the pointer, sign-extended. (FDP it keeps as it is.) */
const canonical = (hi: number): number => (hi << 7) >> 7;

/** Reading and writing images. FCS and FDS are always 0 (CPUID.7.0:EBX bit 13). Bytes are in `view`, from offset `at`. */
export class Images extends Transcendental {
  /** The full tag word: two bits for each physical register: valid 0, zero 1, special 2, empty 3. */
  tagWord(): number {
    const state = this.state;
    let tags = 0;
    for (let n = 0; n < 8; n++) {
      const cell = (X87 >> 2) + 4 * n;
      const field = state[cell + 2]! & 0x7fff, lo = state[cell]!, hi = state[cell + 1]!;
      let tag: number;
      if (((state[FTW >> 2]! >>> n) & 1) === 0) tag = 3;
      else if (field === 0 && (lo | hi) === 0) tag = 1;
      else tag = field === 0 || field === 0x7fff || hi >= 0 ? 2 : 0;
      tags |= tag << (2 * n);
    }
    return tags;
  }

  #setTagWord(tags: number): void {
    let abridged = 0;
    for (let n = 0; n < 8; n++) if (((tags >>> (2 * n)) & 3) !== 3) abridged |= 1 << n;
    this.state[FTW >> 2] = abridged;
  }

  /** The image of FNSTENV; changes nothing. After the store has succeeded call {@linkcode FNSTENV}. */
  writeEnvironment(view: DataView, at: number, form: EnvironmentForm): void {
    const state = this.state;
    const words = [state[FCW >> 2]!, state[FSW >> 2]!, this.tagWord()];
    const ip = state[FIP >> 2]!, dp = state[FDP >> 2]!, fop = state[FOP >> 2]! & 0x7ff;
    if (form.wide) {
      words.forEach((word, n) => view.setInt32(at + 4 * n, word | (0xffff << 16), true));
      view.setInt32(at + 12, form.real ? ip & 0xffff | (0xffff << 16) : ip, true);
      view.setInt32(
        at + 16,
        form.real ? ((ip >>> 16) << 12) | fop : (fop << 16) | (state[FCS >> 2]! & 0xffff),
        true,
      );
      view.setInt32(at + 20, form.real ? dp & 0xffff | (0xffff << 16) : dp, true);
      view.setInt32(
        at + 24,
        form.real ? (dp >>> 16) << 12 : (0xffff << 16) | (state[FDS >> 2]! & 0xffff),
        true,
      );
      return;
    }
    words.forEach((word, n) => view.setInt16(at + 2 * n, word, true));
    view.setInt16(at + 6, ip, true);
    view.setInt16(at + 8, form.real ? ((ip >>> 16) << 12) | fop : state[FCS >> 2]!, true);
    view.setInt16(at + 10, dp, true);
    view.setInt16(at + 12, form.real ? (dp >>> 16) << 12 : state[FDS >> 2]!, true);
  }

  /** What FNSTENV does besides storing: masks all exceptions. */
  FNSTENV(): void {
    this.state[FCW >> 2] = this.state[FCW >> 2]! | 0x3f;
    this.refresh();
  }

  /** FLDENV. */
  FLDENV(view: DataView, at: number, form: EnvironmentForm): void {
    const state = this.state;
    const word = (n: number): number => view.getUint16(at + n * (form.wide ? 4 : 2), true);
    state[FSW >> 2] = word(1);
    this.#setTagWord(word(2));
    this.FLDCW(word(0));
    state[(FIP >> 2) + 1] = state[(FDP >> 2) + 1] = 0;
    state[FCS >> 2] = state[FDS >> 2] = 0;
    if (form.wide) {
      const ip = view.getInt32(at + 12, true), next = view.getInt32(at + 16, true);
      const dp = view.getInt32(at + 20, true), last = view.getInt32(at + 24, true);
      state[FIP >> 2] = form.real ? ip & 0xffff | ((next >>> 12) << 16) : ip;
      state[FOP >> 2] = (form.real ? next : next >>> 16) & 0x7ff;
      state[FDP >> 2] = form.real ? dp & 0xffff | ((last >>> 12) << 16) : dp;
      return;
    }
    state[FIP >> 2] = form.real ? word(3) | ((word(4) >>> 12) << 16) : word(3);
    state[FOP >> 2] = form.real ? word(4) & 0x7ff : 0;
    state[FDP >> 2] = form.real ? word(5) | ((word(6) >>> 12) << 16) : word(5);
  }

  /** The image of FNSAVE: the environment and 80 bytes of ST(0) to ST(7). After the store call FNINIT. */
  writeSave(view: DataView, at: number, form: EnvironmentForm): void {
    this.writeEnvironment(view, at, form);
    this.#writeStack(view, at + environmentBytes(form), 10);
  }

  /** FRSTOR. */
  FRSTOR(view: DataView, at: number, form: EnvironmentForm): void {
    this.FLDENV(view, at, form);
    this.#readStack(view, at + environmentBytes(form), 10);
  }

  #writeStack(view: DataView, at: number, stride: number): void {
    for (let i = 0; i < 8; i++) {
      const cell = this.cell(i), to = at + i * stride;
      view.setInt32(to, this.state[cell]!, true);
      view.setInt32(to + 4, this.state[cell + 1]!, true);
      view.setInt16(to + 8, this.state[cell + (X87_EXPONENT >> 2)]!, true);
    }
  }

  #readStack(view: DataView, at: number, stride: number): void {
    for (let i = 0; i < 8; i++) {
      const cell = this.cell(i), from = at + i * stride;
      this.state[cell] = view.getInt32(from, true);
      this.state[cell + 1] = view.getInt32(from + 4, true);
      this.state[cell + (X87_EXPONENT >> 2)] = view.getUint16(from + 8, true);
    }
  }

  /** The x87 part of an FXSAVE or XSAVE area: bytes 0 to 23 and 32 to 159. `long`: REX.W, 64-bit pointers. */
  writeFxsave(view: DataView, at: number, long: boolean): void {
    const state = this.state;
    view.setInt16(at, state[FCW >> 2]!, true);
    view.setInt16(at + 2, state[FSW >> 2]!, true);
    view.setInt16(at + 4, state[FTW >> 2]!, true);
    view.setInt16(at + 6, state[FOP >> 2]! & 0x7ff, true);
    view.setInt32(at + 8, state[FIP >> 2]!, true);
    view.setInt32(at + 12, long ? state[(FIP >> 2) + 1]! : state[FCS >> 2]! & 0xffff, true);
    view.setInt32(at + 16, state[FDP >> 2]!, true);
    view.setInt32(at + 20, long ? state[(FDP >> 2) + 1]! : state[FDS >> 2]! & 0xffff, true);
    for (let i = 0; i < 8; i++) {
      view.setInt16(at + 32 + 16 * i + 10, 0, true);
      view.setInt32(at + 32 + 16 * i + 12, 0, true);
    }
    this.#writeStack(view, at + 32, 16);
  }

  /** Loads the x87 part of an FXSAVE area. */
  readFxsave(view: DataView, at: number, long: boolean): void {
    const state = this.state;
    state[FSW >> 2] = view.getUint16(at + 2, true);
    state[FTW >> 2] = view.getUint8(at + 4);
    this.FLDCW(view.getUint16(at, true));
    state[FOP >> 2] = view.getUint16(at + 6, true) & 0x7ff;
    state[FIP >> 2] = view.getInt32(at + 8, true);
    state[(FIP >> 2) + 1] = long ? canonical(view.getInt32(at + 12, true)) : 0;
    state[FDP >> 2] = view.getInt32(at + 16, true);
    state[(FDP >> 2) + 1] = long ? view.getInt32(at + 20, true) : 0;
    state[FCS >> 2] = state[FDS >> 2] = 0;
    this.#readStack(view, at + 32, 16);
  }
}
