/** Packets that let the target go on: `c`, `C`, `s`, `S` and `vCont`. GDB manual, appendix E.2. */
import { numberOfHex } from "./packets.ts";
import type { Resumption } from "./target.ts";

/** What such a packet asks for. */
interface Parsed {
  readonly how: Resumption;
  /** Where to go on, if not where it stands. */
  readonly address?: bigint | undefined;
}

/**
 * Reads one of these packets; undefined: it is malformed.
 *
 * @param threads numbers of the threads that there are
 * @param thread the one that is meant where none is named
 */
export function parseResumption(
  text: string,
  threads: readonly number[],
  thread: number,
): Parsed | undefined {
  if (text.startsWith("vCont;")) {
    const how = parseActions(text.slice(6).split(";"), threads, thread);
    return how === undefined ? undefined : { how };
  }
  const steps = text[0] === "s" || text[0] === "S", signalled = text[0] === "C" || text[0] === "S";
  const [first, second] = text.slice(1).split(";");
  const signal = signalled ? numberOfHex(first) : 0n, place = signalled ? second : first;
  if (signal === undefined || signal > 255n) return undefined;
  const address = numberOfHex(place);
  if (place !== undefined && place !== "" && address === undefined) return undefined;
  return { how: { step: steps ? thread : undefined, range: undefined, signal: Number(signal) }, address };
}

/** Actions of `vCont`: the first that fits a thread is the thread's. */
function parseActions(
  actions: readonly string[],
  threads: readonly number[],
  current: number,
): Resumption | undefined {
  let how: Resumption | undefined;
  for (const action of actions) {
    const parsed = parseAction(action, threads, current);
    if (parsed === undefined) return undefined;
    // Where one thread steps, that is what the debugger waits for.
    if (how === undefined || (how.step === undefined && parsed.step !== undefined)) how = parsed;
  }
  return how;
}

function parseAction(
  action: string,
  threads: readonly number[],
  current: number,
): Resumption | undefined {
  const match =
    /^(?:c|C(?<passed>[0-9a-f]{2})|s|S(?<stepped>[0-9a-f]{2})|r(?<from>[0-9a-f]{1,16}),(?<to>[0-9a-f]{1,16}))(?::(?<thread>-1|[0-9a-f]{1,8}))?$/i
      .exec(action);
  if (match === null) return undefined;
  const { passed, stepped, from, to, thread } = match.groups!;
  const named = thread === undefined || thread === "-1" || thread === "0" ? current : parseInt(thread, 16);
  if (!threads.includes(named)) return undefined;
  const start = numberOfHex(from), end = numberOfHex(to), kind = action[0]!.toLowerCase();
  return {
    step: kind === "c" ? undefined : named,
    range: start === undefined || end === undefined ? undefined : [start, end],
    signal: parseInt(passed ?? stepped ?? "0", 16),
  };
}
