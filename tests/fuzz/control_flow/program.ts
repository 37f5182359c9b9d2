/** Random programs as graphs of blocks, which can be made smaller, and their machine code. */
import { CODE } from "../../oracle/layout.ts";
import { le32, moveImmediate, pop, push, R14, R15, RAX } from "./encode.ts";

/** Something in a block. */
export type Item =
  /** Machine code that is the same wherever it lies. */
  | { readonly kind: "code"; readonly bytes: readonly number[] }
  /** The same with an immediate that stores of other blocks change: its 4 bytes are the last. */
  | { readonly kind: "changeable"; readonly bytes: readonly number[] }
  /** Writes EAX, or one byte, to the changeable immediate of a block. */
  | { readonly kind: "changeImmediate"; readonly block: number; readonly byte: number | undefined }
  /** Gives the conditional jump at the end of a block another condition. */
  | { readonly kind: "changeCondition"; readonly block: number; readonly condition: number };

/** How a block ends. Blocks are numbered in the order in which they lie in memory; targets are numbers of blocks. */
export type End =
  | { readonly kind: "next" }
  | { readonly kind: "exit" }
  | { readonly kind: "jump"; readonly target: number }
  | { readonly kind: "branch"; readonly condition: number; readonly target: number }
  /** LOOPNE, LOOPE, LOOP, JRCXZ: E0H to E3H. */
  | { readonly kind: "count"; readonly opcode: number; readonly target: number }
  | { readonly kind: "call"; readonly target: number }
  /** RET; with an operand, bytes that are taken from the stack besides. */
  | { readonly kind: "return"; readonly bytes: number }
  /** A return to where nothing was called from. */
  | { readonly kind: "pushReturn"; readonly target: number }
  /** A return by POP and JMP. */
  | { readonly kind: "popJump" }
  | { readonly kind: "indirectJump"; readonly target: number }
  | { readonly kind: "indirectCall"; readonly target: number }
  /** JMP or CALL through a table, by the low bits of RAX. */
  | { readonly kind: "table"; readonly call: boolean; readonly targets: readonly number[] };

/** A block, and how many bytes of nothing lie before it. */
export interface Block {
  readonly items: readonly Item[];
  readonly end: End;
  readonly gap: number;
}

/** A program, and how often it may go back before it ends. */
export interface Program {
  readonly blocks: readonly Block[];
  readonly fuel: number;
  /** Where it begins in the code pages. */
  readonly offset: number;
  /** Fuel is counted without touching the flags. */
  readonly keepsFlags: boolean;
}

const INT3 = 0xcc;
/** Addresses of the exit that lie on the stack at the start: so many returns too many are no accident. */
const RETURNS = 8;
/** LEA R15, [R15-1]; XCHG RCX, R15; JRCXZ +5 (to the second JMP); XCHG RCX, R15; JMP over the rest. */
const KEEPING_FLAGS = [0x4d, 0x8d, 0x7f, 0xff, 0x4c, 0x87, 0xf9, 0xe3, 0x05, 0x4c, 0x87, 0xf9, 0xeb, 0x08];
/** XCHG RCX, R15 of the way out. */
const TAKEN_BACK = [0x4c, 0x87, 0xf9];
const DEC_R15 = [0x49, 0xff, 0xcf];

/** Blocks that are reached by other ways than from blocks before them: these count fuel, so that each circle does. */
function counting({ blocks }: Program): Set<number> {
  const found = new Set<number>();
  for (const [n, { end }] of blocks.entries()) {
    for (const target of targetsOf(end)) {
      if (target <= n || (end.kind !== "jump" && end.kind !== "branch" && end.kind !== "count")) {
        found.add(target);
      }
    }
  }
  return found;
}

/** The blocks that an end leads to besides the next. */
export function targetsOf(end: End): readonly number[] {
  if (end.kind === "table") return end.targets;
  return "target" in end ? [end.target] : [];
}

/** A place that is filled in when everything has its address. */
interface Fixup {
  readonly at: number;
  readonly label: string;
  /** Bytes: 4 or 1, relative to what is behind them (plus `behind`), or 8, absolute. */
  readonly size: 1 | 4 | 8;
  readonly behind: number;
}

/** Machine code of a program; undefined if it is longer than the code pages. */
export function assemble(program: Program, room: number): Uint8Array | undefined {
  const { blocks, fuel, offset, keepsFlags } = program;
  const bytes: number[] = [];
  const labels = new Map<string, number>();
  const fixups: Fixup[] = [];
  const emit = (...code: readonly number[]): void => void bytes.push(...code);
  const refer = (label: string, size: 1 | 4 | 8 = 4, behind = 0): void => {
    fixups.push({ at: bytes.length, label, size, behind });
    for (let n = 0; n < size; n++) bytes.push(0);
  };
  const label = (name: string): void => void labels.set(name, bytes.length);
  const loadAddress = (name: string): void => {
    emit(0x4c, 0x8d, 0x35); // LEA R14, [RIP+disp]
    refer(name);
  };
  const countFuel = (): void => {
    if (keepsFlags) {
      emit(...KEEPING_FLAGS, ...TAKEN_BACK, 0xe9);
      refer("exit");
    } else {
      emit(...DEC_R15, 0x0f, 0x84);
      refer("exit");
    }
  };
  const store = (opcode: readonly number[], name: string, value: readonly number[]): void => {
    if (!defined.has(name)) return;
    emit(...opcode);
    refer(name, 4, value.length);
    emit(...value);
  };
  const finish = (n: number, end: End): void => {
    switch (end.kind) {
      case "next":
        return;
      case "exit":
        emit(0xe9);
        return refer("exit");
      case "jump":
        emit(0xe9);
        return refer(`block ${end.target}`);
      case "branch":
        emit(0x0f);
        label(`condition ${n}`);
        emit(0x80 | end.condition);
        return refer(`block ${end.target}`);
      case "count":
        emit(end.opcode, 2, 0xeb, 5, 0xe9); // over a JMP; to a JMP that is near enough
        return refer(`block ${end.target}`);
      case "call":
        emit(0xe8);
        return refer(`block ${end.target}`);
      case "return":
        return end.bytes === 0 ? emit(0xc3) : emit(0xc2, end.bytes, 0);
      case "pushReturn":
        loadAddress(`block ${end.target}`);
        return emit(...push(R14), 0xc3);
      case "popJump":
        return emit(...pop(R14), 0x41, 0xff, 0xe6);
      case "indirectJump":
        loadAddress(`block ${end.target}`);
        return emit(0x41, 0xff, 0xe6);
      case "indirectCall":
        loadAddress(`block ${end.target}`);
        return emit(0x41, 0xff, 0xd6);
      case "table":
        emit(0x83, 0xe0, end.targets.length - 1); // AND EAX, imm8
        loadAddress(`table ${n}`);
        return emit(0x41, 0xff, end.call ? 0x14 : 0x24, 0xc6); // CALL or JMP [R14+RAX*8]
    }
  };
  // Only what is there can be changed.
  const defined = new Set(blocks.flatMap(({ items, end }, n) => [
    ...(items.some(({ kind }) => kind === "changeable") ? [`immediate ${n}`] : []),
    ...(end.kind === "branch" ? [`condition ${n}`] : []),
  ]));
  const counts = counting(program);
  loadAddress("exit");
  for (let n = 0; n < RETURNS; n++) emit(...push(R14));
  emit(...moveImmediate(R15, fuel));
  for (const [n, { items, end, gap }] of blocks.entries()) {
    if (gap > 0) {
      emit(0xe9, ...le32(gap));
      for (let k = 0; k < gap; k++) emit(INT3);
    }
    label(`block ${n}`);
    if (counts.has(n)) countFuel();
    for (const item of items) {
      if (item.kind === "code") emit(...item.bytes);
      else if (item.kind === "changeable") {
        emit(...item.bytes);
        labels.set(`immediate ${n}`, bytes.length - 4);
      } else if (item.kind === "changeCondition") {
        store([0xc6, 0x05], `condition ${item.block}`, [0x80 | item.condition]);
      } else if (item.byte !== undefined) store([0xc6, 0x05], `immediate ${item.block}`, [item.byte]);
      else store([0x89, 0x05 | (RAX << 3)], `immediate ${item.block}`, []);
    }
    finish(n, end);
  }
  label("exit");
  emit(INT3);
  while ((offset + bytes.length) % 8 !== 0) emit(INT3);
  for (const [n, { end }] of blocks.entries()) {
    if (end.kind !== "table") continue;
    label(`table ${n}`);
    for (const target of end.targets) refer(`block ${target}`, 8);
  }
  if (bytes.length > room) return undefined;
  const code = Uint8Array.from(bytes);
  const view = new DataView(code.buffer);
  for (const { at, label: name, size, behind } of fixups) {
    const place = labels.get(name)!;
    if (size === 8) view.setBigUint64(at, CODE + BigInt(offset + place), true);
    else view.setInt32(at, place - (at + size + behind), true);
  }
  return code;
}
