/** Datagrams of UDP. RFC 768. */
import { checksum, pseudoHeader } from "./checksum.ts";
import { type Packet, Protocol } from "./ipv4.ts";

const DESTINATION = 2, LENGTH = 4, CHECKSUM = 6, HEADER = 8;

/** A datagram. */
export interface Datagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** Reads a datagram; undefined: it is none, or damaged. */
export function readDatagram({ source, destination, payload }: Packet): Datagram | undefined {
  if (payload.length < HEADER) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength),
    length = view.getUint16(LENGTH);
  if (length < HEADER || length > payload.length) return undefined;
  const bytes = payload.subarray(0, length);
  // 0 stands for no checksum.
  const isSummed = view.getUint16(CHECKSUM) !== 0;
  if (isSummed && checksum(pseudoHeader(source, destination, Protocol.UDP, length), bytes) !== 0) {
    return undefined;
  }
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(DESTINATION),
    payload: bytes.subarray(HEADER),
  };
}

/** A packet with a datagram. */
export function makeDatagram(
  source: number,
  destination: number,
  { sourcePort, destinationPort, payload }: Datagram,
): Packet {
  const bytes = new Uint8Array(HEADER + payload.length), view = new DataView(bytes.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(DESTINATION, destinationPort);
  view.setUint16(LENGTH, bytes.length);
  bytes.set(payload, HEADER);
  const sum = checksum(pseudoHeader(source, destination, Protocol.UDP, bytes.length), bytes);
  view.setUint16(CHECKSUM, sum === 0 ? 0xffff : sum);
  return { protocol: Protocol.UDP, source, destination, payload: bytes };
}
