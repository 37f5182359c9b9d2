/** The events that a processor was made to deliver last, for those who want to know how it died. */

/** An exception or interrupt whose delivery was begun. */
export interface PastEvent {
  readonly vector: number;
  readonly error: number | undefined;
  /** RIP before it, in halves. */
  readonly lo: number;
  readonly hi: number;
  /** CR2 then, low half and high half. */
  readonly addressLo: number;
  readonly addressHi: number;
}

const KEPT = 8;

/** The last events, those that arose from the delivery of another one too. */
export class EventHistory {
  readonly #ring: (PastEvent | undefined)[] = new Array(KEPT).fill(undefined);
  #next = 0;

  /** Notes an event. */
  note(event: PastEvent): void {
    this.#ring[this.#next] = event;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** The events, the latest last. */
  get last(): readonly PastEvent[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)].filter((event) =>
      event !== undefined
    );
  }
}
