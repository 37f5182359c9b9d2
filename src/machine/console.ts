/** A console of the machine, its first serial port or another one, as streams of bytes and text. */
import { bytes, fields, type Shape, such, u32 } from "../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../snapshot/stateful.ts";
import { InputSignal } from "./input.ts";

/** Bytes that are kept back at most before listeners are told. */
const BATCH = 4096;
const NEWLINE = 10;

/** What the guest has written, and where the search for text goes on. What it is to read waits at the port. */
const STATE: Shape<State> = such(
  fields({ output: bytes(), searchFrom: u32 }),
  ({ output, searchFrom }) => searchFrom <= output.length,
  "a console's state",
);
type State = { readonly output: Uint8Array; readonly searchFrom: number };

/** What a console types at. */
export interface ConsolePort {
  /** Whether the guest waits for input and there is none left. */
  readonly wantsInput: boolean;
  /** Bytes that have been typed and that the guest has not read. */
  readonly unread: number;
  /** Something is typed: it waits until the guest reads it. */
  receive(bytes: Uint8Array): void;
}

/** What the guest writes and reads. */
export class Console implements Stateful<State> {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  /** Told of what the guest has written, in batches: at the end of each line and of each run. */
  onOutput: ((bytes: Uint8Array) => void) | undefined;
  readonly #readers = new Set<ReadableStreamDefaultController<Uint8Array>>();
  #isClosed = false;
  /** Told when the text that is waited for has been written. */
  onFound: (() => void) | undefined;
  /**
   * How many bytes of what the guest has written are kept at least, for `text`, for who waits for a text, and in snapshots.
   * Default: all. Those who run a machine for long set it.
   */
  kept = Infinity;
  readonly #port: () => ConsolePort;
  readonly #input: InputSignal;
  #output = new Uint8Array(BATCH);
  #length = 0;
  #told = 0;
  #needle: Uint8Array | undefined;
  /** Where the search for the needle goes on. */
  #searchFrom = 0;

  /** @param input is told when something is typed */
  constructor(port: () => ConsolePort, input: InputSignal = new InputSignal()) {
    this.#port = port;
    this.#input = input;
  }

  /** Everything the guest has written so far, or the end of it: as much as is `kept`. */
  get text(): string {
    return new TextDecoder().decode(this.#output.subarray(0, this.#length));
  }

  /** Whether the guest waits for input, by interrupts, and there is none left. */
  get wantsInput(): boolean {
    return this.#port().wantsInput;
  }

  /** Bytes that have been typed and that the guest has not read. */
  get unread(): number {
    return this.#port().unread;
  }

  /** Types something: it waits at the port until the guest reads it. */
  write(data: string | Uint8Array): void {
    this.#port().receive(typeof data === "string" ? new TextEncoder().encode(data) : data);
    this.#input.arrived();
  }

  /**
   * What the guest writes from now on, as a stream. It ends with the machine. Everything is kept until it is read: a reader
   * that comes late misses nothing.
   */
  get readable(): ReadableStream<Uint8Array> {
    let mine: ReadableStreamDefaultController<Uint8Array>;
    return new ReadableStream({
      start: (controller) => {
        mine = controller;
        if (this.#isClosed) controller.close();
        else this.#readers.add(controller);
      },
      cancel: () => void this.#readers.delete(mine),
    });
  }

  /** Types what is written to it: bytes, or text. Closing it changes nothing. */
  get writable(): WritableStream<string | Uint8Array> {
    return new WritableStream({ write: (data) => this.write(data) });
  }

  /** The guest has ended: so do the streams. */
  close(): void {
    this.#isClosed = true;
    for (const reader of this.#readers) reader.close();
    this.#readers.clear();
  }

  /** The guest has written a byte. */
  put(byte: number): void {
    if (this.#length === this.#output.length) this.#makeRoom();
    this.#output[this.#length++] = byte;
    if (byte === NEWLINE || this.#length - this.#told >= BATCH) this.flush();
    if (this.#needle !== undefined && this.#search(this.#needle)) this.onFound?.();
  }

  saveState(): State {
    return { output: this.#output.slice(0, this.#length), searchFrom: this.#searchFrom };
  }

  /** Listeners are not told again of what was written before. */
  loadState({ output, searchFrom }: State): void {
    this.#output = new Uint8Array(Math.max(BATCH, output.length));
    this.#output.set(output);
    this.#length = this.#told = output.length;
    this.#searchFrom = searchFrom;
  }

  /** Tells the listeners what they have not been told yet. */
  flush(): void {
    if (this.#told === this.#length) return;
    const bytes = this.#output.slice(this.#told, this.#length);
    this.#told = this.#length;
    this.onOutput?.(bytes);
    for (const reader of this.#readers) reader.enqueue(bytes);
  }

  /**
   * Waits for a text behind what was found before. Returns whether it is there already; else `onFound` is called.
   */
  expect(text: string): boolean {
    this.#needle = new TextEncoder().encode(text);
    return this.#search(this.#needle);
  }

  /** Waits for nothing any more. */
  expectNothing(): void {
    this.#needle = undefined;
  }

  /** Forgets what need not be kept if that is half of it or more, else takes more memory. */
  #makeRoom(): void {
    const spare = this.#length - this.kept;
    if (spare >= this.#length / 2) return this.#forget(spare);
    const larger = new Uint8Array(2 * this.#length);
    larger.set(this.#output);
    this.#output = larger;
  }

  /** Forgets the oldest bytes. */
  #forget(count: number): void {
    this.flush();
    this.#output.copyWithin(0, count, this.#length);
    this.#length = this.#told = this.#length - count;
    this.#searchFrom = Math.max(0, this.#searchFrom - count);
  }

  #search(needle: Uint8Array): boolean {
    for (let at = this.#searchFrom; at + needle.length <= this.#length; at++) {
      if (needle.every((byte, n) => this.#output[at + n] === byte)) {
        this.#searchFrom = at + needle.length;
        this.#needle = undefined;
        return true;
      }
    }
    this.#searchFrom = Math.max(this.#searchFrom, this.#length - needle.length + 1);
    return false;
  }
}
