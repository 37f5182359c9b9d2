/** What drives answer to IDENTIFY DEVICE and IDENTIFY PACKET DEVICE, word by word. ATA/ATAPI-6, sections 8.15 and 8.16. */
import { SECTOR } from "../disk.ts";

/** Words that are the same for disks and packet devices, but for their values. */
const Word = { SERIAL: 10, FIRMWARE: 23, MODEL: 27 } as const;
/** Bytes of these texts. */
const SERIAL_BYTES = 20, FIRMWARE_BYTES = 8, MODEL_BYTES = 40;
const FIRMWARE = "1.0";

/** Texts have two characters in a word, the first one in the upper half. */
function putText(bytes: Uint8Array, word: number, length: number, text: string): void {
  for (let at = 0; at < length; at++) bytes[2 * word + (at ^ 1)] = (text.charCodeAt(at) || 0x20) & 0x7f;
}

/** The answer of a drive, from its words and its texts. */
export function identity(
  words: Readonly<Record<number, number>>,
  { serial, model }: { readonly serial: string; readonly model: string },
): Uint8Array {
  const bytes = new Uint8Array(SECTOR), view = new DataView(bytes.buffer);
  for (const [word, value] of Object.entries(words)) view.setUint16(2 * Number(word), value, true);
  putText(bytes, Word.SERIAL, SERIAL_BYTES, serial);
  putText(bytes, Word.FIRMWARE, FIRMWARE_BYTES, FIRMWARE);
  putText(bytes, Word.MODEL, MODEL_BYTES, model);
  return bytes;
}

/** A number in words, the lowest first. */
export function wordsOf(first: number, count: number, value: number): Readonly<Record<number, number>> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [first + n, Math.floor(value / 2 ** (16 * n)) & 0xffff]),
  );
}
