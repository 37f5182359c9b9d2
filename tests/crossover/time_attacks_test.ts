/**
 * Attacks by time: interrupts that become due exactly at a switch, callees that never return, caches that are too small for
 * a chain of calls.
 */
import { assert, assertEquals } from "@std/assert";
import { Field } from "../../src/vmx/fields.ts";
import {
  attack,
  CALLEE,
  CALLER,
  fingerprint,
  little32,
  LOOP_END,
  SECRET,
  standard,
  THIRD,
} from "./_attack.ts";
import { load, NOP, STI, STOP, VMFUNC, worldCall } from "./_code.ts";
import { CODE, DATA, ENGINES, ENTRY, everywhere, STACK, WorldMachine } from "./_machine.ts";

const VECTOR = 0x40, EXTERNAL_INTERRUPT = 1, PREEMPTION_TIMER = 52, MISS = 240;
const RAX = 0, RSP = 4;
/** Registers of the local APIC. */
const Apic = { EOI: 0xb0, SPURIOUS: 0xf0, TIMER: 0x320, INITIAL: 0x380, DIVIDE: 0x3e0 } as const;
/** Instructions over which an interrupt is made due at each. */
const SPAN = 40;

/** Makes the timer interrupt after this many instructions. */
function arm(machine: WorldMachine, instructions: number): void {
  const { apic } = machine.machine.processor;
  apic.writePage(Apic.EOI, 0, 4);
  apic.writePage(Apic.SPURIOUS, 0x1ff, 4);
  apic.writePage(Apic.DIVIDE, 0xb, 4);
  apic.writePage(Apic.TIMER, VECTOR, 4);
  apic.writePage(Apic.INITIAL, instructions, 4);
}

/** IF of the caller, whether the callee and the caller keep it on entry, and whether the callee sets it to return. */
interface Interrupts {
  readonly caller: boolean;
  readonly calleeKeeps: boolean;
  readonly callerKeeps: boolean;
}
const INTERRUPTS: Readonly<Record<string, Interrupts>> = {
  "IF clear": { caller: false, calleeKeeps: true, callerKeeps: true },
  "IF set, and kept": { caller: true, calleeKeeps: true, callerKeeps: true },
  "IF set, and cleared on entry": { caller: true, calleeKeeps: false, callerKeeps: false },
};

/** A loop of calls in which RSP is each world's own. */
function prepare(machine: WorldMachine, { caller, calleeKeeps, callerKeeps }: Interrupts): void {
  const { a, b } = machine;
  assert(machine.register({ wid: CALLER, party: a, flags: callerKeeps ? 0x11 : 1 }));
  assert(machine.register({ wid: CALLEE, party: b, flags: calleeKeeps ? 0x11 : 1 }));
  a.write(CODE, NOP, worldCall(CALLEE), STOP);
  a.write(ENTRY, NOP, [0xe9, ...little32(CODE - ENTRY - 6)]);
  b.write(ENTRY, NOP, NOP, load(RAX, 1), VMFUNC, STOP);
  restart(machine, caller);
}
function restart(machine: WorldMachine, interruptsEnabled: boolean): void {
  machine.place(machine.a, { rflags: interruptsEnabled ? 0x202 : 2 });
}

/** Where the processor is after each instruction of the loop: what an interrupt that is due then finds. */
function trace(interrupts: Interrupts): { party: number; rip: number; enabled: boolean }[] {
  const machine = new WorldMachine({ engine: "interpreter" });
  prepare(machine, interrupts);
  return Array.from({ length: SPAN + 1 }, (_, n) => {
    if (n > 0) machine.run(n === 1 ? CODE : machine.rip, 1);
    return { party: machine.party, rip: machine.rip, enabled: (machine.rflags & 0x200) !== 0 };
  });
}

for (const [name, interrupts] of Object.entries(INTERRUPTS)) {
  const places = trace(interrupts);

  everywhere(
    `an interrupt due at any instruction around a call is taken there, in the world that is then: ${name}`,
    (make) => {
      const machine = make();
      prepare(machine, interrupts);
      machine.run(CODE, 500); // Translated and linked by now.
      for (let due = 1; due <= SPAN; due++) {
        restart(machine, interrupts.caller);
        arm(machine, due);
        machine.run(CODE, SPAN + 100);
        const found = places[due]!;
        if (!found.enabled) {
          assertEquals(machine.vector, -1, `due ${due}`);
          assert(machine.machine.processor.apic.pending() >= 0, "it stays pending");
          machine.machine.processor.apic.acknowledge();
          continue;
        }
        const pushed = Number(machine.parties[found.party]!.readQuad(Number(machine.get(RSP))));
        assertEquals([machine.vector, machine.party, pushed], [VECTOR, found.party, found.rip], `due ${due}`);
      }
    },
  );

  everywhere(`an external interrupt due at any instruction around a call exits there: ${name}`, (make) => {
    const machine = make(), v = machine.vmcs;
    prepare(machine, interrupts);
    machine.run(CODE, 500);
    v.write(Field.PIN_CONTROLS, v.word(Field.PIN_CONTROLS) | 1);
    v.write(Field.EXIT_CONTROLS, v.word(Field.EXIT_CONTROLS) | 1 << 15);
    for (let due = 1; due <= SPAN; due++) {
      restart(machine, interrupts.caller);
      arm(machine, due);
      machine.run(CODE, SPAN + 100);
      const { party, rip } = places[due]!;
      assertEquals(
        [
          machine.exit?.reason,
          v.word(Field.EXIT_INTERRUPTION) & 0xff,
          v.read(Field.EPTP),
          v.read(Field.GUEST_RIP),
        ],
        [EXTERNAL_INTERRUPT, VECTOR, machine.parties[party]!.eptp, BigInt(rip)],
        `due ${due}`,
      );
    }
  });
}

everywhere(
  "STI before a call that keeps IF: an interrupt that is pending comes in the callee's world, not before",
  (make) => {
    const machine = make(), { a, b } = machine;
    assert(machine.register({ wid: CALLER, party: a, flags: 0x11 }));
    assert(machine.register({ wid: CALLEE, party: b, flags: 0x11 }));
    a.write(CODE, NOP, STI, VMFUNC, STOP);
    b.write(ENTRY, NOP, NOP, STOP);
    for (let round = 0; round < 20; round++) {
      restart(machine, false);
      machine.set(RAX, 1);
      machine.set(1, CALLEE);
      arm(machine, 1);
      machine.run(CODE, 50);
      assertEquals([machine.vector, machine.party], [VECTOR, 2]);
      assertEquals(b.readQuad(Number(machine.get(RSP))), BigInt(ENTRY));
    }
  },
);

attack(
  "an interrupt at the entry point and a hostile RSP: the frame does not go to the victim's memory",
  (make, isProtected) => {
    const machine = make(), { a, b } = machine;
    standard(machine);
    // In the control the callee asks for IF to be kept.
    assert(machine.register({ wid: CALLEE, party: b, flags: isProtected ? 1 : 0x11 }));
    a.write(CODE, worldCall(CALLEE), STOP);
    b.write(ENTRY, load(RSP, STACK), STI, NOP, STOP);
    const before = fingerprint(b);
    for (let round = 0; round < 20; round++) {
      restart(machine, true);
      machine.set(RSP, DATA + 0x28);
      arm(machine, 3);
      machine.run(CODE, 60);
      assertEquals([machine.vector, machine.party], [VECTOR, 2]);
      assertEquals(fingerprint(b) === before && b.readQuad(DATA) === SECRET, isProtected);
      b.writeQuad(DATA, SECRET);
    }
  },
);

attack(
  "a callee that never returns is ended by the preemption timer, with IF clear too",
  (make, isProtected) => {
    const machine = make(), { a, b, host } = machine, v = machine.vmcs;
    standard(machine);
    a.write(CODE, worldCall(CALLEE), STOP);
    a.write(LOOP_END, STOP);
    for (const code of [STOP, [0xf3, 0x90, 0xeb, 0xfc], [0x90, 0xfa, 0xeb, 0xfc]]) {
      b.write(ENTRY, code);
      if (isProtected) v.write(Field.PIN_CONTROLS, v.word(Field.PIN_CONTROLS) | 0x40);
      for (let round = 0; round < 5; round++) {
        // The hypervisor enters the caller, which calls.
        v.write(Field.PREEMPTION_TIMER, 1000);
        for (
          const [field, value] of [[Field.GUEST_RIP, CODE], [Field.EPTP, a.eptp], [
            Field.GUEST_CR3,
            a.cr3,
          ]] as const
        ) {
          v.write(field, value);
        }
        host.write(CODE, [0x0f, 0x01, 0xc3]);
        machine.place(host);
        machine.run(CODE, 10_000);
        if (!isProtected) {
          assertEquals([machine.party, machine.exit], [2, undefined]);
          continue;
        }
        assertEquals([machine.exit?.reason, v.read(Field.EPTP)], [PREEMPTION_TIMER, b.eptp]);
        // It forces the return: the caller goes on with an error.
        for (const [field, value] of [[Field.GUEST_RIP, LOOP_END], [Field.EPTP, a.eptp]] as const) {
          v.write(
            field,
            value,
          );
        }
        v.write(Field.PREEMPTION_TIMER, 1000);
        machine.place(host);
        v.write(Field.EPTP, a.eptp);
        machine.run(CODE, 100);
        assertEquals([machine.party, machine.rip], [1, LOOP_END]);
      }
    }
  },
);

/** WIDs of a chain of worlds that call each other in turn. */
const CHAIN = 12;
for (const [wt, iwt] of [[2, 2], [2, 12], [12, 2], [3, 5], [5, 3], [11, 11]] as const) {
  everywhere(
    `a chain of ${CHAIN} worlds goes round with caches of ${wt} and ${iwt} entries: each miss is refilled`,
    (make) => {
      const machine = make({ crossover: { worldCacheEntries: wt, inverseWorldCacheEntries: iwt } });
      const misses = chain(machine, 5);
      assert(misses >= 5 * (CHAIN - wt), String(misses));
      assertEquals([machine.party, machine.rip], [1, LOOP_END]);
      assertEquals(machine.get(13), BigInt(5 * CHAIN));
    },
  );
}
everywhere(`a chain of ${CHAIN} worlds misses each world once in caches that hold all`, (make) => {
  const machine = make({ crossover: { worldCacheEntries: CHAIN + 1, inverseWorldCacheEntries: CHAIN + 1 } });
  assertEquals(chain(machine, 20), CHAIN);
  assertEquals(machine.get(13), BigInt(20 * CHAIN));
});

/** Runs the chain so many times round, filling the caches at each miss as a hypervisor does. Returns how many there were. */
function chain(machine: WorldMachine, rounds: number): number {
  const { a, b, vmcs: v } = machine;
  const worlds = Array.from({ length: CHAIN }, (_, n) => {
    const party = n % 2 === 0 ? a : b, cr3 = n < 2 ? party.cr3 : party.newSpace();
    const world = { wid: THIRD + BigInt(n), party, cr3, rip: ENTRY + 0x40 * n };
    // ADD SERVED, 1; the last one counts the rounds; call the next.
    const last = n === CHAIN - 1 ? [0x49, 0xff, 0xcc, 0x0f, 0x84, ...little32(0x19)] : [];
    party.write(world.rip, [0x49, 0xff, 0xc5], last, worldCall(THIRD + BigInt((n + 1) % CHAIN)), STOP);
    return world;
  });
  // The last world calls the first one more time, at the end of all: LOOP_END there.
  b.write(ENTRY + 0x40 * (CHAIN - 1) + 12 + 0x19, worldCall(CALLER), STOP);
  const end = { wid: CALLER, party: a, cr3: a.newSpace(), rip: LOOP_END };
  a.write(LOOP_END, STOP);
  a.write(CODE, worldCall(THIRD + 1n), STOP);
  const table = new Map([...worlds, end].map((world) => [world.wid, world]));
  machine.host.write(CODE, [0x0f, 0x01, 0xc3]);
  machine.place(a);
  machine.set(12, rounds);
  machine.set(13, 1);
  machine.run(CODE, 20_000);
  let misses = 0;
  while (machine.exit?.reason === MISS && misses < 1000) {
    // A caller is found by its context, a callee by RCX.
    const caller = [...table.values()].find(({ party, cr3 }) =>
      party.eptp === v.read(Field.EPTP) && cr3 === v.read(Field.GUEST_CR3)
    )!;
    const missing = machine.exit.qualification === 1n ? caller : table.get(machine.get(1))!;
    const registers = Array.from({ length: 16 }, (_, n) => machine.get(n)), eptp = v.read(Field.EPTP);
    assert(machine.register(missing));
    if (missing !== end) misses++;
    machine.place(machine.host);
    v.write(Field.EPTP, eptp);
    for (const [n, value] of registers.entries()) machine.set(n, value);
    machine.run(CODE, 20_000);
  }
  return misses;
}

Deno.test("all engines take interrupts around calls at the same instructions", () => {
  const runs = Object.values(ENGINES).map((configuration) => {
    const machine = new WorldMachine(configuration);
    prepare(machine, INTERRUPTS["IF set, and kept"]!);
    const seen: number[] = [];
    for (let due = 1; due < 200; due += 7) {
      restart(machine, true);
      arm(machine, due);
      machine.run(CODE, 300);
      seen.push(machine.party, Number(machine.parties[machine.party]!.readQuad(Number(machine.get(RSP)))));
    }
    return seen.join(" ");
  });
  assertEquals(new Set(runs).size, 1);
});
