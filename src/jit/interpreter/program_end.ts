/** The end of a program: how its block ends. */
import { isSystemCall } from "../../cpu/fault.ts";
import type { Terminal } from "../../ir/terminal.ts";
import type { Value } from "../../ir/types.ts";
import { halves, whole } from "../address.ts";
import { EndField, EndKind } from "./words.ts";

const { KIND, VALUE, LO, HI, TAKEN_LO, TAKEN_HI, EVENT, VECTOR, ERROR, UNDO, KNOWN } = EndField;

/**
 * Writes how a block ends.
 *
 * @param placeOf where a value lies
 * @param at where the end starts
 */
export function writeEnd(
  terminal: Terminal,
  placeOf: (value: Value) => number,
  words: Int32Array,
  at: number,
): void {
  switch (terminal.kind) {
    case "jump":
      words[at + KIND] = EndKind.JUMP;
      return writeKnown(words, at, [terminal.target, terminal.returnTo]);
    case "branch":
      words[at + KIND] = EndKind.BRANCH;
      words[at + VALUE] = placeOf(terminal.condition);
      return writeKnown(words, at, [terminal.next, terminal.taken]);
    case "indirect":
      words[at + KIND] = EndKind.INDIRECT;
      words[at + VALUE] = placeOf(terminal.target);
      return writeKnown(words, at, [terminal.returnTo]);
    case "redispatch":
      words[at + KIND] = EndKind.REDISPATCH;
      words[at + VALUE] = placeOf(terminal.target);
      return writeKnown(words, at, []);
    case "vmfunc":
      words[at + KIND] = EndKind.VMFUNC;
      return writeKnown(words, at, [terminal.next]);
    case "event":
      words[at + KIND] = EndKind.EVENT;
      words[at + EVENT] = terminal.event;
      words[at + VECTOR] = terminal.vector;
      words[at + ERROR] = terminal.error;
      words[at + UNDO] = terminal.retired ? 0 : 1;
      return writeAddress(words, at + LO, terminal.rip);
  }
}

/** Writes the addresses that are known to follow, and their number. */
function writeKnown(words: Int32Array, at: number, addresses: readonly (bigint | undefined)[]): void {
  let known = 0;
  for (const address of addresses) {
    if (address !== undefined) writeAddress(words, at + (known++ === 0 ? LO : TAKEN_LO), address);
  }
  words[at + KNOWN] = known;
}

function writeAddress(words: Int32Array, at: number, address: bigint): void {
  const { lo, hi } = halves(address);
  words[at] = lo;
  words[at + 1] = hi;
}

/**
 * Addresses that an end is known to lead to: of a call, where it returns to, too.
 *
 * @param callsGoOn whether system calls lead behind them
 */
export function knownSuccessors(words: Int32Array, at: number, callsGoOn: boolean): bigint[] {
  const first = (): bigint => whole(words[at + LO]!, words[at + HI]!);
  if (words[at + KIND] === EndKind.EVENT) {
    return callsGoOn && isSystemCall({ event: words[at + EVENT]! }) ? [first()] : [];
  }
  switch (words[at + KNOWN]) {
    case 0:
      return [];
    case 1:
      return [first()];
    default:
      return [first(), whole(words[at + TAKEN_LO]!, words[at + TAKEN_HI]!)];
  }
}
