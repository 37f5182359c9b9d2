import { assert, assertEquals } from "@std/assert";
import { doubled } from "../../bench/long_run.ts";
import { SUITE } from "../../bench/suite.ts";

for (const program of SUITE) {
  Deno.test(`twice the work of ${program.name} is at least that, and told exactly`, () => {
    const { work = (argument: number) => argument, sizes } = program;
    const { argument, more } = doubled(program);
    assert(more >= 1 && more < 2);
    assertEquals(work(argument) / work(sizes.full), 1 + more);
  });
}
