import { assert, assertEquals } from "@std/assert";
import { fuzzCode } from "./code.ts";

const BUFFERS = 3000;

Deno.test(`${BUFFERS} buffers of random code run without an exception of the host, the same in every engine`, () => {
  const counts = fuzzCode(BUFFERS, 2);
  assertEquals(counts.buffers, BUFFERS);
  assert(counts.instructions > BUFFERS, JSON.stringify(counts));
});
