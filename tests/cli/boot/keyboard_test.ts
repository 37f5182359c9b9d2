import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { causeway, MAIN, withFolder } from "../command_line.ts";

/**
 * A kernel that writes the scan codes of pressed keys, as characters, in yellow on blue, to the screen, until Escape is
 * pressed. MOV EDI, B8000H; l: IN AL, 64H; TEST AL, 1; JZ l; IN AL, 60H; CMP AL, 1; JE e; TEST AL, 80H; JNZ l; MOV AH, 1EH;
 * STOSW; JMP l; e: XOR EAX, EAX; OUT F4H, AL
 */
// deno-fmt-ignore
const KERNEL = Uint8Array.of(
  0xbf, 0, 0x80, 0xb, 0, 0xe4, 0x64, 0xa8, 1, 0x74, 0xfa, 0xe4, 0x60, 0x3c, 1, 0x74, 10, 0xa8, 0x80, 0x75, 0xf0,
  0xb4, 0x1e, 0x66, 0xab, 0xeb, 0xea, 0x31, 0xc0, 0xe6, 0xf4,
);
/** The keys H, J, K, L have the scan codes 23H to 26H; Shift has 2AH, ArrowUp 48H behind E0H. */
const HJKL = "#$%&";

/** The arguments that boot it, from a file in a folder. */
function argumentsFor(folder: string): string[] {
  const kernel = join(folder, "kernel");
  writeFileSync(kernel, KERNEL);
  return ["boot", "--kernel", kernel, "--load-address", "0x100000", "--keyboard"];
}

const withKernel = (run: (args: string[]) => void): void => withFolder((folder) => run(argumentsFor(folder)));

Deno.test("boot --keyboard types stdin at the keyboard, and shows the screen at the end", () => {
  withKernel((args) => {
    const { code, stdout, stderr } = causeway(args, "hjKl\x1b");
    assertEquals([code, stderr], [1, ""]);
    assertStringIncludes(stdout, `|${HJKL.replace("%", "*%")}`);
  });
});

Deno.test("boot --keyboard says once which characters no key gives", () => {
  withKernel((args) => {
    const { code, stderr } = causeway(args, "é\x1b");
    assertEquals(code, 1);
    assertEquals(stderr, 'causeway: cannot type "é": no key of a US keyboard gives it\n');
  });
});

Deno.test("boot --keyboard does not go with --console", () => {
  withKernel((args) => {
    const { code, stderr } = causeway([...args, "--console", "serial"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "--keyboard and --console do not go together");
  });
});

const available = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

Deno.test({
  name: `boot --keyboard shows the screen live on a terminal${
    available ? "" : " [needs script, of Debian's bsdutils]"
  }`,
  ignore: !available,
  async fn() {
    const folder = mkdtempSync(join(tmpdir(), "causeway-"));
    try {
      const command = [process.execPath, "run", "-A", MAIN, ...argumentsFor(folder)];
      const line = command.map((word) => `'${word}'`).join(" ");
      const child = spawn("script", ["-qec", line, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
      const ended = once(child, "close");
      let shown = "";
      /** What is typed once the screen shows something. */
      const typed: [shows: string, keys: string][] = [["", "hj"], ["#$", "kl\x1b[A"], [`${HJKL}H`, "\x1b"]];
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        shown += text;
        if (typed.length > 0 && shown.includes(typed[0]![0])) child.stdin.write(typed.shift()![1]);
      });
      assertEquals((await ended)[0], 1, shown);
      const [live, after] = shown.split("\x1b[?1049l");
      assert(live!.includes("\x1b[?1049h"), "another screen");
      assertStringIncludes(live!, `\x1b[1;1H\x1b[0;93;44m${HJKL}H`);
      assertStringIncludes(after!, `|${HJKL}H`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});
