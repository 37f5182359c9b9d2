/** Writes the JavaScript of a region: one function with the guest's registers in variables. */
import { type OpcodeInfo, OPCODES } from "../../ir/opcodes.ts";
import type { Block, Inst, Value } from "../../ir/types.ts";
import { MXCSR_PE } from "../../cpu/mode.ts";
import { BUDGET, EVENT, MXCSR, RIP, TLB_BASE } from "../../cpu/state.ts";
import { helperInfo } from "../../cpu/helpers.ts";
import { SLOT_TLB_MASK, TLB_ADDEND, TLB_HIGH } from "../../memory/physical.ts";
import { TLB_SHIFT } from "../../memory/tlb.ts";
import { type Address, halves } from "../address.ts";
import type { Exit } from "../engine.ts";
import { analyse, type Analysis, HI, LO } from "./analysis.ts";
import { LOWERING } from "./lowering.ts";
import {
  type Cells,
  collectCells,
  declareCells,
  highName,
  inVariable,
  loadCells,
  lowName,
  storeCells,
} from "./registers.ts";
import { emitVmfunc } from "./world_switch.ts";

/** The text of a compiled region. */
export interface Emitted {
  /** A function expression over the names that engine.ts binds. */
  readonly source: string;
  readonly exits: Exit[];
}

/** Whether an operation may change cells behind the block's back. */
export function reloadsCells(inst: Inst): boolean {
  return inst.op === "call" && helperInfo(inst.imm).state === "all";
}

/** Emits one region. */
export function emitRegion(blocks: readonly Block[], id: number): Emitted {
  return new Emitter(blocks, id).emit();
}

/** Text under construction. Lowering rows (lowering.ts) use what is public. */
export class Emitter {
  readonly #exits: Exit[] = [];
  readonly #cells: Cells;
  #out: string[] = [];
  #analysis!: Analysis;
  #current!: Block;
  /** Number of the block being emitted: its label, and part of its values' names. */
  #block = 0;
  /** Texts of values written in place, by id. */
  #texts: (string | undefined)[] = [];
  #highTexts: (string | undefined)[] = [];
  /** Of comparisons written in place, the texts without conversion to a number. */
  #conditions: (string | undefined)[] = [];

  /** Where each block starts. */
  readonly #starts: readonly Address[];

  constructor(readonly blocks: readonly Block[], readonly id: number) {
    this.#starts = blocks.map(({ pc }) => halves(pc));
    this.#cells = collectCells(blocks);
  }

  emit(): Emitted {
    this.#out.push(
      // In parentheses: V8 compiles such a function at once, and does not read it a second time at its first call.
      `(function(b){${declareCells(this.#cells.used)}`,
      `let n=M[${BUDGET >> 2}],x=0,e=0,T=M[${TLB_BASE >> 2}]>>2,K=M[T+${SLOT_TLB_MASK >> 2}]>>2;`,
      "L:for(;;){switch(b){\n",
    );
    for (const [number, block] of this.blocks.entries()) this.#emitBlock(number, block);
    this.#out.push(
      "}}\n",
      storeCells(this.#cells.written),
      `M[${BUDGET >> 2}]=n;return x;})`,
    );
    return { source: this.#out.join(""), exits: this.#exits };
  }

  #emitBlock(number: number, block: Block): void {
    const count = block.offsets.length - 1;
    this.#block = number;
    this.#current = block;
    this.#analysis = analyse(block, reloadsCells);
    this.#texts = [];
    this.#highTexts = [];
    this.#conditions = [];
    const budget = this.#exit({ kind: "budget", ...this.#starts[number]! });
    this.#out.push(`case ${number}:B${number}:for(;;){if(n<${count}){x=${budget};break L;}n-=${count};`);
    for (const inst of block.insts) {
      const { pure }: OpcodeInfo = OPCODES[inst.op];
      const isGet = inst.op === "get32" || inst.op === "get64" || inst.op === "getv";
      if ((pure || isGet) && this.#analysis.needs[inst.id] === 0) continue;
      this.#out.push("\n");
      LOWERING[inst.op](this, inst);
    }
    this.#emitTerminal();
    this.#out.push("}\n");
  }

  // --- What lowering rows use ---

  /** Appends text. */
  write(text: string): void {
    this.#out.push(text);
  }

  /** Text of a 32-bit value, or of the low half of a 64-bit one. */
  lo(value: Value): string {
    if (value.op === "const32" || value.op === "const64") return literal(value.imm);
    return this.#texts[value.id] ?? this.name(value);
  }
  /** Text of the high half. */
  hi(value: Value): string {
    if (value.op === "const64") return literal(value.imm2);
    return this.#highTexts[value.id] ?? `${this.name(value)}h`;
  }
  /** Text of word `word` of a v128. */
  word(value: Value, word: number): string {
    return `${this.name(value)}_${word}`;
  }
  /** Variable of a value. */
  name(value: Value): string {
    return `v${this.#block}_${value.id}`;
  }
  /** Whether somebody needs the low or high half (or, for 32-bit values, the value: LO). */
  needs(inst: Inst, half: number): boolean {
    return (this.#analysis.needs[inst.id]! & half) !== 0;
  }

  /** Defines a 32-bit value by an expression. */
  define(inst: Inst, text: string): void {
    if (this.#analysis.inline[inst.id] === 1) this.#texts[inst.id] = `(${text})`;
    else this.write(`const ${this.name(inst)}=${text};`);
  }
  /** Defines a 32-bit value by a comparison: 0 or 1. */
  defineBoolean(inst: Inst, text: string): void {
    if (this.#analysis.inline[inst.id] === 1) this.#conditions[inst.id] = text;
    // `|0` and not `?1:0`, which would be a branch: carries are as good as random, and mispredicted ones dear.
    this.define(inst, `(${text})|0`);
  }
  /** Text that is true if a 32-bit value is not 0. */
  condition(value: Value): string {
    return this.#conditions[value.id] ?? `${this.lo(value)}!==0`;
  }

  /** Defines a 64-bit value by two independent expressions. */
  define64(inst: Inst, lo: string, hi: string): void {
    if (this.#analysis.inline[inst.id] === 1) {
      this.#texts[inst.id] = isAtom(lo) ? lo : `(${lo})`;
      this.#highTexts[inst.id] = isAtom(hi) ? hi : `(${hi})`;
      return;
    }
    // Names and literals need no variable of their own, except names of registers, which change.
    if (isValueAtom(lo)) this.#texts[inst.id] = lo;
    else if (this.needs(inst, LO)) this.write(`const ${this.name(inst)}=${lo};`);
    if (isValueAtom(hi)) this.#highTexts[inst.id] = hi;
    else if (this.needs(inst, HI)) this.write(`const ${this.name(inst)}h=${hi};`);
  }
  /** Defines a v128 value by four expressions. */
  defineWords(inst: Inst, text: (word: number) => string): void {
    const name = this.name(inst);
    this.write(`const ${name}_0=${text(0)},${name}_1=${text(1)},${name}_2=${text(2)},${name}_3=${text(3)};`);
  }

  /** Reads a cell. */
  get(inst: Inst): void {
    const { imm } = inst;
    const wide = inst.op === "get64";
    const variable = inVariable(imm);
    const lo = variable ? lowName(imm) : `M[${imm >> 2}]`;
    const hi = variable ? highName(imm) : `M[${(imm >> 2) + 1}]`;
    if (variable && this.#analysis.alias[inst.id] === 1) {
      this.#texts[inst.id] = lo;
      this.#highTexts[inst.id] = hi;
      return;
    }
    if (!wide || this.needs(inst, LO)) this.write(`const ${this.name(inst)}=${lo};`);
    if (wide && this.needs(inst, HI)) this.write(`const ${this.name(inst)}h=${hi};`);
  }
  /** Writes a cell. */
  set(inst: Inst): void {
    const { imm } = inst;
    const value = inst.args[0]!;
    const variable = inVariable(imm);
    const lo = variable ? lowName(imm) : `M[${imm >> 2}]`;
    if (inst.op === "set32") return this.write(`${lo}=${this.lo(value)};`);
    const hi = variable ? highName(imm) : `M[${(imm >> 2) + 1}]`;
    const high = this.hi(value);
    // The high half may be made of the register's old low half.
    if (high.includes(lo)) {
      this.write(`e=${this.lo(value)};${hi}=${high};${lo}=e;`);
      return;
    }
    this.write(`${lo}=${this.lo(value)};${hi}=${high};`);
  }

  /** Leaves by a side exit if an event has been raised. */
  checkEvent(inst: Inst): void {
    this.write(`if(M[${EVENT >> 2}]!==0){x=${this.#sideExit(inst.guest)};break L;}`);
  }

  /**
   * A memory access: the fast path if the soft TLB's tag matches, else the slow path and its check.
   *
   * @param tag offset of the tag in a TLB entry
   * @param masked text compared with the tag: the address with the bits that must be 0
   */
  access(inst: Inst, tag: number, masked: (lo: string) => string, fast: string, slow: string): void {
    const address = inst.args[0]!;
    const lo = this.atom(this.lo(address)), hi = this.hi(address);
    this.write(
      `e=T+((${lo}>>>${TLB_SHIFT + 2})&K);` +
        `if(M[e${tag === 0 ? "" : `+${tag >> 2}`}]===(${masked(lo)})&&M[e+${TLB_HIGH >> 2}]===${hi}){` +
        `e=${lo}+M[e+${TLB_ADDEND >> 2}];${fast}}else{${slow}`,
    );
    this.checkEvent(inst);
    this.write("}");
  }

  /** Makes sure that a text can be mentioned several times. */
  atom(text: string): string {
    if (isAtom(text)) return text;
    const name = `t${this.#temporaries++}`;
    this.write(`const ${name}=${text};`);
    return name;
  }
  #temporaries = 0;

  /** Stores the variables and the budget for a helper that looks at all state, and loads them again. */
  aroundAllState(call: string): void {
    this.write(
      `${storeCells(this.#cells.written)}M[${BUDGET >> 2}]=n;${call}n=M[${BUDGET >> 2}];${
        loadCells(this.#cells.used)
      }`,
    );
  }

  // --- Exits and the end of a block ---

  #exit(exit: Exit): number {
    return this.#exits.push(exit) - 1;
  }
  /** Exit at guest instruction `guest`, which has not been executed. */
  #sideExit(guest: number): number {
    const { pc, offsets } = this.#current;
    const count = offsets.length - 1;
    return this.#exit({ kind: "side", ...halves(pc + BigInt(offsets[guest]!)), undo: count - guest });
  }
  /** Statement that goes on at a linear address. */
  #goto(target: bigint): string {
    const { lo, hi } = halves(target);
    const number = this.#starts.findIndex((start) => start.lo === lo && start.hi === hi);
    const goOn = number < 0
      ? `x=${this.#exit({ kind: "jump", lo, hi, next: undefined })};break L;`
      : number === this.#block
      ? `continue B${number};`
      : `b=${number};continue L;`;
    return this.#leaveIfPlain(`${lo}`, `${hi}`) + goOn;
  }
  /**
   * Statement that leaves for an address if floating point has set the sticky bit that the plain mode wants.
   */
  #leaveIfPlain(lo: string, hi: string): string {
    if (!this.#current.usesFloat) return "";
    return `if(M[${MXCSR >> 2}]&${MXCSR_PE}){${this.#redispatch(lo, hi)}}`;
  }
  /** Statement that leaves for an address, where the mode may be another. */
  #redispatch(lo: string, hi: string): string {
    const exit = this.#exit({ kind: "indirect", redispatch: true, block: this.#block, next: undefined });
    return `${setRip(lo, hi)}x=${exit};break L;`;
  }
  #emitTerminal(): void {
    const { terminal } = this.#current;
    switch (terminal.kind) {
      case "jump":
        return this.write(this.#goto(terminal.target));
      case "branch":
        return this.write(
          `if(${this.condition(terminal.condition)}){${this.#goto(terminal.taken)}}` +
            `else{${this.#goto(terminal.next)}}`,
        );
      case "indirect":
        return this.#emitIndirect(terminal.target, terminal.hint === "return" ? this.#returnPlaces() : []);
      case "redispatch":
        return this.write(this.#redispatch(this.lo(terminal.target), this.hi(terminal.target)));
      case "event": {
        const { event, vector, error, rip, retired } = terminal;
        const exit: Exit = { kind: "event", ...halves(rip), undo: retired ? 0 : 1, event, vector, error };
        return this.write(`x=${this.#exit(exit)};break L;`);
      }
      case "vmfunc":
        return this.#emitVmfunc(terminal.next);
    }
  }
  #emitVmfunc(next: bigint): void {
    const { mode, offsets } = this.#current;
    const side = this.#sideExit(offsets.length - 2);
    this.write(emitVmfunc({
      region: this.id,
      mode,
      next: halves(next),
      goOn: this.#goto(next),
      exit: this.#exit({ kind: "indirect", redispatch: true, block: this.#block, next: undefined }),
      store: storeCells(this.#cells.written),
      load: loadCells(this.#cells.used),
      check: `if(M[${EVENT >> 2}]!==0){x=${side};break L;}`,
    }));
  }
  #emitIndirect(target: Value, local: readonly number[]): void {
    const lo = this.atom(this.lo(target)), hi = this.atom(this.hi(target));
    this.write(this.#leaveIfPlain(lo, hi));
    if (local.length > 0) {
      const cases = local.map((number) => `case ${this.#starts[number]!.lo}:b=${number};continue L;`);
      this.write(`if(${hi}===${this.#starts[local[0]!]!.hi})switch(${lo}){${cases.join("")}}`);
    }
    this.write(
      `${setRip(lo, hi)}x=${
        this.#exit({ kind: "indirect", redispatch: false, block: this.#block, next: undefined })
      };break L;`,
    );
  }
  /** Numbers of the region's blocks that follow a call in it, as far as they lie in the same 4 GB. */
  #returnPlaces(): number[] {
    const returns = new Set(
      this.blocks.map(({ terminal }) =>
        terminal.kind === "indirect" || terminal.kind === "jump" ? terminal.returnTo : undefined
      ),
    );
    const { hi } = this.#starts[this.#block]!;
    return [...this.blocks.keys()].filter((number) =>
      returns.has(this.blocks[number]!.pc) && this.#starts[number]!.hi === hi
    );
  }
}

const literal = (value: number): string => value < 0 ? `(${value})` : `${value}`;
const isAtom = (text: string): boolean => /^(\w+|\(-?\d+\))$/.test(text);
/** A literal, or a variable that is assigned once. */
const isValueAtom = (text: string): boolean => /^([vt]\w+|\d+|\(-?\d+\))$/.test(text);

const setRip = (lo: string, hi: string): string => `M[${RIP >> 2}]=${lo};M[${(RIP >> 2) + 1}]=${hi};`;
