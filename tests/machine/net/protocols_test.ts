import { assert, assertEquals, assertThrows } from "@std/assert";
import { Address, parseAddress } from "../../../src/machine/net/addresses.ts";
import { checksum } from "../../../src/machine/net/checksum.ts";
import { readPacket } from "../../../src/machine/net/ipv4.ts";
import { readSegment } from "../../../src/machine/net/tcp_segment.ts";
import { readDatagram } from "../../../src/machine/net/udp.ts";
import { digits, guest, hex } from "./_guest.ts";

const { GATEWAY, NAME_SERVER, GUEST, BROADCAST } = Address;
const ANOTHER = parseAddress("10.0.2.9"), OUTSIDE = parseAddress("1.1.1.1");

Deno.test("checksum() sums as the example of RFC 1071, section 3, does", () => {
  assertEquals(checksum(hex("0001 f203 f4f5 f6f7")), 0xffff ^ 0xddf2);
  assertEquals(checksum(hex("0001 f203"), hex("f4f5 f6f7")), 0xffff ^ 0xddf2);
  assertEquals(checksum(hex("01")), 0xfeff);
});

Deno.test("parseAddress() takes four numbers up to 255", () => {
  assertEquals(parseAddress("10.0.2.2"), 0x0a00_0202);
  assertEquals(parseAddress("255.255.255.255"), 0xffff_ffff);
  for (
    const text of ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.x", "1.2.3.-4", " 1.2.3.4", "0x1.2.3.4"]
  ) {
    assertThrows(() => parseAddress(text), RangeError);
  }
});

/** RFC 826: who is asked for, and who answers. */
const ARP = [
  { asked: "0a000202", answers: true },
  { asked: "0a000203", answers: true },
  { asked: "0a00020f", answers: false },
  { asked: "01010101", answers: false },
] as const;
for (const { asked, answers } of ARP) {
  Deno.test(`UserNetwork answers ARP for ${asked}: ${answers}`, () => {
    const { network, frames } = guest();
    const request = `ffffffffffff 525400123456 0806 0001 0800 06 04 0001 525400123456 0a00020f 000000000000`;
    network.receive(hex(`${request} ${asked}`));
    const reply =
      `525400123456 525500000202 0806 0001 0800 06 04 0002 525500000202 ${asked} 525400123456 0a00020f`;
    const expected = reply.replaceAll(" ", "").replaceAll("525500000202", "52550a000202");
    assertEquals(frames.map(digits), answers ? [expected] : []);
  });
}

Deno.test("UserNetwork answers echo requests to gateway and name server, with their data", () => {
  for (const to of [GATEWAY, NAME_SERVER]) {
    const { send, packets } = guest(), request = hex("0800 0000 1234 0001 61626364 65");
    new DataView(request.buffer).setUint16(2, checksum(request));
    send({ protocol: 1, source: GUEST, destination: to, payload: request });
    const [reply, ...rest] = packets();
    assertEquals([reply!.source, reply!.destination, rest.length], [to, GUEST, 0]);
    assertEquals([digits(reply!.payload.subarray(0, 2)), digits(reply!.payload.subarray(4))], [
      "0000",
      "12340001616263646500".slice(0, 18),
    ]);
    assertEquals(checksum(reply!.payload), 0);
  }
});

Deno.test("UserNetwork says what is unreachable: ports of its own, and everybody else (RFC 1812, section 5.2.7.1)", () => {
  const { ask, send, packets } = guest();
  assertEquals(ask(GATEWAY, 9, hex("00")).notes, [[3, 3]]);
  assertEquals(ask(GATEWAY, 53, hex("00")).notes, [[3, 3]]);
  assertEquals(ask(ANOTHER, 9, hex("00")).notes, [[3, 13]]);
  assertEquals(ask(OUTSIDE, 53, hex("00")).notes, [[3, 13]]);
  assertEquals(ask(BROADCAST, 9, hex("00")).notes, []);
  assertEquals(ask(parseAddress("10.0.2.255"), 9, hex("00")).notes, []);
  assertEquals(ask(parseAddress("224.0.0.251"), 9, hex("00")).notes, []);
  // A note about a note would be answered by another one.
  send({ protocol: 1, source: GUEST, destination: OUTSIDE, payload: hex("0303 fcfc 00000000") });
  assertEquals(packets(), []);
});

/** A packet of IPv4 with a header whose checksum is right unless the row changes it. */
function packet(change: (view: DataView) => void, sums = true): Uint8Array {
  const frame = hex("4500 0020 0000 4000 4011 0000 0a00020f 0a000202 0400 0009 000c 0000 61626364");
  const view = new DataView(frame.buffer);
  change(view);
  if (sums) view.setUint16(10, checksum(frame.subarray(0, 20)));
  return frame;
}
const PACKETS: readonly (readonly [string, Uint8Array, boolean])[] = [
  ["a datagram", packet(() => {}), true],
  ["with bytes of the frame behind it", Uint8Array.of(...packet(() => {}), 0, 0, 0), true],
  ["of version 6", packet((view) => view.setUint8(0, 0x65)), false],
  ["with a header of 16 bytes", packet((view) => view.setUint8(0, 0x44)), false],
  ["with a header longer than it", packet((view) => view.setUint8(0, 0x4f)), false],
  ["longer than its frame", packet((view) => view.setUint16(2, 33)), false],
  ["shorter than its header", packet((view) => view.setUint16(2, 19)), false],
  ["of a wrong checksum", packet((view) => view.setUint16(10, 1), false), false],
  ["a first fragment", packet((view) => view.setUint16(6, 0x2000)), false],
  ["a last fragment", packet((view) => view.setUint16(6, 1)), false],
  ["cut off", packet(() => {}).subarray(0, 19), false],
];
for (const [name, frame, isOne] of PACKETS) {
  Deno.test(`readPacket() takes a packet ${name}: ${isOne} (RFC 791)`, () => {
    const read = readPacket(frame);
    assertEquals(read !== undefined, isOne);
    if (read !== undefined) assertEquals(readDatagram(read)?.destinationPort, 9);
  });
}

Deno.test("readDatagram() and readSegment() take nothing that is damaged or cut off", () => {
  const from = { source: GUEST, destination: GATEWAY };
  for (
    const payload of ["", "04000009000c", "0400 0009 0007 0000", "0400 0009 00ff 0000", "0400 0009 0008 0001"]
  ) {
    assertEquals(readDatagram({ ...from, protocol: 17, payload: hex(payload) }), undefined);
  }
  const segment = "0400 0009 00000000 00000000";
  for (
    const payload of [
      "",
      `${segment} 4002 0000 0000 0000`,
      `${segment} f002 0000 0000 0000`,
      `${segment} 5002 0 0`,
    ]
  ) {
    assertEquals(readSegment({ ...from, protocol: 6, payload: hex(payload) }), undefined);
  }
});

Deno.test("UserNetwork takes random frames without an answer to what is damaged, or an exception", () => {
  const { network, frames } = guest();
  let seed = 1;
  const random = (): number => (seed = Math.imul(seed, 1_103_515_245) + 12_345) >>> 16;
  for (let n = 0; n < 20_000; n++) {
    const frame = packetFrame();
    for (let changes = random() % 4; changes > 0; changes--) frame[random() % frame.length] = random() & 0xff;
    network.receive(frame.subarray(0, random() % 3 === 0 ? random() % frame.length : frame.length));
  }
  assert(frames.length > 0);
});

function packetFrame(): Uint8Array {
  return Uint8Array.of(...hex("52550a000202 525400123456 0800"), ...packet(() => {}));
}
