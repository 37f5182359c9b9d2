import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { GUESTS } from "../../src/guests/guests.ts";
import type { WorkerMessage, WorkerRequest } from "../../src/web/worker.ts";

/** Messages of a worker up to its last, for one request. */
function messagesFor(request: WorkerRequest): Promise<WorkerMessage[]> {
  const worker = new Worker(new URL("../../src/web/worker.ts", import.meta.url), { type: "module" });
  return new Promise<WorkerMessage[]>((resolve, reject) => {
    const messages: WorkerMessage[] = [];
    worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => {
      messages.push(data);
      if (data.kind !== "output") resolve(messages);
    };
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}

Deno.test("the worker runs a program and posts what it prints, then how it ended", async () => {
  const hello = GUESTS.find(({ name }) => name === "hello")!;
  const messages = await messagesFor({ program: new Uint8Array(readFileSync(hello.image)), args: ["Ada"] });
  const text = messages.map((message) =>
    message.kind === "output" ? new TextDecoder().decode(message.bytes) : ""
  );
  assertEquals(text.join(""), "Hello, Ada!\n");
  const last = messages.at(-1)!;
  assertEquals(last.kind === "done" && [last.result.exitCode, last.result.reason], [1, "exited"]);
});

Deno.test("the worker posts why a program cannot be run", async () => {
  const [message] = await messagesFor({ program: new Uint8Array(100) });
  assertEquals(message?.kind, "failed");
});
