/**
 * The machine's own network: a gateway with DHCP and echo, a name server, and TCP to what the host lets through. Nothing
 * else is there, and no answer takes time; so a run is the same each time as long as no connection to the host is open.
 */
import { fields, list, type Shape, u16, u32 } from "../../snapshot/shape.ts";
import type { StateFormat, Stateful } from "../../snapshot/stateful.ts";
import type { TimedDevice } from "../schedule.ts";
import { Address, GATEWAY_MAC, GUEST_MAC } from "./addresses.ts";
import { answerDhcp, DHCP_CLIENT, DHCP_SERVER } from "./dhcp.ts";
import { answerDns, DNS_PORT } from "./dns.ts";
import { answerArp, EtherType, makeFrame, readFrame } from "./ethernet.ts";
import type { HostConnector } from "./host_connector.ts";
import { answerEcho, Unreachable, unreachable } from "./icmp.ts";
import { makePacket, type Packet, Protocol, readPacket, type ReceivedPacket } from "./ipv4.ts";
import { type FlowKey, TcpFlow } from "./tcp_flow.ts";
import { makeSegment, readSegment, type Segment, TcpFlag } from "./tcp_segment.ts";
import { type Datagram, makeDatagram, readDatagram } from "./udp.ts";

/** Most connections at a time. */
const MOST_FLOWS = 256;
/** How far apart the first sequence numbers of connections are. */
const SEQUENCE_STEP = 0x10_0000;
const NONE = new Uint8Array(0);

/** A connection that a snapshot cannot keep, as its guest knows it. */
type Broken = {
  readonly address: number;
  readonly port: number;
  readonly servicePort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
};
type State = { readonly opened: number; readonly broken: readonly Broken[] };
const STATE: Shape<State> = fields({
  opened: u32,
  broken: list(fields({ address: u32, port: u16, servicePort: u16, sequence: u32, acknowledgment: u32 })),
});

/** What the network is wired to. */
export interface NetworkWires {
  /** Virtual time, in nanoseconds. */
  now(): number;
  /** The next deadline may come earlier than before. */
  changed(): void;
  /** A frame for the guest. */
  deliver(frame: Uint8Array): void;
  /** Something has come from the host. */
  arrived(): void;
  /** A connection of the host's was made. */
  connected(): void;
}

/** The network. */
export class UserNetwork implements Stateful<State>, TimedDevice {
  readonly stateFormat: StateFormat<State> = { version: 1, shape: STATE };
  readonly #flows = new Map<string, TcpFlow>();
  /** How many connections the guest has opened so far. */
  #opened = 0;
  /** Connections of the machine that a snapshot was taken of. */
  #broken: readonly Broken[] = [];

  /**
   * @param names addresses by names in lower case
   * @param host lets TCP through; undefined: nothing does
   */
  constructor(
    readonly wires: NetworkWires,
    readonly names: ReadonlyMap<string, number>,
    readonly host: HostConnector | undefined,
  ) {}

  /** Whether something may come from the host. */
  get isWaiting(): boolean {
    return this.#flows.size > 0 && this.host?.isWaiting === true;
  }

  /** A frame from the guest. */
  receive(bytes: Uint8Array): void {
    const frame = readFrame(bytes);
    if (frame?.type === EtherType.ARP) {
      const answer = answerArp(frame.payload, isOurs);
      if (answer !== undefined) this.#deliver(EtherType.ARP, answer);
    } else if (frame?.type === EtherType.IPV4) {
      const packet = readPacket(frame.payload);
      if (packet !== undefined) this.#take(packet);
    }
  }

  nextEvent(): number {
    if (this.#broken.length > 0) return this.wires.now();
    let next = Infinity;
    for (const { deadline } of this.#flows.values()) next = Math.min(next, deadline);
    return next;
  }

  advance(now: number): void {
    for (const { address, port, servicePort, sequence, acknowledgment } of this.#broken) {
      this.#refuse({ address, port, servicePort }, {
        sequence,
        acknowledgment,
        flags: TcpFlag.RST | TcpFlag.ACK,
      });
    }
    this.#broken = [];
    for (const flow of [...this.#flows.values()]) if (flow.deadline <= now) flow.expire();
  }

  saveState(): State {
    const flows = [...this.#flows.values()].map(({ key, progress }) => ({ ...key, ...progress }));
    return { opened: this.#opened, broken: [...this.#broken, ...flows] };
  }

  /** Connections to the host are not restored: the guest hears that they are broken. */
  loadState({ opened, broken }: State): void {
    this.#opened = opened;
    this.#broken = broken;
  }

  #take(packet: ReceivedPacket): void {
    const { protocol, destination } = packet;
    if (protocol === Protocol.UDP) return this.#takeDatagram(packet);
    if (destination === Address.BROADCAST) return;
    if (!isOurs(destination)) return this.#note(Unreachable.PROHIBITED, packet);
    if (protocol === Protocol.ICMP) {
      const answer = answerEcho(packet.payload);
      if (answer !== undefined) {
        this.#send({ protocol, source: destination, destination: packet.source, payload: answer });
      }
    } else if (protocol === Protocol.TCP) {
      const segment = readSegment(packet);
      if (segment !== undefined) this.#takeSegment(packet, segment);
    }
  }

  #takeDatagram(packet: ReceivedPacket): void {
    const datagram = readDatagram(packet), { source, destination } = packet;
    if (datagram === undefined) return;
    const { sourcePort, destinationPort, payload } = datagram;
    const reply = (from: number, to: number, answer: Datagram): void =>
      this.#send(makeDatagram(from, to, answer));
    if (
      destinationPort === DHCP_SERVER &&
      (destination === Address.BROADCAST || destination === Address.GATEWAY)
    ) {
      const answer = answerDhcp(payload), ports = { sourcePort: DHCP_SERVER, destinationPort: DHCP_CLIENT };
      if (answer !== undefined) reply(Address.GATEWAY, Address.BROADCAST, { ...ports, payload: answer });
    } else if (destinationPort === DNS_PORT && destination === Address.NAME_SERVER) {
      const answer = answerDns(payload, this.names),
        ports = { sourcePort: DNS_PORT, destinationPort: sourcePort };
      if (answer !== undefined) reply(Address.NAME_SERVER, source, { ...ports, payload: answer });
    } else if (!isBroadcast(destination)) {
      this.#note(isOurs(destination) ? Unreachable.PORT : Unreachable.PROHIBITED, packet);
    }
  }

  #takeSegment({ source, destination }: Packet, segment: Segment): void {
    const key = { address: source, port: segment.sourcePort, servicePort: segment.destinationPort };
    const name = `${destination} ${key.address} ${key.port} ${key.servicePort}`, flow = this.#flows.get(name);
    if (flow !== undefined) return flow.take(segment);
    if ((segment.flags & TcpFlag.RST) !== 0) return;
    const opens = (segment.flags & (TcpFlag.SYN | TcpFlag.ACK)) === TcpFlag.SYN;
    if (destination === Address.GATEWAY && opens && this.#open(name, key, segment)) return;
    this.#refuseSegment(destination, key, segment);
  }

  /** Whether the host connects. */
  #open(name: string, key: FlowKey, syn: Segment): boolean {
    if (this.host === undefined || this.#flows.size >= MOST_FLOWS) return false;
    const { wires } = this;
    const flow = new TcpFlow(
      key,
      {
        now: wires.now,
        transmit: ({ address, port, servicePort }, segment) =>
          this.#send(
            makeSegment(Address.GATEWAY, address, {
              ...segment,
              sourcePort: servicePort,
              destinationPort: port,
            }),
          ),
        changed: () => {
          wires.changed();
          wires.arrived();
        },
        closed: () => void this.#flows.delete(name),
      },
      syn,
      Math.imul(++this.#opened, SEQUENCE_STEP) >>> 0,
    );
    this.#flows.set(name, flow);
    const connection = this.host.connect(key.servicePort, flow);
    if (connection === undefined) {
      this.#flows.delete(name);
      return false;
    }
    flow.connect(connection);
    wires.connected();
    return true;
  }

  /** Answers a segment of no connection. RFC 9293, section 3.10.7.1. */
  #refuseSegment(from: number, key: FlowKey, { flags, sequence, acknowledgment, payload }: Segment): void {
    if ((flags & TcpFlag.ACK) !== 0) {
      return this.#refuse(key, { sequence: acknowledgment, acknowledgment: 0, flags: TcpFlag.RST }, from);
    }
    const taken = payload.length + ((flags & TcpFlag.SYN) !== 0 ? 1 : 0) +
      ((flags & TcpFlag.FIN) !== 0 ? 1 : 0);
    const answer = {
      sequence: 0,
      acknowledgment: (sequence + taken) >>> 0,
      flags: TcpFlag.RST | TcpFlag.ACK,
    };
    this.#refuse(key, answer, from);
  }

  #refuse(
    { address, port, servicePort }: FlowKey,
    progress: Pick<Segment, "sequence" | "acknowledgment" | "flags">,
    from: number = Address.GATEWAY,
  ): void {
    const ports = { sourcePort: servicePort, destinationPort: port };
    this.#send(makeSegment(from, address, { ...progress, ...ports, window: 0, payload: NONE }));
  }

  #note(code: number, packet: ReceivedPacket): void {
    // Nobody is told that a note, or an answer to one, did not arrive.
    if (packet.protocol === Protocol.ICMP && answerEcho(packet.payload) === undefined) return;
    const payload = unreachable(code, packet);
    this.#send({ protocol: Protocol.ICMP, source: Address.GATEWAY, destination: packet.source, payload });
  }

  #send(packet: Packet): void {
    this.#deliver(EtherType.IPV4, makePacket(packet));
  }

  #deliver(type: number, payload: Uint8Array): void {
    this.wires.deliver(makeFrame({ destination: GUEST_MAC, source: GATEWAY_MAC, type, payload }));
  }
}

function isOurs(address: number): boolean {
  return address === Address.GATEWAY || address === Address.NAME_SERVER;
}

/** Whether an address is everybody's: on this network, in any, or of a group. */
function isBroadcast(address: number): boolean {
  const isGroup = address >>> 28 === 0xe;
  return address === Address.BROADCAST || address === ((Address.GATEWAY | ~Address.MASK) >>> 0) || isGroup;
}
