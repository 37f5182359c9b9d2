/**
 * `deno task bench:boot`: Debian's cloud kernel to the shell's prompt, and programs that the shell starts then, in the engines
 * named (default: auto and js) and in QEMU's system emulation where it is installed. Seconds are processor time.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { initramfs } from "../_tools/debian/initramfs.ts";
import { debianKernel } from "../_tools/debian/packages.ts";
import { oneOf, scriptLine } from "../_tools/script.ts";
import { ENGINE_NAMES } from "../src/machine/engines.ts";
import { BOOT_MEMORY, COMMAND_LINE, PROGRAMS, PROMPT, ROUND, ROUND_OVER, ROUNDS } from "./boot_setup.ts";
import type { BootRun } from "./boot_run.ts";
import { QEMU_SYSTEM } from "./bare_metal.ts";
import { isInstalled } from "./native.ts";

const RUN = fileURLToPath(new URL("boot_run.ts", import.meta.url));
/** Of the times in /proc/PID/stat. */
const TICKS_PER_SECOND = 100, USER_TIME = 11, SYSTEM_TIME = 12;

/** Boots in QEMU. Returns the processor time that it took until the prompt, and that of each round of starting programs. */
function bootInQemu(kernel: string, initrd: string): Promise<Pick<BootRun, "seconds" | "rounds">> {
  const megabytes = String(BOOT_MEMORY / 2 ** 20);
  const machine = spawn(QEMU_SYSTEM, [
    ...["-accel", "tcg", "-m", megabytes, "-nographic", "-no-reboot"],
    ...["-kernel", kernel, "-initrd", initrd, "-append", COMMAND_LINE],
  ], { stdio: ["pipe", "pipe", "ignore"] });
  const times: number[] = [];
  return new Promise((resolve, reject) => {
    let text = "", searched = 0;
    machine.stdout.on("data", (data: Uint8Array) => {
      text += new TextDecoder().decode(data);
      const over = times.length === 0 ? searched : text.indexOf(ROUND_OVER, searched);
      if (over < 0 || !text.includes(PROMPT, over)) return;
      searched = text.length;
      // The fields behind the name, which may contain anything.
      const fields = readFileSync(`/proc/${machine.pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
      times.push((Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) / TICKS_PER_SECOND);
      if (times.length <= ROUNDS) return void machine.stdin.write(ROUND);
      machine.kill("SIGKILL");
      resolve({ seconds: times[0]!, rounds: times.slice(1).map((time, n) => time - times[n]!) });
    });
    machine.on("error", reject);
    machine.on("close", () => reject(new Error(`QEMU ended before the prompt:\n${text}`)));
  });
}

/** Milliseconds for each program of a round. */
const perProgram = (seconds: number): string => (seconds / PROGRAMS * 1000).toFixed(1).padStart(12);
const rounds = ({ rounds }: Pick<BootRun, "rounds">): string =>
  perProgram(rounds[0]!) + perProgram(Math.min(...rounds));

const { rest } = scriptLine({
  call: "deno task bench:boot",
  description:
    "Boots Debian's cloud kernel to the shell's prompt, and starts programs there, in these engines (auto and js) and in QEMU.",
  operands: ["[ENGINE…]"],
});
const engines = rest.length === 0 ? ["auto", "js"] : rest.map((name) => oneOf(ENGINE_NAMES, name));
const folder = mkdtempSync(join(tmpdir(), "boot-"));
try {
  const { image, release } = debianKernel("cloud"), initrd = join(folder, "initrd");
  writeFileSync(initrd, initramfs("cloud"));
  console.log(`${release} to the shell's prompt`);
  console.log(
    "                 seconds    million instructions     MIPS   compiling   MB of RAM   MB besides  ms a start   once warm",
  );
  const qemu = isInstalled(QEMU_SYSTEM) ? await bootInQemu(image, initrd) : undefined;
  for (const engine of engines) {
    const output = execFileSync(process.execPath, ["run", "-A", RUN, engine, image, initrd, String(ROUNDS)], {
      encoding: "utf8",
    });
    const run = JSON.parse(output) as BootRun, { seconds, instructions, compiling, ram, memory } = run;
    console.log(
      engine.padEnd(14) + seconds.toFixed(1).padStart(10) + (instructions / 1e6).toFixed(0).padStart(24) +
        (instructions / seconds / 1e6).toFixed(1).padStart(9) +
        `${(compiling / seconds * 100).toFixed(0)} %`.padStart(12) +
        (ram / 2 ** 20).toFixed(0).padStart(12) + (memory / 2 ** 20).toFixed(0).padStart(13) + rounds(run),
    );
  }
  if (qemu !== undefined) {
    console.log("QEMU TCG".padEnd(14) + qemu.seconds.toFixed(1).padStart(10) + " ".repeat(70) + rounds(qemu));
  }
} finally {
  rmSync(folder, { recursive: true });
}
