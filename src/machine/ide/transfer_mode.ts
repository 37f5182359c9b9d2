/** The transfer modes of drives: what SET FEATURES (03H) chooses, and what they tell of it. ATA/ATAPI-6, section 8.46. */
import { fields, type Shaped, whole } from "../../snapshot/shape.ts";

/** Highest modes of PIO, multiword DMA and Ultra DMA. */
const MOST_PIO = 4, MOST_MULTIWORD = 2, MOST_ULTRA = 5;
/** In Sector Count: the kind of mode in bits 7:3. */
const KIND = 0xf8, DEFAULT_PIO = 0x00, PIO = 0x08, MULTIWORD = 0x20, ULTRA = 0x40;
/** Nanoseconds of a cycle, in the fastest modes. */
const CYCLE = 120;

/** Which modes of DMA are selected, a bit for each. */
export const TRANSFER_MODE_STATE = fields({
  multiword: whole(0, 1 << MOST_MULTIWORD),
  ultra: whole(0, 1 << MOST_ULTRA),
});
export type TransferMode = Shaped<typeof TRANSFER_MODE_STATE>;
/** When a drive is switched on. */
export const NO_TRANSFER_MODE: TransferMode = { multiword: 0, ultra: 0 };

/** The mode behind SET FEATURES with this in Sector Count; undefined: there is none such. */
export function transferMode(before: TransferMode, count: number): TransferMode | undefined {
  const kind = count & KIND, n = count & ~KIND;
  switch (kind) {
    case DEFAULT_PIO:
      return n <= 1 ? before : undefined;
    case PIO:
      return n <= MOST_PIO ? before : undefined;
    case MULTIWORD:
      return n <= MOST_MULTIWORD ? { multiword: 1 << n, ultra: 0 } : undefined;
    case ULTRA:
      return n <= MOST_ULTRA ? { multiword: 0, ultra: 1 << n } : undefined;
    default:
      return undefined;
  }
}

/** The words of the identity that are about it. */
export function transferModeWords({ multiword, ultra }: TransferMode): Readonly<Record<number, number>> {
  return {
    51: 0x200,
    63: (multiword << 8) | ((2 << MOST_MULTIWORD) - 1),
    64: 3,
    65: CYCLE,
    66: CYCLE,
    67: CYCLE,
    68: CYCLE,
    88: (ultra << 8) | ((2 << MOST_ULTRA) - 1),
  };
}
