/** The console device, with one port. Virtio 1.2, section 5.3. */
import { bool, bytes, fields, type Shape } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import { ByteQueue } from "../devices/byte_queue.ts";
import type { VirtioDevice } from "./pci_transport.ts";
import { lengthOf, scatter } from "./buffers.ts";
import { BadQueue, type Chain, type Dma } from "./virtqueue.ts";

const CONSOLE = 3, OTHER_COMMUNICATION = 0x0780_0000;
export const RECEIVE = 0, TRANSMIT = 1;

/** Most bytes that the guest writes with a request. */
const MOST_WRITTEN = 0x10_0000;

type State = { readonly waiting: Uint8Array; readonly isAwaited: boolean };
const STATE: Shape<State> = fields({ waiting: bytes(), isAwaited: bool });

/** A console. */
export class VirtioConsole implements VirtioDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly type = CONSOLE;
  readonly classCode = OTHER_COMMUNICATION;
  readonly features = 0;
  readonly queues = 2;
  /** Of features that are not offered: columns, rows, ports, emergency output. */
  readonly configuration = new Uint8Array(0);
  #ready: (queue: number) => void = () => {};
  /** What was typed and has no buffer of the guest's yet. */
  readonly #waiting = new ByteQueue();
  /** The guest has a buffer for what will be typed. */
  #isAwaited = false;

  /** @param transmit is given each byte that the guest writes */
  constructor(readonly dma: Dma, readonly transmit: (byte: number) => void) {}

  connect(ready: (queue: number) => void): void {
    this.#ready = ready;
  }

  /** Whether the guest waits for what will be typed. */
  get wantsInput(): boolean {
    return this.#isAwaited;
  }

  /** Bytes that have been typed and that the guest has not taken. */
  get unread(): number {
    return this.#waiting.length;
  }

  /** Something is typed. */
  receive(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#ready(RECEIVE);
  }

  serve(queue: number, { readable, writable }: Chain): number | undefined {
    if (queue === TRANSMIT) {
      if (writable.length > 0 || lengthOf(readable) > MOST_WRITTEN) throw new BadQueue("nothing to print");
      for (const { bytes } of readable) for (const byte of bytes) this.transmit(byte);
      return 0;
    }
    if (readable.length > 0) throw new BadQueue("nothing is read where a console writes");
    this.#isAwaited = this.#waiting.length === 0;
    if (this.#isAwaited) return undefined;
    const done = scatter(this.#waiting.view, writable, this.dma);
    this.#waiting.drop(done);
    return done;
  }

  saveState(): State {
    return { waiting: this.#waiting.slice(), isAwaited: this.#isAwaited };
  }

  loadState({ waiting, isAwaited }: State): void {
    this.#waiting.clear();
    this.#waiting.push(waiting);
    this.#isAwaited = isAwaited;
  }
}
