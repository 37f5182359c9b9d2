import { assert, assertEquals } from "@std/assert";
import { InputSignal } from "../../src/machine/input.ts";

Deno.test("InputSignal.wait() ends for everybody who waits when something comes, and only then", async () => {
  const input = new InputSignal(), log: string[] = [];
  const waits = ["one", "other"].map(async (name) => {
    await input.wait();
    log.push(name);
  });
  await Promise.resolve();
  assertEquals(log, []);
  input.arrived();
  await Promise.all(waits);
  assertEquals(log, ["one", "other"]);
  input.arrived();
});

Deno.test("InputSignal.wait() ends when its signal is aborted, or its time is over", async () => {
  const input = new InputSignal(), stop = new AbortController();
  const wait = input.wait({ signal: stop.signal });
  stop.abort();
  await wait;
  const start = performance.now();
  await input.wait({ milliseconds: 20 });
  assert(performance.now() - start >= 15);
});
