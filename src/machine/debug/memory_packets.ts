/** Packets that read and write memory. GDB manual, appendix E.2. */
import { bytesOfHex, bytesOfText, hexOfBytes, numberOfHex, PACKET_BYTES } from "./packets.ts";
import { Refusal } from "./refusal.ts";
import type { DebugTarget } from "./target.ts";

/** Most bytes of one packet: two digits each. */
const MOST_BYTES = PACKET_BYTES / 2;

/** Which memory is meant. */
export interface MemoryChoice {
  readonly target: DebugTarget;
  readonly thread: number;
  readonly isPhysical: boolean;
}

/** Answers `m`, `M` and `X`. */
export function answerMemory(choice: MemoryChoice, text: string): string {
  const colon = text.indexOf(":"), head = colon < 0 ? text : text.slice(0, colon);
  const [address, length] = head.slice(1).split(",").map(numberOfHex);
  if (address === undefined || length === undefined || length > BigInt(MOST_BYTES)) return Refusal.INVALID;
  if (text[0] === "m") return colon < 0 ? readMemory(choice, address, Number(length)) : Refusal.INVALID;
  if (colon < 0) return Refusal.INVALID;
  const body = text.slice(colon + 1), bytes = text[0] === "M" ? bytesOfHex(body) : bytesOfText(body);
  if (bytes === undefined || bytes.length !== Number(length)) return Refusal.INVALID;
  return writeMemory(choice, address, bytes) ? "OK" : Refusal.MEMORY;
}

function readMemory({ target, thread, isPhysical }: MemoryChoice, address: bigint, length: number): string {
  const bytes = isPhysical ? target.readPhysical(address, length) : target.read(thread, address, length);
  return bytes.length === 0 && length > 0 ? Refusal.MEMORY : hexOfBytes(bytes);
}

function writeMemory(
  { target, thread, isPhysical }: MemoryChoice,
  address: bigint,
  bytes: Uint8Array,
): boolean {
  return isPhysical ? target.writePhysical(address, bytes) : target.write(thread, address, bytes);
}
