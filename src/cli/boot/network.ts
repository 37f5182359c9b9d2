/** Options about the guest's network. */
import { parseAddress } from "../../machine/net/addresses.ts";
import { GATEWAY, isHostName, type MachineNetwork } from "../../machine/net/attach.ts";
import { usageError } from "../exit_codes.ts";
import { LoopbackConnector } from "../host_connections.ts";
import { type Flag, flag, type Many, values } from "../options.ts";
import { parseCount } from "../values.ts";

/** Whether there is one. */
export const NET: Flag = flag(
  "Gives the machine a virtio network card, and a network of its own: DHCP gives 10.0.2.15, the gateway is 10.0.2.2, " +
    "the name server 10.0.2.3. Nothing outside can be reached but what --net-port lists.",
);

/** What can be reached. */
export const NET_PORT: Many<readonly [number, number]> = values(
  "PORT[:HOSTPORT]",
  "Lets the guest connect to HOSTPORT of this host, on the loopback interface, as PORT of 10.0.2.2; may be given several " +
    "times. While such a connection is open the guest's time does not run ahead of ours, and runs are not repeatable.",
  parsePorts,
);

/** What the name server knows. */
export const NET_NAME: Many<readonly [string, string]> = values(
  "NAME[=ADDRESS]",
  "A name that the guest's name server knows, of 10.0.2.2 or another address; may be given several times.",
  parseName,
);

const MAX_PORT = 0xffff;

function parsePorts(text: string): readonly [number, number] {
  const ports = text.split(":").map(parseCount), [port, hostPort = port] = ports;
  if (ports.length > 2 || ports.some((number) => number < 1 || number > MAX_PORT)) {
    throw new RangeError(`must be ports from 1 to ${MAX_PORT}, PORT or PORT:HOSTPORT`);
  }
  return [port!, hostPort!];
}

function parseName(text: string): readonly [string, string] {
  const [name, address = GATEWAY, ...rest] = text.split("=");
  if (!isHostName(name!.toLowerCase()) || rest.length > 0) {
    throw new RangeError("must be NAME or NAME=ADDRESS");
  }
  parseAddress(address);
  return [name!, address];
}

/** Values of these options. */
export interface NetworkValues {
  readonly net: boolean;
  readonly "net-port": readonly (readonly [number, number])[];
  readonly "net-name": readonly (readonly [string, string])[];
}

/** The network that the options ask for. */
export function networkOption({ net, "net-name": names }: NetworkValues): MachineNetwork | false {
  if (!net && names.length > 0) throw usageError("--net-name needs --net");
  return net && { names: Object.fromEntries(names) };
}

/**
 * What connects the guest to this host.
 *
 * @param hasNetwork undefined: the snapshot tells
 */
export function connectorOption(
  { "net-port": ports }: NetworkValues,
  hasNetwork: boolean | undefined,
): LoopbackConnector | undefined {
  if (ports.length === 0) return undefined;
  if (hasNetwork === false) throw usageError("--net-port needs --net");
  return new LoopbackConnector(ports);
}
