import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  bytesOfText,
  framePacket,
  type Incoming,
  PACKET_BYTES,
  PacketReader,
  textOfBytes,
} from "../../../src/machine/debug/packets.ts";

const read = (text: string): readonly Incoming[] => new PacketReader().read(bytesOfText(text));

Deno.test("PacketReader.read() finds packets, acknowledgements and Ctrl-C", () => {
  assertEquals(read("+$m0,4#fd-\x03"), [
    { kind: "acknowledged" },
    { kind: "packet", data: bytesOfText("m0,4") },
    { kind: "repeat" },
    { kind: "interrupt" },
  ]);
});

Deno.test("PacketReader.read() refuses wrong checksums and what is too long", () => {
  assertEquals(read("$m0,4#fe"), [{ kind: "damaged" }]);
  assertEquals(read("$m0,4#zz"), [{ kind: "damaged" }]);
  assertEquals(read(`$${"0".repeat(3 * PACKET_BYTES)}#00`), [{ kind: "damaged" }]);
});

Deno.test("PacketReader.read() begins anew with a packet that another one cuts off", () => {
  assertEquals(read("$m0,$g#67"), [{ kind: "packet", data: bytesOfText("g") }]);
});

Deno.test("framePacket() escapes what the protocol uses itself", () => {
  assertEquals(textOfBytes(framePacket(bytesOfText("a#b"))), "$a}\x03b#43");
});

Deno.test("PacketReader.read() gives back what framePacket() has made, in pieces of any size", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (data, size) => {
    const reader = new PacketReader(), framed = framePacket(data), found: Incoming[] = [];
    for (let at = 0; at < framed.length; at += size) {
      found.push(...reader.read(framed.subarray(at, at + size)));
    }
    assertEquals(found, [{ kind: "packet", data: new Uint8Array(data) }]);
  }));
});

Deno.test("PacketReader.read() takes any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    assert(Array.isArray(new PacketReader().read(bytes)));
  }));
});
