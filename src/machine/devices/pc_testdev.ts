/**
 * QEMU's `pc-testdev`, which kvm-unit-tests use: interrupt lines that the guest sets itself, a register behind ports, and
 * memory that is a device's. A machine has it if it is asked for.
 *
 * Differences to QEMU's: the register is not at E8H a second time, where the debug port is.
 */
import { bytes, fields, type Shape, u32 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { AccessSize, MmioRange, PortDevice } from "../bus.ts";

/** Ports of the register; of the line with number 0, and how many lines there are: the inputs of the I/O APIC. */
const REGISTER = 0xe0, LINES = 0x2000, LINE_COUNT = 24;
/** Where its memory is. */
export const TEST_MEMORY = 0xff00_0000, TEST_MEMORY_BYTES = 0x1_0000;

type State = { readonly register: number; readonly memory: Uint8Array };
const STATE: Shape<State> = fields({ register: u32, memory: bytes(TEST_MEMORY_BYTES) });

/** The device. Port E4H, by which QEMU drops what KVM knows of a page, has nothing to do here, and is left out. */
export class PcTestdev implements MmioRange, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly base = TEST_MEMORY;
  readonly bytes = TEST_MEMORY_BYTES;
  /** The register, and the lines. */
  readonly ports: readonly PortDevice[];
  readonly #memory = new DataView(new ArrayBuffer(TEST_MEMORY_BYTES));
  #register = 0;

  /**
   * @param setLine sets an interrupt line
   */
  constructor(setLine: (line: number, level: boolean) => void) {
    this.ports = [
      {
        ports: [REGISTER, 4],
        in: (offset) => (this.#register >>> (8 * offset)) & 0xff,
        out: (offset, value) => {
          this.#register = (this.#register & ~(0xff << (8 * offset))) | (value << (8 * offset));
        },
      },
      {
        ports: [LINES, LINE_COUNT],
        wide: true,
        in: () => 0,
        out: (line, value) => setLine(line, value !== 0),
      },
    ];
  }

  saveState(): State {
    return { register: this.#register >>> 0, memory: new Uint8Array(this.#memory.buffer) };
  }

  loadState({ register, memory }: State): void {
    this.#register = register | 0;
    new Uint8Array(this.#memory.buffer).set(memory);
  }

  read(offset: number, size: AccessSize): number {
    return size === 1
      ? this.#memory.getUint8(offset)
      : size === 2
      ? this.#memory.getUint16(offset, true)
      : this.#memory.getInt32(offset, true);
  }

  write(offset: number, value: number, size: AccessSize): void {
    if (size === 1) this.#memory.setUint8(offset, value);
    else if (size === 2) this.#memory.setUint16(offset, value, true);
    else this.#memory.setInt32(offset, value, true);
  }
}
