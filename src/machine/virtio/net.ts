/** The network device. Virtio 1.2, section 5.1: two queues, no offloads. */
import { bytes, fields, list, type Shape } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import { GUEST_MAC } from "../net/addresses.ts";
import { MAX_FRAME } from "../net/ethernet.ts";
import type { VirtioDevice } from "./pci_transport.ts";
import { gather, lengthOf, scatter } from "./buffers.ts";
import { BadQueue, type Chain, type Dma } from "./virtqueue.ts";

const NETWORK = 1, NETWORK_CONTROLLER = 0x0200_0000;
/** Feature: the configuration begins with an address. */
const MAC = 1 << 5;
export const RECEIVE = 0, TRANSMIT = 1;
/** Header of a frame: with VIRTIO_F_VERSION_1 it always tells in how many buffers the frame is. Section 5.1.6. */
const HEADER = 12, BUFFERS = 10;
/** Most that a driver may send without offloads, with a VLAN's tag. */
const MOST_SENT = MAX_FRAME + 4;
/** Frames that wait at most: others are lost, as they are on any network. */
const MOST_FRAMES = 1024;

type State = { readonly waiting: readonly Uint8Array[] };
const STATE: Shape<State> = fields({ waiting: list(bytes()) });

/** A network card. */
export class VirtioNet implements VirtioDevice, Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly type = NETWORK;
  readonly classCode = NETWORK_CONTROLLER;
  readonly features: number = MAC;
  readonly queues = 2;
  readonly configuration: Uint8Array = GUEST_MAC.slice();
  /** Told of the frames that the guest sends. */
  onFrame: (frame: Uint8Array) => void = () => {};
  #ready: (queue: number) => void = () => {};
  /** Frames that wait for buffers of the guest's. */
  #waiting: Uint8Array[] = [];

  constructor(readonly dma: Dma) {}

  connect(ready: (queue: number) => void): void {
    this.#ready = ready;
  }

  /** A frame for the guest. */
  deliver(frame: Uint8Array): void {
    if (this.#waiting.length >= MOST_FRAMES) return;
    this.#waiting.push(frame);
    this.#ready(RECEIVE);
  }

  serve(queue: number, { readable, writable }: Chain): number | undefined {
    if (queue === TRANSMIT) {
      const length = lengthOf(readable);
      if (writable.length > 0 || length < HEADER || length > HEADER + MOST_SENT) {
        throw new BadQueue("no frame to send");
      }
      const sent = new Uint8Array(length);
      gather(readable, sent);
      this.onFrame(sent.subarray(HEADER));
      return 0;
    }
    const [frame] = this.#waiting;
    if (frame === undefined) return undefined;
    const received = new Uint8Array(HEADER + frame.length);
    received[BUFFERS] = 1;
    received.set(frame, HEADER);
    if (readable.length > 0 || lengthOf(writable) < received.length) {
      throw new BadQueue("no room for a frame");
    }
    this.#waiting.shift();
    scatter(received, writable, this.dma);
    return received.length;
  }

  saveState(): State {
    return { waiting: [...this.#waiting] };
  }

  loadState({ waiting }: State): void {
    this.#waiting = [...waiting];
  }
}
