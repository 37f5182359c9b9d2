import { assert, assertEquals } from "@std/assert";
import type { DebugPoint } from "../../../src/cpu/system/debug_points.ts";
import { Flag } from "../../../src/cpu/rflags.ts";
import { Gpr, RFLAGS_SYSTEM } from "../../../src/cpu/state.ts";
import { type Bare, everywhere } from "../../jit/_bare.ts";
import { bytesOf } from "./_machine.ts";

const CODE = 0x1_0000, DATA = 0x3_0000, COPY = 0x3_1000;
const TURNS = 300;

/** MOV ECX, 300; 5: ADD EAX, ECX; 7: MOV [30000H], EAX; e: DEC ECX; 10: JNZ 5; 12: HLT. */
const LOOP = bytesOf("b9 2c 01 00 00 01 c8 89 04 25 00 00 03 00 ff c9 75 f3 f4");
const ADD = CODE + 5, STORE = CODE + 7, DEC = CODE + 14;
/** The sum of the instructions that the loop executes; HLT at CPL 3 faults. */
const LENGTH = 1 + 4 * TURNS;

const execute = (address: number): DebugPoint => ({ kind: "execute", address: BigInt(address), length: 1 });
const points = (bare: Bare) => bare.processor.mmu.breakpoints.outside;

/** Goes on from where the processor is, past the point that has been met. */
function resume(bare: Bare): ReturnType<Bare["run"]> {
  points(bare).hit = undefined;
  points(bare).pass(BigInt(bare.rip));
  return bare.run(bare.rip);
}

everywhere("DebugPoints: a breakpoint inside hot code stops before its instruction each time", (bare) => {
  bare.write(CODE, LOOP);
  bare.run(CODE);
  const start = bare.processor.instructions;
  points(bare).add(execute(DEC));
  bare.set(Gpr.RAX, 0);
  assertEquals(bare.run(CODE), { kind: "budget" });
  for (let turn = 0; turn < TURNS; turn++) {
    assertEquals([bare.rip, bare.get(Gpr.RCX)], [DEC, TURNS - turn]);
    assertEquals(points(bare).hit, { point: execute(DEC), access: undefined });
    assertEquals(bare.processor.instructions - start, 3 + 4 * turn);
    assertEquals(resume(bare).kind, turn === TURNS - 1 ? "fault" : "budget");
  }
  assertEquals(bare.processor.instructions - start, LENGTH);
});

everywhere("DebugPoints: code around a breakpoint stays compiled", (bare) => {
  // CALL 8; JMP 0; NOP; 8: MOV ECX, 300; the loop; RET
  bare.write(CODE, bytesOf("e8 03 00 00 00 eb f9 90"));
  bare.write(CODE + 8, LOOP);
  bare.write(CODE + 8 + LOOP.length - 1, bytesOf("c3"));
  bare.set(Gpr.RSP, 0x2_0000);
  const { dispatcher } = bare.processor, turn = LENGTH + 3;
  // Long enough for regions that are made in slices.
  bare.run(CODE, 60 * turn);
  const before = dispatcher.counts.interpretedInstructions + dispatcher.counts.singleSteps;
  points(bare).add(execute(CODE + 5));
  let start = bare.processor.instructions;
  bare.run(bare.rip);
  for (let n = 0; n < 20; n++) {
    assertEquals(bare.rip, CODE + 5);
    start = bare.processor.instructions;
    assertEquals(resume(bare).kind, "budget");
    assertEquals(bare.processor.instructions - start, turn);
  }
  const interpreted = dispatcher.counts.interpretedInstructions + dispatcher.counts.singleSteps - before;
  if (dispatcher.tiers.engine !== undefined) {
    assert(interpreted < 10 * turn, `${interpreted} are interpreted`);
  }
});

everywhere("DebugPoints: a watched store stops behind it, with the same count of instructions", (bare) => {
  bare.write(CODE, LOOP);
  bare.run(CODE);
  const start = bare.processor.instructions;
  const watch: DebugPoint = { kind: "write", address: BigInt(DATA + 3), length: 1 };
  points(bare).add(watch);
  bare.set(Gpr.RAX, 0);
  bare.run(CODE);
  for (let turn = 0; turn < TURNS; turn++) {
    assertEquals(bare.rip, DEC);
    assertEquals(points(bare).hit, {
      point: watch,
      access: { isWrite: true, address: BigInt(DATA), size: 4, rip: BigInt(STORE) },
    });
    assertEquals(bare.processor.instructions - start, 3 + 4 * turn);
    resume(bare);
  }
  assertEquals(bare.processor.instructions - start, LENGTH);
  points(bare).remove(watch);
  assertEquals(bare.run(CODE).kind, "fault");
});

everywhere("DebugPoints: read and access points see loads, write points do not", (bare) => {
  // MOV EAX, [30004H]; NOP; HLT
  bare.write(CODE, bytesOf("8b 04 25 04 00 03 00 90 f4"));
  for (const [kind, stops] of [["read", true], ["access", true], ["write", false]] as const) {
    points(bare).add({ kind, address: BigInt(DATA), length: 8 });
    assertEquals(bare.run(CODE).kind, stops ? "budget" : "fault", kind);
    assertEquals(bare.rip, stops ? CODE + 7 : CODE + 8, kind);
    points(bare).clear();
  }
});

everywhere("DebugPoints: neither code that reads itself nor RFLAGS.RF shows a breakpoint", (bare) => {
  // 0: MOV EAX, [10007H]; 7: PUSHFQ; 8: POP RBX; 9: HLT
  bare.write(CODE, bytesOf("8b 04 25 07 00 01 00 9c 5b f4"));
  bare.set(Gpr.RSP, 0x2_0000);
  points(bare).add(execute(CODE));
  points(bare).add(execute(CODE + 7));
  bare.memory.i32[RFLAGS_SYSTEM >> 2]! |= Flag.RF;
  bare.run(CODE);
  assertEquals(bare.rip, CODE);
  assert((bare.memory.i32[RFLAGS_SYSTEM >> 2]! & Flag.RF) !== 0);
  resume(bare);
  assertEquals([bare.rip, bare.get(Gpr.RAX)], [
    CODE + 7,
    bytesOf("9c 5b f4 00").reduce((sum, byte, n) => sum | byte << 8 * n, 0),
  ]);
  assertEquals(bare.memory.i32[RFLAGS_SYSTEM >> 2]! & Flag.RF, 0, "it lets one instruction pass");
  assertEquals(resume(bare).kind, "fault");
});

everywhere("DebugPoints: REP MOVSB over a watched byte executes as many instructions as without", (bare) => {
  // REP MOVSB; HLT
  bare.write(CODE, bytesOf("f3 a4 f4"));
  const copy = (): number => {
    const before = bare.processor.instructions;
    bare.set(Gpr.RSI, DATA);
    bare.set(Gpr.RDI, COPY - 10);
    bare.set(Gpr.RCX, 0x900);
    let stop = bare.run(CODE), stops = 0;
    for (; stop.kind === "budget"; stops++) stop = resume(bare);
    assertEquals(stops, points(bare).watches ? 1 : 0);
    assertEquals([bare.get(Gpr.RCX), bare.get(Gpr.RDI)], [0, COPY - 10 + 0x900]);
    return bare.processor.instructions - before;
  };
  const plain = copy();
  points(bare).add({ kind: "write", address: BigInt(COPY + 0x123), length: 4 });
  assertEquals(copy(), plain);
});

everywhere(
  "DebugPoints: an instruction that faults has met no watchpoint; executed again it does",
  (bare) => {
    // PUSH [30000H] with no stack; HLT
    bare.write(CODE, bytesOf("ff 34 25 00 00 03 00 f4"));
    bare.set(Gpr.RSP, 0x40_0000);
    points(bare).add({ kind: "access", address: BigInt(DATA), length: 4 });
    assertEquals(bare.run(CODE).kind, "fault");
    assertEquals(points(bare).hit, undefined);
    bare.set(Gpr.RSP, 0x2_0000);
    assertEquals([bare.run(CODE).kind, bare.rip], ["budget", CODE + 7]);
  },
);

everywhere("DebugPoints: what is not debugged runs through", (bare) => {
  bare.write(CODE, LOOP);
  points(bare).add(execute(ADD));
  points(bare).add(execute(STORE));
  points(bare).apply(false);
  assertEquals(bare.run(CODE).kind, "fault");
  points(bare).apply(true);
  bare.run(CODE);
  assertEquals(bare.rip, ADD);
});
