/** What lies behind the machine's own network: connections of the host's. */

/** Makes connections for the guest. */
export interface HostConnector {
  /**
   * The guest connects to a port of the gateway. `peer` may be told at once, or later.
   *
   * @returns the connection; undefined: the guest may not
   */
  connect(port: number, peer: HostPeer): HostConnection | undefined;
  /** Whether something may come from outside, in the host's time: then the guest's waits are not skipped. */
  readonly isWaiting: boolean;
}

/** The guest's end of a connection, which is told what happens at the other end. */
export interface HostPeer {
  /** It is connected. */
  opened(): void;
  /** Bytes have come. */
  received(bytes: Uint8Array): void;
  /** What was sent has gone: `unsent` is less than before. */
  drained(): void;
  /** No more bytes will come. */
  ended(): void;
  /** It was refused, or broken: nothing more happens to it. */
  failed(): void;
}

/** The host's end. */
export interface HostConnection {
  /** How many bytes wait to be sent. */
  readonly unsent: number;
  send(bytes: Uint8Array): void;
  /** The guest sends no more. */
  end(): void;
  /** Breaks it; its peer is told nothing more. */
  close(): void;
  /** Whether bytes may come: they should not while the guest is slow to take them. */
  setFlowing(flows: boolean): void;
}
