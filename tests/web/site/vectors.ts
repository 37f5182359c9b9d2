/** A worker of the page: runs a part of the recorded vectors in each engine when it is asked. */
import { type Replay, replay } from "../../oracle/replay.ts";
import { unpack } from "../../oracle/unpack.ts";
import { decodeShared, FILES } from "../../oracle/vectors.ts";

/** One vector in this many is run: what is tested here is the browser. */
const EVERY = 4;
const ENGINES = ["interpreter", "js", "wasm", "auto"] as const;

/** What each file's vectors came to, by engine. */
export type VectorResults = Record<string, Record<(typeof ENGINES)[number], Replay>>;

async function load(name: string): Promise<Uint8Array<ArrayBuffer>> {
  return await unpack((await fetch(`/vectors/${name}.bin.gz`)).body!);
}

async function resultsOfAll(): Promise<VectorResults> {
  const shared = decodeShared(await load("states")), results: VectorResults = {};
  for (const name of FILES) {
    const vectors = await load(name);
    const [interpreter, js, wasm, auto] = ENGINES.map((engine) => replay(engine, vectors, shared, EVERY));
    results[name] = { interpreter: interpreter!, js: js!, wasm: wasm!, auto: auto! };
  }
  return results;
}

const scope = globalThis as unknown as {
  onmessage: () => void;
  postMessage(message: { kind: "done"; results: VectorResults }): void;
};
scope.onmessage = async () => scope.postMessage({ kind: "done", results: await resultsOfAll() });
