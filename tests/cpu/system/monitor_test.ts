/** MONITOR and MWAIT: what they refuse, and when a wait begins. SDM vol. 2B. */
import { assertEquals } from "@std/assert";
import { Gpr } from "../../../src/cpu/state.ts";
import { DATA, everywhere, stoppedIn, type SystemMachine, UNMAPPED, USER_CODE } from "./_machine.ts";

const UD = 6, GP = 13, PF = 14;
const MONITOR = "0f 01 c8", MWAIT = "0f 01 c9";

/** A machine that has them, and the waits that began. */
function monitoring(machine: SystemMachine): boolean[] {
  const waits: boolean[] = [];
  Object.assign(machine.bus, {
    hasMonitor: true,
    waitForStore: (_line: unknown, endsWithMasked: boolean) => waits.push(endsWithMasked),
  });
  machine.set(Gpr.RAX, DATA);
  return waits;
}

everywhere("MONITOR and MWAIT: exceptions", (make) => {
  for (const code of [MONITOR, MWAIT]) {
    const absent = make();
    absent.runCode(code);
    assertEquals(stoppedIn(absent), UD, "without CPUID.MONITOR");

    const user = make();
    monitoring(user);
    user.enterUser();
    user.runCode(code, USER_CODE);
    assertEquals(stoppedIn(user), UD, "at CPL 3");

    const extended = make();
    monitoring(extended);
    extended.set(Gpr.RCX, 2);
    extended.runCode(code);
    assertEquals(stoppedIn(extended), GP, "reserved extensions");
  }
  const unmapped = make();
  monitoring(unmapped);
  unmapped.set(Gpr.RAX, UNMAPPED);
  unmapped.runCode(MONITOR);
  assertEquals(stoppedIn(unmapped), PF);
});

everywhere("MWAIT waits once after MONITOR, unless the line has changed", (make) => {
  // RBX = DATA + 3CH: the end of the line.
  const cases: readonly (readonly [name: string, code: string, waits: readonly boolean[]])[] = [
    ["without MONITOR", MWAIT, []],
    ["after it", `${MONITOR} ${MWAIT}`, [false]],
    ["twice", `${MONITOR} ${MWAIT} ${MWAIT}`, [false]],
    ["armed again", `${MONITOR} ${MWAIT} ${MONITOR} ${MWAIT}`, [false, false]],
    ["with masked interrupts", `${MONITOR} ff c1 ${MWAIT}`, [true]], // INC ECX
    ["after a store to the line", `${MONITOR} c7 03 01 00 00 00 ${MWAIT}`, []],
    ["after a store behind it", `${MONITOR} c7 43 04 01 00 00 00 ${MWAIT}`, [false]],
  ];
  for (const [name, code, expected] of cases) {
    const machine = make(), waits = monitoring(machine);
    machine.set(Gpr.RBX, DATA + 0x3c);
    assertEquals(machine.runCode(code), "halt");
    assertEquals([stoppedIn(machine), waits], [-1, expected], name);
  }
});
