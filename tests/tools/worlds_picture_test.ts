import { assertEquals, assertStringIncludes } from "@std/assert";
import { worldsPicture } from "../../_tools/worlds_picture.ts";
import { PATH_NAMES } from "../../src/cli/worlds/case_studies.ts";
import { recordCall } from "../../src/cli/worlds/timeline.ts";
import { protocolRun } from "../cli/worlds/_protocol.ts";

Deno.test("worldsPicture() draws the paths below one another, in one picture", () => {
  const picture = worldsPicture(PATH_NAMES.map((path) => recordCall(protocolRun(path))));
  assertStringIncludes(picture, 'xmlns="http://www.w3.org/2000/svg"');
  for (const title of ["original: 10 world switches", "VMFUNC: 4 world", "CrossOver: 2 world"]) {
    assertStringIncludes(picture, title);
  }
  assertEquals(picture.match(/<svg /g)?.length, 4);
  const tops = [...picture.matchAll(/<svg x="20" y="(\d+)"/g)].map(([, y]) => Number(y));
  assertEquals(tops, tops.toSorted((a, b) => a - b));
});
