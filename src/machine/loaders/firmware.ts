/** Firmware of a PC: a BIOS, which finds what to boot by itself. */
import { SEG_BASE, SEGMENT, Segment, SEGMENT_STRIDE } from "../../cpu/state.ts";
import { enterResetState } from "../processor_start.ts";
import { CannotBootError } from "./boot_error.ts";

/** The part of an image that also lies below 1 MB: its end, where the 8086 had its reset vector. */
const LOW_END = 0x10_0000, LOW_BYTES = 0x4_0000;
const UNIT = 0x1_0000, LARGEST = 0x100_0000;
/** Base of CS for the first instruction, which is the last paragraph below 1 MB. */
const RESET_BASE = 0xf_0000;

/** Whether an image can be firmware, by its size. */
export function isFirmware({ length }: Uint8Array): boolean {
  return length > 0 && length % UNIT === 0 && length <= LARGEST;
}

/** Puts the lower copy of an image into RAM, where the chipset lets it be written. */
export function loadFirmware(ram: Uint8Array, image: Uint8Array): void {
  if (!isFirmware(image)) {
    throw new CannotBootError(
      `the firmware has ${image.length} bytes; it must be a multiple of 65536, at most ${LARGEST}`,
    );
  }
  if (ram.length < LOW_END) throw new CannotBootError("firmware needs 1 MB of RAM");
  const low = image.subarray(Math.max(0, image.length - LOW_BYTES));
  ram.set(low, LOW_END - low.length);
}

/** Power-up, at the reset vector's copy below 1 MB. */
export function enterFirmware(state: DataView): void {
  enterResetState(state);
  state.setUint32(SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_BASE, RESET_BASE, true);
}
