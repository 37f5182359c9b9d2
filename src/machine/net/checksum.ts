/** The checksum of the internet's protocols. RFC 1071. */

/** The ones' complement of the ones' complement sum of all words; the last byte may lack its other half. */
export function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0, at = 0;
  for (const part of parts) {
    for (const byte of part) sum += (at++ & 1) === 0 ? byte << 8 : byte;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

/** What TCP and UDP sum besides their own bytes. RFC 9293, section 3.1; RFC 768. */
export function pseudoHeader(
  source: number,
  destination: number,
  protocol: number,
  length: number,
): Uint8Array {
  const view = new DataView(new ArrayBuffer(12));
  view.setUint32(0, source);
  view.setUint32(4, destination);
  view.setUint16(8, protocol);
  view.setUint16(10, length);
  return new Uint8Array(view.buffer);
}
