/** Packets that set and remove breakpoints and watchpoints. GDB manual, appendix E.2, `z` and `Z`. */
import type { DebugPointKind, DebugPoints } from "../../cpu/system/debug_points.ts";
import { numberOfHex } from "./packets.ts";
import { Refusal } from "./refusal.ts";

/** Kinds by number. "Software" breakpoints are like hardware ones here: no byte of the guest is changed for them. */
const KINDS: readonly DebugPointKind[] = ["execute", "execute", "write", "read", "access"];
/** Most bytes that one watchpoint covers. */
const MOST_WATCHED = 0x1_0000n;

/** Answers `Z` and `z`. */
export function answerPoint(points: DebugPoints, text: string): string {
  const [type, address, size, ...more] = text.slice(1).split(";")[0]!.split(",").map(numberOfHex);
  if (type === undefined || address === undefined || size === undefined || more.length > 0) {
    return Refusal.INVALID;
  }
  const kind = KINDS[Number(type)];
  if (kind === undefined) return "";
  // Of a breakpoint it is the length of the instruction that others would write there.
  const length = kind === "execute" ? 1 : Number(size);
  if (length === 0 || size > MOST_WATCHED) return Refusal.INVALID;
  const point = { kind, address, length };
  if (text[0] === "Z") points.add(point);
  else points.remove(point);
  return "OK";
}
