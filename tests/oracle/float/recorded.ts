/**
 * Recorded answers of a processor, for hosts that are not x86: a gzip of a JSON line (names of the operations,
 * vectors of each, seed) and the runner's output, for the x87 condensed. The inputs are not stored: the generator makes them again.
 *
 * `deno run -A tests/oracle/float/recorded.ts` records afresh, after a change to the generator or to the runners.
 */
import { scriptLine } from "../../../_tools/script.ts";
import { Runner } from "./native.ts";
import * as sse from "./sse.ts";
import * as x87 from "./x87.ts";

/** A unit's recording. */
export interface Recording {
  readonly names: readonly string[];
  readonly count: number;
  readonly seed: number;
  readonly output: Uint8Array;
}

const file = (unit: string): URL => new URL(`${unit}.recorded.gz`, import.meta.url);

/** Reads the recording of a unit, `sse` or `x87`. */
export async function read(unit: string): Promise<Recording> {
  const stream = (await Deno.open(file(unit))).readable.pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const end = bytes.indexOf(10);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  return { ...header, output: bytes.slice(end + 1) };
}

async function record(
  unit: string,
  vectors: typeof sse.vectors,
  count: number,
  condense: (names: readonly string[], output: Uint8Array) => Uint8Array,
): Promise<void> {
  const runner = await Runner.build(`${unit}.c`);
  const names = runner.names, seed = 2026;
  const output = condense(names, await runner.run(vectors(names, count, seed)));
  await runner.dispose();
  const header = new TextEncoder().encode(JSON.stringify({ names, count, seed }) + "\n");
  const stream = new Blob([header, new Uint8Array(output)]).stream().pipeThrough(
    new CompressionStream("gzip"),
  );
  await Deno.writeFile(file(unit), new Uint8Array(await new Response(stream).arrayBuffer()));
}

if (import.meta.main) {
  scriptLine({
    call: "deno run -A tests/oracle/float/recorded.ts",
    description: "Records anew what this machine's processor answers to the vectors of floating point.",
  });
  await record("sse", sse.vectors, 200, (_, output) => output);
  await record("x87", x87.vectors, 200, x87.condense);
}
