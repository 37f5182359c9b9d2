import { assertEquals } from "@std/assert";
import { EventSource } from "../../../src/machine/api/events.ts";

Deno.test("EventSource.emit() calls listeners in order until they are ended", () => {
  const events = new EventSource<{ a: number; b: string }>();
  const heard: string[] = [];
  const end = events.on("a", (value) => heard.push(`first ${value}`));
  events.on("a", (value) => heard.push(`second ${value}`));
  events.on("b", (value) => heard.push(`b ${value}`));
  events.emit("a", 1);
  end();
  events.emit("a", 2);
  events.emit("b", "x");
  assertEquals(heard, ["first 1", "second 1", "second 2", "b x"]);
});
