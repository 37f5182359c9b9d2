import { assertEquals } from "@std/assert";
import { ByteQueue } from "../../../src/machine/devices/byte_queue.ts";

Deno.test("ByteQueue gives bytes in the order in which they came, however many wait", () => {
  const queue = new ByteQueue();
  let put = 0, taken = 0;
  for (const size of [1, 63, 64, 65, 1000, 0, 5]) {
    queue.push(Uint8Array.from({ length: size }, () => put++));
    for (let i = 0; i < size >> 1; i++) assertEquals(queue.shift(), taken++ & 0xff);
    assertEquals(queue.length, put - taken);
  }
  assertEquals([...queue.slice()], Array.from({ length: put - taken }, (_, i) => (taken + i) & 0xff));
  while (queue.length > 0) assertEquals(queue.shift(), taken++ & 0xff);
  assertEquals([taken, queue.shift()], [put, undefined]);
  queue.push(Uint8Array.of(1, 2));
  queue.clear();
  assertEquals([queue.length, queue.shift()], [0, undefined]);
});
