import { assert, assertEquals } from "@std/assert";
import { WORLD_SWITCH_KINDS, WorldSwitch } from "../../src/cpu/system/world_switches.ts";
import {
  CYCLE_PROFILE_NAMES,
  CYCLE_PROFILES,
  extraCycles,
  switchCycles,
} from "../../src/machine/cycle_model.ts";

Deno.test("switchCycles() gives the published figures; round trips add up", () => {
  for (const name of CYCLE_PROFILE_NAMES) {
    const costs = switchCycles(name),
      { vmfunc, systemCall, exitAndEntry, cr3Write, interrupt, worldCall } = CYCLE_PROFILES[name];
    assertEquals(costs.length, WORLD_SWITCH_KINDS);
    assertEquals(costs[WorldSwitch.VMFUNC], vmfunc.cycles);
    assertEquals(costs[WorldSwitch.SYSCALL]! + costs[WorldSwitch.SYSRET]!, systemCall.cycles);
    assertEquals(costs[WorldSwitch.VM_EXIT]! + costs[WorldSwitch.VM_ENTRY]!, exitAndEntry.cycles);
    assertEquals(costs[WorldSwitch.CR3_WRITE], cr3Write.cycles);
    assertEquals(costs[WorldSwitch.INTERRUPT], interrupt.cycles);
    assertEquals(costs[WorldSwitch.IRET], 1);
    assert(Math.abs(worldCall.cycles - vmfunc.cycles - cr3Write.cycles) <= 2, "their sum, rounded");
    for (const figure of [vmfunc, systemCall, exitAndEntry, cr3Write, interrupt, worldCall]) {
      assert(figure.source.length > 0);
    }
  }
});

Deno.test("switchCycles() takes another cost of world calls, and nothing else changes", () => {
  const usual = [...switchCycles("skylake")],
    other = [...switchCycles({ profile: "skylake", worldCall: 100 })];
  assertEquals([usual[WorldSwitch.WORLD_CALL], other[WorldSwitch.WORLD_CALL]], [320, 100]);
  usual[WorldSwitch.WORLD_CALL] = other[WorldSwitch.WORLD_CALL]!;
  assertEquals(usual, other);
});

Deno.test("extraCycles() leaves out the cycle that an instruction takes anyhow", () => {
  assertEquals(extraCycles("off"), new Array(WORLD_SWITCH_KINDS).fill(0));
  const extra = extraCycles("haswell");
  assertEquals([extra[WorldSwitch.VMFUNC], extra[WorldSwitch.IRET]], [168, 0]);
  assertEquals([extra[WorldSwitch.VM_EXIT], extra[WorldSwitch.VM_ENTRY]], [600, 599]);
  assertEquals(extra[WorldSwitch.INTERRUPT], 620);
});
