/** Sockets: local ones, and those of IP, which reach this machine only. socket(7), unix(7), tcp(7), udp(7). */
import { Errno, fail } from "../abi/errno.ts";
import { Mode, Open, Poll } from "../abi/files.ts";
import { OpenFile, WOULD_BLOCK } from "../files/open_file.ts";
import { type FileStatus, makeStatus } from "../fs/file_system.ts";
import type { Task } from "../task.ts";
import { anyAddress, encodeInet, Family, type InetAddress, sourceOf, UNNAMED } from "./address.ts";
import { Channel, type Envelope, type Received, type Sender } from "./channel.ts";
import { answerInterface, IFREQ, interfaceList, SIOCGIFCONF } from "./loopback.ts";
import { SocketOptions } from "./options.ts";
import type { SocketTable } from "./table.ts";

/** Types of sockets. */
export const SocketType = { STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 5 } as const;

const FIONREAD = 0x541b, SIOCOUTQ = 0x5411;

/** What a socket is made as. */
export interface SocketKind {
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
}

/** Those who wait to be accepted. */
interface Backlog {
  limit: number;
  readonly sockets: SocketFile[];
}

/** Nothing more will come. */
const END: Received = { length: 0, whole: 0 };

/** A socket. */
export class SocketFile extends OpenFile {
  readonly options: SocketOptions;
  /** What comes, and for streams what goes. Those of a stream are there once it is connected. */
  incoming: Channel | undefined;
  outgoing: Channel | undefined;
  /** The other end of a stream; the socket that a local datagram socket sends to. */
  peer: SocketFile | undefined;
  backlog: Backlog | undefined;
  /** Names of this end and of the other, for the family it is of. */
  unixName: Uint8Array | undefined;
  inetName: InetAddress | undefined;
  inetPeer: InetAddress | undefined;
  /** Name in the table of local sockets. */
  key: string | undefined;
  /** SO_PEERCRED. */
  peerSender: Sender | undefined;
  /** SO_ERROR: told once. */
  error = 0;
  /** A connect that did not wait has not been asked for since. */
  wasConnecting = false;
  /** Connections that have come. */
  arrivals = 0;
  #shutRead = false;
  #shutWrite = false;
  #closed = false;

  constructor(readonly kind: SocketKind, flags: number, readonly ino: number, readonly table: SocketTable) {
    super(`socket:[${ino}]`, flags | Open.RDWR);
    this.options = new SocketOptions(kind);
    if (kind.type === SocketType.DGRAM) this.incoming = new Channel(true);
  }

  /** Two local sockets that are connected to each other. */
  static pair(
    kind: SocketKind,
    flags: number,
    inodes: readonly [number, number],
    table: SocketTable,
    sender: Sender,
  ): [SocketFile, SocketFile] {
    const first = new SocketFile(kind, flags, inodes[0], table);
    const second = new SocketFile(kind, flags, inodes[1], table);
    first.join(second);
    first.peerSender = second.peerSender = sender;
    return [first, second];
  }

  get isLocal(): boolean {
    return this.kind.family === Family.UNIX;
  }

  get isDatagram(): boolean {
    return this.kind.type === SocketType.DGRAM;
  }

  /** Connects two ends. */
  join(other: SocketFile): void {
    this.peer = other;
    other.peer = this;
    if (this.isDatagram) return;
    const packets = this.kind.type === SocketType.SEQPACKET;
    this.incoming = other.outgoing = new Channel(packets);
    this.outgoing = other.incoming = new Channel(packets);
  }

  get isConnected(): boolean {
    if (!this.isDatagram) return this.outgoing !== undefined;
    return this.isLocal ? this.peer !== undefined : this.inetPeer !== undefined;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** `struct sockaddr` of this end. */
  get name(): Uint8Array {
    if (this.isLocal) return this.unixName ?? UNNAMED;
    const { family } = this.kind;
    return encodeInet(this.inetName ?? anyAddress(family), family);
  }

  /** `struct sockaddr` of the other end. Fails with ENOTCONN. */
  get peerName(): Uint8Array {
    if (!this.isConnected) fail(Errno.ENOTCONN);
    return this.isLocal ? this.peer?.unixName ?? UNNAMED : encodeInet(this.inetPeer!, this.kind.family);
  }

  override get copiesWrites(): boolean {
    return true;
  }

  override status(): FileStatus {
    return makeStatus({ mode: Mode.IFSOCK | 0o777, ino: this.ino, dev: 8 });
  }

  /** Tells an error once. */
  takeError(): number {
    const { error } = this;
    this.error = 0;
    return error;
  }

  /** Receives what has come; undefined if nothing has. */
  receive(target: Uint8Array, peeks: boolean): Received | undefined {
    const { incoming } = this;
    if (incoming === undefined) {
      return fail(this.isLocal && this.kind.type === SocketType.STREAM ? Errno.EINVAL : Errno.ENOTCONN);
    }
    if (!incoming.empty) return incoming.take(target, peeks);
    if (this.error !== 0) fail(this.takeError());
    return incoming.ended || this.#shutRead ? END : undefined;
  }

  override read(target: Uint8Array): number {
    if (target.length === 0) return 0;
    const received = this.receive(target, false);
    if (received === undefined) return WOULD_BLOCK;
    for (const file of received.files ?? []) file.release(); // read(2) has nowhere to put them
    return received.length;
  }

  override write(bytes: Uint8Array, task: Task): number {
    return this.isDatagram ? this.sendTo(this.receiver(), bytes, {}, task) : this.send(bytes, {}, task);
  }

  /** Sends on a connected stream: bytes taken, or `WOULD_BLOCK`. */
  send(bytes: Uint8Array, envelope: Envelope, task: Task): number {
    if (this.error !== 0) fail(this.takeError());
    const { outgoing, peer } = this;
    if (outgoing === undefined) {
      fail(this.isLocal ? Errno.ENOTCONN : Errno.EPIPE);
    }
    if (this.#shutWrite) fail(Errno.EPIPE);
    if (outgoing.abandoned) {
      if (this.isLocal) fail(Errno.EPIPE);
      this.error = Errno.EPIPE; // TCP learns it from what the other end answers to this
      return bytes.length;
    }
    if (bytes.length === 0 && !outgoing.packets) return 0;
    return outgoing.put(bytes, this.#seal(envelope, peer!, task));
  }

  /** Where a datagram goes that has no address. Fails with ENOTCONN or EDESTADDRREQ. */
  receiver(): SocketFile | undefined {
    if (this.isLocal) {
      if (this.peer === undefined) fail(Errno.ENOTCONN);
      if (this.peer.isClosed) fail(Errno.ECONNREFUSED);
      return this.peer;
    }
    return this.table.receiverOf(this, this.inetPeer ?? fail(Errno.EDESTADDRREQ));
  }

  /** Sends a datagram; undefined as receiver: nobody is there. */
  sendTo(receiver: SocketFile | undefined, bytes: Uint8Array, envelope: Envelope, task: Task): number {
    if (this.error !== 0) fail(this.takeError());
    if (this.#shutWrite) fail(Errno.EPIPE);
    if (!this.isLocal && bytes.length > MAX_DATAGRAM) fail(Errno.EMSGSIZE);
    if (receiver === undefined) {
      if (this.inetPeer !== undefined) this.error = Errno.ECONNREFUSED; // as ICMP tells
      return bytes.length;
    }
    const from = this.isLocal
      ? this.unixName
      : encodeInet(sourceOf(this.inetName!, receiver.inetName!), receiver.kind.family);
    const sealed = this.#seal(from === undefined ? envelope : { ...envelope, from }, receiver, task);
    const result = receiver.incoming!.put(bytes, sealed);
    // What does not fit is lost on the way through IP.
    return result === WOULD_BLOCK && !this.isLocal ? bytes.length : result;
  }

  #seal(envelope: Envelope, receiver: SocketFile, task: Task): Envelope {
    let sealed = envelope;
    if (this.isLocal && !this.isDatagram && this.unixName !== undefined) {
      sealed = { ...sealed, from: this.unixName };
    }
    if (sealed.sender !== undefined || !this.isLocal || !receiver.options.passesCredentials) return sealed;
    return { ...sealed, sender: senderOf(task) };
  }

  /** shutdown(2): 0 reading, 1 writing, 2 both. */
  shutdown(how: number): void {
    if (this.backlog !== undefined && !this.isLocal && how !== 1) return this.#stopListening();
    if (!this.isConnected && !(this.isLocal && this.isDatagram)) fail(Errno.ENOTCONN);
    const { peer } = this;
    if (how !== 1) {
      this.#shutRead = true;
      if (this.incoming !== undefined) this.incoming.arrivals++;
      if (this.isLocal && !this.isDatagram) peer?.stopWriting();
    }
    if (how !== 0) this.stopWriting();
  }

  /** Nothing more is written at this end. */
  stopWriting(): void {
    if (this.#shutWrite) return;
    this.#shutWrite = true;
    this.outgoing?.end();
  }

  /** Waits for connections. */
  listen(limit: number): void {
    if (this.backlog === undefined) this.backlog = { limit, sockets: [] };
    else this.backlog.limit = limit;
  }

  #stopListening(): void {
    const waiting = this.backlog?.sockets ?? [];
    this.backlog = undefined;
    this.arrivals++;
    for (const socket of waiting) {
      if (socket.peer !== undefined) socket.peer.error = Errno.ECONNRESET;
      socket.close();
    }
  }

  /** A connection has come. */
  enqueue(socket: SocketFile): void {
    this.backlog!.sockets.push(socket);
    this.arrivals++;
  }

  override changes(): number {
    return this.arrivals + (this.incoming?.arrivals ?? 0);
  }

  override room(): number {
    return this.outgoing?.departures ?? 0;
  }

  override poll(): number {
    const error = this.error === 0 ? 0 : Poll.ERR;
    if (this.backlog !== undefined) return this.backlog.sockets.length > 0 ? Poll.IN | Poll.RDNORM : 0;
    const { incoming, outgoing } = this;
    const arrived = incoming !== undefined && !incoming.empty ? Poll.IN | Poll.RDNORM : 0;
    if (this.isDatagram) {
      const ended = this.#shutRead ? Poll.IN | Poll.RDNORM | Poll.RDHUP : 0;
      const full = this.isLocal && this.peer !== undefined && !this.peer.isClosed && this.peer.incoming!.full;
      return error | arrived | ended | (full ? 0 : Poll.OUT | Poll.WRNORM);
    }
    if (incoming === undefined || outgoing === undefined) {
      const refused = error === 0 ? 0 : Poll.IN | Poll.RDNORM | Poll.RDHUP;
      return error | refused | Poll.OUT | Poll.WRNORM | Poll.HUP;
    }
    const ended = incoming.ended || this.#shutRead;
    let events = error | arrived;
    if (ended) events |= Poll.IN | Poll.RDNORM | Poll.RDHUP;
    if (ended && (this.#shutWrite || (this.isLocal && outgoing.abandoned))) events |= Poll.HUP;
    if (this.#shutWrite || outgoing.abandoned || !outgoing.full) events |= Poll.OUT | Poll.WRNORM;
    return events;
  }

  override ioctl(task: Task, request: number, argument: number): number {
    if (request !== FIONREAD && request !== SIOCOUTQ) return this.#askInterface(task, request, argument);
    if (this.backlog !== undefined) fail(Errno.EINVAL);
    const channel = request === FIONREAD ? this.incoming : this.outgoing;
    task.memory.setI32(argument, channel?.length ?? 0);
    return 0;
  }

  /** What ioctl(2) tells of network interfaces. netdevice(7). */
  #askInterface(task: Task, request: number, argument: number): number {
    const { memory } = task;
    if (request < 0x8900 || request > 0x89ff) return super.ioctl(task, request, argument);
    if (request === SIOCGIFCONF) {
      const list = interfaceList(), room = memory.i32(argument), target = memory.u64(argument + 8);
      const fits = target !== 0 && room >= list.length;
      if (fits) memory.write(target, list);
      memory.setI32(argument, target === 0 || fits ? list.length : 0);
      return 0;
    }
    const ifreq = memory.read(argument, IFREQ);
    const errno = answerInterface(request, ifreq);
    if (errno === undefined) return super.ioctl(task, request, argument);
    if (errno !== 0) fail(errno);
    memory.write(argument, ifreq);
    return 0;
  }

  override close(): void {
    this.#closed = true;
    this.table.forget(this);
    this.#stopListening();
    const { incoming, outgoing, peer } = this;
    if (!this.isDatagram && peer !== undefined && incoming !== undefined && !incoming.empty) {
      peer.error = Errno.ECONNRESET; // what it has sent was not read
    }
    if (outgoing !== undefined && !this.#shutWrite) outgoing.end();
    incoming?.abandon();
  }
}

/** Longest datagram of UDP. */
const MAX_DATAGRAM = 65507;

/** Who a task is, for those it sends to. */
export function senderOf({ group }: Task): Sender {
  const { uid, gid } = group.credentials;
  return { pid: group.pid, uid, gid };
}
