/** Segments of TCP. RFC 9293, section 3.1. */
import { checksum, pseudoHeader } from "./checksum.ts";
import { type Packet, Protocol } from "./ipv4.ts";

const DESTINATION = 2, SEQUENCE = 4, ACKNOWLEDGMENT = 8, OFFSET = 12, FLAGS = 13, WINDOW = 14, CHECKSUM = 16;
const HEADER = 20, WORD = 4;
export const TcpFlag = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 0x10 } as const;
/** Options: the end, nothing, the largest segment. */
const END = 0, NOTHING = 1, SEGMENT_SIZE = 2, SEGMENT_SIZE_BYTES = 4;

/** A segment. */
export interface Segment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly window: number;
  /** Most bytes of data that its sender takes in a segment, if it says so. */
  readonly segmentSize?: number | undefined;
  readonly payload: Uint8Array;
}

/** Reads a segment; undefined: it is none, or damaged. */
export function readSegment({ source, destination, payload: bytes }: Packet): Segment | undefined {
  if (bytes.length < HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    header = WORD * (bytes[OFFSET]! >> 4);
  if (header < HEADER || header > bytes.length) return undefined;
  if (checksum(pseudoHeader(source, destination, Protocol.TCP, bytes.length), bytes) !== 0) return undefined;
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(DESTINATION),
    sequence: view.getUint32(SEQUENCE),
    acknowledgment: view.getUint32(ACKNOWLEDGMENT),
    flags: bytes[FLAGS]!,
    window: view.getUint16(WINDOW),
    segmentSize: segmentSizeOf(bytes.subarray(HEADER, header)),
    payload: bytes.subarray(header),
  };
}

function segmentSizeOf(options: Uint8Array): number | undefined {
  for (let at = 0; at < options.length && options[at] !== END;) {
    const kind = options[at]!, length = kind === NOTHING ? 1 : Math.max(2, options[at + 1] ?? 2);
    if (kind === SEGMENT_SIZE && length === SEGMENT_SIZE_BYTES && at + length <= options.length) {
      return (options[at + 2]! << 8) | options[at + 3]!;
    }
    at += length;
  }
  return undefined;
}

/** A packet with a segment. */
export function makeSegment(source: number, destination: number, segment: Segment): Packet {
  const { segmentSize, payload: data } = segment;
  const header = HEADER + (segmentSize === undefined ? 0 : SEGMENT_SIZE_BYTES);
  const bytes = new Uint8Array(header + data.length), view = new DataView(bytes.buffer);
  view.setUint16(0, segment.sourcePort);
  view.setUint16(DESTINATION, segment.destinationPort);
  view.setUint32(SEQUENCE, segment.sequence);
  view.setUint32(ACKNOWLEDGMENT, segment.acknowledgment);
  bytes[OFFSET] = (header / WORD) << 4;
  bytes[FLAGS] = segment.flags;
  view.setUint16(WINDOW, segment.window);
  if (segmentSize !== undefined) {
    bytes.set([SEGMENT_SIZE, SEGMENT_SIZE_BYTES, segmentSize >> 8, segmentSize & 0xff], HEADER);
  }
  bytes.set(data, header);
  view.setUint16(CHECKSUM, checksum(pseudoHeader(source, destination, Protocol.TCP, bytes.length), bytes));
  return { protocol: Protocol.TCP, source, destination, payload: bytes };
}
