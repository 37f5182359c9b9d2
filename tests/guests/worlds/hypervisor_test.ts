/** The hypervisor and the world library with servers that misbehave, and callers that are not what they should be. */
import { assertEquals } from "@std/assert";
import { BOCHS_MISSING, HAS_BOCHS } from "../../referee/bochs.ts";
import { runWorlds, runWorldsOnBochs } from "./_worlds.ts";
import { forced } from "../../_support/forced.ts";

const EPERM = -1, ENOENT = -2, EFAULT = -14, EBUSY = -16, ETIMEDOUT = -110, VALUE = 42;

/** Runs the awkward server (src/guests/worlds/systems/awkward.c) and what probe.c does with it. */
function probe(what: string, options = {}): [string, number][] {
  const { stop, text } = runWorlds(`server=awkward client=probe path=${what}`, options);
  assertEquals(stop, { kind: "exit", code: 1 }, text);
  const answers = [...text.matchAll(/^(.+): (-?\d+)$/gm)];
  return answers.map(([, name, value]) => [name!, Number(value)]);
}

Deno.test("the example of a world adds for its caller", () => {
  const { stop, text } = runWorlds("server=adder client=adder-caller path=crossover");
  assertEquals([text, stop], ["40 + 2 = 42\n", { kind: "exit", code: 1 }]);
});

Deno.test("a machine that never answers: the caller gets ETIMEDOUT, and nobody can call it again", () => {
  assertEquals(probe("original"), [["connect", 0], ["first call", ETIMEDOUT], ["second call", EBUSY]]);
});

Deno.test("a call over VMFUNC that never returns: the caller gets ETIMEDOUT, and the view is taken back", () => {
  assertEquals(probe("vmfunc"), [["connect", 0], ["first call", ETIMEDOUT], ["second call", ENOENT]]);
});

Deno.test("a world that never returns: the caller's world is entered with ETIMEDOUT, and the callee is busy for ever", () => {
  assertEquals(probe("crossover"), [
    ["a call that is answered", VALUE],
    ["a call that is not", ETIMEDOUT],
    ["the same world again", EBUSY],
  ]);
});

Deno.test("a world that is dropped while it serves cannot answer any more, and cannot be called", () => {
  assertEquals(probe("dropped"), [
    ["a call", VALUE],
    ["a callee that drops itself", ETIMEDOUT],
    ["a dropped world", ENOENT],
  ]);
});

Deno.test("a world whose machine crashes while it serves: the caller gets EFAULT and goes on", () => {
  assertEquals(probe("crashed"), [["a callee that crashes", EFAULT]]);
});

Deno.test("a machine that ends owes no answer any more, and neither it nor its world can be called", () => {
  assertEquals(probe("ended"), [
    ["connect", 0],
    ["a machine that ends", ENOENT],
    ["a machine that has ended", ENOENT],
    ["its world", ENOENT],
    ["a view of it", ENOENT],
  ]);
});

Deno.test({
  name: `Bochs' machines meet the same time limits as Causeway's${BOCHS_MISSING}`,
  ignore: !HAS_BOCHS,
  async fn() {
    for (const path of ["original", "vmfunc"]) {
      const commandLine = `server=awkward client=probe path=${path}`;
      const { text, end } = await runWorldsOnBochs(commandLine);
      assertEquals([text, end], [runWorlds(commandLine).text, "halt"], path);
    }
  },
});

for (const engine of ["interpreter", "js", "wasm", "auto"] as const) {
  Deno.test(`calls of worlds that there are not, or from none, are refused (${engine})`, () => {
    assertEquals(probe("forged", forced(engine)), [
      ["a call from no world", EPERM],
      ["a call", VALUE],
      ["WID 0", ENOENT],
      ["the next WID", ENOENT],
      ["WID -1", ENOENT],
      ["dropping somebody else's world", EPERM],
      ["dropping the own one", 0],
      ["a call after that", EPERM],
    ]);
  });
}
