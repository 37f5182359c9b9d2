/** Instruction breakpoints of the debug registers: what RF lets pass, and code around them. SDM vol. 3B, section 18.3.1.1. */
import { assert, assertEquals } from "@std/assert";
import { readRflags, writeRflags } from "../../../src/cpu/rflags.ts";
import { DR, DR6, DR7, Gpr } from "../../../src/cpu/state.ts";
import {
  CODE,
  DATA,
  everywhere,
  handler,
  Selector,
  STACK,
  stoppedIn,
  type SystemMachine,
} from "./_machine.ts";

const DB = 1, RF = 0x1_0000, DR6_IDLE = 0xffff_0ff0;
const TURNS = 300;

/** Sets breakpoints 0 and those behind it; they enable themselves in DR7. */
function breakAt(machine: SystemMachine, ...places: readonly number[]): void {
  for (const [n, place] of places.entries()) machine.setRegister(DR + 8 * n, place, 0);
  machine.m[DR6 >> 2] = DR6_IDLE;
  machine.m[DR7 >> 2] = 0x400 | (places.length === 0 ? 0 : 0x55 >> (8 - 2 * places.length));
  machine.bare.processor.mmu.breakpointsChanged();
}

/** #DB counts in RDI, and returns with RF: INC EDI; OR BYTE [RSP + 18], 1; IRETQ. */
const countAndResume = (machine: SystemMachine): void =>
  machine.write(handler(DB), [0xff, 0xc7, 0x80, 0x4c, 0x24, 0x12, 0x01, 0x48, 0xcf]);

/** MOV ECX, 300; 5: ADD EAX, ECX; 7: NOP; 8: DEC ECX; a: JNZ 5; HLT. */
const LOOP = "b9 2c 01 00 00 01 c8 90 ff c9 75 f9";
/** Instructions of the loop, HLT included, and of the handler. */
const LENGTH = 1 + 4 * TURNS + 1, HANDLER = 3;

const executed = ({ bare }: SystemMachine, code: () => void): number => {
  const before = bare.processor.instructions;
  code();
  return bare.processor.instructions - before;
};

const interpreted = ({ bare: { processor: { dispatcher: { counts } } } }: SystemMachine): number =>
  counts.interpretedInstructions + counts.singleSteps;

everywhere("instruction breakpoint: #DB is a fault at the instruction, and pushes no RF", (make) => {
  const machine = make();
  breakAt(machine, CODE + 2);
  assertEquals(machine.runCode("90 90 40 b7 01 90"), "halt");
  assertEquals(stoppedIn(machine), DB);
  const [rip, , flags] = machine.stack(3).map(Number);
  assertEquals([rip! - CODE, flags! & RF, (machine.m[DR6 >> 2]! ^ DR6_IDLE) >>> 0], [2, 0, 1]);
  assertEquals(machine.get(Gpr.RDI), 0n, "not executed");
});

everywhere("instruction breakpoint: RF lets one instruction pass", (make) => {
  const machine = make();
  breakAt(machine, CODE, CODE + 1);
  writeRflags(machine.m, 2 | RF);
  assertEquals(machine.runCode("90 90"), "halt");
  assertEquals([stoppedIn(machine), Number(machine.stack(1)[0]), machine.m[DR6 >> 2]! & 15], [
    DB,
    CODE + 1,
    2,
  ]);
});

everywhere("instruction breakpoint: stops nothing behind MOV SS, and is met there without it", (make) => {
  for (const [code, passes] of [["8e d0 90", true], ["8e d8 90", false], ["8e d0 90 90", true]] as const) {
    const machine = make();
    Object.defineProperty(machine.bus, "time", {
      get: () => machine.bare.processor.dispatcher.instructions(),
    });
    machine.set(Gpr.RAX, Selector.DATA);
    breakAt(machine, CODE + 2);
    assertEquals(machine.runCode(code), "halt");
    assertEquals(machine.m[DR6 >> 2]! & 15, passes ? 0 : 1, code);
  }
});

everywhere("instruction breakpoint: met each time in hot code, which runs as many instructions", (make) => {
  const machine = make();
  countAndResume(machine);
  assertEquals(executed(machine, () => machine.runCode(LOOP)), LENGTH);
  for (const places of [[CODE + 7], [], [CODE + 5, CODE + 10], []]) {
    breakAt(machine, ...places);
    for (const register of [Gpr.RAX, Gpr.RDI]) machine.set(register, 0);
    const hits = TURNS * places.length;
    assertEquals(executed(machine, () => machine.runCode(LOOP)), LENGTH + HANDLER * hits);
    assertEquals([machine.get(Gpr.RDI), machine.get(Gpr.RAX)], [
      BigInt(hits),
      BigInt(TURNS * (TURNS + 1) / 2),
    ]);
    assertEquals([machine.rip, readRflags(machine.m) & RF], [CODE + 13, 0]);
  }
});

everywhere("instruction breakpoint: code around it stays compiled", (make) => {
  const machine = make(), { tiers } = machine.bare.processor.dispatcher;
  countAndResume(machine);
  // MOV ESI, 20; 5: CALL 12; DEC ESI; JNZ 5; HLT; NOP; NOP; NOP; 12: the loop; RET
  machine.write(CODE, [0xbe, 20, 0, 0, 0, 0xe8, 8, 0, 0, 0, 0xff, 0xce, 0x75, 0xf7, 0xf4, 0x90, 0x90, 0x90]);
  const loop = LOOP.split(" ").map((byte) => parseInt(byte, 16));
  machine.write(CODE + 0x12, [...loop, 0xc3]);
  assertEquals(machine.run(CODE, 100_000), "halt");
  breakAt(machine, CODE + 10);
  machine.set(Gpr.RDI, 0);
  const before = interpreted(machine);
  assertEquals([machine.run(CODE, 100_000), machine.get(Gpr.RDI)], ["halt", 20n]);
  const count = interpreted(machine) - before;
  // The first regions take longer than this program, where they are made in slices.
  if (tiers.engine !== undefined && tiers.codeCacheBlocks > 3 && !tiers.inSlices) {
    assert(count < 10 * LENGTH, `${count} instructions are interpreted`);
  }
});

everywhere("instruction breakpoint: where it was, code is compiled again in time", (make) => {
  const machine = make(), { tiers } = machine.bare.processor.dispatcher;
  if (tiers.engine === undefined || tiers.codeCacheBlocks === 3) {
    breakAt(machine, CODE + 5);
    breakAt(machine);
    return assertEquals(machine.runCode(LOOP), "halt");
  }
  // MOV ECX, 500,000; 5: DEC ECX; JNZ 5
  const code = "b9 20 a1 07 00 ff c9 75 fc";
  breakAt(machine, CODE + 5);
  breakAt(machine);
  const run = (): number => {
    const before = interpreted(machine);
    machine.write(CODE, [...code.split(" ").map((byte) => parseInt(byte, 16)), 0xf4]);
    assertEquals(machine.run(CODE, 2_000_000), "halt");
    return interpreted(machine) - before;
  };
  const first = run();
  assert(first < 250_000, `${first} of 1,000,000 instructions are interpreted`);
});

everywhere("instruction breakpoint: IRET with RF to an instruction before it", (make) => {
  const machine = make();
  breakAt(machine, CODE + 20);
  // 0: PUSH 10H; 2: PUSH RSP (its value does not matter); 3: PUSH 10002H; 8: PUSH 8; a: PUSH 10013H; f: IRETQ
  assertEquals(machine.runCode("6a 10 54 68 02 00 01 00 6a 08 68 13 00 01 00 48 cf 90 90 90 90"), "halt");
  assertEquals([stoppedIn(machine), Number(machine.stack(1)[0]) - CODE], [DB, 20]);
});

everywhere("instruction breakpoint: a repeated string instruction is passed as a whole", (make) => {
  const machine = make();
  machine.bare.mapPage(DATA + 0x1000, DATA + 0x1000);
  countAndResume(machine);
  machine.set(Gpr.RSI, DATA);
  breakAt(machine, CODE + 9);
  // 0: MOV ECX, 1800H; 5: NOP x 4; 9: REP LODSB; b: NOP
  assertEquals(machine.runCode("b9 00 18 00 00 90 90 90 90 f3 ac 90"), "halt");
  assertEquals([machine.get(Gpr.RDI), machine.get(Gpr.RCX), machine.get(Gpr.RSI)], [
    1n,
    0n,
    BigInt(DATA + 0x1800),
  ]);
});

everywhere("instruction breakpoint: a jump to itself meets it each time", (make) => {
  const machine = make();
  countAndResume(machine);
  machine.set(Gpr.RCX, 50);
  breakAt(machine, CODE + 1);
  assertEquals(machine.runCode("90 e2 fe"), "halt"); // NOP; LOOP to itself
  assertEquals([machine.get(Gpr.RDI), machine.get(Gpr.RCX)], [50n, 0n]);
});

everywhere(
  "instruction breakpoint: by linear address, in every address space and through no alias",
  (make) => {
    const machine = make(), { bare } = machine;
    const window = 0x3_8000, frames = [0x3_9000, 0x3_a000], alias = 0x3_b000;
    countAndResume(machine);
    // ADD EAX, 1 in one frame, and 100 in the other; RET
    for (const [n, frame] of frames.entries()) machine.write(frame, [0x83, 0xc0, n === 0 ? 1 : 100, 0xc3]);
    bare.mapPage(alias, frames[0]!);
    // MOV ECX, 200; 5: CALL RBX; CALL RBP; DEC ECX; JNZ 5
    const code = "b9 c8 00 00 00 ff d3 ff d5 ff c9 75 f8";
    machine.set(Gpr.RBX, window);
    machine.set(Gpr.RBP, alias);
    machine.set(Gpr.RSP, STACK);
    let sum = 0n;
    for (const watched of [[], [window], [alias], [window, alias], []]) {
      breakAt(machine, ...watched);
      for (const [n, frame] of frames.entries()) {
        bare.mapPage(window, frame);
        machine.set(Gpr.RDI, 0);
        assertEquals(machine.runCode(code), "halt");
        sum += 200n * BigInt(n === 0 ? 2 : 101);
        assertEquals([machine.get(Gpr.RDI), machine.get(Gpr.RAX)], [BigInt(200 * watched.length), sum]);
      }
    }
  },
);
