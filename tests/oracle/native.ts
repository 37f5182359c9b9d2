/** The processor of this machine as the oracle: builds runner.c and feeds it cases. */
import { type Case, decodeBatch, encodeBatch, type Result } from "./case.ts";

/** Whether the processor of this Linux machine is Intel's. */
export async function isIntel(): Promise<boolean> {
  return /^vendor_id\s*: GenuineIntel$/m.test(await Deno.readTextFile("/proc/cpuinfo"));
}

/**
 * What is missing for a native oracle here, or undefined if there is one. Results that the manual leaves undefined follow
 * Intel's processors; others differ in flags, in the x87 instruction pointer, and in what their vendors define otherwise.
 */
export async function whyNotNative(): Promise<string | undefined> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return "an x86-64 Linux host";
  if (!await isIntel()) return "an Intel processor";
  try {
    const { success } = await new Deno.Command("gcc", { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return success ? undefined : "gcc";
  } catch {
    return "gcc";
  }
}

/** A running native runner. */
export class NativeRunner {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #reader: ReadableStreamBYOBReader;

  private constructor(process: Deno.ChildProcess, readonly folder: string) {
    this.#process = process;
    this.#writer = process.stdin.getWriter();
    this.#reader = process.stdout.getReader({ mode: "byob" });
  }

  /** Compiles and starts it over a memory image (case.ts). */
  static async start(image: Uint8Array<ArrayBuffer>): Promise<NativeRunner> {
    const folder = await Deno.makeTempDir({ prefix: "causeway-oracle-" });
    const program = `${folder}/runner`;
    const source = new URL("./runner.c", import.meta.url).pathname;
    const flags = [
      "-O2",
      // Far away from the small numbers in the registers of cases.
      "-fpie",
      "-static-pie",
      "-nostdlib",
      "-ffreestanding",
      "-fno-stack-protector",
      "-mgeneral-regs-only",
    ];
    const { success, stderr } = await new Deno.Command("gcc", { args: [...flags, "-o", program, source] })
      .output();
    if (!success) throw new Error(`runner.c does not compile: ${new TextDecoder().decode(stderr)}`);
    const process = new Deno.Command(program, { stdin: "piped", stdout: "piped" }).spawn();
    const runner = new NativeRunner(process, folder);
    await runner.#writer.write(image);
    return runner;
  }

  /** Executes the cases, each from the image. */
  async run(cases: readonly Case[]): Promise<Result[]> {
    const written = this.#writer.write(encodeBatch(cases));
    const header = new DataView((await this.#read(8)).buffer);
    const body = await this.#read(header.getUint32(0, true));
    await written;
    return decodeBatch(body, cases.length);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#writer.close();
    await this.#reader.cancel();
    await this.#process.status;
    await Deno.remove(this.folder, { recursive: true });
  }

  async #read(length: number): Promise<Uint8Array<ArrayBuffer>> {
    let buffer = new ArrayBuffer(length);
    let got = 0;
    while (got < length) {
      const { value, done } = await this.#reader.read(new Uint8Array(buffer, got, length - got));
      if (done || value === undefined) throw new Error("the native runner died");
      buffer = value.buffer;
      got += value.length;
    }
    return new Uint8Array(buffer);
  }
}
