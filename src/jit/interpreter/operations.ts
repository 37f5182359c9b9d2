/**
 * The interpreter's loop. What most operations of cold code do takes less time than the call of their row: so the
 * most frequent ones (of a kernel that boots: 97 of 100) are done in line. Their meaning is that of the reference.
 */
import { type Opcode, OPCODE_NUMBERS } from "../../ir/opcodes.ts";
import { Event } from "../../cpu/fault.ts";
import { EVENT, RETURN_HI } from "../../cpu/state.ts";
import type { Bindings } from "../bindings.ts";
import { EXITS, Field, OPCODE_MASK, OPERATION_WORDS } from "./program.ts";
import type { Run } from "./reference.ts";

const number = (op: Opcode): number => OPCODE_NUMBERS.get(op)!;

const CONST32 = number("const32"), CONST64 = number("const64");
const GET32 = number("get32"), GET64 = number("get64"), SET32 = number("set32"), SET64 = number("set64");
const ADD32 = number("add32"), SUB32 = number("sub32"), AND32 = number("and32"), OR32 = number("or32");
const XOR32 = number("xor32"), SHL32 = number("shl32"), SHR32 = number("shr32"), SEXT16 = number("sext16");
const EQ32 = number("eq32"), NE32 = number("ne32"), LTU32 = number("ltu32"), SELECT32 = number("select32");
const ADD64 = number("add64"), SUB64 = number("sub64"), AND64 = number("and64");
const EQ64 = number("eq64"), NE64 = number("ne64"), LTU64 = number("ltu64");
const LO = number("lo"), HI = number("hi"), ZEXT = number("zext"), SEXT = number("sext");
const FAULT_IF = number("faultIf");
const LOAD8 = number("load8"), LOAD32 = number("load32"), LOAD64 = number("load64");
const STORE32 = number("store32"), STORE64 = number("store64");

/** Executes operations up to `end`. Returns the index of the one that raised an event, or `end`. */
export type Loop = (words: Int32Array, end: number) => number;

/**
 * The loop over a value file.
 *
 * @param rows the reference, by opcode number
 */
export function createLoop({ memory, access }: Bindings, v: Int32Array, rows: readonly Run[]): Loop {
  const m = memory.i32;
  return (p, end) => {
    for (let i = 0; i < end; i += OPERATION_WORDS) {
      const head = p[i + Field.HEAD]!, to = p[i + Field.TO]!, a = p[i + Field.A]!, b = p[i + Field.B]!;
      // Blocks as they come set each flag: those are a third of all operations.
      switch (head & OPCODE_MASK) {
        case SET32:
          m[p[i + Field.IMM]! >> 2] = v[a]!;
          continue;
        case SET64:
          m[p[i + Field.IMM]! >> 2] = v[a]!;
          m[(p[i + Field.IMM]! >> 2) + 1] = v[a + 1]!;
          continue;
        case GET32:
          v[to] = m[p[i + Field.IMM]! >> 2]!;
          continue;
        case GET64:
          v[to] = m[p[i + Field.IMM]! >> 2]!;
          v[to + 1] = m[(p[i + Field.IMM]! >> 2) + 1]!;
          continue;
        case CONST32:
          v[to] = p[i + Field.IMM]!;
          continue;
        case CONST64:
          v[to] = p[i + Field.IMM]!;
          v[to + 1] = p[i + Field.IMM2]!;
          continue;
        case ADD32:
          v[to] = v[a]! + v[b]!;
          continue;
        case SUB32:
          v[to] = v[a]! - v[b]!;
          continue;
        case AND32:
          v[to] = v[a]! & v[b]!;
          continue;
        case OR32:
          v[to] = v[a]! | v[b]!;
          continue;
        case XOR32:
          v[to] = v[a]! ^ v[b]!;
          continue;
        case SHL32:
          v[to] = v[a]! << v[b]!;
          continue;
        case SHR32:
          v[to] = v[a]! >>> v[b]!;
          continue;
        case SEXT16:
          v[to] = (v[a]! << 16) >> 16;
          continue;
        case EQ32:
          v[to] = v[a] === v[b] ? 1 : 0;
          continue;
        case NE32:
          v[to] = v[a] === v[b] ? 0 : 1;
          continue;
        case LTU32:
          v[to] = (v[a]! >>> 0) < (v[b]! >>> 0) ? 1 : 0;
          continue;
        case SELECT32:
          v[to] = v[a] !== 0 ? v[b]! : v[p[i + Field.C]!]!;
          continue;
        case ADD64: {
          const x = v[a]!, low = (x + v[b]!) | 0, high = v[a + 1]! + v[b + 1]!;
          v[to] = low;
          v[to + 1] = high + ((low >>> 0) < (x >>> 0) ? 1 : 0);
          continue;
        }
        case SUB64: {
          const x = v[a]!, y = v[b]!, high = v[a + 1]! - v[b + 1]!;
          v[to] = x - y;
          v[to + 1] = high - ((x >>> 0) < (y >>> 0) ? 1 : 0);
          continue;
        }
        case AND64:
          v[to] = v[a]! & v[b]!;
          v[to + 1] = v[a + 1]! & v[b + 1]!;
          continue;
        case EQ64:
          v[to] = v[a] === v[b] && v[a + 1] === v[b + 1] ? 1 : 0;
          continue;
        case NE64:
          v[to] = v[a] === v[b] && v[a + 1] === v[b + 1] ? 0 : 1;
          continue;
        case LTU64: {
          const xh = v[a + 1]! >>> 0, yh = v[b + 1]! >>> 0;
          v[to] = xh < yh || (xh === yh && (v[a]! >>> 0) < (v[b]! >>> 0)) ? 1 : 0;
          continue;
        }
        case LO:
          v[to] = v[a]!;
          continue;
        case HI:
          v[to] = v[a + 1]!;
          continue;
        case ZEXT:
          v[to] = v[a]!;
          v[to + 1] = 0;
          continue;
        case SEXT:
          v[to] = v[a]!;
          v[to + 1] = v[a]! >> 31;
          continue;
        case FAULT_IF:
          if (v[a] === 0) continue;
          access.raise(p[i + Field.IMM]!, p[i + Field.IMM2]!);
          return i;
        case LOAD8:
          v[to] = access.load8(v[a]!, v[a + 1]!, p[i + Field.IMM]!);
          break;
        case LOAD32:
          v[to] = access.load32(v[a]!, v[a + 1]!, p[i + Field.IMM]!);
          break;
        case LOAD64:
          v[to] = access.load64(v[a]!, v[a + 1]!, p[i + Field.IMM]!);
          v[to + 1] = m[RETURN_HI >> 2]!;
          break;
        case STORE32:
          access.store32(v[a]!, v[a + 1]!, v[b]!, p[i + Field.IMM]!);
          break;
        case STORE64:
          access.store64(v[a]!, v[a + 1]!, v[b]!, v[b + 1]!, p[i + Field.IMM]!);
          break;
        default:
          rows[head & OPCODE_MASK]!(p, i);
          if ((head & EXITS) === 0) continue;
      }
      if (m[EVENT >> 2] !== Event.NONE) return i;
    }
    return end;
  };
}
