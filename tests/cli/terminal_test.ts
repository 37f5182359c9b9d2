import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { parseAnsi } from "../../_tools/terminal_picture.ts";
import { GUESTS } from "../../src/guests/guests.ts";
import { MAIN } from "./command_line.ts";

const available = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;
const missing = available ? "" : " [needs script, of Debian's bsdutils]";
const BUSYBOX = "/bin/busybox";
const scene = fileURLToPath(GUESTS.find(({ name }) => name === "scene")!.image);

/** Runs `causeway` on a terminal of its own; answers what appears there, with the exit code. */
function onTerminal(...args: string[]): { code: number | null; screen: string } {
  const command = [process.execPath, "run", "-A", MAIN, ...args].map((word) => `'${word}'`).join(" ");
  const { status, stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
    encoding: "utf8",
    input: "",
    maxBuffer: 1 << 26,
  });
  return { code: status, screen: stdout.replaceAll("\r\n", "\n") };
}

Deno.test({
  name: `a guest sees the terminal, and draws in colour there${missing}`,
  ignore: missing !== "",
  fn() {
    const { code, screen } = onTerminal("run", scene, "--frames", "2");
    assertEquals(code, 0);
    const native = spawnSync(scene, ["--color", "--frames", "2"], { encoding: "utf8" });
    if (native.status === 0) assertEquals(screen.split("\n\nA ray")[0], native.stdout.split("\n\nA ray")[0]);
    const cells = parseAnsi(screen)[0]!;
    assertEquals(cells.length, 76);
    assertEquals(cells[0]!.text, "▀");
  },
});

Deno.test({
  name: `programs find the terminal's name${missing}${existsSync(BUSYBOX) ? "" : ` [needs ${BUSYBOX}]`}`,
  ignore: missing !== "" || !existsSync(BUSYBOX),
  fn() {
    const { code, screen } = onTerminal(
      "run",
      BUSYBOX,
      "sh",
      "-c",
      "tty; test -t 0 < $(tty); exec tty < /dev/tty",
    );
    assertEquals([code, screen], [0, "/dev/console\n/dev/tty\n"]);
  },
});

Deno.test({
  name: `ProcessIo hides what is typed where a program turns the echo off, and shows it again${missing}`,
  ignore: missing !== "",
  fn() {
    const module = JSON.stringify(new URL("../../src/cli/host_io.ts", import.meta.url).href);
    const code = [
      `import { ProcessIo } from ${module};`,
      'import { spawn, spawnSync } from "node:child_process";',
      "const io = new ProcessIo();",
      "for (const [raw, echoes] of [[false, true], [false, false], [true, false], [false, false], [false, true]]) {",
      "  io.setRaw(raw, echoes);",
      '  const { stdout } = spawnSync("stty", ["-a"], { encoding: "utf8", stdio: ["inherit", "pipe", "ignore"] });',
      "  console.log(...stdout.match(/-?\\b(?:icanon|echo|intr = [^;]*)(?=[\\s;])/g));",
      "}",
    ].join("\n");
    const command = `'${process.execPath}' eval '${code}'`;
    const { status, stdout } = spawnSync("script", ["-qec", command, "/dev/null"], {
      encoding: "utf8",
      input: "",
    });
    const shown = "intr = ^C icanon echo", hidden = "intr = <undef> icanon -echo";
    assertEquals(
      [status, ...stdout.trim().split("\r\n")],
      [0, shown, hidden, "intr = ^C -icanon -echo", hidden, shown],
    );
  },
});

Deno.test({
  name: `Ctrl-C ends boot with exit code 130, and it says where the guest was${missing}`,
  ignore: missing !== "",
  async fn() {
    const command = `'${process.execPath}' run -A '${MAIN}' boot --kernel src/guests/echo/echo.elf`;
    const terminal = spawn("script", ["-qec", command, "/dev/null"]);
    let screen = "";
    terminal.stdout.on("data", (data: Uint8Array) => {
      const hadPrompt = screen.includes("> ");
      screen += new TextDecoder().decode(data);
      if (!hadPrompt && screen.includes("> ")) terminal.stdin.write("\x03");
    });
    const code = await new Promise((resolve) => terminal.on("close", resolve));
    assertEquals(code, 130);
    assertMatch(
      screen,
      /causeway: stopped by Ctrl-C at \d+ instructions\r?\n {2}processor 0 at 0x[0-9a-f]+, in HLT/,
    );
  },
});

Deno.test({
  name: `the exit code and our own messages come through on a terminal${missing}`,
  ignore: missing !== "",
  fn() {
    const { code, screen } = onTerminal("run", "--max-instructions", "1000", scene);
    assertEquals(code, 124);
    assertStringIncludes(screen, "causeway: stopped by --max-instructions\n");
  },
});
