/** The DHCP server: it has one address to give. RFC 2131; options: RFC 2132. */
import { Address } from "./addresses.ts";

/** Ports of servers and clients. */
export const DHCP_SERVER = 67, DHCP_CLIENT = 68;
/** Fields of a message. */
const OPERATION = 0, FLAGS_END = 12, CLIENT_ADDRESS = 12, YOUR_ADDRESS = 16, HARDWARE = 28, HARDWARE_END = 44;
const COOKIE_AT = 236, OPTIONS = 240, MESSAGE = 300;
const BOOT_REQUEST = 1, BOOT_REPLY = 2, COOKIE = 0x6382_5363;
const Option = {
  PAD: 0,
  SUBNET_MASK: 1,
  ROUTER: 3,
  NAME_SERVER: 6,
  REQUESTED_ADDRESS: 50,
  LEASE_TIME: 51,
  MESSAGE_TYPE: 53,
  SERVER: 54,
  END: 255,
} as const;
const MessageType = { DISCOVER: 1, OFFER: 2, REQUEST: 3, ACK: 5, NAK: 6, INFORM: 8 } as const;
const LEASE_SECONDS = 86_400;

/** The server's answer; undefined: there is none to give. */
export function answerDhcp(message: Uint8Array): Uint8Array | undefined {
  if (message.length < OPTIONS || message[OPERATION] !== BOOT_REQUEST) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (view.getUint32(COOKIE_AT) !== COOKIE) return undefined;
  const options = readOptions(message), type = options.get(Option.MESSAGE_TYPE)?.[0];
  const server = word(options.get(Option.SERVER));
  if (server !== undefined && server !== Address.GATEWAY) return undefined;
  const client = view.getUint32(CLIENT_ADDRESS);
  switch (type) {
    case MessageType.DISCOVER:
      return answer(message, MessageType.OFFER, Address.GUEST);
    case MessageType.REQUEST: {
      const wanted = word(options.get(Option.REQUESTED_ADDRESS)) ?? client;
      return wanted === Address.GUEST
        ? answer(message, MessageType.ACK, Address.GUEST)
        : answer(message, MessageType.NAK, 0);
    }
    case MessageType.INFORM:
      return answer(message, MessageType.ACK, 0);
    default:
      return undefined;
  }
}

function readOptions(message: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  for (let at = OPTIONS; at < message.length && message[at] !== Option.END;) {
    const code = message[at++]!;
    if (code === Option.PAD) continue;
    const length = message[at++] ?? 0;
    options.set(code, message.subarray(at, at + length));
    at += length;
  }
  return options;
}

function word(bytes: Uint8Array | undefined): number | undefined {
  return bytes?.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) : undefined;
}

function answer(request: Uint8Array, type: number, address: number): Uint8Array {
  const message = new Uint8Array(MESSAGE), view = new DataView(message.buffer);
  message.set(request.subarray(0, FLAGS_END));
  message[OPERATION] = BOOT_REPLY;
  view.setUint32(YOUR_ADDRESS, address);
  message.set(request.subarray(HARDWARE, HARDWARE_END), HARDWARE);
  view.setUint32(COOKIE_AT, COOKIE);
  let at = OPTIONS;
  const put = (code: number, value: number): void => {
    message.set([code, 4], at);
    view.setUint32(at + 2, value);
    at += 6;
  };
  message.set([Option.MESSAGE_TYPE, 1, type], at);
  at += 3;
  put(Option.SERVER, Address.GATEWAY);
  if (type !== MessageType.NAK) {
    if (address !== 0) put(Option.LEASE_TIME, LEASE_SECONDS);
    put(Option.SUBNET_MASK, Address.MASK);
    put(Option.ROUTER, Address.GATEWAY);
    put(Option.NAME_SERVER, Address.NAME_SERVER);
  }
  message[at] = Option.END;
  return message;
}
