import { assertEquals } from "@std/assert";
import { VERSION } from "../../src/cli/version.ts";
import configuration from "../../deno.json" with { type: "json" };

Deno.test("VERSION is that of deno.json", () => assertEquals(VERSION, configuration.version));
