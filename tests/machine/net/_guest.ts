/** A guest of the network, as frames see it; and a host whose connections are scripted. */
import { Address, GATEWAY_MAC, GUEST_MAC } from "../../../src/machine/net/addresses.ts";
import { EtherType, makeFrame, readFrame } from "../../../src/machine/net/ethernet.ts";
import type { HostConnection, HostConnector, HostPeer } from "../../../src/machine/net/host_connector.ts";
import { makePacket, type Packet, Protocol, readPacket } from "../../../src/machine/net/ipv4.ts";
import { makeSegment, readSegment, type Segment } from "../../../src/machine/net/tcp_segment.ts";
import { makeDatagram, readDatagram } from "../../../src/machine/net/udp.ts";
import { UserNetwork } from "../../../src/machine/net/user_network.ts";

/** Bytes from hexadecimal digits. */
export const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Hexadecimal digits of bytes. */
export const digits = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A host's connection that tests look at. */
export interface Scripted {
  readonly port: number;
  readonly peer: HostPeer;
  readonly sent: string[];
  readonly log: string[];
  unsent: number;
}

/** A host that lets one port through. */
export class ScriptedHost implements HostConnector {
  readonly connections: Scripted[] = [];
  isWaiting = false;

  /** @param opens whether connections open at once */
  constructor(readonly port: number, readonly opens = true) {}

  connect(port: number, peer: HostPeer): HostConnection | undefined {
    if (port !== this.port) return undefined;
    const made: Scripted = { port, peer, sent: [], log: [], unsent: 0 };
    this.connections.push(made);
    if (this.opens) peer.opened();
    return {
      get unsent() {
        return made.unsent;
      },
      send: (data) => void made.sent.push(text(data)),
      end: () => void made.log.push("end"),
      close: () => void made.log.push("close"),
      setFlowing: (flows) => void made.log.push(flows ? "flow" : "hold"),
    };
  }
}

/** A guest and its network. */
export function guest(host?: HostConnector, names: Readonly<Record<string, number>> = {}) {
  const frames: Uint8Array[] = [], clock = { now: 0 }, told = { arrived: 0, connected: 0 };
  const network = new UserNetwork(
    {
      now: () => clock.now,
      changed: () => {},
      deliver: (frame) => void frames.push(frame),
      arrived: () => void told.arrived++,
      connected: () => void told.connected++,
    },
    new Map(Object.entries(names)),
    host,
  );
  const send = (packet: Packet): void =>
    network.receive(
      makeFrame({
        destination: GATEWAY_MAC,
        source: GUEST_MAC,
        type: EtherType.IPV4,
        payload: makePacket(packet),
      }),
    );
  /** Packets that have come since the last call. */
  const packets = (): Packet[] =>
    frames.splice(0).flatMap((frame) => {
      const packet = readPacket(readFrame(frame)!.payload);
      return packet === undefined ? [] : [packet];
    });
  /** Sends a datagram and returns what comes back: payloads of datagrams, and code of a note. */
  const ask = (destination: number, port: number, payload: Uint8Array, source: number = Address.GUEST) => {
    send(makeDatagram(source, destination, { sourcePort: 1234, destinationPort: port, payload }));
    const came = packets();
    return {
      answers: came.flatMap((packet) => packet.protocol === Protocol.UDP ? [readDatagram(packet)!] : []),
      notes: came.flatMap(({ protocol, payload }) =>
        protocol === Protocol.ICMP ? [[payload[0], payload[1]]] : []
      ),
      from: came.map(({ source }) => source),
    };
  };
  return { network, frames, clock, told, send, packets, ask };
}

/** The guest's end of a TCP connection. */
export function tcp(guestOf: ReturnType<typeof guest>, servicePort: number, port = 40_000) {
  const state = { next: 1000, expected: 0 };
  const segments = (): Segment[] =>
    guestOf.packets().flatMap((packet) => packet.protocol === Protocol.TCP ? [readSegment(packet)!] : []);
  /** Sends a segment and returns what comes. */
  const send = (
    flags: number,
    data = "",
    more: Partial<Segment> = {},
    to: number = Address.GATEWAY,
  ): Segment[] => {
    const segment: Segment = {
      sourcePort: port,
      destinationPort: servicePort,
      sequence: state.next,
      acknowledgment: state.expected,
      flags,
      window: 0xffff,
      payload: bytes(data),
      ...more,
    };
    guestOf.send(makeSegment(Address.GUEST, to, segment));
    return segments();
  };
  /** Opens it. */
  const open = (more: Partial<Segment> = { segmentSize: 1460 }): Segment[] => {
    const came = send(0x02, "", more);
    state.next++;
    if (came.length > 0) state.expected = (came[0]!.sequence + 1) >>> 0;
    return [...came, ...send(0x10)];
  };
  return { state, send, open, segments };
}
