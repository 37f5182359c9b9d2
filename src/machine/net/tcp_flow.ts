/** One TCP connection of the guest's, as the gateway's end of it; its other end is a connection of the host's. RFC 9293. */
import type { HostConnection, HostPeer } from "./host_connector.ts";
import { type Segment, TcpFlag } from "./tcp_segment.ts";

/** Most data in a segment that we take, and what others take if they do not say. Section 3.7.1. */
const OUR_SEGMENT = 1460, DEFAULT_SEGMENT = 536, LEAST_SEGMENT = 64;
/** Most bytes that may be under way to the host. */
const WINDOW = 0xffff;
/** When the host must wait, in bytes that the guest has not taken yet, and when it may go on. */
const MUCH = 0x4_0000, LITTLE = 0x1_0000;
/** How long an acknowledgment is waited for, in nanoseconds, and how often again; the wait doubles. */
const FIRST_WAIT = 1e9, MOST_ATTEMPTS = 8;
const NONE = new Uint8Array(0);

/** What a flow is between: the guest's address and port, and what they call. */
export interface FlowKey {
  readonly address: number;
  readonly port: number;
  readonly servicePort: number;
}

/** What it is wired to. */
export interface FlowWires {
  /** Virtual time, in nanoseconds. */
  now(): number;
  transmit(key: FlowKey, segment: Omit<Segment, "sourcePort" | "destinationPort">): void;
  /** The host has done something, or what comes next may come earlier. */
  changed(): void;
  /** The flow is over. */
  closed(): void;
}

/** A connection. It begins with the guest's SYN, which is answered when the host has connected. */
export class TcpFlow implements HostPeer {
  #connection: HostConnection | undefined;
  #phase: "connecting" | "answered" | "open" | "over" = "connecting";
  /** Sequence numbers: first not acknowledged, next to send, and behind all that was ever sent. */
  #acknowledged: number;
  #next: number;
  #highest: number;
  /** What is expected from the guest. */
  #expected: number;
  #guestWindow: number;
  readonly #segmentSize: number;
  /** Data from the first byte not acknowledged on. */
  #data: Uint8Array = NONE;
  #isFlowing = true;
  #hostEnded = false;
  #guestEnded = false;
  /** Sequence number behind our FIN, once that was sent. */
  #end: number | undefined;
  /** Window that was told last. */
  #told = WINDOW;
  #attempts = 0;
  #deadline = Infinity;

  /** @param first our first sequence number */
  constructor(readonly key: FlowKey, readonly wires: FlowWires, readonly syn: Segment, first: number) {
    this.#acknowledged = this.#next = this.#highest = first;
    this.#expected = (syn.sequence + 1) >>> 0;
    this.#guestWindow = syn.window;
    this.#segmentSize = Math.max(LEAST_SEGMENT, Math.min(OUR_SEGMENT, syn.segmentSize ?? DEFAULT_SEGMENT));
  }

  /** When it sends again what was not acknowledged, in virtual time. */
  get deadline(): number {
    return this.#deadline;
  }

  /** What its guest must hear to know that it is broken. */
  get progress(): { readonly sequence: number; readonly acknowledgment: number } {
    return { sequence: this.#highest, acknowledgment: this.#expected };
  }

  /** Takes over the host's end. `opened` and what follows may have been told already. */
  connect(connection: HostConnection): void {
    this.#connection = connection;
    if (this.#phase === "over") connection.close();
  }

  opened(): void {
    if (this.#phase !== "connecting") return;
    this.#phase = "answered";
    this.#answer();
    this.wires.changed();
  }

  received(bytes: Uint8Array): void {
    if (this.#phase === "over" || this.#hostEnded) return;
    this.#data = joined(this.#data, bytes);
    if (this.#isFlowing && this.#data.length > MUCH) this.#setFlowing(false);
    this.#push();
    this.wires.changed();
  }

  drained(): void {
    if (this.#phase !== "open" || this.#told >= OUR_SEGMENT) return;
    this.#send(TcpFlag.ACK);
    this.wires.changed();
  }

  ended(): void {
    if (this.#phase === "over" || this.#hostEnded) return;
    this.#hostEnded = true;
    this.#push();
    this.#finish();
    this.wires.changed();
  }

  failed(): void {
    if (this.#phase === "over") return;
    this.reset();
    this.wires.changed();
  }

  /** Breaks it, and tells the guest. */
  reset(): void {
    this.#send(TcpFlag.RST | TcpFlag.ACK);
    this.#close();
  }

  /** A segment from the guest. */
  take(segment: Segment): void {
    const { flags } = segment;
    if ((flags & TcpFlag.RST) !== 0) {
      // Only one that is in order: others are old, or forged. Section 3.10.7.4.
      if (segment.sequence === this.#expected) this.#close();
      return;
    }
    if (this.#phase === "connecting") return;
    if ((flags & TcpFlag.SYN) !== 0) {
      if (this.#phase === "answered") this.#answer();
      else this.#send(TcpFlag.ACK);
      return;
    }
    if ((flags & TcpFlag.ACK) === 0 || !this.#takeAcknowledgment(segment)) return;
    this.#takeData(segment);
    this.#push();
    this.#finish();
  }

  /** Its deadline has come: sends again, or gives up. */
  expire(): void {
    if (++this.#attempts > MOST_ATTEMPTS) return this.reset();
    this.#next = this.#acknowledged;
    if (this.#phase === "answered") this.#answer();
    else this.#push(1);
    this.#wait();
  }

  /** SYN and acknowledgment of the guest's. */
  #answer(): void {
    this.#next = this.#acknowledged;
    this.#send(TcpFlag.SYN | TcpFlag.ACK, NONE, OUR_SEGMENT);
    this.#advance(1);
    this.#wait();
  }

  /** Whether the segment is about what was sent. */
  #takeAcknowledgment({ acknowledgment, window }: Segment): boolean {
    const count = difference(acknowledgment, this.#acknowledged);
    if (count > difference(this.#highest, this.#acknowledged)) {
      this.#send(TcpFlag.ACK);
      return false;
    }
    if (count < 0) return true;
    this.#guestWindow = window;
    this.#attempts = 0;
    if (count === 0) return this.#phase === "open";
    this.#acknowledged = acknowledgment;
    if (difference(this.#next, acknowledgment) < 0) this.#next = acknowledgment;
    if (this.#phase === "answered") this.#phase = "open";
    else this.#data = this.#data.subarray(Math.min(count, this.#data.length));
    if (!this.#isFlowing && this.#data.length < LITTLE) this.#setFlowing(true);
    this.#wait();
    return true;
  }

  #takeData({ sequence, payload, flags }: Segment): void {
    const ends = (flags & TcpFlag.FIN) !== 0, known = difference(this.#expected, sequence);
    if (payload.length === 0 && !ends && known === 0) return;
    if (known >= 0 && known <= payload.length && !this.#guestEnded) {
      const data = payload.subarray(known, known + this.#window);
      if (data.length > 0) this.#connection?.send(data.slice());
      this.#expected = (this.#expected + data.length) >>> 0;
      if (ends && known + data.length === payload.length) {
        this.#expected = (this.#expected + 1) >>> 0;
        this.#guestEnded = true;
        this.#connection?.end();
      }
    }
    if (this.#phase !== "over") this.#send(TcpFlag.ACK);
  }

  /** Sends data and the end as far as the guest's window lets it; `least` bytes of it even if that is closed. */
  #push(least = 0): void {
    if (this.#phase !== "open") return;
    const window = Math.max(this.#guestWindow, least);
    for (let sent = this.#sent; sent < Math.min(this.#data.length, window); sent = this.#sent) {
      const data = this.#data.slice(sent, Math.min(sent + this.#segmentSize, window));
      const isLast = sent + data.length === this.#data.length;
      this.#send(TcpFlag.ACK | (isLast ? TcpFlag.PSH : 0), data);
      this.#advance(data.length);
    }
    if (this.#hostEnded && this.#sent === this.#data.length && this.#acknowledged !== this.#end) {
      this.#send(TcpFlag.FIN | TcpFlag.ACK);
      this.#advance(1);
      this.#end = this.#next;
    }
    if (this.#deadline === Infinity) this.#wait();
  }

  /** How far it has sent, from the first byte not acknowledged. */
  get #sent(): number {
    return difference(this.#next, this.#acknowledged);
  }

  #advance(count: number): void {
    this.#next = (this.#next + count) >>> 0;
    if (difference(this.#next, this.#highest) > 0) this.#highest = this.#next;
  }

  /** Sets the deadline: there is one while something is not acknowledged, or waits for the window to open. */
  #wait(): void {
    const isWaiting = this.#phase !== "over" &&
      (this.#acknowledged !== this.#highest || this.#data.length > 0);
    this.#deadline = isWaiting ? this.wires.now() + FIRST_WAIT * 2 ** this.#attempts : Infinity;
  }

  get #window(): number {
    return Math.max(0, WINDOW - (this.#connection?.unsent ?? 0));
  }

  #send(flags: number, payload: Uint8Array = NONE, segmentSize?: number): void {
    this.#told = this.#window;
    this.wires.transmit(this.key, {
      sequence: this.#next,
      acknowledgment: this.#expected,
      flags,
      window: this.#told,
      segmentSize,
      payload,
    });
  }

  #setFlowing(flows: boolean): void {
    this.#isFlowing = flows;
    this.#connection?.setFlowing(flows);
  }

  /** Both have ended, and know it. */
  #finish(): void {
    if (this.#guestEnded && this.#acknowledged === this.#end) this.#close();
  }

  #close(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#deadline = Infinity;
    this.#connection?.close();
    this.wires.closed();
  }
}

/** How far a sequence number is behind another, modulo 2^32. */
function difference(a: number, b: number): number {
  return (a - b) | 0;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
