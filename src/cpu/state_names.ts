/** Names of the state's cells, for the text form of the IR. */
import * as state from "./state.ts";

const SEGMENT_FIELDS = [
  ["SELECTOR", state.SEG_SELECTOR],
  ["LIMIT", state.SEG_LIMIT],
  ["ATTRIBUTES", state.SEG_ATTRIBUTES],
  ["BASE", state.SEG_BASE],
] as const;

/** Cells that exist once. */
const SINGLE = [
  "RIP",
  "CF",
  "PF",
  "AF",
  "ZF",
  "SF",
  "OF",
  "DF",
  "RFLAGS_SYSTEM",
  "MXCSR",
  "FP_RAISED",
  "CR0",
  "CR2",
  "CR3",
  "CR4",
  "XCR0",
  "EFER",
  "CPL",
  "INSTRUCTIONS",
  "BUDGET",
  "EVENT",
  "EVENT_VECTOR",
  "EVENT_ERROR",
  "EVENT_ADDRESS",
  "RETURN_HI",
  "RETURN_V128",
  "FCW",
  "FSW",
  "FTW",
  "FOP",
  "FIP",
  "FDP",
  "FCS",
  "FDS",
  "SCRATCH",
] as const; // deno-fmt-ignore

function collect(): Map<number, string> {
  const names = new Map<number, string>(SINGLE.map((name) => [state[name], name]));
  for (const [name, n] of Object.entries(state.Gpr)) names.set(state.GPR + 8 * n, name);
  for (const [segment, n] of Object.entries(state.Segment)) {
    for (const [field, offset] of SEGMENT_FIELDS) {
      names.set(state.SEGMENT + state.SEGMENT_STRIDE * n + offset, `${segment}.${field}`);
    }
  }
  for (let n = 0; n < 8; n++) {
    names.set(state.X87 + 16 * n, `FPR${n}`);
    names.set(state.X87 + 16 * n + state.X87_EXPONENT, `FPR${n}.EXPONENT`);
  }
  for (let n = 0; n < 32; n++) {
    names.set(state.XMM + 16 * n, `XMM${n}`);
    names.set(state.YMM_HIGH + 16 * n, `YMM${n}.HIGH`);
  }
  return names;
}

const NAMES: ReadonlyMap<number, string> = collect();
const OFFSETS: ReadonlyMap<string, number> = new Map([...NAMES].map(([offset, name]) => [name, offset]));

/** Name of the cell at a byte offset of the state, if one begins there. */
export function nameOfCell(offset: number): string | undefined {
  return NAMES.get(offset);
}

/** Byte offset of a named cell. */
export function cellOfName(name: string): number | undefined {
  return OFFSETS.get(name);
}
