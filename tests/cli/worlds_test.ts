import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { causeway, withFolder } from "./command_line.ts";
import { PROTOCOL } from "./worlds/_protocol.ts";

/** Calls `body` with a folder of images: a kernel that speaks the protocol, and nothing else. */
function withImages(body: (folder: string) => void): void {
  withFolder((folder) => {
    copyFileSync(PROTOCOL, join(folder, "hypervisor.elf"));
    for (const name of ["kernel.elf", "initrd.tar"]) writeFileSync(join(folder, name), "");
    body(folder);
  });
}

Deno.test("worlds --json measures the images of the project", () => {
  const args = ["worlds", "--system", "shadowcontext", "--path", "crossover", "--iterations", "2", "--json"];
  const { code, stdout, stderr } = causeway(args);
  assertEquals([code, stderr], [0, ""]);
  const { systems: [{ system, paths: [{ workloads, timeline }] }] } = JSON.parse(stdout);
  assertEquals([system, workloads.length], ["shadowcontext", 10]);
  assertEquals([workloads[0].perIteration.hops, workloads[0].perIteration.switches.worldCall], [2, 2]);
  assertEquals(timeline.switches.map(({ cause }: { cause: string }) => cause), ["WORLD_CALL", "WORLD_CALL"]);
});

Deno.test("worlds prints a table for each system, and writes a page", () => {
  withImages((images) => {
    const page = join(images, "page.html");
    const { code, stdout, stderr } = causeway([
      ...["worlds", "--images", images, "--iterations", "10"],
      ...["--cycles", "skylake", "--world-call-cycles", "200", "--html", page],
    ]);
    assertEquals([code, stderr], [0, ""]);
    for (const title of ["Proxos", "Hyper-Shell", "Tahoma", "ShadowContext"]) {
      assertStringIncludes(stdout, `${title} (`);
    }
    assertStringIncludes(stdout, "the 3 paths give the same 3 results; refused over each: stranger (-1)");
    assertStringIncludes(stdout, "world call 200");
    assert(!stdout.includes("haswell"));
    assertStringIncludes(readFileSync(page, "utf8"), "<!DOCTYPE html>");
  });
});

Deno.test("worlds refuses bad usage and missing or broken images in one line", () => {
  const refused = (...args: string[]): readonly [number | null, string] => {
    const { code, stderr } = causeway(["worlds", ...args]);
    return [code, stderr];
  };
  assertEquals(refused("proxos")[0], 2);
  assertStringIncludes(
    refused("--system", "prox")[1],
    "must be proxos, hypershell, tahoma, shadowcontext or all",
  );
  assertStringIncludes(refused("--iterations", "70000")[1], "must be from 1 to 65535");
  withFolder((folder) => {
    const [code, message] = refused("--images", folder);
    assertEquals(code, 125);
    assertStringIncludes(message, "hypervisor.elf: there is no such file");
    for (const name of ["hypervisor.elf", "kernel.elf", "initrd.tar"]) writeFileSync(join(folder, name), "x");
    assertStringIncludes(refused("--images", folder)[1], "cannot boot");
  });
  withImages((images) => {
    const [code, message] = refused(
      "--images",
      images,
      "--html",
      join(images, "no", "page.html"),
      "--path",
      "vmfunc",
    );
    assertEquals(code, 125);
    assertStringIncludes(message, "cannot write");
  });
});
