import { assertEquals } from "@std/assert";
import { Address } from "../../../src/machine/net/addresses.ts";
import { digits, guest, hex } from "./_guest.ts";

const WEB = "03776562 07 6578616d706c65 00", NAMES = { "web.example": 0x0a00_0202, a: 0xc0a8_0001 };
const head = (flags: string, counts = "0001 0000 0000 0000"): string => `beef ${flags} ${counts}`;
const question = (name: string, type = "0001", netClass = "0001"): string => `${name} ${type} ${netClass}`;

/** RFC 1035, section 4: queries and their answers. */
const ROWS = [
  {
    name: "an address",
    query: `${head("0100")} ${question(WEB)}`,
    answer: `${head("8580", "0001 0001 0000 0000")} ${question(WEB)} c00c 0001 0001 0000003c 0004 0a000202`,
  },
  {
    name: "an address, in capitals",
    query: `${head("0000")} ${question("0141 00")}`,
    answer: `${head("8480", "0001 0001 0000 0000")} ${
      question("0141 00")
    } c00c 0001 0001 0000003c 0004 c0a80001`,
  },
  {
    name: "anything of a name, with a record of EDNS behind it",
    query: `${head("0100", "0001 0000 0000 0001")} ${question("0161 00", "00ff")} 00 0029 1000 00000000 0000`,
    answer: `${head("8580", "0001 0001 0000 0000")} ${
      question("0161 00", "00ff")
    } c00c 0001 0001 0000003c 0004 c0a80001`,
  },
  {
    name: "an address of IPv6, which a known name has not",
    query: `${head("0100")} ${question(WEB, "001c")}`,
    answer: `${head("8580")} ${question(WEB, "001c")}`,
  },
  {
    name: "another name",
    query: `${head("0100")} ${question("0162 00")}`,
    answer: `${head("8583")} ${question("0162 00")}`,
  },
  {
    name: "a known name in another class",
    query: `${head("0100")} ${question("0161 00", "0001", "0003")}`,
    answer: `${head("8583")} ${question("0161 00", "0001", "0003")}`,
  },
  {
    name: "an update",
    query: `${head("2800")} ${question(WEB)}`,
    answer: head("ac84", "0000 0000 0000 0000"),
  },
  {
    name: "two questions",
    query: head("0100", "0002 0000 0000 0000"),
    answer: head("8581", "0000 0000 0000 0000"),
  },
  { name: "a name cut off", query: `${head("0100")} 0377`, answer: head("8581", "0000 0000 0000 0000") },
  { name: "a name without end", query: `${head("0100")} 0161`, answer: head("8581", "0000 0000 0000 0000") },
  {
    name: "a pointer to itself",
    query: `${head("0100")} c00c 0001 0001`,
    answer: head("8581", "0000 0000 0000 0000"),
  },
  { name: "no class", query: `${head("0100")} 0161 00 0001`, answer: head("8581", "0000 0000 0000 0000") },
  { name: "a response", query: `${head("8100")} ${question(WEB)}`, answer: undefined },
  { name: "a head cut off", query: "beef 0100 0001", answer: undefined },
] as const;
for (const { name, query, answer } of ROWS) {
  Deno.test(`UserNetwork answers the name server's question for ${name} (RFC 1035, section 4)`, () => {
    const { ask } = guest(undefined, NAMES);
    const { answers, from } = ask(Address.NAME_SERVER, 53, hex(query));
    assertEquals(
      answers.map(({ payload }) => digits(payload)),
      answer === undefined ? [] : [digits(hex(answer))],
    );
    assertEquals(from, answer === undefined ? [] : [Address.NAME_SERVER]);
    assertEquals(
      answers.every(({ sourcePort, destinationPort }) => sourcePort === 53 && destinationPort === 1234),
      true,
    );
  });
}
