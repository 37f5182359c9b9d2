/**
 * The x87 unit: one method for each mnemonic, over the cells of the processor state (X87, FCW, FSW, FTW, ...).
 *
 * - Stack registers are given by number, i of ST(i); memory operands as 32-bit halves: `FADD64(lo, hi)`.
 * - A waiting instruction first asks `pending()`: if true it raises #MF instead.
 * - Loads and arithmetic with memory take what was read. Stores (FST32, FST64, FST80, FIST…, FISTT…, FBST) return what
 *   is to be stored, and change nothing until `COMMIT(pops)`; see load_store.ts.
 * - FOP, FIP and FDP are the caller's to note, except that FNINIT clears them and the images carry them.
 */
import { Images } from "./images.ts";

/** The x87 unit. */
export class X87 extends Images {}
