/**
 * The library in a worker: the page stays responsive while a program runs.
 *
 * The page posts a `WorkerRequest`; the worker answers with `output` messages as the program prints, and one `done` or
 * `failed` message at its end. To end a program before, terminate the worker.
 *
 * @module
 */
import { type RunOptions, runProgram, type RunResult } from "../linux/run_program.ts";

/** What the page posts: what `runProgram` takes and a message can carry. */
export type WorkerRequest = Omit<
  RunOptions,
  "fileSystem" | "io" | "observer" | "onStdout" | "onStderr" | "strace" | "warn"
>;

/** What the worker posts. */
export type WorkerMessage =
  | { readonly kind: "output"; readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array }
  | {
    readonly kind: "done";
    readonly result: Pick<RunResult, "exitCode" | "reason" | "signal" | "statistics">;
  }
  | { readonly kind: "failed"; readonly message: string };

/** Runs what a request asks for. */
export function answer(request: WorkerRequest, post: (message: WorkerMessage) => void): void {
  try {
    const { exitCode, reason, signal, statistics } = runProgram({
      ...request,
      onStdout: (bytes) => post({ kind: "output", stream: "stdout", bytes }),
      onStderr: (bytes) => post({ kind: "output", stream: "stderr", bytes }),
    });
    post({ kind: "done", result: { exitCode, reason, signal, statistics } });
  } catch (error) {
    post({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

/** The part of a worker's global object that is used here. */
interface WorkerScope {
  onmessage: ((event: { readonly data: WorkerRequest }) => void) | null;
  postMessage(message: WorkerMessage): void;
}

// In a worker, and only there, there is an `importScripts` or a `WorkerGlobalScope`.
if ("WorkerGlobalScope" in globalThis) {
  const scope = globalThis as unknown as WorkerScope;
  scope.onmessage = ({ data }) => answer(data, (message) => scope.postMessage(message));
}
