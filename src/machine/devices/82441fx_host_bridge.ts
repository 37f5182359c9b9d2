/** The host bridge: Intel 82441FX (440FX PMC), device 0 of bus 0. 290549-001, section 3.2. */
import { fields, list, type Shape, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PciFunction } from "./pci_configuration.ts";

/** Offsets of its registers in configuration space. */
const VENDOR = 0x00, COMMAND = 0x04, REVISION = 0x08, CONFIGURATION_BYTES = 0x100;
/** First and number of the registers that say what shadows the BIOS's addresses (PAM). */
const PAM = 0x59, PAM_COUNT = 7;
const VENDOR_AND_DEVICE = 0x1237_8086, HOST_BRIDGE_REVISION_2 = 0x0600_0002;
/** Command: answers to memory and is bus master, always; parity and SERR# can be enabled. */
const ALWAYS = 0x0006, WRITABLE_COMMAND = 0x0140;
/** Attributes of two segments each, reads and writes go to RAM; the first register has the low one reserved. */
const TO_RAM = 0x33;

type State = { readonly command: readonly number[]; readonly shadow: readonly number[] };
const STATE: Shape<State> = fields({ command: list(u8, 2), shadow: list(u8, PAM_COUNT) });

/**
 * The chip. What PAM is about is RAM, whatever is written there: firmware was copied into it before the machine starts.
 * So PAM does not start with zeros, as after a power-up, but says that; a BIOS then copies nothing.
 */
export class HostBridge82441FX implements PciFunction, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly #values = new Uint8Array(CONFIGURATION_BYTES);
  readonly #writable = new Uint8Array(CONFIGURATION_BYTES);

  constructor() {
    const values = new DataView(this.#values.buffer), writable = new DataView(this.#writable.buffer);
    values.setUint32(VENDOR, VENDOR_AND_DEVICE, true);
    values.setUint32(REVISION, HOST_BRIDGE_REVISION_2, true);
    values.setUint16(COMMAND, ALWAYS, true);
    writable.setUint16(COMMAND, WRITABLE_COMMAND, true);
    for (const bytes of [this.#values, this.#writable]) {
      bytes.fill(TO_RAM, PAM, PAM + PAM_COUNT);
      bytes[PAM] = TO_RAM & 0xf0;
    }
  }

  readConfiguration(register: number): number {
    return new DataView(this.#values.buffer).getInt32(register, true);
  }

  writeConfiguration(register: number, value: number, mask: number): void {
    for (let byte = 0; byte < 4; byte++) {
      const at = register + byte, bits = this.#writable[at]! & (mask >>> (8 * byte));
      this.#values[at] = (this.#values[at]! & ~bits) | ((value >>> (8 * byte)) & bits);
    }
  }

  saveState(): State {
    return {
      command: [...this.#values.subarray(COMMAND, COMMAND + 2)],
      shadow: [...this.#values.subarray(PAM, PAM + PAM_COUNT)],
    };
  }

  loadState({ command, shadow }: State): void {
    this.#values.set(command, COMMAND);
    this.#values.set(shadow, PAM);
  }
}
