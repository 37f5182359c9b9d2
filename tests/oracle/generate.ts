/** Random cases: instructions of every form, alone and in sequences. */
import { decode } from "../../src/frontend/decode.ts";
import type { Instruction } from "../../src/frontend/instruction.ts";
import type { Case } from "./case.ts";
import { type Form, FORMS, type Kind } from "./forms.ts";
import type { Random } from "./random.ts";
import { fxImage, generalRegisters } from "./state.ts";

/** What to generate. */
export interface GeneratorOptions {
  /** Only these kinds; default: all. */
  readonly kinds?: readonly Kind[];
  /** Only these mnemonics; default: all. */
  readonly only?: ReadonlySet<string>;
  /** Longest sequence. Default: 20. */
  readonly longest?: number;
}

/** Loops end soon: this often in a thousand a branch goes backwards. */
const BACKWARDS_PER_MILLE = 25;
const MANDATORY = [[], [0x66], [0xf3], [0xf2]] as const;

/** Makes cases from a stream of random numbers. */
export class Generator {
  readonly forms: readonly Form[];
  readonly #longest: number;

  constructor(readonly random: Random, { kinds, only, longest = 20 }: GeneratorOptions = {}) {
    this.forms = FORMS.filter(({ row, kind }) =>
      (kinds === undefined || kinds.includes(kind)) && (only === undefined || only.has(row[1]))
    );
    if (this.forms.length === 0) {
      throw new Error("No instruction form is left: check the mnemonics and kinds given");
    }
    this.#longest = longest;
  }

  /** A sequence of one to `longest` instructions from a random state. */
  sequence(): Case {
    const { random } = this;
    const count = random.oneIn(3) ? 1 : 1 + random.below(this.#longest);
    const pool = random.oneIn(2) ? this.forms : this.#sameKind();
    const instructions = Array.from({ length: count }, () => this.#any(pool));
    return this.#case(instructions);
  }

  /** One instruction of a form. */
  single(form: Form): Case {
    return this.#case([this.#encodeValid(form)]);
  }

  #case(instructions: readonly Uint8Array[]): Case {
    const { random } = this;
    const code = new Uint8Array(instructions.reduce((sum, bytes) => sum + bytes.length, 0));
    let at = 0;
    for (const bytes of instructions) {
      code.set(bytes, at);
      at += bytes.length;
    }
    const gpr = generalRegisters(random);
    // Now and then the code is data: it is read, and rewritten while it runs.
    if (random.oneIn(30)) {
      gpr[random.pick([3, 5, 6, 7])] = 0x2000_0000n + BigInt(0x100 + random.below(code.length + 16));
    }
    const usesX87 = random.oneIn(2);
    return {
      gpr,
      rflags: 0x202 | (random.bits() & 0x8d5) | (random.oneIn(4) ? 0x400 : 0),
      fx: fxImage(random, usesX87),
      code,
      offset: random.oneIn(10) ? 0x1000 - random.below(code.length + 4) : 0x100,
    };
  }

  #sameKind(): readonly Form[] {
    const { kind } = this.random.pick(this.forms);
    return this.forms.filter((form) => form.kind === kind);
  }

  #any(pool: readonly Form[]): Uint8Array {
    return this.#encodeValid(this.random.pick(pool));
  }

  /** Encodings that our decoder refuses are kept now and then: the processor must refuse them too. */
  #encodeValid(form: Form): Uint8Array {
    for (let attempt = 0; attempt < 200; attempt++) {
      const bytes = this.#encode(form);
      const decoded = decode(bytes, 0, bytes.length, 64);
      if ("failure" in decoded) {
        if (this.random.oneIn(200)) return bytes.subarray(0, 10);
        continue;
      }
      return this.#finish(bytes.subarray(0, decoded.length), decoded);
    }
    throw new Error(`No valid encoding of ${form.row.slice(0, 3).join(" ")} was found`);
  }

  /** Relative branches stay near. */
  #finish(bytes: Uint8Array, { operands, length }: Instruction): Uint8Array {
    const target = operands[0];
    if (target?.kind !== "rel") return bytes;
    const { random } = this;
    const displacement = random.below(1000) < BACKWARDS_PER_MILLE ? -random.below(40) : random.below(14);
    for (let n = 0; n < target.size; n++) bytes[length - target.size + n] = displacement >> (8 * n);
    return bytes;
  }

  /** Bytes of the form with everything free chosen at random, then more bytes than any immediate needs. */
  #encode({ row, encoding }: Form): Uint8Array {
    const { random } = this;
    const { fields, map } = encoding;
    const attributes = row[3];
    const bytes: number[] = [];
    const field = (name: keyof typeof fields, count: number): number => {
      const allowed = fields[name] ?? (1 << count) - 1;
      const values = Array.from({ length: count }, (_, n) => n).filter((n) => (allowed >> n) & 1);
      return random.pick(values);
    };
    const memory = encoding.modrm && field("register", 2) === 0 && random.below(100) < 60;
    const fixedRegister = fields.register === 2;
    const isMemory = encoding.modrm && (fields.register === 1 || (memory && !fixedRegister));
    if (encoding.vex) {
      const r = random.bits();
      bytes.push(
        0xc4,
        ((r & 7) << 5) | map,
        (field("w", 2) << 7) | (((r >> 3) & 15) << 3) | field("prefix", 4),
      );
    } else {
      this.#prefixes(
        bytes,
        fields.prefix === undefined ? undefined : field("prefix", 4),
        attributes?.rep === true,
      );
      if (attributes?.lock === true && isMemory && random.oneIn(4)) bytes.push(0xf0);
      const w = fields.w === undefined ? -1 : field("w", 2), b = fields.b === undefined ? -1 : field("b", 2);
      const rex = 0x40 | (random.bits() & 15);
      if (w >= 0 || b >= 0 || random.below(100) < 50) {
        bytes.push((rex & ~(w >= 0 ? 8 : 0) & ~(b >= 0 ? 1 : 0)) | (w === 1 ? 8 : 0) | (b === 1 ? 1 : 0));
      }
      if (map >= 1) bytes.push(0x0f);
      if (map === 2) bytes.push(0x38);
      if (map === 3) bytes.push(0x3a);
    }
    bytes.push(encoding.opcode + random.below(encoding.opcodeCount));
    if (encoding.modrm) this.#modrm(bytes, isMemory, field("reg", 8), field("rm", 8));
    for (let n = 0; n < 8; n++) {
      bytes.push(random.oneIn(4) ? random.pick([0, 1, 2, 7, 8, 0xff, 0x80, 0x7f]) : random.below(256));
    }
    return Uint8Array.from(bytes);
  }

  #prefixes(bytes: number[], mandatory: number | undefined, rep: boolean): void {
    const { random } = this;
    if (random.oneIn(25)) bytes.push(random.pick([0x64, 0x65, 0x3e, 0x26, 0x2e, 0x36]));
    if (random.oneIn(30)) bytes.push(0x67);
    if (mandatory !== undefined) {
      bytes.push(...MANDATORY[mandatory]!);
      return;
    }
    if (rep && !random.oneIn(3)) bytes.push(random.pick([0xf2, 0xf3]));
    else if (random.oneIn(60)) bytes.push(random.pick([0xf2, 0xf3]));
    if (random.below(100) < 20) bytes.push(0x66);
  }

  #modrm(bytes: number[], isMemory: boolean, reg: number, rm: number): void {
    const { random } = this;
    if (!isMemory) {
      bytes.push(0xc0 | (reg << 3) | rm);
      return;
    }
    const mod = random.pick([0, 1, 1, 2]);
    bytes.push((mod << 6) | (reg << 3) | rm);
    let base = rm;
    if (rm === 4) {
      const sib = random.oneIn(3) ? random.below(256) : 0x20 | random.below(8);
      bytes.push(sib);
      base = sib & 7;
    }
    if (mod === 2 || (mod === 0 && base === 5)) {
      const displacement = random.oneIn(3) ? random.below(256) : -random.below(256);
      for (let n = 0; n < 4; n++) bytes.push((displacement >> (8 * n)) & 255);
    } else if (mod === 1 && random.oneIn(2)) {
      bytes.push(random.below(256) & 0xf0); // aligned more often
    }
  }
}
