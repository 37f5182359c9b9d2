import { assert, assertEquals } from "@std/assert";
import { Address, parseAddress } from "../../../src/machine/net/addresses.ts";
import { TcpFlag } from "../../../src/machine/net/tcp_segment.ts";
import { bytes, guest, ScriptedHost, tcp, text } from "./_guest.ts";

const { FIN, SYN, RST, PSH, ACK } = TcpFlag;
const PORT = 80, SECOND = 1e9;

/** A guest with a connection that is open. */
function opened() {
  const host = new ScriptedHost(PORT), self = guest(host), end = tcp(self, PORT);
  end.open();
  const [connection] = host.connections;
  return { host, self, end, connection: connection! };
}
const flags = (segments: readonly { flags: number }[]): number[] => segments.map(({ flags }) => flags);

Deno.test("TcpFlow answers a SYN when the host has connected, and not before (RFC 9293, section 3.5)", () => {
  const host = new ScriptedHost(PORT, false), self = guest(host), { send, segments, state } = tcp(self, PORT);
  assertEquals(send(SYN, "", { segmentSize: 1460 }), []);
  assertEquals(send(SYN), [], "the guest tries again");
  assertEquals([host.connections.length, self.told.connected, self.told.arrived], [1, 1, 0]);
  host.connections[0]!.peer.opened();
  const [answer, ...rest] = segments();
  assertEquals([answer!.flags, answer!.acknowledgment, answer!.segmentSize, answer!.window], [
    SYN | ACK,
    state.next + 1,
    1460,
    0xffff,
  ]);
  assertEquals([rest.length, self.told.arrived], [0, 1]);
});

Deno.test("TcpFlow carries data both ways, in segments of the guest's size", () => {
  const host = new ScriptedHost(PORT), self = guest(host), end = tcp(self, PORT);
  end.open({ segmentSize: 100 });
  const [{ peer, sent }] = host.connections as [typeof host.connections[0] & object];
  assertEquals(flags(end.send(ACK | PSH, "GET /")), [ACK]);
  assertEquals(sent, ["GET /"]);
  peer.received(bytes("x".repeat(250)));
  const came = end.segments();
  assertEquals(came.map(({ payload, flags }) => [payload.length, flags]), [[100, ACK], [100, ACK], [
    50,
    ACK | PSH,
  ]]);
  assertEquals(came.map(({ sequence }) => sequence - came[0]!.sequence), [0, 100, 200]);
  assert(came.every(({ acknowledgment }) => acknowledgment === end.state.next + 5));
});

/** Section 3.10.7.4: segments that are not what is expected, at an offset from it, and what the host gets of them. */
const ORDER = [
  { name: "in order", offset: 0, data: "abc", sent: ["abc"], acknowledged: 3 },
  { name: "that was there", offset: -3, data: "xyz", sent: [], acknowledged: 0 },
  { name: "half of which was there", offset: -2, data: "xyabc", sent: ["abc"], acknowledged: 3 },
  { name: "behind a gap", offset: 1, data: "bc", sent: [], acknowledged: 0 },
  { name: "that keeps it alive", offset: -1, data: "", sent: [], acknowledged: 0 },
] as const;
for (const { name, offset, data, sent, acknowledged } of ORDER) {
  Deno.test(`TcpFlow acknowledges a segment ${name} (RFC 9293, section 3.10.7.4)`, () => {
    const { end, connection } = opened(), expected = end.state.next;
    const [answer, ...rest] = end.send(ACK, data, { sequence: expected + offset });
    assertEquals([answer!.acknowledgment - expected, rest.length, connection.sent], [acknowledged, 0, [
      ...sent,
    ]]);
  });
}

Deno.test("TcpFlow closes when both have ended, whoever does first (RFC 9293, section 3.6)", () => {
  const first = opened();
  assertEquals(flags(first.end.send(FIN | ACK, "bye")), [ACK]);
  assertEquals([first.connection.sent, first.connection.log], [["bye"], ["end"]]);
  first.end.state.next += 4;
  first.connection.peer.received(bytes("and you"));
  first.connection.peer.ended();
  const [data, fin] = first.end.segments();
  assertEquals([text(data!.payload), fin!.flags], ["and you", FIN | ACK]);
  first.end.state.expected = fin!.sequence + 1;
  assertEquals(first.end.send(ACK), []);
  assertEquals(first.connection.log, ["end", "close"]);
  assertEquals(flags(first.end.send(ACK)), [RST], "it is not there any more");

  const second = opened();
  second.connection.peer.ended();
  second.end.state.expected = second.end.segments()[0]!.sequence + 1;
  assertEquals(second.end.send(ACK, "still here").map(({ acknowledgment }) => acknowledgment), [1011]);
  second.end.state.next += 10;
  assertEquals(flags(second.end.send(FIN | ACK)), [ACK]);
  assertEquals([second.connection.sent, second.connection.log], [["still here"], ["end", "close"]]);
});

Deno.test("UserNetwork refuses ports that are not listed, and everything without a host (RFC 9293, section 3.10.7.1)", () => {
  const host = new ScriptedHost(PORT);
  for (
    const [to, port, with_] of [[Address.GATEWAY, 81, host], [Address.NAME_SERVER, PORT, host], [
      Address.GATEWAY,
      PORT,
    ]] as const
  ) {
    const [answer, ...rest] = tcp(guest(with_), port).send(SYN, "", {}, to);
    assertEquals([answer!.flags, answer!.acknowledgment, answer!.sequence, rest.length], [
      RST | ACK,
      1001,
      0,
      0,
    ]);
  }
  assertEquals(host.connections, []);
  const stray = tcp(guest(host), PORT).send(ACK, "x", { acknowledgment: 77 });
  assertEquals(stray.map(({ flags, sequence }) => [flags, sequence]), [[RST, 77]]);
  assertEquals(tcp(guest(host), PORT).send(RST), []);
  assertEquals(tcp(guest(host), PORT).send(SYN, "", {}, parseAddress("10.0.2.9")), []);
});

Deno.test("TcpFlow tells the guest that the host refused, or broke off", () => {
  const host = new ScriptedHost(PORT, false), end = tcp(guest(host), PORT);
  end.send(SYN);
  host.connections[0]!.peer.failed();
  assertEquals(end.segments().map(({ flags, acknowledgment }) => [flags, acknowledgment]), [[
    RST | ACK,
    1001,
  ]]);
  const open = opened();
  open.connection.peer.failed();
  assertEquals(open.end.segments().map(({ flags, sequence }) => [flags, sequence]), [[
    RST | ACK,
    open.end.state.expected,
  ]]);
  assertEquals(open.host.connections.length, 1);
});

Deno.test("TcpFlow takes a reset in order, and no other (RFC 9293, section 3.10.7.4)", () => {
  const { end, connection } = opened();
  end.send(RST, "", { sequence: end.state.next + 1 });
  assertEquals(connection.log, []);
  end.send(RST);
  assertEquals(connection.log, ["close"]);
});

Deno.test("TcpFlow sends no more than the guest's window, and the rest when it opens", () => {
  const { end, connection } = opened(), start = end.state.expected;
  end.send(ACK, "", { window: 10 });
  connection.peer.received(bytes("0123456789abcdef"));
  assertEquals(end.segments().map(({ payload }) => text(payload)), ["0123456789"]);
  end.state.expected = start + 10;
  assertEquals(end.send(ACK, "", { window: 0 }), []);
  assertEquals(end.send(ACK, "", { window: 4 }).map(({ payload }) => text(payload)), ["abcd"]);
});

Deno.test("TcpFlow probes a window that stays closed, as long as the guest answers (RFC 9293, section 3.8.6.1)", () => {
  const { end, connection, self } = opened();
  end.send(ACK, "", { window: 0 });
  connection.peer.received(bytes("abc"));
  assertEquals(end.segments(), []);
  for (let n = 0; n < 20; n++) {
    assert(self.network.nextEvent() < Infinity);
    self.clock.now = self.network.nextEvent();
    self.network.advance(self.clock.now);
    assertEquals(end.segments().map(({ payload }) => text(payload)), ["a"]);
    end.send(ACK, "", { window: 0 });
  }
  assertEquals(connection.log, []);
});

Deno.test("TcpFlow sends again what is not acknowledged, ever later, and then gives up", () => {
  const { end, connection, self } = opened();
  connection.peer.received(bytes("abc"));
  assertEquals(end.segments().length, 1);
  const waits: number[] = [];
  for (let before = 0; self.network.nextEvent() < Infinity; before = self.clock.now) {
    self.clock.now = self.network.nextEvent();
    waits.push((self.clock.now - before) / SECOND);
    self.network.advance(self.clock.now);
    const [again] = end.segments();
    if (waits.length <= 8) assertEquals(text(again!.payload), "abc");
    else assertEquals(again!.flags, RST | ACK);
  }
  assertEquals(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256]);
  assertEquals(connection.log, ["close"]);
});

Deno.test("TcpFlow sends its SYN again, and takes what is acknowledged only then", () => {
  const host = new ScriptedHost(PORT), self = guest(host), end = tcp(self, PORT);
  const [first] = end.send(SYN);
  self.clock.now = SECOND;
  self.network.advance(SECOND);
  const [again] = end.segments();
  assertEquals([again!.flags, again!.sequence], [SYN | ACK, first!.sequence]);
  assertEquals(end.send(SYN).map(({ flags }) => flags), [SYN | ACK]);
  end.state.next++;
  assertEquals(
    flags(end.send(ACK, "x", { acknowledgment: first!.sequence + 2 })),
    [ACK],
    "of what was never sent",
  );
  assertEquals(host.connections[0]!.sent, []);
  end.send(ACK, "x", { acknowledgment: first!.sequence + 1 });
  assertEquals([host.connections[0]!.sent, self.network.nextEvent()], [["x"], Infinity]);
});

Deno.test("TcpFlow goes on where the guest is after data were sent again", () => {
  const { end, connection, self } = opened(), start = end.state.expected;
  connection.peer.received(bytes("x".repeat(3000)));
  end.segments();
  self.clock.now = SECOND;
  self.network.advance(SECOND);
  end.segments();
  end.state.expected = start + 3000;
  assertEquals(end.send(ACK), []);
  connection.peer.received(bytes("y"));
  assertEquals(end.segments().map(({ sequence }) => sequence), [start + 3000]);
});

Deno.test("TcpFlow tells a window of what the host has not taken, and when it opens again", () => {
  const { end, connection } = opened();
  connection.unsent = 0xffff - 3;
  const [answer] = end.send(ACK, "abc");
  assertEquals([answer!.window, answer!.acknowledgment], [3, 1004]);
  end.state.next += 3;
  const [half] = end.send(ACK, "defgh");
  assertEquals([half!.acknowledgment, connection.sent], [1007, ["abc", "def"]]);
  connection.unsent = 0;
  connection.peer.drained();
  assertEquals(end.segments().map(({ window }) => window), [0xffff]);
  connection.peer.drained();
  assertEquals(end.segments(), []);
});

Deno.test("TcpFlow holds the host while the guest takes nothing", () => {
  const { end, connection } = opened();
  let { expected } = end.state;
  for (let n = 0; n < 9; n++) connection.peer.received(new Uint8Array(0x8000));
  assertEquals(connection.log, ["hold"]);
  for (let n = 0; n < 100; n++) {
    const last = end.segments().at(-1);
    if (last !== undefined) expected = last.sequence + last.payload.length;
    end.state.expected = expected;
    const more = end.send(ACK).at(-1);
    if (more !== undefined) expected = more.sequence + more.payload.length;
  }
  assertEquals([connection.log, expected - end.state.expected], [["hold", "flow"], 0]);
});

Deno.test("UserNetwork keeps connections apart by port, and no more than 256 of them", () => {
  const host = new ScriptedHost(PORT), self = guest(host);
  for (let port = 1000; port < 1256; port++) tcp(self, PORT, port).open();
  assertEquals(host.connections.length, 256);
  assertEquals(new Set(host.connections.map(({ peer }) => peer)).size, 256);
  assertEquals(flags(tcp(self, PORT, 2000).send(SYN)), [RST | ACK]);
});

Deno.test("UserNetwork's snapshot has its connections, which are broken for the guest that goes on", () => {
  const { self, end, host } = opened();
  end.send(ACK, "abc");
  host.isWaiting = true;
  assert(self.network.isWaiting);
  const resumed = guest(new ScriptedHost(PORT)), { shape } = self.network.stateFormat;
  resumed.network.loadState(shape.check(self.network.saveState(), "network"));
  assertEquals(resumed.network.saveState(), self.network.saveState());
  assertEquals(resumed.frames, []);
  assertEquals(resumed.network.nextEvent(), 0);
  resumed.network.advance(0);
  const same = tcp(resumed, PORT);
  const [reset, ...rest] = same.segments();
  assertEquals([reset!.flags, reset!.sequence, reset!.acknowledgment, rest.length], [
    RST | ACK,
    end.state.expected,
    end.state.next + 3,
    0,
  ]);
  assertEquals([resumed.network.nextEvent(), resumed.network.isWaiting], [Infinity, false]);
});
