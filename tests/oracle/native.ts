/** The processor of this machine as an oracle: builds runner.c at test time and runs cases through it. */
import {
  baseMemory,
  type Case,
  type End,
  FXSAVE_USED,
  type Patch,
  type Result,
  STATE_BYTES,
  STATE_FXSAVE,
} from "./layout.ts";

/** A native runner, or why there is none here. */
export type NativeOrReason =
  | { readonly native: NativeRunner; readonly reason?: undefined }
  | { readonly native: null; readonly reason: string };

const CASES_PER_BATCH = 4096;
/** A state of the result without the FXSAVE image's unused tail, then rip, cr2, error, end, vector, changeCount. */
const RESULT_STATE = STATE_FXSAVE + FXSAVE_USED;

/** Runs cases on the host's processor, in a child. */
export class NativeRunner {
  #child: Deno.ChildProcess | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #reader: ReadableStreamBYOBReader | undefined;
  readonly #command: readonly string[];

  /** `command` starts the runner; a pseudo-oracle such as `qemu-x86_64 runner` is possible. */
  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** Results in the order of the cases. A case that kills the runner throws. */
  async run(cases: readonly Case[]): Promise<Result[]> {
    const results: Result[] = [];
    for (let i = 0; i < cases.length; i += CASES_PER_BATCH) {
      const bytes = await this.runEncoded(encodeCases(cases.slice(i, i + CASES_PER_BATCH)));
      decodeResults(bytes, results);
    }
    return results;
  }

  /** One batch as the runner reads it; gives the batch of results as the runner writes it. */
  async runEncoded(batch: Uint8Array): Promise<Uint8Array> {
    await this.#start();
    const sent = this.#writer!.write(batch);
    const header = await this.#read(8);
    const [length] = new Uint32Array(header.buffer, header.byteOffset, 1);
    const body = await this.#read(length!);
    await sent;
    return body;
  }

  /** Ends the child. */
  async close(): Promise<void> {
    if (this.#child === undefined) return;
    await this.#writer!.close();
    await this.#reader!.cancel();
    await this.#child.status;
    this.#child = undefined;
  }

  /** Ends the child whatever it is doing. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#writer!.abort().catch(() => {});
    await this.#reader!.cancel().catch(() => {});
    await child.status;
  }

  async #start(): Promise<void> {
    if (this.#child !== undefined) return;
    const [program, ...args] = this.#command;
    this.#child = new Deno.Command(program!, { args, stdin: "piped", stdout: "piped", stderr: "inherit" })
      .spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.getReader({ mode: "byob" });
    await this.#writer.write(baseMemory());
  }

  async #read(length: number): Promise<Uint8Array> {
    let buffer = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const { value, done } = await this.#reader!.read(buffer.subarray(at));
      if (done) {
        const status = await this.#child!.status;
        this.#child = undefined;
        throw new Error(
          `The native runner ended with ${status.signal ?? status.code} in the middle of a batch`,
        );
      }
      at += value.byteLength;
      buffer = new Uint8Array(value.buffer);
    }
    return buffer;
  }
}

/** Compiles the runner into a cache folder (once per source text) and starts it. */
export async function nativeRunner(): Promise<NativeOrReason> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    return { native: null, reason: "the host is not Linux on x86-64" };
  }
  const built = await buildRunner();
  if (built.path === undefined) return { native: null, reason: built.reason };
  return { native: new NativeRunner([built.path]) };
}

/** Path of the built runner, or why it could not be built. */
export async function buildRunner(): Promise<{ path: string } | { path?: undefined; reason: string }> {
  const source = new URL("./runner.c", import.meta.url).pathname;
  const text = await Deno.readFile(source);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text)).toHex().slice(0, 16);
  const folder = `${Deno.env.get("TMPDIR") ?? "/tmp"}/causeway-oracle-${digest}`;
  const path = `${folder}/runner`;
  try {
    await Deno.stat(path);
    return { path };
  } catch {
    // Not built yet.
  }
  await Deno.mkdir(folder, { recursive: true });
  const unfinished = `${path}.${Deno.pid}`;
  // deno-fmt-ignore
  const args = [
    "-O2", "-static-pie", "-fPIE", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fcf-protection=none",
    "-o", unfinished, source,
  ];
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("gcc", { args }).output();
  } catch {
    return { reason: "gcc is not installed" };
  }
  if (!output.success) return { reason: `gcc failed: ${new TextDecoder().decode(output.stderr)}` };
  await Deno.rename(unfinished, path);
  return { path };
}

/** A batch as runner.c reads it. */
export function encodeCases(cases: readonly Case[]): Uint8Array {
  let length = 8;
  for (const c of cases) {
    length += STATE_BYTES + 8 + c.code.length;
    for (const patch of c.patches) length += 4 + patch.bytes.length;
  }
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length - 8, true);
  view.setUint32(4, cases.length, true);
  let at = 8;
  for (const c of cases) {
    bytes.set(c.state, at);
    at += STATE_BYTES;
    view.setUint16(at, c.codeOffset, true);
    view.setUint16(at + 2, c.code.length, true);
    view.setUint16(at + 4, c.patches.length, true);
    at += 8;
    bytes.set(c.code, at);
    at += c.code.length;
    for (const patch of c.patches) {
      view.setUint16(at, patch.offset, true);
      view.setUint16(at + 2, patch.bytes.length, true);
      bytes.set(patch.bytes, at + 4);
      at += 4 + patch.bytes.length;
    }
  }
  return bytes;
}

/** Reads the results of one batch (without its header) into `into`. */
export function decodeResults(bytes: Uint8Array, into: Result[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const state = bytes.subarray(at, at + RESULT_STATE);
    at += RESULT_STATE;
    const rip = view.getBigUint64(at, true);
    const cr2 = view.getBigUint64(at + 8, true);
    const error = view.getUint32(at + 16, true);
    const end = bytes[at + 20] as End;
    const vector = bytes[at + 21]!;
    const count = view.getUint16(at + 22, true);
    at += 24;
    const changes: Patch[] = [];
    for (let i = 0; i < count; i++) {
      const length = view.getUint16(at + 2, true);
      changes.push({ offset: view.getUint16(at, true), bytes: bytes.subarray(at + 4, at + 4 + length) });
      at += 4 + length;
    }
    into.push({ end, vector, error, cr2, rip, state, changes });
  }
}
