/** Packets of IPv4. RFC 791. */
import { checksum } from "./checksum.ts";

/** What a packet carries. */
export const Protocol = { ICMP: 1, TCP: 6, UDP: 17 } as const;

const TOTAL_LENGTH = 2,
  FRAGMENT = 6,
  TIME_TO_LIVE = 8,
  PROTOCOL = 9,
  CHECKSUM = 10,
  SOURCE = 12,
  DESTINATION = 16;
const HEADER = 20, VERSION = 4;
/** Fragment field: more follow, and where this one belongs. */
const IS_FRAGMENT = 0x3fff, DO_NOT_FRAGMENT = 0x4000;
const HOPS = 64;

/** A packet. */
export interface Packet {
  readonly protocol: number;
  readonly source: number;
  readonly destination: number;
  readonly payload: Uint8Array;
}

/** A packet that has come, with all its bytes. */
export interface ReceivedPacket extends Packet {
  readonly bytes: Uint8Array;
  readonly headerBytes: number;
}

/** Reads a packet; undefined: it is none, damaged, or a fragment. Options mean nothing here. */
export function readPacket(frame: Uint8Array): ReceivedPacket | undefined {
  if (frame.length < HEADER) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const headerBytes = 4 * (frame[0]! & 0xf), total = view.getUint16(TOTAL_LENGTH);
  if (frame[0]! >> 4 !== VERSION || headerBytes < HEADER || total < headerBytes || total > frame.length) {
    return undefined;
  }
  if (checksum(frame.subarray(0, headerBytes)) !== 0) return undefined;
  if ((view.getUint16(FRAGMENT) & IS_FRAGMENT) !== 0) return undefined;
  return {
    protocol: frame[PROTOCOL]!,
    source: view.getUint32(SOURCE),
    destination: view.getUint32(DESTINATION),
    payload: frame.subarray(headerBytes, total),
    bytes: frame.subarray(0, total),
    headerBytes,
  };
}

/** The bytes of a packet. */
export function makePacket({ protocol, source, destination, payload }: Packet): Uint8Array {
  const bytes = new Uint8Array(HEADER + payload.length), view = new DataView(bytes.buffer);
  bytes[0] = (VERSION << 4) | (HEADER / 4);
  view.setUint16(TOTAL_LENGTH, bytes.length);
  view.setUint16(FRAGMENT, DO_NOT_FRAGMENT);
  bytes[TIME_TO_LIVE] = HOPS;
  bytes[PROTOCOL] = protocol;
  view.setUint32(SOURCE, source);
  view.setUint32(DESTINATION, destination);
  view.setUint16(CHECKSUM, checksum(bytes.subarray(0, HEADER)));
  bytes.set(payload, HEADER);
  return bytes;
}
