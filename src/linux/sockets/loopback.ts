/** The one network interface, `lo`: what rtnetlink(7) and netdevice(7) tell of it. */
import { joinBytes } from "../memory/user_memory.ts";

/** Index, name and properties of the interface. */
export const LOOPBACK = {
  index: 1,
  name: "lo",
  /** ARPHRD_LOOPBACK. */
  type: 772,
  /** IFF_UP, LOOPBACK, RUNNING and LOWER_UP; the old calls have room for the first 16 bits. */
  flags: 0x1_0049,
  mtu: 65536,
  queueLength: 1000,
} as const;

const IPV4 = Uint8Array.of(127, 0, 0, 1);
const IPV6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

const AF_INET = 2, AF_INET6 = 10;
/** Types of messages. */
const Message = {
  ERROR: 2,
  DONE: 3,
  NEWLINK: 16,
  GETLINK: 18,
  NEWADDR: 20,
  GETADDR: 22,
  GETROUTE: 26,
} as const;
const NLM_F_MULTI = 2, NLM_F_ACK = 4, NLM_F_DUMP = 0x300;
const HEADER = 16;
const ENODEV = 19, EOPNOTSUPP = 95;
const IFA_F_PERMANENT = 0x80, RT_SCOPE_HOST = 254;

/** Answers a packet of requests: the packets of the answer. */
export function answerRequests(request: Uint8Array, pid: number): Uint8Array[] {
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  const answers: Uint8Array[] = [];
  for (let at = 0; at + HEADER <= request.length;) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > request.length) break;
    const one = request.subarray(at, at + length);
    answers.push(...answer(one, pid));
    at += Math.ceil(length / 4) * 4;
  }
  return answers;
}

function answer(request: Uint8Array, pid: number): Uint8Array[] {
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  const type = view.getUint16(4, true), flags = view.getUint16(6, true), sequence = view.getUint32(8, true);
  const family = request[HEADER] ?? 0;
  const isDump = (flags & NLM_F_DUMP) !== 0;
  const message = (kind: number, body: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(HEADER + body.length);
    const header = new DataView(bytes.buffer);
    header.setUint32(0, bytes.length, true);
    header.setUint16(4, kind, true);
    header.setUint16(6, isDump ? NLM_F_MULTI : 0, true);
    header.setUint32(8, sequence, true);
    header.setUint32(12, pid, true);
    bytes.set(body, HEADER);
    return bytes;
  };
  const error = (errno: number): Uint8Array =>
    message(Message.ERROR, joinBytes([u32(-errno), errno === 0 ? request.subarray(0, HEADER) : request]));
  const found = isDump || type !== Message.GETLINK
    ? dump(type, family)
    : asksForLoopback(request)
    ? [link()]
    : [];
  if (found === undefined || (!isDump && type !== Message.GETLINK)) return [error(EOPNOTSUPP)];
  const kind = type === Message.GETLINK ? Message.NEWLINK : Message.NEWADDR;
  const messages = found.map((body) => message(kind, body));
  if (isDump) {
    return [...(messages.length > 0 ? [joinBytes(messages)] : []), message(Message.DONE, u32(0))];
  }
  if (messages.length === 0) return [error(ENODEV)];
  return (flags & NLM_F_ACK) === 0 ? messages : [...messages, error(0)];
}

/** All there is of a kind; undefined: there is no such kind. */
function dump(type: number, family: number): Uint8Array[] | undefined {
  switch (type) {
    case Message.GETLINK:
      return [link()];
    case Message.GETADDR:
      return [
        ...(family === 0 || family === AF_INET ? [address(AF_INET)] : []),
        ...(family === 0 || family === AF_INET6 ? [address(AF_INET6)] : []),
      ];
    case Message.GETROUTE:
      return [];
    default:
      return undefined;
  }
}

const IFINFO = 16, IFLA_IFNAME = 3;

/** Whether a request for one interface, by index or name, means the one there is. */
function asksForLoopback(request: Uint8Array): boolean {
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  if (request.length < HEADER + IFINFO) return false;
  const index = view.getInt32(HEADER + 4, true);
  if (index !== 0) return index === LOOPBACK.index;
  for (let at = HEADER + IFINFO; at + 4 <= request.length;) {
    const length = view.getUint16(at, true);
    if (length < 4) return false;
    if (view.getUint16(at + 2, true) === IFLA_IFNAME) {
      const name = new TextDecoder().decode(request.subarray(at + 4, at + length));
      return name.replace(/\0.*$/, "") === LOOPBACK.name;
    }
    at += Math.ceil(length / 4) * 4;
  }
  return false;
}

function link(): Uint8Array {
  const { type, index, flags, name, mtu, queueLength } = LOOPBACK;
  const none = new Uint8Array(6);
  const info = new Uint8Array(IFINFO);
  const view = new DataView(info.buffer);
  view.setUint16(2, type, true);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  return joinBytes([
    info,
    attribute(IFLA_IFNAME, text(name)),
    attribute(13, u32(queueLength)), // TXQLEN
    attribute(16, Uint8Array.of(0)), // OPERSTATE
    attribute(17, Uint8Array.of(0)), // LINKMODE
    attribute(4, u32(mtu)), // MTU
    attribute(27, u32(0)), // GROUP
    attribute(1, none), // ADDRESS
    attribute(2, none), // BROADCAST
    attribute(6, text("noqueue")), // QDISC
  ]);
}

function address(family: number): Uint8Array {
  const isIpv4 = family === AF_INET;
  const bytes = isIpv4 ? IPV4 : IPV6;
  const info = Uint8Array.of(
    family,
    isIpv4 ? 8 : 128,
    IFA_F_PERMANENT,
    RT_SCOPE_HOST,
    LOOPBACK.index,
    0,
    0,
    0,
  );
  const forever = joinBytes([u32(-1), u32(-1), u32(0), u32(0)]);
  return joinBytes([
    info,
    attribute(1, bytes), // ADDRESS
    ...(isIpv4 ? [attribute(2, bytes), attribute(3, text(LOOPBACK.name))] : []), // LOCAL, LABEL
    attribute(6, forever), // CACHEINFO
    attribute(8, u32(IFA_F_PERMANENT)), // FLAGS
  ]);
}

/** An attribute, padded. */
function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((4 + value.length) / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

const Request = {
  SIOCGIFNAME: 0x8910,
  SIOCGIFCONF: 0x8912,
  SIOCGIFFLAGS: 0x8913,
  SIOCGIFADDR: 0x8915,
  SIOCGIFDSTADDR: 0x8917,
  SIOCGIFBRDADDR: 0x8919,
  SIOCGIFNETMASK: 0x891b,
  SIOCGIFMETRIC: 0x891d,
  SIOCGIFMTU: 0x8921,
  SIOCGIFHWADDR: 0x8927,
  SIOCGIFINDEX: 0x8933,
  SIOCGIFTXQLEN: 0x8942,
} as const;

/** Bytes of `struct ifreq`, and where what is asked for is in it. */
export const IFREQ = 40;
const VALUE = 16;

/** SIOCGIFCONF: the interfaces with an address of IPv4. */
export const SIOCGIFCONF = Request.SIOCGIFCONF;

/** The one `struct ifreq` of SIOCGIFCONF. */
export function interfaceList(): Uint8Array {
  const bytes = new Uint8Array(IFREQ);
  bytes.set(text(LOOPBACK.name));
  bytes.set(socketAddress(AF_INET, IPV4), VALUE);
  return bytes;
}

/** Answers what is asked about an interface by changing its `struct ifreq`: an error number, 0, or undefined for none of these. */
export function answerInterface(request: number, ifreq: Uint8Array): number | undefined {
  if (!(Object.values(Request) as number[]).includes(request)) return undefined;
  const view = new DataView(ifreq.buffer, ifreq.byteOffset, ifreq.length);
  if (request === Request.SIOCGIFNAME) {
    if (view.getInt32(VALUE, true) !== LOOPBACK.index) return ENODEV;
    ifreq.fill(0, 0, VALUE);
    ifreq.set(text(LOOPBACK.name));
    return 0;
  }
  const name = new TextDecoder().decode(ifreq.subarray(0, VALUE)).replace(/\0.*$/s, "");
  if (name !== LOOPBACK.name) return ENODEV;
  ifreq.fill(0, VALUE);
  switch (request) {
    case Request.SIOCGIFFLAGS:
      view.setUint16(VALUE, LOOPBACK.flags & 0xffff, true);
      break;
    case Request.SIOCGIFADDR:
    case Request.SIOCGIFDSTADDR:
      ifreq.set(socketAddress(AF_INET, IPV4), VALUE);
      break;
    case Request.SIOCGIFBRDADDR:
      ifreq.set(socketAddress(AF_INET, Uint8Array.of(0, 0, 0, 0)), VALUE);
      break;
    case Request.SIOCGIFNETMASK:
      ifreq.set(socketAddress(AF_INET, Uint8Array.of(255, 0, 0, 0)), VALUE);
      break;
    case Request.SIOCGIFMTU:
      view.setInt32(VALUE, LOOPBACK.mtu, true);
      break;
    case Request.SIOCGIFHWADDR:
      view.setUint16(VALUE, LOOPBACK.type, true);
      break;
    case Request.SIOCGIFINDEX:
      view.setInt32(VALUE, LOOPBACK.index, true);
      break;
    case Request.SIOCGIFTXQLEN:
      view.setInt32(VALUE, LOOPBACK.queueLength, true);
      break;
  }
  return 0;
}

function socketAddress(family: number, host: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[0] = family;
  bytes.set(host, 4);
  return bytes;
}
