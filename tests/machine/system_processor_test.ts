import { assertEquals } from "@std/assert";
import { CPL, CR0, GPR, Gpr, IDTR_LIMIT, MXCSR, RIP, Segment } from "../../src/cpu/state.ts";
import { segmentCell } from "../../src/cpu/system/segments.ts";
import { Bus } from "../../src/machine/bus.ts";
import { Pic8259 } from "../../src/machine/devices/8259_pic.ts";
import { Processors } from "../../src/machine/processors.ts";
import { LinearMemory } from "../../src/memory/physical.ts";

/** A processor in real mode with a stack away from its code, at 0:7C00H. */
function realMode(code: readonly number[]): Processors {
  const memory = new LinearMemory(0x10_0000);
  const pic = new Pic8259(() => {});
  const processors = new Processors(memory, { bus: new Bus(), pic }, { engine: "interpreter" });
  const m = memory.i32;
  m[CR0 >> 2] = 0x30;
  m[CPL >> 2] = 0;
  m[MXCSR >> 2] = 0x1f80;
  m[IDTR_LIMIT >> 2] = 0x3ff;
  for (const n of Object.values(Segment)) {
    const selector = n === Segment.SS ? 0x2000 : 0;
    processors.current.unit.segments.write(segmentCell(n), selector, 0xffff, 0x93, selector << 4);
  }
  m[(GPR >> 2) + 2 * Gpr.RSP] = 0x1000;
  m[RIP >> 2] = 0x7c00;
  memory.ram(0x7c00, code.length).set(code);
  return processors;
}

Deno.test("SystemProcessor.run() shuts down when a handler raises exceptions for ever", () => {
  const processor = realMode([0x0f, 0x0b]); // UD2
  processor.core.memory.ram(6 * 4, 4).set([0, 5, 0, 0]);
  processor.core.memory.ram(0x500, 2).set([0x0f, 0x0b]); // UD2
  assertEquals(processor.run(1000), "shutdown");
});

Deno.test("SystemProcessor.run() counts an exception that is handled as no instruction", () => {
  const processor = realMode([0x0f, 0x0b]);
  processor.core.memory.ram(6 * 4, 4).set([0, 5, 0, 0]);
  processor.core.memory.ram(0x500, 3).set([0x90, 0x90, 0xf4]); // NOP; NOP; HLT
  assertEquals([processor.run(1000), processor.instructions], ["halt", 3]);
});
