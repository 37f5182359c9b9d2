/** Whether a 64-bit address is canonical in 48 bits, and so in every paging mode: no world can be entered where it is not. */
export const isCanonical = (address: bigint): boolean =>
  BigInt.asUintN(64, BigInt.asIntN(48, address)) === address;
