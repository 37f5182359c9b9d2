/** Cases that reach, by a jump into the middle of another instruction, one that is not compared. */
import { decode } from "../../src/frontend/decode.ts";
import type { Case, CodeSize } from "./case.ts";
import type { Emulator } from "./emulator.ts";
import { INCOMPARABLE, loadsSegment, TRANSCENDENTAL } from "./forms.ts";
import { CODE, CODE_OFFSET, IMAGE_BYTES } from "./layout.ts";

const CODE_BYTES = IMAGE_BYTES - CODE_OFFSET;
/** Instructions of a case that are looked at. */
const TRACED = 300;
const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
/**
 * Beginnings of encodings, behind prefixes, that the host may execute and Causeway refuses: extensions it does not
 * report. Digits: AVX and AVX-512; XABORT, XBEGIN, XEND, XTEST; SERIALIZE and its group; XSAVES; GFNI; MOVDIRI
 * and its group; PTWRITE and its group.
 */
const ELSEWHERE = [
  [0xc4],
  [0xc5],
  [0x62],
  [0xc6, 0xf8],
  [0xc7, 0xf8],
  [0x0f, 0x01],
  [0x0f, 0xc7],
  [0x0f, 0x38, 0xcf],
  [0x0f, 0x3a, 0xce],
  [0x0f, 0x3a, 0xcf],
  [0x0f, 0x38, 0xf8],
  [0x0f, 0x38, 0xf9],
  [0x0f, 0xae],
]; // deno-fmt-ignore

/** Whether the case reaches such an instruction. */
export function isIncomparable(emulator: Emulator, one: Case): boolean {
  if (one.whole === true) return false;
  for (let limit = 0; limit < TRACED; limit++) {
    const { rip, end, vector, memory } = emulator.run(one, limit);
    const at = Number(rip - CODE);
    if (at >= 0 && at < CODE_BYTES) {
      const code = codeNow(one, memory);
      const instruction = decode(code, at, CODE_BYTES - at, one.codeSize);
      if ("mnemonic" in instruction) {
        const { mnemonic } = instruction;
        if (mnemonic in INCOMPARABLE || TRANSCENDENTAL.has(mnemonic) || /^X(SAVE|RSTOR)/.test(mnemonic)) return true;
        // The bytes that MASKMOV writes do not start again at 0 behind its address size (DEVIATIONS.md).
        if (mnemonic.startsWith("MASKMOV") && instruction.addressSize < one.codeSize / 8) return true;
        // One selector of Linux's tells the number of the processor.
        if (mnemonic === "LSL" && limit > 0) return true;
        if (one.codeSize === 32 && limit > 0 && loadsSegment(instruction)) return true;
      } else if (end === "fault" && vector === 6 && isOfExtension(code, at, one.codeSize)) return true;
    }
    if (end !== "timeout") return false;
  }
  return false;
}

/** The code pages as a case has left them. */
function codeNow({ code, offset }: Case, changes: ReadonlyMap<number, bigint>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CODE_BYTES).fill(0xcc);
  bytes.set(code, offset);
  const view = new DataView(bytes.buffer);
  for (const [at, word] of changes) if (at >= CODE_OFFSET) view.setBigUint64(at - CODE_OFFSET, word, true);
  return bytes;
}

function isOfExtension(code: Uint8Array, from: number, codeSize: CodeSize): boolean {
  let at = from;
  while (PREFIXES.has(code[at]!) || (codeSize === 64 && (code[at]! & 0xf0) === 0x40)) at++;
  return ELSEWHERE.some((bytes) => bytes.every((byte, n) => code[at + n] === byte));
}
