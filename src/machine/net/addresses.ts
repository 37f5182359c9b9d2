/** Who is where in the machine's own network. Addresses of IPv4 are numbers, those of Ethernet six bytes. */

/** An address from its bytes. */
const at = (a: number, b: number, c: number, d: number): number =>
  ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;

/** The network 10.0.2.0/24, as QEMU's users know it. */
export const Address = {
  MASK: at(255, 255, 255, 0),
  GATEWAY: at(10, 0, 2, 2),
  NAME_SERVER: at(10, 0, 2, 3),
  GUEST: at(10, 0, 2, 15),
  BROADCAST: at(255, 255, 255, 255),
} as const;

/** Bytes of an Ethernet address. */
export const MAC_BYTES = 6;
/** The guest's card, the gateway's, and everybody's. */
export const GUEST_MAC: Uint8Array = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);
export const GATEWAY_MAC: Uint8Array = Uint8Array.of(0x52, 0x55, 10, 0, 2, 2);

/**
 * An address as it is written: 10.0.2.2.
 *
 * @throws {RangeError} if it is none
 */
export function parseAddress(text: string): number {
  const parts = text.split(".");
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) {
    throw new RangeError(`must be an IPv4 address, such as 10.0.2.2, not ${text}`);
  }
  const [a, b, c, d] = parts.map(Number);
  return at(a!, b!, c!, d!);
}
