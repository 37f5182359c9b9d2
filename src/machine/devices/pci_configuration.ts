/** Access to PCI configuration space, mechanism 1: ports CF8H and CFCH. PCI Local Bus 3.0, section 3.2.2.3.2. */
import { fields, i32, type Shape } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { AccessSize, PortDevice } from "../bus.ts";

/** A function of a PCI device: 64 registers of 32 bits each. */
export interface PciFunction {
  /** Reads the register at an offset in bytes, a multiple of 4. */
  readConfiguration(register: number): number;
  /** Writes the bits of the register that `mask` selects, which are those of whole bytes. */
  writeConfiguration(register: number, value: number, mask: number): void;
}

const ADDRESS_PORT = 0xcf8, DATA_PORT = 0xcfc;
/** CONFIG_ADDRESS: enable; bus, device, function and register. The other bits read as 0. */
const ENABLE = 0x8000_0000 | 0, LOCATION = 0x00ff_ff00, REGISTER = 0xfc;
const NOBODY = -1;

type State = { readonly address: number };
const STATE: Shape<State> = fields({ address: i32 });

/** The two registers, and the functions of bus 0 behind them. */
export class PciConfiguration implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  /** CONFIG_ADDRESS and CONFIG_DATA. CF9H, between them, is another register: only whole words reach the first. */
  readonly chips: readonly PortDevice[];
  readonly #functions = new Map<number, PciFunction>();
  #address = 0;

  constructor() {
    this.chips = [
      {
        ports: [ADDRESS_PORT, 1],
        wide: true,
        in: (_offset, size) => size === 4 ? this.#address : NOBODY,
        out: (_offset, value, size) => {
          if (size === 4) this.#address = value & (ENABLE | LOCATION | REGISTER);
        },
      },
      {
        ports: [DATA_PORT, 4],
        wide: true,
        in: (offset, size) => this.#read(offset, size),
        out: (offset, value, size) => this.#write(offset, value, size),
      },
    ];
  }

  /**
   * Puts a function on bus 0.
   *
   * @throws {RangeError} if there is no such place, or something is there
   */
  add(device: number, fn: number, chip: PciFunction): void {
    const at = (device << 11) | (fn << 8);
    if (device >>> 5 !== 0 || fn >>> 3 !== 0 || this.#functions.has(at)) {
      throw new RangeError(`Cannot put a PCI function at 00:${device.toString(16)}.${fn}`);
    }
    this.#functions.set(at, chip);
  }

  saveState(): State {
    return { address: this.#address };
  }

  loadState({ address }: State): void {
    this.#address = address & (ENABLE | LOCATION | REGISTER);
  }

  get #selected(): PciFunction | undefined {
    return (this.#address & ENABLE) === 0 ? undefined : this.#functions.get(this.#address & LOCATION);
  }

  #read(offset: number, size: AccessSize): number {
    const value = this.#selected?.readConfiguration(this.#address & REGISTER) ?? NOBODY;
    // Bytes behind the register belong to no port of ours: they read as ones.
    const part = value >> (8 * offset);
    return size === 4 ? part : part & (size === 2 ? 0xffff : 0xff);
  }

  #write(offset: number, value: number, size: AccessSize): void {
    const bits = size === 4 ? -1 : size === 2 ? 0xffff : 0xff, shift = 8 * offset;
    this.#selected?.writeConfiguration(this.#address & REGISTER, value << shift, bits << shift);
  }
}
