/** Puts the machine's own network behind a network card. */
import type { StatefulParts } from "../../snapshot/stateful.ts";
import type { InputSignal } from "../input.ts";
import type { Schedule } from "../schedule.ts";
import { VirtioNet } from "../virtio/net.ts";
import type { Dma } from "../virtio/virtqueue.ts";
import { Address, parseAddress } from "./addresses.ts";
import type { HostConnector } from "./host_connector.ts";
import { UserNetwork } from "./user_network.ts";

/** A network of the machine's own. */
export interface MachineNetwork {
  /** Names that its name server knows, with their IPv4 addresses; the gateway is 10.0.2.2. Default: none. */
  readonly names?: Readonly<Record<string, string>>;
}

/** A name and its address, as a machine's configuration has them. */
export type NetworkName = { readonly name: string; readonly address: number };

/** Longest name. RFC 1035, section 2.3.4. */
const LONGEST_NAME = 253;

/** Whether it is a name that a name server can know, in lower case. */
export function isHostName(name: string): boolean {
  return name.length <= LONGEST_NAME && /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/.test(name);
}

/**
 * The names that options ask for.
 *
 * @throws {RangeError} if something is no name, or no address
 */
export function networkNames({ names = {} }: MachineNetwork): NetworkName[] {
  return Object.entries(names).map(([given, address]) => {
    const name = given.toLowerCase();
    if (!isHostName(name)) throw new RangeError(`Cannot make a network: ${given} is no name of a host`);
    return { name, address: parseAddress(address) };
  });
}

/** Names and addresses as options. */
export function namesAsOptions(names: readonly NetworkName[]): MachineNetwork {
  const dotted = (address: number): string =>
    [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
  return { names: Object.fromEntries(names.map(({ name, address }) => [name, dotted(address)])) };
}

/** The gateway's address as it is written. */
export const GATEWAY: string = [24, 16, 8, 0].map((shift) => (Address.GATEWAY >>> shift) & 0xff).join(".");

/** What a network is attached to. */
export interface NetworkAttachment {
  readonly parts: StatefulParts;
  readonly schedule: Schedule;
  readonly input: InputSignal;
  readonly dma: Dma;
  readonly host: HostConnector | undefined;
  /** Virtual time, in nanoseconds. */
  now(): number;
  /** A connection of the host's was made. */
  connected(): void;
}

/** Makes a network and its card. */
export function attachNetwork(
  names: readonly NetworkName[],
  { parts, schedule, input, dma, host, now, connected }: NetworkAttachment,
): { readonly card: VirtioNet; readonly network: UserNetwork } {
  const card = new VirtioNet(dma);
  const network = new UserNetwork(
    {
      now,
      connected,
      changed: () => schedule.refresh(),
      arrived: () => input.arrived(),
      deliver: (frame) => card.deliver(frame),
    },
    new Map(names.map(({ name, address }) => [name, address])),
    host,
  );
  card.onFrame = (frame) => {
    network.receive(frame);
    schedule.refresh();
  };
  parts.add("network", network, "kept");
  parts.add("network card", card);
  schedule.add(network, () => true);
  return { card, network };
}
