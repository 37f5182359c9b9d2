/** The consoles of a machine, and the text that is waited for on any of them. */
import type { Console } from "./console.ts";

/** All consoles. */
export class Consoles {
  readonly all: readonly Console[];
  #isFound = false;

  /**
   * @param serial the first serial port
   * @param second the second one
   * @param virtio the virtio console, if there is one
   * @param found is told when the text that is waited for has been written
   */
  constructor(
    readonly serial: Console,
    readonly second: Console,
    readonly virtio: Console | undefined,
    found: () => void,
  ) {
    this.all = virtio === undefined ? [serial, second] : [serial, second, virtio];
    for (const console of this.all) {
      console.onFound = () => {
        this.#isFound = true;
        found();
      };
    }
  }

  /** Whether the text that is waited for has been written. */
  get isFound(): boolean {
    return this.#isFound;
  }

  /** Whether the guest waits for input on one of them, and there is none left. */
  get wantInput(): boolean {
    return this.all.some(({ wantsInput }) => wantsInput);
  }

  /** Waits for a text behind the last one that was found; undefined: for none. It may be there already. */
  expect(text: string | undefined): void {
    for (const console of this.all) console.expectNothing();
    this.#isFound = text !== undefined && this.all.some((console) => console.expect(text));
  }

  /** A run is over: nothing is waited for, and listeners hear all that was written. */
  settle(): void {
    this.expect(undefined);
    for (const console of this.all) console.flush();
  }

  /** The guest has ended. */
  close(): void {
    for (const console of this.all) console.close();
  }
}
