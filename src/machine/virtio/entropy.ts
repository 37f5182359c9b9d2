/** The entropy device. Virtio 1.2, section 5.4. Its numbers follow from the machine's seed, so that runs are repeatable. */
import { RANDOM_STATE, RandomNumbers } from "../../cpu/random.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { VirtioDevice } from "./pci_transport.ts";
import { BadQueue, type Chain, type Dma } from "./virtqueue.ts";

const ENTROPY = 4, OTHER = 0x00ff_0000;
/** Keeps its numbers from being those that RDRAND gives for the same seed. */
const STREAM = 0x726e_6700;
/** Most bytes that a request is given, however large it is. */
const MOST_BYTES = 0x1_0000;

/** A source of random numbers as a virtio device. */
export class VirtioEntropy implements VirtioDevice, Stateful<readonly number[]> {
  readonly type = ENTROPY;
  readonly classCode = OTHER;
  readonly features = 0;
  readonly queues = 1;
  readonly configuration = new Uint8Array(0);
  readonly stateFormat: StateFormat<readonly number[]> = { version: 1, shape: RANDOM_STATE };
  readonly #numbers: RandomNumbers;

  constructor(seed: number, readonly dma: Dma) {
    this.#numbers = new RandomNumbers(seed ^ STREAM);
  }

  serve(_queue: number, { readable, writable }: Chain): number {
    if (readable.length > 0) throw new BadQueue("the entropy device reads nothing");
    let done = 0;
    for (const { address, bytes } of writable) {
      const size = Math.min(bytes.length, MOST_BYTES - done);
      for (let n = 0; n < size; n++) bytes[n] = this.#numbers.next() >>> 24;
      this.dma.wrote(address, size);
      done += size;
    }
    return done;
  }

  saveState(): readonly number[] {
    return this.#numbers.saveState();
  }

  loadState(state: readonly number[]): void {
    this.#numbers.loadState(state);
  }
}
