/** Building and calling the native runners: what the processor of this machine says. */
import { isIntel } from "../native.ts";

/** Why no runner can be built here, or `undefined` if one can. */
export async function missing(): Promise<string | undefined> {
  if (Deno.build.arch !== "x86_64" || Deno.build.os !== "linux") return "needs x86-64 Linux";
  try {
    const { success } = await new Deno.Command("gcc", { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return success ? undefined : "needs gcc";
  } catch {
    return "needs gcc";
  }
}

/** Operations that approximate: each vendor's processors have tables of their own, and ours are Intel's. */
const APPROXIMATIONS: ReadonlySet<string> = new Set(["RCPSS", "RSQRTSS"]);

/** Operations whose results this machine's processor cannot tell us. */
export async function notOfThisVendor(): Promise<ReadonlySet<string>> {
  return await isIntel() ? new Set() : APPROXIMATIONS;
}

/** A built runner: feeds records through the program. */
export class Runner {
  readonly #path: string;
  /** Names of its operations; a record's operation is an index of it. */
  readonly names: readonly string[];

  private constructor(path: string, names: readonly string[]) {
    this.#path = path;
    this.names = names;
  }

  /** Compiles `source`, a C file of this folder, to a temporary program. */
  static async build(source: string): Promise<Runner> {
    const path = await Deno.makeTempFile({ prefix: "causeway-float-" });
    const file = new URL(source, import.meta.url).pathname;
    const gcc = await new Deno.Command("gcc", {
      args: ["-O2", "-mno-red-zone", "-o", path, file],
      stderr: "piped",
    }).output();
    if (!gcc.success) throw new Error(`Cannot compile ${source}: ${new TextDecoder().decode(gcc.stderr)}`);
    const list = await new Deno.Command(path, { args: ["list"] }).output();
    return new Runner(path, new TextDecoder().decode(list.stdout).trim().split("\n"));
  }

  /** Runs the program on `records` and returns what it writes. */
  async run(records: Uint8Array): Promise<Uint8Array> {
    const child = new Deno.Command(this.#path, { stdin: "piped", stdout: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    const feed = writer.write(records).then(() => writer.close());
    const [{ success, code, stdout }] = await Promise.all([child.output(), feed]);
    if (!success) throw new Error(`The native runner ended with code ${code}.`);
    return stdout;
  }

  /** Removes the program. */
  async dispose(): Promise<void> {
    await Deno.remove(this.#path);
  }
}
