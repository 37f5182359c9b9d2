/** WORLD_CALL between worlds in every combination of modes and privilege levels. docs/crossover.md, "Function 1". */
import { assert, assertEquals } from "@std/assert";
import { WorldSwitch } from "../../src/cpu/system/world_switches.ts";
import { load, STOP, worldCall } from "./_code.ts";
import { CODE, ENTRY, everywhere, type Party, type WorldMachine } from "./_machine.ts";

const CALLER = 0x1111n, CALLEE = 0x2222_0000_3333n;
/** Which party, at which privilege level. */
type Place = readonly [party: "host" | "a" | "b", cpl: 0 | 3];
const PLACES: readonly Place[] = [["host", 0], ["host", 3], ["a", 0], ["a", 3], ["b", 0], ["b", 3]];

const partyOf = (machine: WorldMachine, [name]: Place): Party => machine[name];

for (const from of PLACES) {
  for (const to of PLACES) {
    if (from === to) continue;
    everywhere(`a call from ${from.join(" ")} to ${to.join(" ")} enters there and returns`, (make) => {
      const machine = make();
      const caller = partyOf(machine, from), callee = partyOf(machine, to);
      assert(machine.register({ wid: CALLER, party: caller, cpl: from[1], rip: ENTRY + 0x100 }));
      assert(machine.register({ wid: CALLEE, party: callee, cpl: to[1], rip: ENTRY + 0x200 }));
      caller.write(CODE, load(3, 5), worldCall(CALLEE), STOP);
      caller.write(ENTRY + 0x100, STOP);
      callee.write(ENTRY + 0x200, STOP);
      machine.place(caller, { cpl: from[1] });
      machine.run(CODE);
      const { switches } = machine.machine.processor.unit.context;
      assertEquals(
        [machine.party, machine.cpl, machine.rip, machine.get(1), machine.get(3), machine.get(0)],
        [callee.number, to[1], ENTRY + 0x200, CALLER, 5n, 1n],
      );
      assertEquals(switches.counted(WorldSwitch.WORLD_CALL), 1);
      callee.write(ENTRY + 0x300, worldCall(CALLER), STOP);
      machine.run(ENTRY + 0x300);
      assertEquals(
        [machine.party, machine.cpl, machine.rip, machine.get(1), machine.get(3)],
        [caller.number, from[1], ENTRY + 0x100, CALLEE, 5n],
      );
      assertEquals(switches.counted(WorldSwitch.WORLD_CALL), 2);
    });
  }
}
