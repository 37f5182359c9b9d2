/** How long the compiler's waits had no core. */
import { assert, assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { coreWaitClock, WaitRecorder } from "../../bench/core_wait.ts";

/** Lets some milliseconds pass. */
function work(milliseconds: number): number {
  const begun = performance.now();
  while (performance.now() - begun < milliseconds);
  return performance.now() - begun;
}

Deno.test("coreWaitClock() tells times that are part of what has passed, on Linux", () => {
  const clock = coreWaitClock();
  assertEquals(clock !== undefined, existsSync("/proc/thread-self/schedstat"));
  if (clock === undefined) return;
  const begun = performance.now(), before = clock();
  work(20);
  const waited = clock() - before;
  assert(waited >= 0 && waited <= performance.now() - begun, `${waited}`);
});

Deno.test("WaitRecorder takes waits down, and sorts the longest to the front", () => {
  const recorder = new WaitRecorder();
  const times = [2, 9, 5].map((milliseconds) => {
    recorder.compilationBegins();
    const taken = work(milliseconds);
    recorder.compilationTook(taken);
    return taken;
  });
  assertEquals(recorder.waits.map(({ milliseconds }) => milliseconds), times);
  assertEquals(recorder.longest.map(({ milliseconds }) => milliseconds), times.toSorted((a, b) => b - a));
  assert(recorder.waits.every(({ withoutCore = 0 }) => withoutCore >= 0));
});
