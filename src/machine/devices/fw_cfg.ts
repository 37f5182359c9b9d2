/** QEMU's `fw_cfg`: what the machine tells its firmware and kernels. QEMU, docs/specs/fw_cfg. */
import { fields, type Shape, u32, whole } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { AccessSize, PortDevice } from "../bus.ts";
import { ioApicInput, TIMER_LINE } from "./isa_lines.ts";

/** Keys of the items that every x86 machine has. */
export const FwCfgKey = {
  SIGNATURE: 0x00,
  ID: 0x01,
  UUID: 0x02,
  RAM_SIZE: 0x03,
  NOGRAPHIC: 0x04,
  NB_CPUS: 0x05,
  KERNEL_CMDLINE: 0x09,
  MAX_CPUS: 0x0f,
  CMDLINE_SIZE: 0x14,
  CMDLINE_DATA: 0x15,
  FILE_DIR: 0x19,
  /** Whether the 8254's line comes to input 2 of the I/O APIC, not to input 0. */
  IRQ0_OVERRIDE: 0x8002,
} as const;

/** What it tells. */
export interface FwCfgItems {
  readonly processors: number;
  /** Bytes. */
  readonly ram: number;
  readonly commandLine: string;
  /** Files by name. Default: none. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

/** Where the keys of files start; what a directory entry takes, and the place of the name in it. */
const FIRST_FILE = 0x20, DIRECTORY_ENTRY = 64, NAME = 8, LONGEST_NAME = 55;
/** The traditional interface only: no DMA. */
const FEATURES = 1;
/** The select register ignores bit 14 (write) and keeps bit 15 (architecture's own). */
const KEY_MASK = 0xbfff;
const NO_KEY = 0xffff;

const integer = (value: number, bytes: number): Uint8Array => {
  const item = new Uint8Array(bytes);
  for (let byte = 0; byte < bytes; byte++) item[byte] = Math.floor(value / 2 ** (8 * byte)) & 0xff;
  return item;
};

/** The directory: count, then size, key and name of each file. Its numbers are big-endian. */
function directory(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const entries = Object.entries(files), bytes = new Uint8Array(4 + DIRECTORY_ENTRY * entries.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, entries.length);
  for (const [n, [name, file]] of entries.entries()) {
    const at = 4 + DIRECTORY_ENTRY * n;
    view.setUint32(at, file.length);
    view.setUint16(at + 4, FIRST_FILE + n);
    bytes.set(new TextEncoder().encode(name).subarray(0, LONGEST_NAME), at + NAME);
  }
  return bytes;
}

const STATE: Shape<State> = fields({ selected: whole(0, 0xffff), position: u32 });
type State = { readonly selected: number; readonly position: number };

/** Selector at port 510H, data at 511H. */
export class FwCfg implements PortDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly ports = [0x510, 2] as const;
  readonly wide = true;
  readonly #items: ReadonlyMap<number, Uint8Array>;
  /** The key selected last: until then the data register reads as 0, as with keys that nothing has. */
  #selected = NO_KEY;
  #position = 0;

  constructor({ processors, ram, commandLine, files = {} }: FwCfgItems) {
    const line = new TextEncoder().encode(`${commandLine}\0`);
    this.#items = new Map<number, Uint8Array>([
      [FwCfgKey.SIGNATURE, new TextEncoder().encode("QEMU")],
      [FwCfgKey.ID, integer(FEATURES, 4)],
      [FwCfgKey.UUID, new Uint8Array(16)],
      [FwCfgKey.RAM_SIZE, integer(ram, 8)],
      [FwCfgKey.NOGRAPHIC, integer(1, 2)],
      [FwCfgKey.NB_CPUS, integer(processors, 2)],
      [FwCfgKey.MAX_CPUS, integer(processors, 2)],
      [FwCfgKey.CMDLINE_SIZE, integer(line.length, 4)],
      [FwCfgKey.CMDLINE_DATA, line],
      [FwCfgKey.FILE_DIR, directory(files)],
      [FwCfgKey.IRQ0_OVERRIDE, integer(Number(ioApicInput(TIMER_LINE) !== TIMER_LINE), 4)],
      ...Object.values(files).map((file, n) => [FIRST_FILE + n, file] as const),
    ]);
  }

  in(offset: number, size: AccessSize): number {
    // The data register gives a byte at a time, whatever the width of the access.
    if (offset !== 1 || size !== 1) return 0;
    return this.#items.get(this.#selected)?.[this.#position++] ?? 0;
  }

  out(offset: number, value: number, size: AccessSize): void {
    if (offset !== 0 || size === 1) return;
    this.#selected = value & KEY_MASK;
    this.#position = 0;
  }

  saveState(): State {
    return { selected: this.#selected, position: this.#position };
  }

  loadState({ selected, position }: State): void {
    this.#selected = selected;
    this.#position = position;
  }
}
