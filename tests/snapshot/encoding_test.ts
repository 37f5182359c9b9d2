import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { xxh32 } from "../../src/snapshot/xxh32.ts";
import { decodeState, encodeState } from "../../src/snapshot/encoding.ts";
import { StateError, type StateValue } from "../../src/snapshot/shape.ts";

const { value } = fc.letrec<{ value: StateValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(undefined),
    fc.boolean(),
    fc.double({ noNaN: true }),
    fc.bigInt(),
    fc.string({ unit: "grapheme" }),
    fc.uint8Array(),
    fc.array(tie("value")),
    fc.dictionary(fc.string(), tie("value"), { noNullPrototype: true }),
  ),
}));

Deno.test("decodeState() gives what encodeState() was given", () => {
  fc.assert(
    fc.property(value, (value) => {
      assertEquals(decodeState(encodeState(value)), value);
    }),
    { seed: 1 },
  );
});

Deno.test("decodeState() refuses every beginning of an encoded value", () => {
  const bytes = encodeState({ a: [1, -2n, "three"], b: new Uint8Array(9), c: true });
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => decodeState(bytes.slice(0, length)), StateError);
  }
  assertThrows(() => decodeState(new Uint8Array([...bytes, 0])), StateError, "behind its end");
});

Deno.test("decodeState() gives a value or a StateError for any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeState(bytes);
      } catch (error) {
        assert(error instanceof StateError, String(error));
      }
    }),
    { seed: 1, numRuns: 1000 },
  );
});

Deno.test("decodeState() refuses values nested without end", () => {
  // A list of one list of one list.
  const bytes = new Uint8Array(500).map((_, n) => n % 5 === 0 ? 8 : n % 5 === 1 ? 1 : 0);
  assertThrows(() => decodeState(bytes), StateError, "nested too deeply");
});

Deno.test("xxh32() is the hash of the specification's name", () => {
  const of = (text: string): number => xxh32(new TextEncoder().encode(text));
  assertEquals(of(""), 0x02cc_5d05);
  assertEquals(of("abc"), 0x32d1_53ff);
  assertEquals(of("123456789"), 0x937b_ad67);
  assertEquals(of("Nobody inspects the spammish repetition"), 0xe229_3b2f);
});
