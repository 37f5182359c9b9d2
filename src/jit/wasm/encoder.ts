/** Appends WebAssembly's binary format to a buffer: numbers, instructions, and modules of them. Core specification, section 5. */
import { I32, W } from "./instructions.ts";

/** Bytes under construction. */
export class Bytes {
  #bytes: Uint8Array;
  length = 0;

  /** @param room bytes that are expected */
  constructor(room = 64) {
    this.#bytes = new Uint8Array(room);
  }

  u8(value: number): void {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = value;
  }
  /** Unsigned LEB128. */
  u32(value: number): void {
    if (value >= 0 && value <= 0x7f) return this.u8(value);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }
  /** Signed LEB128 of 32 bits. */
  s32(value: number): void {
    let rest = value | 0;
    while (rest < -0x40 || rest > 0x3f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.u8(rest & 0x7f);
  }
  /** Signed LEB128 of 64 bits, in halves. */
  s64(lo: number, hi: number): void {
    while (hi !== lo >> 31 || lo < -0x40 || lo > 0x3f) {
      this.u8((lo & 0x7f) | 0x80);
      lo = (lo >>> 7) | (hi << 25);
      hi >>= 7;
    }
    this.u8(lo & 0x7f);
  }
  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }
  /** A name. */
  text(text: string): void {
    this.u32(text.length);
    for (let i = 0; i < text.length; i++) this.u8(text.charCodeAt(i));
  }
  /** What has been appended; valid until more is. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #grow(bytes: number): void {
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.length + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Place of a block, loop or if, for branches out of it (or back to a loop's start). */
export interface Label {
  readonly depth: number;
}

/** Most functions are no longer, in bytes. */
const FUNCTION_ROOM = 0x1000;

/** The code of a function under construction. */
export class FunctionCode extends Bytes {
  /** Types of the locals, the parameters first. */
  readonly locals: number[];
  /** Branches known to be taken rarely (0) or nearly always (1), by the offset of their `if` or `br_if`. */
  readonly hints: [offset: number, taken: 0 | 1][] = [];
  #depth = 0;

  /** @param returns whether it returns an i32 */
  constructor(readonly parameters: readonly number[], readonly returns: boolean = true) {
    super(FUNCTION_ROOM);
    this.locals = [...parameters];
  }

  /** A new local of a type. */
  local(type: number): number {
    return this.locals.push(type) - 1;
  }

  /** Puts code that closes what it opens before all other, of which `body` is a copy. */
  prepend(start: FunctionCode, body: Uint8Array): void {
    this.length = 0;
    this.append(start.view());
    this.append(body);
    for (const hint of this.hints) hint[0] += start.length;
    this.hints.unshift(...start.hints);
  }

  op(code: number): void {
    if (code > 0xff) {
      this.u8(code >> 8);
      this.u32(code & 0xff);
    } else {
      this.u8(code);
    }
  }
  /** An operation of two words, the right one a constant. */
  opWith(code: number, right: number): void {
    this.i32(right);
    this.op(code);
  }
  get(local: number): void {
    this.u8(W.local_get);
    this.u32(local);
  }
  set(local: number): void {
    this.u8(W.local_set);
    this.u32(local);
  }
  tee(local: number): void {
    this.u8(W.local_tee);
    this.u32(local);
  }
  i32(value: number): void {
    this.u8(W.i32_const);
    this.s32(value);
  }
  i64(lo: number, hi: number): void {
    this.u8(W.i64_const);
    this.s64(lo, hi);
  }
  f64(value: number): void {
    this.u8(W.f64_const);
    this.append(new Uint8Array(Float64Array.of(value).buffer));
  }
  f32(value: number): void {
    this.u8(W.f32_const);
    this.append(new Uint8Array(Float32Array.of(value).buffer));
  }
  /** A load or store at the address on the stack plus `offset`. Alignment is a hint only; none is given. */
  memory(code: number, offset: number): void {
    this.op(code);
    this.u8(0);
    this.u32(offset);
  }
  /** A load from a fixed offset in the linear memory. */
  load(code: number, offset: number): void {
    this.i32(0);
    this.memory(code, offset);
  }
  call(index: number): void {
    this.u8(W.call);
    this.u32(index);
  }
  /** Calls what the table has at the place on the stack: a region, or another function of its type, with the operand below. */
  callIndirect(): void {
    this.u8(W.call_indirect);
    this.u32(0);
    this.u32(0);
  }
  lane(code: number, lane: number): void {
    this.op(code);
    this.u8(lane);
  }

  // --- Structure ---

  /** Opens a `block`, `loop` or `if`. */
  open(code: number, type: number): Label {
    this.u8(code);
    this.u8(type);
    return { depth: ++this.#depth };
  }
  /** Opens an `if` that is taken nearly always or rarely. */
  openHinted(type: number, taken: 0 | 1): Label {
    this.hints.push([this.length, taken]);
    return this.open(W.if, type);
  }
  else(): void {
    this.u8(W.else);
  }
  end(): void {
    this.u8(W.end);
    this.#depth--;
  }
  br(label: Label): void {
    this.u8(W.br);
    this.u32(this.depthOf(label));
  }
  brIf(label: Label): void {
    this.u8(W.br_if);
    this.u32(this.depthOf(label));
  }
  /** A branch that is taken rarely, or nearly always. */
  brIfRarely(label: Label): void {
    this.hints.push([this.length, 0]);
    this.brIf(label);
  }
  brIfMostly(label: Label): void {
    this.hints.push([this.length, 1]);
    this.brIf(label);
  }
  brTable(labels: readonly Label[], otherwise: Label): void {
    this.u8(W.br_table);
    this.u32(labels.length);
    for (const label of [...labels, otherwise]) this.u32(this.depthOf(label));
  }
  /** How many structures out a label is. */
  depthOf({ depth }: Label): number {
    return this.#depth - depth;
  }
}

/** An imported function: its name in the import object, and its type. */
export interface FunctionImport {
  readonly name: string;
  /** Types of the parameters. */
  readonly parameters: readonly number[];
  readonly returns: boolean;
}

/** Functions that a module imports, in the order in which they were asked for first. */
export class Imports {
  readonly #indices = new Map<string, number>();
  readonly list: FunctionImport[] = [];

  /** Index of an imported function. */
  index(name: string, parameters: readonly number[], returns: boolean): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    this.#indices.set(name, this.list.length);
    return this.list.push({ name, parameters, returns }) - 1;
  }
}

/** A function of a module, placed in the imported table. */
export interface TableFunction {
  readonly code: FunctionCode;
  /** Where in the table it is put. */
  readonly place: number;
  /** What profilers call it. */
  readonly name: string;
}

/** Most modules of one region are no longer, in bytes. */
const MODULE_ROOM = 0x2000;
const MAGIC = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const FUNCREF = 0x70;
const Section = { CUSTOM: 0, TYPE: 1, IMPORT: 2, FUNCTION: 3, ELEMENT: 9, CODE: 10 } as const;
/** Subsection of the name section. Core specification, appendix, "Name Section". */
const FUNCTION_NAMES = 1;
const HAS_MAXIMUM = 1;
const ExternalKind = { FUNCTION: 0, TABLE: 1, MEMORY: 2 } as const;

/**
 * A module of functions over the memory `s.m` and the table `s.t`, which calls functions imported from `f`.
 *
 * @param pages size of the memory, in pages of 64 KB: constant offsets below it need no bounds checks
 */
export function encodeModule(
  functions: readonly TableFunction[],
  imports: Imports,
  pages: number,
): Uint8Array<ArrayBuffer> {
  const out = new Bytes(MODULE_ROOM);
  for (const byte of MAGIC) out.u8(byte);
  const types = new FunctionTypes();
  // What regions go to each other by: type 0.
  types.index([I32], true);
  for (const { parameters, returns } of imports.list) types.index(parameters, returns);
  for (const { code } of functions) types.index(code.parameters, code.returns);
  section(out, Section.TYPE, (to) => {
    to.u32(types.list.length);
    for (const { parameters, returns } of types.list) {
      to.u8(0x60);
      to.u32(parameters.length);
      for (const type of parameters) to.u8(type);
      to.u32(returns ? 1 : 0);
      if (returns) to.u8(I32);
    }
  });
  section(out, Section.IMPORT, (to) => {
    to.u32(imports.list.length + 2);
    for (const { name, parameters, returns } of imports.list) {
      to.text("f");
      to.text(name);
      to.u8(ExternalKind.FUNCTION);
      to.u32(types.index(parameters, returns));
    }
    to.text("s");
    to.text("m");
    for (const byte of [ExternalKind.MEMORY, HAS_MAXIMUM]) to.u8(byte);
    to.u32(pages);
    to.u32(pages);
    to.text("s");
    to.text("t");
    for (const byte of [ExternalKind.TABLE, FUNCREF, 0, 0]) to.u8(byte);
  });
  section(out, Section.FUNCTION, (to) => {
    to.u32(functions.length);
    for (const { code } of functions) to.u32(types.index(code.parameters, code.returns));
  });
  section(out, Section.ELEMENT, (to) => {
    to.u32(functions.length);
    for (const [n, { place }] of functions.entries()) {
      to.u32(0);
      to.u8(W.i32_const);
      to.s32(place);
      to.u8(W.end);
      to.u32(1);
      to.u32(imports.list.length + n);
    }
  });
  branchHints(out, functions, imports.list.length);
  // Their code is copied once only.
  const declarations = functions.map(({ code }) => declaration(code));
  const lengths = functions.map(({ code }, n) => declarations[n]!.length + code.length + 1);
  const counted = (length: number): number => length + bytesOf(length);
  out.u8(Section.CODE);
  out.u32(bytesOf(functions.length) + lengths.reduce((sum, length) => sum + counted(length), 0));
  out.u32(functions.length);
  for (const [n, { code }] of functions.entries()) {
    out.u32(lengths[n]!);
    out.append(declarations[n]!.view());
    out.append(code.view());
    out.u8(W.end);
  }
  section(out, Section.CUSTOM, (to) => {
    to.text("name");
    section(to, FUNCTION_NAMES, (names) => {
      names.u32(functions.length);
      for (const [n, { name }] of functions.entries()) {
        names.u32(imports.list.length + n);
        names.text(name);
      }
    });
  });
  return out.view().slice() as Uint8Array<ArrayBuffer>;
}

/** Bytes that a number takes as unsigned LEB128. */
const bytesOf = (value: number): number => value < 0x80 ? 1 : 1 + bytesOf(value >>> 7);

/** The types of a module's functions. */
class FunctionTypes {
  readonly #indices = new Map<string, number>();
  readonly list: Pick<FunctionImport, "parameters" | "returns">[] = [];

  /** Index of a type, which is added if there is none. */
  index(parameters: readonly number[], returns: boolean): number {
    const key = `${parameters}:${returns}`, known = this.#indices.get(key);
    if (known !== undefined) return known;
    this.#indices.set(key, this.list.length);
    return this.list.push({ parameters, returns }) - 1;
  }
}

/** Which branches are rare: the section `metadata.code.branch_hint` of the branch hinting proposal. */
function branchHints(out: Bytes, functions: readonly TableFunction[], first: number): void {
  const hinted = [...functions.entries()].filter(([, { code }]) => code.hints.length > 0);
  if (hinted.length === 0) return;
  section(out, Section.CUSTOM, (to) => {
    to.text("metadata.code.branch_hint");
    to.u32(hinted.length);
    for (const [n, { code }] of hinted) {
      to.u32(first + n);
      to.u32(code.hints.length);
      // Offsets count from the start of the declaration of locals.
      const base = declaration(code).length;
      for (const [offset, taken] of code.hints) {
        to.u32(base + offset);
        to.u32(1);
        to.u8(taken);
      }
    }
  });
}

/** Locals, the parameters aside, as runs of one type. */
function declaration({ locals, parameters }: FunctionCode): Bytes {
  const types = locals.slice(parameters.length);
  const runs: [count: number, type: number][] = [];
  for (const type of types) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === type) last[0]++;
    else runs.push([1, type]);
  }
  const out = new Bytes();
  out.u32(runs.length);
  for (const [count, type] of runs) {
    out.u32(count);
    out.u8(type);
  }
  return out;
}

function section(out: Bytes, id: number, write: (to: Bytes) => void): void {
  const content = new Bytes();
  write(content);
  out.u8(id);
  out.u32(content.length);
  out.append(content.view());
}
