/** Addresses in halves, as the engines deal with them. */

/** An address in halves. */
export interface Address {
  readonly lo: number;
  readonly hi: number;
}

/** Halves of an address. */
export function halves(address: bigint): Address {
  return { lo: Number(BigInt.asIntN(32, address)), hi: Number(BigInt.asIntN(32, address >> 32n)) };
}

/** The address with these halves. */
export function whole(lo: number, hi: number): bigint {
  return BigInt.asUintN(64, (BigInt(hi) << 32n) | BigInt(lo >>> 0));
}
