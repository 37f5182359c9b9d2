/** Contexts: what tells worlds apart, and so what a processor derives a caller's WID from. */

/** Physical addresses of tables: bits 51:12 of EPTP and CR3. */
const TABLE = 0xf_ffff_ffff_f000n;

/** What identifies a world. */
export interface Context {
  readonly host: boolean;
  readonly cpl: number;
  readonly eptp: bigint;
  readonly cr3: bigint;
}

/** EP4TA, the part of an EPTP that distinguishes what is cached through it. SDM vol. 3C, section 29.4.1. */
export const ep4ta = (eptp: bigint): bigint => eptp & TABLE;

/** A number for a context: equal for equal mode, privilege level, EP4TA and CR3[51:12], and different otherwise. */
export function contextKey({ host, cpl, eptp, cr3 }: Context): bigint {
  return (ep4ta(eptp) << 40n) | (cr3 & TABLE) | (host ? 4n : 0n) | BigInt(cpl);
}
