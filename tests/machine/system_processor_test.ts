import { assertEquals } from "@std/assert";
import {
  CPL,
  CR0,
  DR,
  DR6,
  DR7,
  GPR,
  Gpr,
  IDTR_LIMIT,
  MXCSR,
  RFLAGS_SYSTEM,
  RIP,
  Segment,
} from "../../src/cpu/state.ts";
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

/** SDM vol. 3B, section 18.17.3. */
Deno.test("writes of the TSC change IA32_TSC_ADJUST by as much, and the other way round", () => {
  const TSC = 0x10, TSC_ADJUST = 0x3b, { bus } = realMode([]).current;
  assertEquals(bus.cpuid(7, 0, { osxsave: false })[1] & 2, 2);
  assertEquals([bus.readMsr(TSC_ADJUST), bus.tsc()], [{ lo: 0, hi: 0 }, 0]);
  assertEquals([bus.writeMsr(TSC, 5, 1), bus.readMsr(TSC_ADJUST)], [true, { lo: 5, hi: 1 }]);
  assertEquals([bus.writeMsr(TSC_ADJUST, 1000, 0), bus.readMsr(TSC)], [true, { lo: 1000, hi: 0 }]);
  assertEquals([bus.writeMsr(TSC_ADJUST, -1000, -1), bus.readMsr(TSC_ADJUST)], [true, { lo: -1000, hi: -1 }]);
  assertEquals([bus.writeMsr(TSC, 0, 0), bus.readMsr(TSC_ADJUST)], [true, { lo: 0, hi: 0 }]);
});

Deno.test("MSR_POWER_CTL keeps C1E, and has no other bits", () => {
  const POWER_CONTROL = 0x1fc, { bus } = realMode([]).current;
  assertEquals([bus.writeMsr(POWER_CONTROL, 2, 0), bus.readMsr(POWER_CONTROL)], [true, { lo: 2, hi: 0 }]);
  for (const [lo, hi] of [[1, 0], [4, 0], [2, 1]] as const) {
    assertEquals(bus.writeMsr(POWER_CONTROL, lo, hi), false);
  }
  assertEquals(bus.readMsr(POWER_CONTROL), { lo: 2, hi: 0 });
});

/** Runs until the handler of #DB, at 0:500H, halts. Returns the IP that it was given, from 7C00H on, and DR6. */
function debugged(processors: Processors): [ip: number, dr6: number] {
  const { memory } = processors.core, m = memory.i32;
  memory.ram(4, 4).set([0, 5, 0, 0]);
  memory.ram(0x500, 1).set([0xf4]); // HLT
  memory.ram(0x7000, 2).set([0, 0x20]);
  m[(GPR >> 2) + 2 * Gpr.RAX] = 0x2000;
  assertEquals(processors.run(1000), "halt");
  const at = 0x2_0000 + m[(GPR >> 2) + 2 * Gpr.RSP]!;
  const [low, high] = memory.ram(at, 2);
  return [(low! | (high! << 8)) - 0x7c00, m[DR6 >> 2]!];
}

Deno.test("MOV SS holds debug exceptions back for one instruction", () => {
  // MOV SS, [7000H]; NOP; NOP
  const watched = realMode([0x8e, 0x16, 0, 0x70, 0x90, 0x90]), m = watched.core.memory.i32;
  m[DR >> 2] = 0x7000;
  m[DR7 >> 2] = 0x7_0402;
  watched.core.inner.mmu.breakpointsChanged();
  assertEquals(debugged(watched), [5, 1]);
  // MOV SS, AX; NOP; NOP
  const stepped = realMode([0x8e, 0xd0, 0x90, 0x90]);
  stepped.core.memory.i32[RFLAGS_SYSTEM >> 2] = 0x100;
  assertEquals(debugged(stepped), [3, 0x4000]);
});

Deno.test("Processors.run() skips to what happens in a chip, or as far as it may, and stops where nobody can wake", () => {
  const processors = realMode([0xfb, 0xf4]); // STI; HLT
  const { schedule, clock } = processors.core, events: number[] = [];
  let event = 1e6;
  schedule.add({
    nextEvent: () => event,
    advance(now) {
      events.push(now);
      event = now < 2e6 ? 2e6 : Infinity;
    },
  }, () => true);
  assertEquals([processors.run(1000, 300_000), processors.instructions, events.length], ["budget", 2, 0]);
  assertEquals(clock.skipped, 300_000);
  assertEquals([processors.run(1000), events], ["halt", [1e6, 2e6]]);
});

Deno.test("Processors.run() ends code that runs at the cycle at which something happens in a chip", () => {
  const processors = realMode([0xeb, 0xfe]); // JMP to itself
  const { schedule } = processors.core, events: number[] = [];
  schedule.add({
    nextEvent: () => (events.length < 3 ? 100 * (events.length + 1) : Infinity),
    advance: (now) => void events.push(now),
  }, () => true);
  assertEquals([processors.run(1000), events], ["budget", [100, 200, 300]]);
});

Deno.test("Processors.run() gives up on a timer that interrupts where nobody listens", () => {
  const processors = realMode([0xfb, 0xf4]);
  let event = 0;
  processors.core.schedule.add(
    { nextEvent: () => event + 1, advance: (now) => void (event = now) },
    () => true,
  );
  assertEquals(processors.run(1000), "halt");
});

Deno.test("IA32_MISC_ENABLE limits the leaves of CPUID, and disables XD and with it EFER.NXE. SDM vol. 4, table 2-2", () => {
  const MISC_ENABLE = 0x1a0, EFER = 0xc000_0080 | 0, LIMIT = 0x40_0000, NO_XD = 4, NXE = 0x800;
  const { bus, unit: { msrs } } = realMode([0xf4]).current;
  const seen = (): unknown[] => [
    bus.cpuid(0, 0, { osxsave: false })[0],
    (bus.cpuid(0x8000_0001 | 0, 0, { osxsave: false })[3] >> 20) & 1,
    msrs.write(EFER, NXE, 0),
    msrs.write(EFER, 0, 0),
  ];
  assertEquals(seen(), [0x15, 1, true, true]);
  const { lo } = bus.readMsr(MISC_ENABLE)!;
  assertEquals(bus.writeMsr(MISC_ENABLE, lo | LIMIT, NO_XD), true);
  assertEquals(bus.readMsr(MISC_ENABLE), { lo: lo | LIMIT, hi: NO_XD });
  assertEquals(seen(), [2, 0, false, true]);
  assertEquals(bus.writeMsr(MISC_ENABLE, lo, 1), false);
  assertEquals(bus.writeMsr(MISC_ENABLE, lo, 0), true);
  assertEquals(seen(), [0x15, 1, true, true]);
});
