/** Random cases: instructions of every form, alone and in sequences. */
import type { Instruction, OperandOf } from "../../src/frontend/instruction.ts";
import type { Case, CodeSize } from "./case.ts";
import { encode, type Encoded } from "./encode.ts";
import { type Form, formsOf, type Kind } from "./forms.ts";
import { CODE, PAGE } from "./layout.ts";
import type { Random } from "./random.ts";
import { landing, loop, returning, savedState, setFlags } from "./scenarios.ts";
import { fxImage, generalRegisters, pointer } from "./state.ts";

/** What to generate. */
export interface GeneratorOptions {
  /** Only these kinds; default: all. */
  readonly kinds?: readonly Kind[];
  /** Only these mnemonics; default: all. */
  readonly only?: ReadonlySet<string>;
  /** Longest sequence. Default: 20. */
  readonly longest?: number;
  /** Default: 64. */
  readonly codeSize?: CodeSize;
  /** Cases start from one of these states, plus what their instructions need. Default: from anything. */
  readonly states?: readonly Pick<Case, "gpr" | "rflags" | "fx">[];
}

/** Where code starts if nothing speaks for another place. */
const PLACE = 0x100;
const MASK32 = 0xffff_ffffn;

/** Makes cases from a stream of random numbers. */
export class Generator {
  readonly forms: readonly Form[];
  readonly codeSize: CodeSize;
  /** How often each form was chosen. */
  readonly chosen = new Map<Form, number>();
  readonly #longest: number;
  readonly #states: GeneratorOptions["states"];
  /** The forms that sequences are made of, by kind. */
  readonly #pools: readonly (readonly Form[])[];
  readonly #alone: readonly Form[];

  constructor(
    readonly random: Random,
    { kinds, only, longest = 20, codeSize = 64, states }: GeneratorOptions = {},
  ) {
    this.codeSize = codeSize;
    this.#states = states;
    this.forms = formsOf(codeSize).filter(({ row, kind }) =>
      (kinds === undefined || kinds.includes(kind)) && (only === undefined || only.has(row[1]))
    );
    if (this.forms.length === 0) {
      throw new Error("No instruction form is left: check the mnemonics and kinds given");
    }
    this.#longest = longest;
    const together = this.forms.filter(({ alone }) => !alone);
    const pools = (["integer", "vector", "x87"] as const)
      .map((kind) => together.filter((form) => form.kind === kind));
    this.#pools = [together, ...pools].filter((pool) => pool.length > 0);
    this.#alone = this.forms.filter(({ alone }) => alone);
  }

  /** A case: mostly a sequence of one to `longest` instructions, sometimes a loop or a form that stands alone. */
  next(): Case {
    const { random } = this;
    if (this.#pools.length === 0 || (this.#alone.length > 0 && random.oneIn(40))) {
      return this.single(random.pick(this.#alone));
    }
    // Half of the cases mix all kinds.
    const pool = random.oneIn(2) ? this.#pools[0]! : random.pick(this.#pools);
    if (random.oneIn(3)) return this.single(random.pick(pool));
    const count = 1 + random.below(this.#longest);
    const instructions = Array.from({ length: count }, (_, n) => this.#inSequence(pool, n === count - 1));
    return this.#case(random.oneIn(12) ? loop(random, this.codeSize, instructions) : instructions);
  }

  /** One instruction of a form; with `refused`, now and then an encoding that our decoder refuses. */
  single(form: Form, refused = true): Case {
    this.#count(form);
    if (["XSAVE", "XRSTOR"].includes(form.row[1])) {
      const { bytes, area } = savedState(this.random, this.codeSize, form.row[1] === "XRSTOR");
      const one = this.#case([{ bytes, instruction: undefined }]);
      one.gpr[3] = area;
      return { ...one, offset: PLACE, whole: true };
    }
    const one = this.#case([this.#reachable(form, encode(this.random, form, this.codeSize, refused))]);
    return form.alone ? { ...one, whole: true } : one;
  }

  #inSequence(pool: readonly Form[], last: boolean): Encoded {
    const { random } = this;
    let form = random.pick(pool);
    // What ends a sequence comes seldom before its end.
    while (form.last && !last && !random.oneIn(8) && pool.some((other) => !other.last)) {
      form = random.pick(pool);
    }
    this.#count(form);
    return this.#reachable(form, encode(random, form, this.codeSize));
  }

  /** Mostly with what lets the instruction do its work. */
  #reachable({ row: [, mnemonic, operands] }: Form, encoded: Encoded): Encoded {
    if (this.random.oneIn(8)) return encoded;
    if (mnemonic === "POPF") return setFlags(this.random, encoded);
    if (mnemonic === "RET") return returning(encoded);
    if (operands === "Ev" && (mnemonic === "JMP" || mnemonic === "CALL")) {
      const code = landing(this.codeSize, encoded);
      return { bytes: code.bytes, instruction: encoded.instruction };
    }
    return encoded;
  }

  #count(form: Form): void {
    this.chosen.set(form, (this.chosen.get(form) ?? 0) + 1);
  }

  #case(instructions: readonly Encoded[]): Case {
    const { random, codeSize } = this;
    const code = Uint8Array.from(instructions.flatMap(({ bytes }) => [...bytes]));
    const state = this.#states === undefined ? this.#state() : random.pick(this.#states);
    const gpr = state.gpr.slice();
    for (const { instruction } of instructions) {
      if (instruction !== undefined) this.#prepare(gpr, instruction);
    }
    // Now and then the code is data: it is read, and rewritten while it runs.
    if (random.oneIn(25)) {
      gpr[random.pick([3, 5, 6, 7])] = CODE + BigInt(PLACE + random.below(code.length + 16));
    }
    if (codeSize === 32) { for (let n = 0; n < 16; n++) gpr[n] = n < 8 ? gpr[n]! & MASK32 : 0n; }
    return { ...state, gpr, code, offset: this.#place(code.length), codeSize };
  }

  #state(): Pick<Case, "gpr" | "rflags" | "fx"> {
    const { random } = this;
    return {
      gpr: generalRegisters(random),
      rflags: 0x202 | (random.bits() & 0x8d5) | (random.oneIn(4) ? 0x400 : 0),
      fx: fxImage(random, random.oneIn(2)),
    };
  }

  /** Sometimes across the two code pages, or up to the end of the second. */
  #place(length: number): number {
    const { random } = this;
    if (random.oneIn(10)) return PAGE - random.below(length + 4);
    return random.oneIn(40) ? 2 * PAGE - length : PLACE;
  }

  /** Makes it likely that the instruction finds what it needs. */
  #prepare(gpr: BigUint64Array, instruction: Instruction): void {
    const { random } = this;
    if (instruction.rep !== 0) {
      gpr[1] = BigInt(random.below(random.pick([8, 70, 600, 3000])));
      if (random.oneIn(3)) gpr[7] = gpr[6]! + BigInt(random.below(80) - 40);
    }
    if (/^I?DIV$/.test(instruction.mnemonic) && random.oneIn(2)) gpr[2] = gpr[2]! & 0xffn;
    if (/^(LAR|LSL|VER[RW]|MOV)$/.test(instruction.mnemonic)) this.#select(gpr, instruction);
    const memory = instruction.operands.find((operand) => operand.kind === "mem");
    if (memory !== undefined && !random.oneIn(4)) this.#aim(gpr, memory, instruction);
  }

  /** Selectors of Linux's descriptors, where a register holds one. */
  #select(gpr: BigUint64Array, { mnemonic, operands: [first, second] }: Instruction): void {
    const source = mnemonic === "MOV" && first?.kind !== "segment" ? undefined : second ?? first;
    if (source?.kind === "gpr" && !this.random.oneIn(4)) {
      gpr[source.reg] = BigInt(this.random.pick([0, 0, 0x23, 0x2b, 0x2b, 0x33, 0x20, 0x28, 0x10, 0x3]));
    }
  }

  /** Lets a memory operand point to data. */
  #aim(gpr: BigUint64Array, operand: OperandOf<"mem">, { traits }: Instruction): void {
    const { random } = this;
    const { base, index, scale, disp, addressSize } = operand;
    const image = operand.size === 0; // FXSAVE and its like
    if (base < 0 || base === index || operand.ripRelative || addressSize === 2) return;
    let place = pointer(random);
    if (image) place = 0x1000_0000n + BigInt(random.below(0x70) * 64);
    if ((traits.aligned && !random.oneIn(8)) || image) place &= ~15n;
    if (index >= 0) {
      gpr[index] = BigInt(random.below(16));
      place -= gpr[index]! * BigInt(scale);
    }
    gpr[base] = BigInt.asUintN(64, place - BigInt(disp));
  }
}
