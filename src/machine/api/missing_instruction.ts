/** Tells instructions that are not implemented from bytes that are none. */
import { decode } from "../../frontend/decode.ts";
import { SEMANTICS } from "../../frontend/semantics/mod.ts";

const VEX2 = 0xc5, VEX3 = 0xc4, EVEX = 0x62;
/** Prefixes that may stand before VEX and EVEX: segment overrides and the address size. */
const PREFIXES: readonly number[] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67];

/**
 * What 64-bit code needs that is not implemented, if that is why these bytes raise #UD: a mnemonic, or the extension
 * and the bytes. Undefined for bytes that no processor executes.
 */
export function missingInstruction(bytes: Uint8Array): string | undefined {
  const decoded = decode(bytes, 0, bytes.length, 64);
  if (!("failure" in decoded)) {
    return SEMANTICS[decoded.mnemonic] === undefined ? decoded.mnemonic : undefined;
  }
  const first = bytes.find((byte) => !PREFIXES.includes(byte));
  const extension = first === VEX2 || first === VEX3 ? "AVX" : first === EVEX ? "AVX-512" : undefined;
  if (extension === undefined) return undefined;
  const shown = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${extension} (${shown} …)`;
}
