/** MANAGE_WTC. docs/crossover.md, "Function 2". */
import { assertEquals } from "@std/assert";
import { Vector } from "../../src/cpu/fault.ts";
import { CR2, EVENT_ERROR, SEG_ATTRIBUTES, SEGMENT, Segment, SEGMENT_STRIDE } from "../../src/cpu/state.ts";
import { EntryField } from "../../src/crossover/world.ts";
import { STOP, VMFUNC } from "./_code.ts";
import { CODE, everywhere, OPERAND, SYSTEM_CONTEXT, type TestWorld, type WorldMachine } from "./_machine.ts";

const CF = 1, STATUS = 0x8d5;
const CS_ATTRIBUTES = SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_ATTRIBUTES;

/** Executes MANAGE_WTC in the host. */
function manage(
  machine: WorldMachine,
  operation: bigint,
  operand: bigint,
  { cpl = 0, rflags = 2 }: { readonly cpl?: number; readonly rflags?: number } = {},
): void {
  machine.host.write(CODE, VMFUNC, STOP);
  machine.place(machine.host, { cpl, rflags });
  machine.set(0, 0xffff_ffff_0000_0002n); // The upper half of RAX does not count.
  machine.set(1, operation);
  machine.set(2, operand);
  machine.run(CODE, 100);
}
const failed = (machine: WorldMachine): boolean => {
  assertEquals([machine.rip, machine.isInGuest], [CODE + 3, false]);
  return (machine.rflags & CF) !== 0;
};
const worldOf = (machine: WorldMachine, wid = 5n): TestWorld => ({ wid, party: machine.a });

everywhere("MANAGE_WTC reports by CF; no other flag and no register changes", (make) => {
  const machine = make();
  machine.writeEntry(worldOf(machine));
  for (const rflags of [2, 2 | STATUS, 2 | (STATUS & ~CF), 2 | CF]) {
    manage(machine, 0n, BigInt(OPERAND), { rflags });
    assertEquals(machine.rflags, rflags & ~CF);
    assertEquals([0, 1, 2].map((n) => machine.get(n)), [0xffff_ffff_0000_0002n, 0n, BigInt(OPERAND)]);
    manage(machine, 9n, BigInt(OPERAND), { rflags });
    assertEquals(machine.rflags, rflags | CF);
  }
  assertEquals(machine.crossover.caches.callee(5n)?.world.cr3, machine.a.cr3);
});

/** Quadwords that make the entry malformed. */
const MALFORMED: Readonly<Record<string, readonly [offset: number, value: bigint]>> = {
  "WID 0": [EntryField.WID, 0n],
  "CPL 1": [EntryField.FLAGS, 5n],
  "CPL 2": [EntryField.FLAGS, 9n],
  "a reserved flag": [EntryField.FLAGS, 0x21n],
  "an invalid EPTP": [EntryField.EPTP, 0x1_8000n],
  "an EPTP in a host world": [EntryField.FLAGS, 3n],
  "CR3 too wide": [EntryField.CR3, 1n << 52n],
  "RIP not canonical": [EntryField.RIP, 1n << 47n],
  "a system context that is misaligned": [EntryField.SYSTEM_CONTEXT, 8n],
  "a system context outside RAM": [EntryField.SYSTEM_CONTEXT, 1n << 39n],
  "a system context whose TR is null": [EntryField.SYSTEM_CONTEXT, BigInt(SYSTEM_CONTEXT)],
  "a reserved quadword": [EntryField.RESERVED + 8, 1n],
};
for (const [name, [offset, value]] of Object.entries(MALFORMED)) {
  everywhere(`MANAGE_WTC insert refuses ${name}, and what the WID meant before stays`, (make) => {
    const machine = make();
    machine.register(worldOf(machine));
    const { generation } = machine.crossover.caches;
    machine.writeEntry({ ...worldOf(machine), rip: 0x1234 });
    machine.host.writeQuad(OPERAND + offset, value);
    manage(machine, 0n, BigInt(OPERAND));
    const { caches } = machine.crossover;
    assertEquals([failed(machine), caches.generation], [true, generation]);
    assertEquals(caches.callee(5n)!.world.rip, 0x3_8000n);
  });
}

everywhere(
  "MANAGE_WTC insert refuses a context that another WID holds, and an operand that is misaligned",
  (make) => {
    const machine = make();
    machine.register(worldOf(machine));
    machine.writeEntry(worldOf(machine, 6n));
    manage(machine, 0n, BigInt(OPERAND));
    assertEquals([failed(machine), machine.crossover.caches.callee(6n)], [true, undefined]);
    machine.writeEntry({ ...worldOf(machine, 6n), cpl: 3 });
    manage(machine, 0n, BigInt(OPERAND + 16));
    assertEquals([failed(machine), machine.crossover.caches.callee(6n)], [true, undefined]);
    manage(machine, 0n, BigInt(OPERAND));
    assertEquals([failed(machine), machine.crossover.caches.callee(6n)?.world.wid], [false, 6n]);
  },
);

everywhere("MANAGE_WTC insert faults on its operand as a load does, and can be repeated", (make) => {
  const machine = make(), { host } = machine;
  machine.writeEntry(worldOf(machine));
  const unmapped = host.newSpace();
  host.map(unmapped, OPERAND, 0, 0);
  machine.place(host, { cr3: unmapped });
  host.write(CODE, VMFUNC, STOP);
  for (const [register, value] of [[0, 2], [1, 0], [2, OPERAND]] as const) machine.set(register, value);
  machine.run(CODE, 100);
  assertEquals([machine.vector, machine.m[EVENT_ERROR >> 2], machine.cell(CR2)], [
    Vector.PF,
    0,
    BigInt(OPERAND),
  ]);
  assertEquals(host.readQuad(Number(machine.get(4)) + 8), BigInt(CODE), "RIP on the stack");
  assertEquals(machine.crossover.caches.callee(5n), undefined);
  manage(machine, 0n, 1n << 47n);
  assertEquals(machine.vector, Vector.GP);
  manage(machine, 0n, BigInt(OPERAND));
  assertEquals(failed(machine), false);
});

everywhere("MANAGE_WTC drops a WID, all worlds, or the worlds of an EPTP; other operations fail", (make) => {
  const machine = make(), { a, b, host } = machine;
  const worlds: readonly TestWorld[] = [
    { wid: 1n, party: a },
    { wid: 2n, party: a, cpl: 3 },
    { wid: 3n, party: b },
    { wid: 4n, party: host },
  ];
  const left = (): number[] =>
    worlds.map(({ wid }) => Number(wid)).filter((wid) =>
      machine.crossover.caches.callee(BigInt(wid)) !== undefined
    );
  // deno-fmt-ignore
  const table: readonly (readonly [operation: bigint, operand: bigint, fails: boolean, left: readonly number[]])[] = [
    [1n, 2n, false, [1, 3, 4]],
    [1n, 0n, false, [1, 2, 3, 4]],
    [1n, 99n, false, [1, 2, 3, 4]],
    [2n, 99n, false, []],
    [3n, a.eptp, false, [3, 4]],
    [3n, a.eptp | 0x40n, false, [3, 4]],
    [3n, 0n, true, [1, 2, 3, 4]],
    [3n, a.eptp | 0x80n, true, [1, 2, 3, 4]],
    [4n, 1n, true, [1, 2, 3, 4]],
    [0x1_0000_0001n, 1n, true, [1, 2, 3, 4]],
    [0xffff_ffff_ffff_ffffn, 1n, true, [1, 2, 3, 4]],
  ];
  for (const [operation, operand, fails, expected] of table) {
    for (const world of worlds) assertEquals(machine.register(world), true);
    manage(machine, operation, operand);
    assertEquals([failed(machine), left()], [fails, expected], `${operation} ${operand}`);
  }
});

everywhere("MANAGE_WTC needs CPL 0 and 64-bit mode", (make) => {
  const machine = make();
  machine.writeEntry(worldOf(machine));
  manage(machine, 0n, BigInt(OPERAND), { cpl: 3 });
  assertEquals([machine.vector, machine.m[EVENT_ERROR >> 2]], [Vector.GP, 0]);
  machine.host.write(CODE, VMFUNC, STOP);
  machine.place(machine.host);
  machine.m[CS_ATTRIBUTES >> 2] = 0xc09b;
  for (const [register, value] of [[0, 2], [1, 0], [2, OPERAND]] as const) machine.set(register, value);
  machine.run(CODE, 100);
  assertEquals([machine.vector, machine.crossover.caches.callee(5n)], [Vector.UD, undefined]);
});
