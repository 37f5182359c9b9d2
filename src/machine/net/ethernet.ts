/** Ethernet frames, and ARP in them. IEEE 802.3; RFC 826. */
import { GATEWAY_MAC, MAC_BYTES } from "./addresses.ts";

/** What a frame carries. */
export const EtherType = { IPV4: 0x0800, ARP: 0x0806 } as const;
const TYPE = 2 * MAC_BYTES, HEADER = TYPE + 2;
/** Most bytes of a frame, and of what is in it. */
export const MAX_PAYLOAD = 1500, MAX_FRAME: number = HEADER + MAX_PAYLOAD;

/** A frame. */
export interface Frame {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Reads a frame; undefined: it is none. */
export function readFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < HEADER || bytes.length > MAX_FRAME) return undefined;
  return {
    destination: bytes.slice(0, MAC_BYTES),
    source: bytes.slice(MAC_BYTES, TYPE),
    type: (bytes[TYPE]! << 8) | bytes[TYPE + 1]!,
    payload: bytes.slice(HEADER),
  };
}

/** The bytes of a frame. */
export function makeFrame({ destination, source, type, payload }: Frame): Uint8Array {
  const bytes = new Uint8Array(HEADER + payload.length);
  bytes.set(destination);
  bytes.set(source, MAC_BYTES);
  bytes[TYPE] = type >> 8;
  bytes[TYPE + 1] = type & 0xff;
  bytes.set(payload, HEADER);
  return bytes;
}

/** ARP for IPv4 over Ethernet: kinds and lengths of addresses, operation, then hardware and protocol address of both. */
const ARP_KINDS = [0, 1, 8, 0, 6, 4] as const;
const OPERATION = 6, SENDER_MAC = 8, SENDER = 14, TARGET_MAC = 18, TARGET = 24, ARP_BYTES = 28;
const REQUEST = 1, REPLY = 2;

/** The gateway's answer to a question for the hardware address of one that `isOurs`; undefined: it is no such question. */
export function answerArp(payload: Uint8Array, isOurs: (address: number) => boolean): Uint8Array | undefined {
  if (payload.length < ARP_BYTES || ARP_KINDS.some((byte, n) => payload[n] !== byte)) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const asked = view.getUint32(TARGET);
  if (view.getUint16(OPERATION) !== REQUEST || !isOurs(asked)) return undefined;
  const answer = payload.slice(0, ARP_BYTES), words = new DataView(answer.buffer);
  words.setUint16(OPERATION, REPLY);
  answer.set(GATEWAY_MAC, SENDER_MAC);
  words.setUint32(SENDER, asked);
  answer.set(payload.subarray(SENDER_MAC, TARGET_MAC), TARGET_MAC);
  return answer;
}
