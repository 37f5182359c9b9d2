/** STAC and CLAC again and again, so that compiled code executes them by itself. SDM vol. 3A, section 4.6; vol. 2A, "CLAC". */
import { assertEquals } from "@std/assert";
import { CR2, CR3, CR4, Gpr } from "../../../src/cpu/state.ts";
import { Cr4 } from "../../../src/cpu/system/control_bits.ts";
import { RAM_BASE } from "../../../src/memory/physical.ts";
import { bytesOf, CODE, everywhere, stoppedIn, SystemMachine } from "./_machine.ts";

const PAGE_FAULT = 14, ROUNDS = 40, SUPERVISOR_PAGE = 3, WRITABLE = 7, AC = 0x4_0000n;
/** A user's page, and where another address space has it; page tables, and those of that address space. */
const USER_PAGE = 0x5_0000, OTHER_PAGE = 0x5_1000, TABLES = 0x1000, OTHER_TABLES = 0x6_0000, LEVELS = 4;
const STAC = "0f 01 cb", CLAC = "0f 01 ca";
/** ADD RDI,[USER_PAGE], which asks for AC. */
const READ = "48 03 3c 25 00 00 05 00";
/** Adds the flags to RSI: PUSHFQ; POP RBX; ADD RSI,RBX. */
const FLAGS = "9c 5b 48 01 de";

/** With all but one page the supervisor's alone, and SMAP. */
function prepare(machine: SystemMachine): void {
  for (let page = 0x1000; page < 0x4_0000; page += 0x1000) machine.bare.mapPage(page, page, SUPERVISOR_PAGE);
  machine.writeWords(USER_PAGE, [3, 0]);
  machine.writeWords(OTHER_PAGE, [500, 0]);
  machine.m[CR4 >> 2]! |= Cr4.SMAP;
  machine.bare.processor.mmu.enterWorld();
  machine.set(Gpr.RDI, 0);
  machine.set(Gpr.RSI, 0);
}

/** Executes `body` so many times, then `tail`, behind which a page fault or HLT comes. */
function loop(machine: SystemMachine, body: string, tail: string): void {
  const bytes = bytesOf(`${body} ff cd`);
  machine.write(CODE, [...bytes, 0x75, -bytes.length - 2 & 0xff, ...bytesOf(tail), 0xf4]);
  machine.set(Gpr.RBP, ROUNDS);
  assertEquals(machine.run(CODE), "halt");
}

const TWICE = `${STAC} ${STAC} ${READ} ${FLAGS} ${CLAC} ${CLAC} ${FLAGS}`;
for (
  const [what, body, instructions] of [
    ["in turn", `${STAC} ${READ} ${FLAGS} ${CLAC} ${FLAGS}`, 11],
    ["twice each", TWICE, 13],
    ["behind POPF that has set it", `68 02 00 04 00 9d ${STAC} ${READ} ${FLAGS} ${CLAC} ${FLAGS}`, 13],
  ] as const
) {
  everywhere(
    `STAC and CLAC ${what}, in a loop: what follows them may, or may not, read a user's page`,
    (create) => {
      const machine = create();
      prepare(machine);
      const before = machine.bare.processor.instructions;
      loop(machine, body, READ);
      assertEquals([stoppedIn(machine), machine.cell(CR2)], [PAGE_FAULT, BigInt(USER_PAGE)]);
      assertEquals(machine.get(Gpr.RDI), BigInt(3 * ROUNDS));
      // AC is set at one of the two places where flags are taken; PF and ZF and so on are those of sums that all have alike.
      const other = new SystemMachine({ engine: "interpreter" });
      prepare(other);
      loop(other, body, READ);
      assertEquals(machine.get(Gpr.RSI), other.get(Gpr.RSI));
      assertEquals(machine.get(Gpr.RSI) / AC, BigInt(ROUNDS));
      // HLT of the handler is the last.
      assertEquals(machine.bare.processor.instructions - before, ROUNDS * instructions + 1);
    },
  );
}

everywhere("STAC and CLAC where SMAP comes and goes: they decide where it is there", (create) => {
  const machine = create();
  prepare(machine);
  for (const smap of [true, false, true]) {
    machine.m[CR4 >> 2] = smap ? machine.m[CR4 >> 2]! | Cr4.SMAP : machine.m[CR4 >> 2]! & ~Cr4.SMAP;
    machine.bare.processor.mmu.enterWorld();
    machine.set(Gpr.RDI, 0);
    loop(machine, `${STAC} ${READ} ${CLAC}`, READ);
    assertEquals(stoppedIn(machine), smap ? PAGE_FAULT : -1);
    assertEquals(machine.get(Gpr.RDI), BigInt(3 * (ROUNDS + (smap ? 0 : 1))));
  }
});

everywhere("STAC and CLAC in two address spaces keep to each", (create) => {
  const machine = create(), { memory, processor } = machine.bare;
  prepare(machine);
  memory.ram(OTHER_TABLES, LEVELS * 0x1000).set(memory.ram(TABLES, LEVELS * 0x1000));
  for (let level = 0; level < LEVELS - 1; level++) {
    memory.i32[(RAM_BASE + OTHER_TABLES + level * 0x1000) >> 2]! += OTHER_TABLES - TABLES;
  }
  memory.i32[(RAM_BASE + OTHER_TABLES + (LEVELS - 1) * 0x1000 + (USER_PAGE >> 12) * 8) >> 2] = OTHER_PAGE |
    WRITABLE;
  processor.mmu.wroteRam(OTHER_TABLES, LEVELS * 0x1000);
  machine.set(Gpr.R8, OTHER_TABLES);
  machine.set(Gpr.R9, machine.m[CR3 >> 2]!);
  // MOV CR3,R8; XCHG R8,R9 before STAC, and between it and CLAC.
  const swap = "41 0f 22 d8 4d 87 c8";
  loop(machine, `${swap} ${STAC} ${READ} ${swap} ${READ} ${CLAC}`, "");
  assertEquals([stoppedIn(machine), machine.get(Gpr.RDI)], [-1, BigInt(503 * ROUNDS)]);
  loop(machine, `${swap} ${STAC} ${READ} ${CLAC}`, READ);
  assertEquals([stoppedIn(machine), machine.get(Gpr.RDI)], [
    PAGE_FAULT,
    BigInt(503 * ROUNDS + 503 * ROUNDS / 2),
  ]);
});

Deno.test("STAC and CLAC: compiled code executes them by itself", () => {
  const machine = new SystemMachine({ engine: "wasm" }), { mmu } = machine.bare.processor;
  prepare(machine);
  loop(machine, `${STAC} ${READ} ${CLAC}`, "");
  // A run enters its world once.
  let entered = -1;
  mmu.enterWorld = () => void entered++;
  machine.set(Gpr.RBP, ROUNDS);
  assertEquals([machine.run(CODE), entered, machine.get(Gpr.RDI)], ["halt", 0, BigInt(2 * 3 * ROUNDS)]);
});
