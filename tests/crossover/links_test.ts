/**
 * Calls that compiled code makes by itself: they are worth the same as those of the slow path, for the caches, for the
 * VMCS, and for everything that takes the permission to call away.
 */
import { assert, assertEquals } from "@std/assert";
import { Vector } from "../../src/cpu/fault.ts";
import { WorldSwitch } from "../../src/cpu/system/world_switches.ts";
import { RAM_BASE } from "../../src/memory/physical.ts";
import { REVISION } from "../../src/vmx/capabilities.ts";
import { Field } from "../../src/vmx/fields.ts";
import { Vmcs } from "../../src/vmx/vmcs.ts";
import {
  attack,
  CALLEE,
  CALLER,
  KEEPING_CODE,
  LEFT,
  little32,
  LOOP_END,
  runLoop,
  SERVED,
  standard,
  THIRD,
  writeLoop,
} from "./_attack.ts";
import { load, move, STOP, VMCALL, VMFUNC } from "./_code.ts";
import { CODE, ENTRY, everywhere, type WorldMachine } from "./_machine.ts";

const HOT = 100, DISABLED = 59;
const SECOND_VMCS = 0x5_d000, POINTER = 0x5_e000;
const VMPTRLD = [0x0f, 0xc7, 0x34, 0x25, 0x00, 0xe0, 0x05, 0x00], VMRESUME = [0x0f, 0x01, 0xc3];
const VMXOFF = [0x0f, 0x01, 0xc4], CLI = [0xfa];

const calls = (machine: WorldMachine): number =>
  machine.processor.unit.context.switches.counted(WorldSwitch.WORLD_CALL);

everywhere(
  "thousands of calls in a row, over regions that grow: all arrive, all are counted, all are unlinked at once",
  (make) => {
    const machine = make(), iterations = 3000;
    standard(machine);
    writeLoop(machine.a, machine.b);
    runLoop(machine, iterations);
    assertEquals([machine.rip, machine.get(SERVED), calls(machine)], [
      LOOP_END,
      BigInt(iterations),
      2 * iterations,
    ]);
    machine.crossover.caches.drop(CALLEE);
    machine.place(machine.a);
    runLoop(machine, iterations);
    assertEquals([machine.exit?.reason, machine.get(SERVED)], [240, 0n]);
  },
  KEEPING_CODE,
);

everywhere(
  "what a caller at CPL 3 goes on with after calls of a callee at CPL 0 is translated for CPL 3",
  (make) => {
    // A run that begins in the callee, too, wherever that is.
    for (let first = 0; first < 11; first++) {
      const machine = make(), { a, b } = machine;
      assert(machine.register({ wid: CALLER, party: a, cpl: 3 }));
      assert(machine.register({ wid: CALLEE, party: b }));
      writeLoop(a, b);
      a.write(LOOP_END, CLI, STOP);
      machine.place(a, { cpl: 3 });
      machine.set(LEFT, HOT + 1);
      machine.set(SERVED, 0);
      machine.run(CODE, 6 * HOT + first);
      machine.run(machine.rip, 12 * HOT);
      assertEquals([machine.vector, machine.get(SERVED)], [Vector.GP, BigInt(HOT)]);
    }
  },
);

everywhere(
  "calls keep caller and callee recently used: what is evicted is the world that nobody calls",
  (make) => {
    for (const idleFirst of [true, false]) {
      const machine = make({ crossover: { worldCacheEntries: 3, inverseWorldCacheEntries: 3 } }),
        { a, b } = machine;
      const idle = { wid: THIRD, party: b, cr3: b.newSpace() };
      if (idleFirst) assert(machine.register(idle));
      standard(machine);
      if (!idleFirst) assert(machine.register(idle));
      writeLoop(a, b);
      runLoop(machine, HOT);
      assert(machine.register({ wid: 0x77n, party: b, cr3: b.newSpace() }));
      const { caches } = machine.crossover;
      assertEquals([CALLER, CALLEE, THIRD].map((wid) => caches.callee(wid) !== undefined), [
        true,
        true,
        false,
      ]);
      machine.place(a);
      runLoop(machine, HOT);
      assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
    }
  },
);

for (
  const [where, before] of [["at the end of a block", []], ["in a block of their own", [0xeb, 0x00]]] as const
) {
  everywhere(
    `worlds that share their code call each other in one piece of compiled code, ${where}: calls keep and change the same`,
    (make) => {
      const machine = make(), { a } = machine, iterations = 25_000, callee = ENTRY + 0x40;
      assert(machine.register({ wid: CALLER, party: a }));
      assert(machine.register({ wid: CALLEE, party: a, cr3: a.newSpace(), rip: callee }));
      // DEC R12; JZ LOOP_END; STD; RCX := CALLEE by SUB, whose flags the callee sees; call.
      a.write(CODE, [0x49, 0xff, 0xcc, 0x0f, 0x84, LOOP_END - CODE - 9, 0, 0, 0, 0xfd]);
      a.write(CODE + 10, load(0, 1), move(1, 8), [0x48, 0x83, 0xe9, 0x01], before, VMFUNC, STOP);
      a.write(LOOP_END, STOP);
      // The caller again: LAHF; MOVZX EBX, AH; ADD R15, RBX; ADD R15, RCX; JMP CODE.
      const back = [0x9f, 0x0f, 0xb6, 0xdc, 0x49, 0x01, 0xdf, 0x49, 0x01, 0xcf];
      a.write(ENTRY, back, [0xe9], little32(CODE - ENTRY - back.length - 5));
      // The callee: LAHF; MOVZX EBX, AH; ADD R14, RBX; ADD R14, RCX; LODSB; INC R13; STC; call back with RCX as it is.
      const work = [0x9f, 0x0f, 0xb6, 0xdc, 0x49, 0x01, 0xde, 0x49, 0x01, 0xce, 0xac, 0x49, 0xff, 0xc5, 0xf9];
      a.write(callee, work, load(0, 1), VMFUNC, STOP);
      const run = (): void => {
        machine.place(a);
        for (const [register, value] of [[8, CALLEE + 1n], [14, 0], [15, 0], [6, CODE]] as const) {
          machine.set(register, value);
        }
        runLoop(machine, iterations, 22);
      };
      // SUB leaves PF of 22H; INC leaves PF of R13, STC sets CF.
      const evenParity = (value: number): boolean => {
        let bits = 0;
        for (let rest = value & 0xff; rest !== 0; rest &= rest - 1) bits++;
        return bits % 2 === 0;
      };
      let flags = 0n;
      for (let n = 1; n <= iterations; n++) flags += evenParity(n) ? 7n : 3n;
      // AF: INC carries out of bit 3.
      flags += 16n * BigInt(Math.floor(iterations / 16));
      const count = BigInt(iterations);
      run();
      assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, count]);
      assertEquals(machine.get(14), count * (6n + CALLER));
      assertEquals(machine.get(15), flags + count * CALLEE);
      // STD goes with the caller: the callee has counted upwards.
      assertEquals(machine.get(6), BigInt(CODE) + count);
      machine.crossover.caches.drop(CALLEE);
      run();
      assertEquals([machine.exit?.reason, machine.get(SERVED), machine.get(1)], [240, 0n, CALLEE]);
    },
    KEEPING_CODE,
  );
}

/** Makes a second VMCS like the first, current by VMPTRLD, and enters the caller's loop with it. */
function enterWithSecond(machine: WorldMachine, change: (vmcs: Vmcs) => void): Vmcs {
  const { host, a, vmcs } = machine;
  machine.machine.writePhysical(SECOND_VMCS, machine.machine.readPhysical(0x5_2000, 0x1000));
  machine.view.setInt32(RAM_BASE + SECOND_VMCS, REVISION, true);
  const second = new Vmcs(machine.vmx.memory, BigInt(SECOND_VMCS));
  for (
    const [field, value] of [[Field.GUEST_RIP, CODE], [Field.EPTP, a.eptp], [Field.GUEST_CR3, a.cr3]] as const
  ) {
    second.write(field, value);
  }
  second.write(Field.VPID, 2);
  change(second);
  vmcs.write(Field.EPTP, 0x1234_5000);
  host.writeQuad(POINTER, SECOND_VMCS);
  host.write(CODE, VMPTRLD, VMRESUME, STOP);
  machine.place(host);
  machine.set(12, HOT + 1);
  machine.set(SERVED, 0);
  machine.run(CODE, 12 * HOT + 60);
  return second;
}

everywhere("under another VMCS hot calls change that one's EPTP, and not the one's before", (make) => {
  const machine = make(), { a, b } = machine;
  standard(machine);
  writeLoop(a, b);
  runLoop(machine, HOT);
  // It ends in the callee's machine.
  b.write(ENTRY + 0x100, STOP);
  b.write(ENTRY + 0x140, VMCALL);
  assert(machine.register({ wid: THIRD, party: b, cpl: 3, rip: ENTRY + 0x100 }));
  a.write(LOOP_END, load(0, 1), load(1, THIRD), VMFUNC);
  const second = enterWithSecond(machine, () => {});
  assertEquals([machine.party, machine.rip, machine.get(SERVED)], [2, ENTRY + 0x100, BigInt(HOT)]);
  machine.run(ENTRY + 0x140);
  assertEquals(machine.isInGuest, false);
  assertEquals([second.read(Field.EPTP), machine.vmcs.read(Field.EPTP)], [b.eptp, 0x1234_5000n]);
});

attack(
  "under another VMCS that does not allow world calls hot code does not get through",
  (make, isProtected) => {
    const machine = make();
    standard(machine);
    writeLoop(machine.a, machine.b);
    runLoop(machine, HOT);
    const second = enterWithSecond(machine, (vmcs) => {
      if (isProtected) vmcs.write(Field.VMFUNC_CONTROLS, 0);
    });
    if (!isProtected) return assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
    assertEquals([machine.isInGuest, second.word(Field.EXIT_REASON), machine.get(SERVED)], [
      false,
      DISABLED,
      0n,
    ]);
  },
);

attack("after VMXOFF hot code of the host does not get through", (make, isProtected) => {
  const machine = make(), { host } = machine;
  const other = host.newSpace();
  assert(machine.register({ wid: CALLER, party: host }));
  assert(machine.register({ wid: CALLEE, party: host, cr3: other }));
  // The other address space has a page of its own at the entry point.
  host.map(other, ENTRY, 0x7_0000);
  writeLoop(host, host);
  host.write(0x7_0000, [0x49, 0xff, 0xc5], load(0, 1), VMFUNC, STOP);
  host.write(ENTRY, [0x90, 0xe9, ...[0, 8, 16, 24].map((n) => ((CODE - ENTRY - 6) >> n) & 255)]);
  machine.place(host);
  runLoop(machine, HOT);
  assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
  host.write(CODE + 0x800, isProtected ? VMXOFF : [0x90, 0x90, 0x90], STOP);
  machine.place(host);
  machine.run(CODE + 0x800, 10);
  machine.set(12, HOT + 1);
  machine.set(SERVED, 0);
  machine.run(CODE, 12 * HOT + 50);
  if (isProtected) assertEquals([machine.vector, machine.get(SERVED)], [Vector.UD, 0n]);
  else assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
});

everywhere("calls cost what the cycle model says, whichever way they are made", (make) => {
  const machine = make({ cycles: { profile: "haswell", worldCall: 400 } });
  standard(machine);
  writeLoop(machine.a, machine.b);
  const { processor } = machine, before = [processor.clock.now(), machine.machine.instructions] as const;
  runLoop(machine, HOT);
  const cycles = processor.clock.now() - before[0], instructions = machine.machine.instructions - before[1];
  assertEquals([calls(machine), cycles - instructions], [2 * HOT, 2 * HOT * 399]);
});
