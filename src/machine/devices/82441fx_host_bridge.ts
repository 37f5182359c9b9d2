/** The host bridge: Intel 82441FX (440FX PMC), device 0 of bus 0. 290549-001, section 3.2. */
import { fields, list, type Shape, u8 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { PciFunction } from "./pci_configuration.ts";
import { PciHeader, PciRegisters } from "./pci_registers.ts";

const { VENDOR, COMMAND, REVISION } = PciHeader;
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
  readonly #registers = new PciRegisters();

  constructor() {
    const { values, writable } = this.#registers;
    values.setUint32(VENDOR, VENDOR_AND_DEVICE, true);
    values.setUint32(REVISION, HOST_BRIDGE_REVISION_2, true);
    values.setUint16(COMMAND, ALWAYS, true);
    writable.setUint16(COMMAND, WRITABLE_COMMAND, true);
    for (const view of [values, writable]) {
      for (let at = 0; at < PAM_COUNT; at++) view.setUint8(PAM + at, at === 0 ? TO_RAM & 0xf0 : TO_RAM);
    }
  }

  readConfiguration(register: number): number {
    return this.#registers.read(register);
  }

  writeConfiguration(register: number, value: number, mask: number): void {
    this.#registers.write(register, value, mask);
  }

  saveState(): State {
    const { bytes } = this.#registers;
    return {
      command: [...bytes.subarray(COMMAND, COMMAND + 2)],
      shadow: [...bytes.subarray(PAM, PAM + PAM_COUNT)],
    };
  }

  loadState({ command, shadow }: State): void {
    this.#registers.bytes.set(command, COMMAND);
    this.#registers.bytes.set(shadow, PAM);
  }
}
