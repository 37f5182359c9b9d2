/** Processors that call at once: each has caches and an identity of its own, though they run the same translated code. */
import { assert, assertEquals } from "@std/assert";
import { setCell } from "../../src/vmx/enter.ts";
import { RIP } from "../../src/cpu/state.ts";
import { TURN } from "../../src/machine/processors.ts";
import { attack, CALLEE, CALLER, KEEPING_CODE, LEFT, LOOP_END, SERVED, THIRD, writeLoop } from "./_attack.ts";
import { CODE, DATA, everywhere, type Party, type WorldMachine } from "./_machine.ts";

/** More than a turn takes. Too many for the engine that keeps three blocks, which is slow. */
const CALLS = TURN / 5, INSTRUCTIONS = 16 * TURN;

/** Registers a caller in machine a and a callee on the processor in use, and puts it at the beginning of the loop. */
function ready(machine: WorldMachine, caller: bigint, callee: Party | undefined, cr3 = machine.a.cr3): void {
  assert(machine.register({ wid: caller, party: machine.a, cr3 }));
  if (callee !== undefined) assert(machine.register({ wid: CALLEE, party: callee }));
  machine.place(machine.a, { cr3 });
  machine.set(LEFT, CALLS + 1);
  machine.set(SERVED, 0);
  setCell(machine.m, RIP, BigInt(CODE));
}
const served = (machine: WorldMachine, number: number): bigint => {
  machine.use(number);
  return machine.get(SERVED);
};

everywhere("two processors call the same world at once, each as itself", (make) => {
  const machine = make({ processors: 2 }), { a, b } = machine;
  writeLoop(a, b);
  machine.start(1);
  machine.use(1);
  ready(machine, THIRD, b, a.newSpace());
  machine.use(0);
  ready(machine, CALLER, b);
  machine.machine.run({ instructions: INSTRUCTIONS });
  for (const [number, wid] of [[0, CALLER], [1, THIRD]] as const) {
    machine.use(number);
    assertEquals([machine.party, machine.rip, machine.get(SERVED)], [1, LOOP_END, BigInt(CALLS)]);
    const { caches } = machine.crossover, other = wid === CALLER ? THIRD : CALLER;
    assertEquals([caches.callee(wid)?.world.wid, caches.callee(other)], [wid, undefined]);
  }
  assertEquals(b.readQuad(DATA + 8), BigInt(2 * CALLS));
}, KEEPING_CODE);

attack(
  "a world that only the other processor has is out of reach, though the other's code is hot",
  (make, isProtected) => {
    const machine = make({ processors: 2 }), { a, b } = machine;
    writeLoop(a, b);
    machine.start(1);
    machine.use(1);
    ready(machine, CALLER, isProtected ? undefined : b);
    machine.use(0);
    ready(machine, CALLER, b);
    machine.machine.run({ instructions: INSTRUCTIONS });
    assertEquals(served(machine, 0), BigInt(CALLS));
    assertEquals(served(machine, 1), isProtected ? 0n : BigInt(CALLS));
    if (isProtected) assertEquals(machine.exit, { reason: 240, qualification: 0n, length: 3 });
    else assertEquals(machine.rip, LOOP_END);
  },
  KEEPING_CODE,
  KEEPING_CODE,
);

everywhere("the same WID may mean another world on another processor", (make) => {
  const machine = make({ processors: 2 }), { a, b, parties } = machine, third = parties[3]!;
  writeLoop(a, b);
  writeLoop(a, third);
  machine.start(1);
  machine.use(1);
  ready(machine, CALLER, third);
  machine.use(0);
  ready(machine, CALLER, b);
  machine.machine.run({ instructions: INSTRUCTIONS });
  assertEquals([served(machine, 0), served(machine, 1)], [BigInt(CALLS), BigInt(CALLS)]);
  assertEquals([b.readQuad(DATA + 8), third.readQuad(DATA + 8)], [BigInt(CALLS), BigInt(CALLS)]);
}, KEEPING_CODE);

attack(
  "a world is gone once it has been dropped on both processors: on one alone it is not",
  (make, isProtected) => {
    const machine = make({ processors: 2 }), { a, b } = machine;
    writeLoop(a, b);
    machine.start(1);
    for (const number of [1, 0]) {
      machine.use(number);
      ready(machine, CALLER, b);
    }
    machine.machine.run({ instructions: 2.5 * TURN });
    const before = [served(machine, 0), served(machine, 1)];
    assert(before.every((count) => count > 100n && count < BigInt(CALLS)), String(before));
    machine.use(0);
    machine.crossover.caches.drop(CALLEE);
    machine.use(1);
    if (isProtected) machine.crossover.caches.drop(CALLEE);
    machine.machine.run({ instructions: INSTRUCTIONS });
    assertEquals(served(machine, 0), before[0]);
    assertEquals(machine.exit?.reason, 240);
    assertEquals(served(machine, 1), isProtected ? before[1] : BigInt(CALLS));
  },
  KEEPING_CODE,
  KEEPING_CODE,
);
