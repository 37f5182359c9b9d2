/** Misses: what a caller or a callee that is not there leads to. docs/crossover.md, "Misses". */
import { assert, assertEquals } from "@std/assert";
import { Vector } from "../../src/cpu/fault.ts";
import { EVENT_ERROR, SEG_ATTRIBUTES, SEGMENT, Segment, SEGMENT_STRIDE } from "../../src/cpu/state.ts";
import { Field } from "../../src/vmx/fields.ts";
import { load, STOP, VMFUNC, vmfunc, worldCall } from "./_code.ts";
import { CODE, ENTRY, everywhere, OPERAND, type Party, STACK, type WorldMachine } from "./_machine.ts";

const CALLER = 1n, CALLEE = 2n;
const CS_ATTRIBUTES = SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_ATTRIBUTES;
const CALLEE_MISS = 0n, CALLER_MISS = 1n;
const VMRESUME = [0x0f, 0x01, 0xc3];

/** What is wrong, and which miss it is. The caller is in its party at CPL 0 unless `place` says otherwise. */
interface Case {
  readonly miss: bigint;
  /** Whether the caller and the callee are registered, and with which flags. */
  readonly caller?: boolean;
  readonly callee?: boolean;
  readonly flags?: number;
  readonly place?: (machine: WorldMachine, party: Party) => Parameters<WorldMachine["place"]>[1];
}
const CASES: Readonly<Record<string, Case>> = {
  "the callee is not registered": { miss: CALLEE_MISS, callee: false },
  "the callee's valid bit is 0": { miss: CALLEE_MISS, flags: 0 },
  "the caller is not registered": { miss: CALLER_MISS, caller: false },
  "neither is registered: the caller counts first": { miss: CALLER_MISS, caller: false, callee: false },
  "the caller runs at another privilege level": { miss: CALLER_MISS, place: () => ({ cpl: 3 }) },
  "the caller runs at privilege level 1": { miss: CALLER_MISS, place: () => ({ cpl: 1 }) },
  "the caller runs at privilege level 2": { miss: CALLER_MISS, place: () => ({ cpl: 2 }) },
  "the caller runs in another address space": {
    miss: CALLER_MISS,
    place: (_, party) => ({ cr3: party.newSpace() }),
  },
};

/** Runs a call from a party that something is wrong with. */
function attempt(
  machine: WorldMachine,
  party: Party,
  { caller = true, callee = true, flags = 1, place }: Case,
): void {
  if (caller) assert(machine.register({ wid: CALLER, party }));
  if (callee) assert(machine.register({ wid: CALLEE, party: machine.b, flags }));
  party.write(CODE, VMFUNC, STOP);
  machine.b.write(ENTRY, STOP);
  machine.place(party, place?.(machine, party) ?? {});
  machine.set(0, 1);
  machine.set(1, CALLEE);
  machine.set(3, 0x77);
  machine.run(CODE, 20);
}

for (const [name, each] of Object.entries(CASES)) {
  everywhere(`a guest's call exits with reason 240, qualification ${each.miss}: ${name}`, (make) => {
    const machine = make();
    attempt(machine, machine.a, each);
    assertEquals(machine.exit, { reason: 240, qualification: each.miss, length: 3 });
    assertEquals([machine.vmcs.read(Field.GUEST_RIP), machine.get(0), machine.get(1), machine.get(3)], [
      BigInt(CODE),
      1n,
      CALLEE,
      0x77n,
    ]);
    assertEquals(machine.vmcs.read(Field.EPTP), machine.a.eptp);
  });

  everywhere(`a call in root raises #GP(0): ${name}`, (make) => {
    const machine = make();
    attempt(machine, machine.host, each);
    assertEquals([machine.isInGuest, machine.vector], [false, Vector.GP]);
    const frame = Number(machine.get(4));
    assertEquals([machine.host.readQuad(frame), machine.host.readQuad(frame + 8)], [0n, BigInt(CODE)]);
    assertEquals([machine.get(0), machine.get(1), machine.get(3)], [1n, CALLEE, 0x77n]);
  });
}

everywhere(
  "another EPT is another world: the same CR3 under it misses; another EPTP with the same EP4TA does not",
  (make) => {
    const machine = make(), { a } = machine;
    const view = a.newEpt();
    attempt(machine, a, { miss: CALLER_MISS, place: () => ({ eptp: view }) });
    assertEquals(machine.exit?.qualification, CALLER_MISS);
    machine.place(a, { eptp: a.eptp | 0x40n });
    machine.set(0, 1);
    machine.set(1, CALLEE);
    machine.run(CODE, 20);
    assertEquals([machine.party, machine.get(1)], [2, CALLER]);
  },
);

everywhere(
  "a hypervisor fills the caches at a miss and resumes: the same instruction then succeeds",
  (make) => {
    const machine = make(), { host, a, b } = machine;
    // The handler inserts the next of two entries: of the caller, then of the callee.
    const [first, second] = [OPERAND + 0x40, OPERAND + 0x80] as const;
    for (const [place, wid, party] of [[first, CALLER, a], [second, CALLEE, b]] as const) {
      machine.writeEntry({ wid, party });
      for (let at = 0; at < 64; at += 8) host.writeQuad(place + at, host.readQuad(OPERAND + at));
    }
    host.write(0x5_0000, [0x50, 0x51, 0x52], [0xb8, 2, 0, 0, 0, 0x31, 0xc9], [0x4c, 0x89, 0xfa], VMFUNC);
    host.write(0x5_0010, [0x49, 0x81, 0xc7, 0x40, 0, 0, 0], [0x5a, 0x59, 0x58], VMRESUME); // R15 leads to the next entry.
    a.write(CODE, load(15, first), worldCall(CALLEE), STOP);
    b.write(ENTRY, STOP);
    machine.place(a);
    machine.run(CODE);
    assertEquals([machine.party, machine.rip, machine.get(1), machine.get(15)], [
      2,
      ENTRY,
      CALLER,
      BigInt(second + 64),
    ]);
    assertEquals(machine.vmcs.word(Field.EXIT_REASON), 240);
  },
);

everywhere("WORLD_CALL is undefined outside 64-bit mode", (make) => {
  for (const guest of [true, false]) {
    const machine = make(), party = guest ? machine.a : machine.host;
    machine.register({ wid: CALLER, party });
    machine.register({ wid: CALLEE, party: machine.b });
    party.write(CODE, VMFUNC, STOP);
    machine.place(party);
    machine.m[CS_ATTRIBUTES >> 2] = 0xc09b;
    machine.set(0, 1);
    machine.set(1, CALLEE);
    machine.run(CODE, 20);
    assertEquals([machine.party, machine.vector, machine.m[EVENT_ERROR >> 2]], [party.number, Vector.UD, -1]);
  }
});

everywhere(
  "with world calls disabled a call exits with reason 59, and goes on where it was once they are enabled",
  (make) => {
    const machine = make(), { a, b } = machine;
    machine.register({ wid: CALLER, party: a });
    machine.register({ wid: CALLEE, party: b });
    a.write(CODE, vmfunc(1, CALLEE), STOP);
    b.write(ENTRY, STOP);
    machine.crossover.writeControl(0, 0);
    machine.place(a);
    machine.run(CODE);
    assertEquals(machine.exit?.reason, 59);
    machine.crossover.writeControl(1, 0);
    machine.place(a);
    machine.run(CODE);
    assertEquals([machine.party, machine.get(4)], [2, BigInt(STACK)]);
  },
);
