import { assert, assertEquals, assertThrows } from "@std/assert";
import { connectorOption, NET_NAME, NET_PORT, networkOption } from "../../../src/cli/boot/network.ts";
import { causeway } from "../command_line.ts";

/** What the values of --net-port and --net-name mean; undefined: bad usage. */
const PORTS = [
  ["80", [80, 80]],
  ["80:8080", [80, 8080]],
  ["65535", [65535, 65535]],
  ["0", undefined],
  ["65536", undefined],
  ["80:0", undefined],
  ["80:81:82", undefined],
  ["http", undefined],
  ["", undefined],
] as const;
for (const [text, ports] of PORTS) {
  Deno.test(`--net-port ${text} lists ${ports?.join() ?? "nothing"}`, () => {
    if (ports === undefined) assertThrows(() => NET_PORT.parse(text), RangeError);
    else assertEquals(NET_PORT.parse(text), ports);
  });
}
const NAMES = [
  ["web", ["web", "10.0.2.2"]],
  ["Web.example=192.168.0.1", ["Web.example", "192.168.0.1"]],
  ["", undefined],
  ["a..b", undefined],
  ["a b", undefined],
  ["a=1.2.3", undefined],
  ["a=1.2.3.4=5", undefined],
  [`${"a".repeat(64)}`, undefined],
] as const;
for (const [text, name] of NAMES) {
  Deno.test(`--net-name ${text} names ${name?.join() ?? "nothing"}`, () => {
    if (name === undefined) assertThrows(() => NET_NAME.parse(text), RangeError);
    else assertEquals(NET_NAME.parse(text), name);
  });
}

Deno.test("networkOption() and connectorOption() make what is asked for", () => {
  const none = { net: false, "net-port": [], "net-name": [] } as const;
  assertEquals([networkOption(none), connectorOption(none, false)], [false, undefined]);
  const all = { net: true, "net-port": [[80, 8080]], "net-name": [["web", "10.0.2.2"]] } as const;
  assertEquals(networkOption(all), { names: { web: "10.0.2.2" } });
  assert(connectorOption(all, true) !== undefined && connectorOption(all, undefined) !== undefined);
});

/** A kernel that there is, so that only the options are wrong. */
const KERNEL = "src/guests/echo/echo.elf";
const BAD: readonly (readonly [args: readonly string[], says: string])[] = [
  [["--kernel", KERNEL, "--net-name", "web"], "--net-name needs --net"],
  [["--kernel", KERNEL, "--net-port", "80"], "--net-port needs --net"],
  [["--load", "s", "--net"], "--load takes no --net"],
  [["--kernel", KERNEL, "--net", "--net-port", "0"], "--net-port 0: must be ports"],
];
for (const [args, says] of BAD) {
  Deno.test(`boot ${args.slice(2).join(" ")} is bad usage where ${args[0]} is given`, () => {
    const { code, stderr } = causeway(["boot", ...args]);
    assertEquals(code, 2);
    assert(stderr.includes(says), stderr);
  });
}
