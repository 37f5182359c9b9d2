/**
 * The interpreter's loop. What most operations of cold code do takes less time than the call of their row: so the
 * most frequent ones (of a kernel that boots: 97 of 100) are done in line. Their meaning is that of the reference.
 */
import { type Opcode, OPCODE_NAMES } from "../../ir/opcodes.ts";
import { Event } from "../../cpu/fault.ts";
import { EVENT, RETURN_HI } from "../../cpu/state.ts";
import type { Bindings } from "../bindings.ts";
import type { Run } from "./reference.ts";
import { EXITS, Field, OPERATION_MASK, OPERATION_WORDS } from "./words.ts";

/**
 * What the loop does in line. V8 makes a jump table of a `switch` whose cases are literals, which the members of a constant
 * enumeration become; the names of constants would be compared one after the other.
 */
export const enum Do {
  /** Numbers below it are those of ends (`EndKind`). */
  CONST32 = 6,
  CONST64,
  GET32,
  GET64,
  SET32,
  SET64,
  ADD32,
  SUB32,
  AND32,
  OR32,
  XOR32,
  SHL32,
  SHR32,
  SEXT16,
  EQ32,
  NE32,
  LTU32,
  SELECT32,
  ADD64,
  SUB64,
  AND64,
  OR64,
  XOR64,
  EQ64,
  NE64,
  LTU64,
  ZEXT,
  SEXT,
  FAULT_IF,
  LOAD8,
  LOAD32,
  LOAD64,
  STORE8,
  STORE32,
  STORE64,
  /** Two and three SET32 that follow each other: a kernel's code sets flags more often than it does anything else. */
  SET32_TWICE,
  SET32_THRICE,
  /** Six SET32 of cells in a row: all status flags. */
  SET32_SIX,
  /** Other operations that often follow each other. */
  XOR32_TWICE,
  GET64_ADD64,
  SET64_GET64,
  ZEXT_SET64,
  ADD64_SET64,
  /** Behind these are all others, in the order of the opcodes: those call their row. */
  ROWS,
}

/** What the loop does in line for opcodes. */
const IN_LINE = {
  const32: Do.CONST32,
  const64: Do.CONST64,
  get32: Do.GET32,
  get64: Do.GET64,
  set32: Do.SET32,
  set64: Do.SET64,
  add32: Do.ADD32,
  sub32: Do.SUB32,
  and32: Do.AND32,
  or32: Do.OR32,
  xor32: Do.XOR32,
  shl32: Do.SHL32,
  shr32: Do.SHR32,
  sext16: Do.SEXT16,
  eq32: Do.EQ32,
  ne32: Do.NE32,
  ltu32: Do.LTU32,
  select32: Do.SELECT32,
  add64: Do.ADD64,
  sub64: Do.SUB64,
  and64: Do.AND64,
  or64: Do.OR64,
  xor64: Do.XOR64,
  eq64: Do.EQ64,
  ne64: Do.NE64,
  ltu64: Do.LTU64,
  zext: Do.ZEXT,
  sext: Do.SEXT,
  faultIf: Do.FAULT_IF,
  load8: Do.LOAD8,
  load32: Do.LOAD32,
  load64: Do.LOAD64,
  store8: Do.STORE8,
  store32: Do.STORE32,
  store64: Do.STORE64,
} as const satisfies Partial<Record<Opcode, Do>>;

/** By opcode number: what HEAD says. */
export const OPERATIONS: Uint16Array = Uint16Array.from(
  OPCODE_NAMES,
  (op, code) => (IN_LINE as Partial<Record<Opcode, number>>)[op] ?? Do.ROWS + code,
);

/**
 * The fields again: V8 knows the values of a module's own constants, but reads imported ones, and what objects have, each
 * time.
 */
const { HEAD, TO, A, B, C, IMM, IMM2, ARGS } = Field;
const WORDS = OPERATION_WORDS, MASK = OPERATION_MASK, MAY_EXIT = EXITS;
const EVENT_WORD = EVENT >> 2, RETURN_HI_WORD = RETURN_HI >> 2, NO_EVENT = Event.NONE;

/** Whether what HEAD says is done by a row: that of a function, perhaps, whose operands are listed. */
export const hasRow = (head: number): boolean => (head & MASK) >= Do.ROWS;

/** The reference by what HEAD says, for operations that have a row. */
export function rowsByOperation(rows: readonly (Run | undefined)[]): (Run | undefined)[] {
  const byOperation: (Run | undefined)[] = [];
  for (const [code, row] of rows.entries()) byOperation[OPERATIONS[code]!] = row;
  return byOperation;
}

/** Executes operations from `first` up to `end`. Returns the index of the one that raised an event, or `end`. */
export type Loop = (words: Int32Array, first: number, end: number) => number;

/**
 * The loop over a value file.
 *
 * @param rows the reference, by opcode number
 */
export function createLoop(
  { memory, access }: Bindings,
  v: Int32Array,
  rows: readonly (Run | undefined)[],
): Loop {
  const m = memory.i32;
  return (p, first, end) => {
    for (let i = first; i < end; i += WORDS) {
      const head = p[i + HEAD]!, to = p[i + TO]!, a = p[i + A]!, b = p[i + B]!;
      switch (head & MASK) {
        case Do.SET32:
          m[p[i + IMM]! >> 2] = v[a]!;
          continue;
        case Do.SET32_TWICE:
          m[p[i + IMM]! >> 2] = v[a]!;
          m[p[i + IMM2]! >> 2] = v[b]!;
          continue;
        case Do.SET32_THRICE:
          m[p[i + IMM]! >> 2] = v[a]!;
          m[p[i + IMM2]! >> 2] = v[b]!;
          m[to >> 2] = v[p[i + C]!]!;
          continue;
        case Do.SET32_SIX: {
          const cell = p[i + IMM]! >> 2;
          m[cell] = v[a]!;
          m[cell + 1] = v[b]!;
          m[cell + 2] = v[p[i + C]!]!;
          m[cell + 3] = v[to]!;
          m[cell + 4] = v[p[i + IMM2]!]!;
          m[cell + 5] = v[p[i + ARGS]!]!;
          continue;
        }
        case Do.SET64:
          m[p[i + IMM]! >> 2] = v[a]!;
          m[(p[i + IMM]! >> 2) + 1] = v[a + 1]!;
          continue;
        case Do.SET64_GET64:
          m[p[i + IMM]! >> 2] = v[a]!;
          m[(p[i + IMM]! >> 2) + 1] = v[a + 1]!;
          v[to] = m[p[i + IMM2]! >> 2]!;
          v[to + 1] = m[(p[i + IMM2]! >> 2) + 1]!;
          continue;
        case Do.GET32:
          v[to] = m[p[i + IMM]! >> 2]!;
          continue;
        case Do.GET64:
          v[to] = m[p[i + IMM]! >> 2]!;
          v[to + 1] = m[(p[i + IMM]! >> 2) + 1]!;
          continue;
        case Do.CONST32:
          v[to] = p[i + IMM]!;
          continue;
        case Do.CONST64:
          v[to] = p[i + IMM]!;
          v[to + 1] = p[i + IMM2]!;
          continue;
        case Do.ADD32:
          v[to] = v[a]! + v[b]!;
          continue;
        case Do.SUB32:
          v[to] = v[a]! - v[b]!;
          continue;
        case Do.AND32:
          v[to] = v[a]! & v[b]!;
          continue;
        case Do.OR32:
          v[to] = v[a]! | v[b]!;
          continue;
        case Do.XOR32:
          v[to] = v[a]! ^ v[b]!;
          continue;
        case Do.XOR32_TWICE:
          v[to] = v[a]! ^ v[b]!;
          v[p[i + C]!] = v[p[i + IMM]!]! ^ v[p[i + IMM2]!]!;
          continue;
        case Do.SHL32:
          v[to] = v[a]! << v[b]!;
          continue;
        case Do.SHR32:
          v[to] = v[a]! >>> v[b]!;
          continue;
        case Do.SEXT16:
          v[to] = (v[a]! << 16) >> 16;
          continue;
        case Do.EQ32:
          v[to] = v[a] === v[b] ? 1 : 0;
          continue;
        case Do.NE32:
          v[to] = v[a] === v[b] ? 0 : 1;
          continue;
        case Do.LTU32:
          v[to] = (v[a]! >>> 0) < (v[b]! >>> 0) ? 1 : 0;
          continue;
        case Do.SELECT32:
          v[to] = v[a] !== 0 ? v[b]! : v[p[i + C]!]!;
          continue;
        case Do.ADD64: {
          const x = v[a]!, low = (x + v[b]!) | 0, high = v[a + 1]! + v[b + 1]!;
          v[to] = low;
          v[to + 1] = high + ((low >>> 0) < (x >>> 0) ? 1 : 0);
          continue;
        }
        case Do.GET64_ADD64: {
          const cell = p[i + IMM]! >> 2, got = p[i + C]!;
          v[got] = m[cell]!;
          v[got + 1] = m[cell + 1]!;
          const x = v[a]!, low = (x + v[b]!) | 0, high = v[a + 1]! + v[b + 1]!;
          v[to] = low;
          v[to + 1] = high + ((low >>> 0) < (x >>> 0) ? 1 : 0);
          continue;
        }
        case Do.ADD64_SET64: {
          const cell = p[i + IMM]! >> 2, set = p[i + C]!;
          const x = v[a]!, low = (x + v[b]!) | 0, high = v[a + 1]! + v[b + 1]!;
          v[to] = low;
          v[to + 1] = high + ((low >>> 0) < (x >>> 0) ? 1 : 0);
          m[cell] = v[set]!;
          m[cell + 1] = v[set + 1]!;
          continue;
        }
        case Do.SUB64: {
          const x = v[a]!, y = v[b]!, high = v[a + 1]! - v[b + 1]!;
          v[to] = x - y;
          v[to + 1] = high - ((x >>> 0) < (y >>> 0) ? 1 : 0);
          continue;
        }
        case Do.AND64:
          v[to] = v[a]! & v[b]!;
          v[to + 1] = v[a + 1]! & v[b + 1]!;
          continue;
        case Do.OR64:
          v[to] = v[a]! | v[b]!;
          v[to + 1] = v[a + 1]! | v[b + 1]!;
          continue;
        case Do.XOR64:
          v[to] = v[a]! ^ v[b]!;
          v[to + 1] = v[a + 1]! ^ v[b + 1]!;
          continue;
        case Do.EQ64:
          v[to] = v[a] === v[b] && v[a + 1] === v[b + 1] ? 1 : 0;
          continue;
        case Do.NE64:
          v[to] = v[a] === v[b] && v[a + 1] === v[b + 1] ? 0 : 1;
          continue;
        case Do.LTU64: {
          const xh = v[a + 1]! >>> 0, yh = v[b + 1]! >>> 0;
          v[to] = xh < yh || (xh === yh && (v[a]! >>> 0) < (v[b]! >>> 0)) ? 1 : 0;
          continue;
        }
        case Do.ZEXT:
          v[to] = v[a]!;
          v[to + 1] = 0;
          continue;
        case Do.ZEXT_SET64: {
          const cell = p[i + IMM]! >> 2;
          v[to] = v[a]!;
          v[to + 1] = 0;
          m[cell] = v[b]!;
          m[cell + 1] = v[b + 1]!;
          continue;
        }
        case Do.SEXT:
          v[to] = v[a]!;
          v[to + 1] = v[a]! >> 31;
          continue;
        case Do.FAULT_IF:
          if (v[a] === 0) continue;
          access.raise(p[i + IMM]!, p[i + IMM2]!);
          return i;
        case Do.LOAD8:
          v[to] = access.load8(v[a]!, v[a + 1]!, p[i + IMM]!);
          break;
        case Do.LOAD32:
          v[to] = access.load32(v[a]!, v[a + 1]!, p[i + IMM]!);
          break;
        case Do.LOAD64:
          v[to] = access.load64(v[a]!, v[a + 1]!, p[i + IMM]!);
          v[to + 1] = m[RETURN_HI_WORD]!;
          break;
        case Do.STORE8:
          access.store8(v[a]!, v[a + 1]!, v[b]!, p[i + IMM]!);
          break;
        case Do.STORE32:
          access.store32(v[a]!, v[a + 1]!, v[b]!, p[i + IMM]!);
          break;
        case Do.STORE64:
          access.store64(v[a]!, v[a + 1]!, v[b]!, v[b + 1]!, p[i + IMM]!);
          break;
        default:
          rows[(head & MASK) - Do.ROWS]!(p, i);
          if ((head & MAY_EXIT) === 0) continue;
      }
      if (m[EVENT_WORD] !== NO_EVENT) return i;
    }
    return end;
  };
}
