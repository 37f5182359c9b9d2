/** ICMP: answers to echo requests, and notes that something cannot be reached. RFC 792. */
import { checksum } from "./checksum.ts";
import type { ReceivedPacket } from "./ipv4.ts";

const ECHO_REPLY = 0, UNREACHABLE = 3, ECHO_REQUEST = 8;
const CHECKSUM = 2, HEADER = 8;
/** Bytes of the packet's payload that a note repeats. */
const QUOTED = 8;
/** Why something is unreachable. RFC 1812, section 5.2.7.1. */
export const Unreachable = { PORT: 3, PROHIBITED: 13 } as const;

/** The answer to an echo request; undefined: it is none. */
export function answerEcho(payload: Uint8Array): Uint8Array | undefined {
  if (payload.length < HEADER || payload[0] !== ECHO_REQUEST || checksum(payload) !== 0) return undefined;
  const answer = payload.slice();
  answer[0] = ECHO_REPLY;
  return summed(answer);
}

/** A note that a packet did not reach whom it was for. */
export function unreachable(code: number, { bytes, headerBytes }: ReceivedPacket): Uint8Array {
  const quoted = bytes.subarray(0, headerBytes + QUOTED), note = new Uint8Array(HEADER + quoted.length);
  note[0] = UNREACHABLE;
  note[1] = code;
  note.set(quoted, HEADER);
  return summed(note);
}

function summed(message: Uint8Array): Uint8Array {
  const view = new DataView(message.buffer);
  view.setUint16(CHECKSUM, 0);
  view.setUint16(CHECKSUM, checksum(message));
  return message;
}
