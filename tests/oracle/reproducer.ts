/** Mismatches for people: printed, and written to files that `deno task fuzz --replay` reads. */
import { disassembleAll } from "../../src/frontend/disassemble.ts";
import type { Case, CodeSize } from "./case.ts";
import { CODE } from "./layout.ts";
import type { Mismatch } from "./session.ts";

/** Lines of differences that are printed. */
const SHOWN = 12;
const hexBytes = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** A mismatch in words. */
export function describeMismatch({ configuration, one, differences, needsHistory }: Mismatch): string {
  const { code, offset, codeSize, gpr, rflags, fx } = one;
  const mxcsr = new DataView(fx.buffer, fx.byteOffset).getUint32(24, true);
  const fcw = new DataView(fx.buffer, fx.byteOffset).getUint16(0, true);
  return [
    `Mismatch in ${configuration}${
      needsHistory ? " (only after the cases before it)" : ""
    }, ${codeSize}-bit code:`,
    ...[...disassembleAll(code, { address: CODE + BigInt(offset), codeSize })].map(({ text }) =>
      `    ${text}`
    ),
    `  bytes ${hexBytes(code)}`,
    `  registers ${[...gpr].map((value) => value.toString(16)).join(" ")}`,
    `  rflags ${rflags.toString(16)} mxcsr ${mxcsr.toString(16)} fcw ${fcw.toString(16)} offset ${
      offset.toString(16)
    }`,
    ...differences.slice(0, SHOWN).map((line) => `  ${line}`),
    ...(differences.length > SHOWN ? [`  and ${differences.length - SHOWN} more`] : []),
  ].join("\n");
}

/** A case as it stands in a file. */
interface Stored {
  readonly seed: number;
  readonly gpr: readonly string[];
  readonly rflags: number;
  readonly fx: string;
  readonly code: string;
  readonly offset: number;
  readonly codeSize: CodeSize;
  readonly whole?: true;
}

/** JSON text of a case; `seed` is that of the data pages. */
export function storeCase(seed: number, { gpr, rflags, fx, code, offset, codeSize, whole }: Case): string {
  const stored: Stored = {
    seed,
    gpr: [...gpr].map((value) => value.toString(16)),
    rflags,
    fx: hexBytes(fx),
    code: hexBytes(code),
    offset,
    codeSize,
    ...(whole === true ? { whole } : {}),
  };
  return JSON.stringify(stored, undefined, 2) + "\n";
}

/** Reads what `storeCase` wrote. */
export function loadCase(text: string): { readonly seed: number; readonly one: Case } {
  const { seed, gpr, fx, code, ...rest }: Stored = JSON.parse(text);
  const bytes = (hex: string): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(hex.split(" "), (byte) => parseInt(byte, 16));
  return {
    seed,
    one: {
      ...rest,
      gpr: BigUint64Array.from(gpr, (value) => BigInt(`0x${value}`)),
      fx: bytes(fx),
      code: bytes(code),
    },
  };
}
