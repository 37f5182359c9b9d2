import { assertEquals } from "@std/assert";
import { BASH, BASH_COMMANDS, BUSYBOX, BUSYBOX_COMMANDS, type Command } from "./_support/commands.ts";
import { havePrograms, inFolder, runEmulated, runNatively } from "./_support/native.ts";

for (const [program, commands] of [[BUSYBOX, BUSYBOX_COMMANDS], [BASH, BASH_COMMANDS]] as const) {
  const missing = !havePrograms(program);
  for (const command of commands) {
    Deno.test({
      name: `${title(command)} prints and ends as natively${missing ? ` (needs ${program})` : ""}`,
      ignore: missing,
      fn: () => compare(command),
    });
  }
}

function title({ argv }: Command): string {
  const text = argv.map((word) => JSON.stringify(word).slice(1, -1)).join(" ");
  return text.length > 90 ? `${text.slice(0, 90)}…` : text;
}

async function compare(command: Command): Promise<void> {
  const native = await inFolder((cwd) => runNatively(command, cwd));
  const emulated = await inFolder((cwd) => runEmulated(command, cwd));
  assertEquals(emulated, native);
}
