import { assert, assertEquals } from "@std/assert";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { LoopbackConnector } from "../../src/cli/host_connections.ts";
import type { HostPeer } from "../../src/machine/net/host_connector.ts";

/** A peer that writes down what it is told, and waits for it. */
function peer() {
  const log: string[] = [];
  let wake = (): void => {};
  const told = (what: string): void => {
    log.push(what);
    wake();
  };
  const self: HostPeer = {
    opened: () => told("opened"),
    received: (bytes) => told(new TextDecoder().decode(bytes)),
    drained: () => told("drained"),
    ended: () => told("ended"),
    failed: () => told("failed"),
  };
  const until = async (what: string): Promise<void> => {
    while (!log.includes(what)) await new Promise<void>((resolve) => wake = resolve);
  };
  return { self, log, until };
}

/** Calls `body` with a connector to a server of this process, which handles its sockets so. */
async function withServer(
  handle: (socket: Socket) => void,
  body: (hosts: LoopbackConnector) => Promise<void>,
) {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body(new LoopbackConnector([[80, (server.address() as AddressInfo).port]]));
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

Deno.test("LoopbackConnector connects to the port that is listed for the guest's, and carries bytes and ends", async () => {
  await withServer((socket) => socket.pipe(socket), async (hosts) => {
    const { self, log, until } = peer(), connection = hosts.connect(80, self)!;
    assert(hosts.isWaiting);
    await until("opened");
    connection.send(new TextEncoder().encode("hello"));
    await until("hello");
    connection.end();
    await until("ended");
    assertEquals([log, connection.unsent], [["opened", "hello", "ended"], 0]);
    connection.close();
    assertEquals(hosts.isWaiting, false);
  });
});

Deno.test("LoopbackConnector connects to no port that is not listed", () => {
  const { self, log } = peer(), hosts = new LoopbackConnector([[80, 8080]]);
  for (const port of [0, 79, 81, 8080, 0xffff]) assertEquals(hosts.connect(port, self), undefined);
  assertEquals([log, hosts.isWaiting], [[], false]);
});

Deno.test("LoopbackConnector tells of ports where nobody listens, and of connections that break", async () => {
  let port = 0;
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  port = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  const refused = peer(), hosts = new LoopbackConnector([[80, port]]);
  hosts.connect(80, refused.self);
  await refused.until("failed");
  assertEquals([refused.log, hosts.isWaiting], [["failed"], false]);
  await withServer((socket) => void socket.once("data", () => socket.resetAndDestroy()), async (others) => {
    const broken = peer(), connection = others.connect(80, broken.self)!;
    await broken.until("opened");
    connection.send(Uint8Array.of(1));
    await broken.until("failed");
    assertEquals(others.isWaiting, false);
  });
});

Deno.test("LoopbackConnector tells its peer nothing after close()", async () => {
  await withServer((socket) => void socket.end("late"), async (hosts) => {
    const { self, log } = peer();
    hosts.connect(80, self)!.close();
    assertEquals(hosts.isWaiting, false);
    const other = peer(), connection = hosts.connect(80, other.self)!;
    await other.until("late");
    connection.close();
    assertEquals(log, []);
  });
});
