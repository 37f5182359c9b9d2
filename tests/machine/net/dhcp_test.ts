import { assert, assertEquals } from "@std/assert";
import { Address, parseAddress } from "../../../src/machine/net/addresses.ts";
import { digits, guest, hex } from "./_guest.ts";

const { GATEWAY, GUEST, BROADCAST } = Address;
const SERVER = 67, CLIENT = 68;

/** A message of a client: RFC 2131, section 2; `options` in hexadecimal digits, `client` the address that it has. */
function message(options: string, { client = 0, operation = 1, cookie = "63825363" } = {}): Uint8Array {
  const bytes = new Uint8Array(300), view = new DataView(bytes.buffer);
  bytes.set([operation, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
  view.setUint32(12, client);
  bytes.set(hex("525400123456"), 28);
  bytes.set(hex(cookie + options), 236);
  return bytes;
}

/** Options of an answer, by their numbers. */
function options(answer: Uint8Array): Record<number, string> {
  const found: Record<number, string> = {};
  for (let at = 240; answer[at] !== 255; at += 2 + answer[at + 1]!) {
    found[answer[at]!] = digits(answer.subarray(at + 2, at + 2 + answer[at + 1]!));
  }
  return found;
}

const ALL = { 1: "ffffff00", 3: "0a000202", 6: "0a000203", 51: "00015180", 54: "0a000202" };
/** RFC 2131, section 4.3: what a client sends, and the type of the answer, the address in it and its options. */
const ROWS = [
  { name: "DISCOVER", sends: "350101", type: 2, address: GUEST, has: ALL },
  {
    name: "REQUEST of the address",
    sends: "350103 32040a00020f 36040a000202",
    type: 5,
    address: GUEST,
    has: ALL,
  },
  { name: "REQUEST that renews", sends: "350103", client: GUEST, type: 5, address: GUEST, has: ALL },
  {
    name: "REQUEST of another address",
    sends: "350103 3204c0a80001",
    type: 6,
    address: 0,
    has: { 54: "0a000202" },
  },
  { name: "REQUEST of nothing", sends: "350103", type: 6, address: 0, has: { 54: "0a000202" } },
  {
    name: "INFORM",
    sends: "350108",
    client: GUEST,
    type: 5,
    address: 0,
    has: { 1: "ffffff00", 3: "0a000202", 6: "0a000203", 54: "0a000202" },
  },
] as const;
for (const row of ROWS) {
  Deno.test(`UserNetwork answers DHCP's ${row.name} (RFC 2131, section 4.3)`, () => {
    const { ask } = guest(), client = "client" in row ? row.client : 0;
    const { answers, from } = ask(BROADCAST, SERVER, message(`${row.sends} 00 37020103 ff`, { client }), 0);
    const [{ sourcePort, destinationPort, payload }] = answers as [typeof answers[0] & object];
    assertEquals([answers.length, from, sourcePort, destinationPort], [1, [GATEWAY], SERVER, CLIENT]);
    assertEquals([payload[0], digits(payload.subarray(4, 8)), digits(payload.subarray(28, 34))], [
      2,
      "deadbeef",
      "525400123456",
    ]);
    assertEquals(new DataView(payload.buffer, payload.byteOffset).getUint32(16), row.address);
    assertEquals(options(payload), { ...row.has, 53: `0${row.type}` });
    assert(payload.length >= 300, "old clients take no shorter message");
  });
}

/** What is not for this server, or no message. */
const SILENT: Readonly<Record<string, Uint8Array>> = {
  "REQUEST to another server": message("350103 32040a00020f 36040a000204 ff"),
  RELEASE: message("350107 ff"),
  "no type": message("ff"),
  "options that never end": message("").fill(1, 240),
  "a length behind the end": message("").fill(0xfe, 240),
  "another cookie": message("350101 ff", { cookie: "00000000" }),
  "a reply": message("350101 ff", { operation: 2 }),
  "a short message": message("350101 ff").subarray(0, 239),
};
for (const [name, sent] of Object.entries(SILENT)) {
  Deno.test(`UserNetwork gives DHCP no answer: ${name}`, () => {
    const { ask } = guest();
    assertEquals(ask(BROADCAST, SERVER, sent, 0), { answers: [], notes: [], from: [] });
  });
}

Deno.test("UserNetwork answers DHCP at the gateway itself, and nowhere else", () => {
  const { ask } = guest(), discover = message("350101 ff");
  assertEquals(ask(GATEWAY, SERVER, discover).answers.length, 1);
  assertEquals(ask(parseAddress("10.0.2.3"), SERVER, discover).answers.length, 0);
});
