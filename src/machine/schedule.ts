/** What happens in the machine's chips at moments of virtual time. */

/** A chip in which something happens by itself as time passes. */
export interface TimedDevice {
  /** When something happens next; Infinity: nothing does. */
  nextEvent(): number;
  /** Does what has happened until `now`. Nothing if that is before the next event. */
  advance(now: number): void;
}

/** The chips' timers together. */
export class Schedule {
  readonly #devices: { readonly device: TimedDevice; readonly isHeard: () => boolean }[] = [];
  readonly #changed: () => void;
  #next = Infinity;

  /**
   * @param changed the next event may come earlier than it was said to
   */
  constructor(changed: () => void = () => {}) {
    this.#changed = changed;
  }

  /** When something happens next; Infinity: nothing does. */
  get next(): number {
    return this.#next;
  }

  /** When something happens next that may interrupt a processor; Infinity: nothing does. */
  get nextHeard(): number {
    const heard = this.#devices.filter(({ isHeard }) => isHeard());
    return heard.reduce((next, { device }) => Math.min(next, device.nextEvent()), Infinity);
  }

  /**
   * Adds a chip. At one moment chips act in the order in which they were added.
   *
   * @param isHeard whether what happens in it may interrupt a processor: whether its line is let through
   */
  add(device: TimedDevice, isHeard: () => boolean): void {
    this.#devices.push({ device, isHeard });
    this.refresh();
  }

  /** A chip's next event may be another one than before. */
  refresh(): void {
    this.#next = this.#devices.reduce((next, { device }) => Math.min(next, device.nextEvent()), Infinity);
    this.#changed();
  }

  /** Lets the chips do what has happened until `now`. */
  advance(now: number): void {
    if (now < this.#next) return;
    for (const { device } of this.#devices) {
      if (device.nextEvent() <= now) device.advance(now);
    }
    this.refresh();
  }
}
