/** General queries: what the stub can do, threads, and objects like the target description. GDB manual, appendix E.4. */
import { describe } from "./description.ts";
import { bytesOfText, hexOfText, numberOfHex, PACKET_BYTES } from "./packets.ts";
import { Refusal } from "./refusal.ts";
import { type DebugView, featuresOf } from "./registers.ts";
import type { DebugTarget } from "./target.ts";

/** What queries are about. */
export interface Queried {
  readonly target: DebugTarget;
  readonly thread: number;
  readonly shown: DebugView;
  isPhysical: boolean;
}

const PHYSICAL_MODE = "qemu.PhyMemMode";

/** Answers a `q` or `Q` packet; empty: unknown. */
export function answerQuery(about: Queried, text: string): string | Uint8Array {
  const { target } = about;
  const name = text.slice(1).split(/[:;,]/)[0]!, rest = text.slice(name.length + 2);
  switch (text[0] + name) {
    case "qSupported":
      return supported(target);
    case "qXfer":
      return transfer(about, rest);
    case "qC":
      return `QC${target.current.toString(16)}`;
    case "qAttached":
      return "1";
    case "qfThreadInfo":
      return `m${target.threads.map(({ id }) => id.toString(16)).join(",")}`;
    case "qsThreadInfo":
      return "l";
    case "qThreadExtraInfo": {
      const id = numberOfHex(rest), thread = target.threads.find((one) => BigInt(one.id) === id);
      return thread === undefined ? Refusal.THREAD : hexOfText(thread.name);
    }
    case "qSymbol":
      return "OK";
    case `q${PHYSICAL_MODE}`:
      return about.isPhysical ? "1" : "0";
    case `Q${PHYSICAL_MODE}`:
      if (rest !== "0" && rest !== "1") return Refusal.INVALID;
      about.isPhysical = rest === "1";
      return "OK";
    default:
      return "";
  }
}

function supported(target: DebugTarget): string {
  return [
    `PacketSize=${PACKET_BYTES.toString(16)}`,
    "QStartNoAckMode+",
    "vContSupported+",
    "swbreak-",
    "hwbreak-",
    "qXfer:features:read+",
    ...(target.auxiliary === undefined ? [] : ["qXfer:auxv:read+"]),
    ...(target.isProgram ? ["qXfer:siginfo:read+"] : []),
    ...(target.files === undefined ? [] : ["qXfer:exec-file:read+"]),
  ].join(";");
}

/** `qXfer:OBJECT:read:ANNEX:OFFSET,LENGTH`. */
function transfer({ target, thread, shown }: Queried, text: string): string | Uint8Array {
  const [object, operation, annex, place] = text.split(":");
  if (operation !== "read") return "";
  const [offset, length] = (place ?? "").split(",").map(numberOfHex);
  let whole: Uint8Array | undefined;
  switch (object) {
    case "features":
      if (annex !== "target.xml") return "E00";
      whole = bytesOfText(describe(shown, featuresOf(shown, target.isProgram), target.isProgram));
      break;
    case "auxv":
      whole = target.auxiliary;
      break;
    case "siginfo":
      whole = target.signalInfo(thread);
      if (whole === undefined) return Refusal.INVALID;
      break;
    case "exec-file":
      whole = target.files && new TextEncoder().encode(target.files.executable);
  }
  if (whole === undefined) return "";
  if (offset === undefined || length === undefined) return Refusal.INVALID;
  const start = Number(offset), end = Math.min(start + Number(length), start + PACKET_BYTES / 2);
  const part = whole.subarray(start, end);
  return Uint8Array.from([...bytesOfText(end >= whole.length ? "l" : "m"), ...part]);
}
