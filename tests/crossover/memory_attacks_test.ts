/**
 * Attacks through memory that is remapped or revoked while code is translated and linked: what a call leaves cached must be
 * reached by every invalidation that the manual says reaches it. In the controls the invalidation is left out, and what was
 * cached is still used.
 */
import { assert, assertEquals } from "@std/assert";
import { Field } from "../../src/vmx/fields.ts";
import {
  attack,
  CALLEE,
  CALLER,
  KEEPING_CODE,
  LOOP_END,
  runLoop,
  SECRET,
  SERVED,
  standard,
  writeLoop,
} from "./_attack.ts";
import { increment, load, STOP, VMFUNC } from "./_code.ts";
import { CODE, DATA, ENTRY, everywhere, OPERAND, type Party, type WorldMachine } from "./_machine.ts";

const HOT = 60;
/** Another page of the victim's memory, with other code or data. */
const OTHER = 0x6_0000;
const EPT_VIOLATION = 48, PAGE_FAULT = 14;
/** MOV RAX, CR3; MOV CR3, RAX. */
const RELOAD_CR3 = [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8];
const invlpg = (
  address: number,
): number[] => [0x0f, 0x01, 0x3c, 0x25, ...[0, 8, 16, 24].map((n) => (address >> n) & 255)];

/** Runs code in a party at CPL 0, from its beginning to its end. */
function execute(machine: WorldMachine, party: Party, code: readonly number[]): void {
  party.write(CODE + 0x800, code, STOP);
  machine.place(party);
  machine.run(CODE + 0x800, 30);
  assertEquals([machine.party, machine.rip], [party.number, CODE + 0x800 + code.length]);
}
/** INVEPT (80) or INVVPID (81) of a type, with a descriptor. */
function invalidate(
  machine: WorldMachine,
  opcode: 0x80 | 0x81,
  type: number,
  first: bigint,
  second = 0n,
): void {
  machine.host.writeQuad(OPERAND, first);
  machine.host.writeQuad(OPERAND + 8, second);
  execute(machine, machine.host, [...load(0, type), ...load(3, OPERAND), 0x66, 0x0f, 0x38, opcode, 0x03]);
  assertEquals(machine.rflags & 0x8d5, 0);
}
/** A hot loop of calls from a to b has run, and `change` happens; the loop runs again. */
function remap(machine: WorldMachine, change: () => void): void {
  standard(machine);
  writeLoop(machine.a, machine.b);
  runLoop(machine, HOT);
  assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
  change();
  machine.place(machine.a);
  runLoop(machine, HOT);
}
/** Code for OTHER: what the entry point would be if its page were another. Adds 256 to SERVED, and returns. */
function writeOtherEntry(party: Party): void {
  party.write(OTHER + (ENTRY & 0xfff), [0x49, 0x81, 0xc5, 0, 1, 0, 0], load(0, 1), VMFUNC, STOP);
}

/** INVEPT of both types, and what reaches an EPT's mappings otherwise. */
const INVEPTS: Readonly<Record<string, (machine: WorldMachine) => void>> = {
  "INVEPT, single-context": (machine) => invalidate(machine, 0x80, 1, machine.b.eptp),
  "INVEPT, all-context": (machine) => invalidate(machine, 0x80, 2, 0n),
  "INVVPID, single-context": (machine) => invalidate(machine, 0x81, 1, 1n),
  "INVVPID, all-context": (machine) => invalidate(machine, 0x81, 2, 0n),
};
for (const [name, invept] of Object.entries(INVEPTS)) {
  attack(`the callee's code is exchanged in its EPT: ${name} reaches hot code`, (make, isProtected) => {
    const machine = make(), { b } = machine;
    writeOtherEntry(b);
    remap(machine, () => {
      b.mapInEpt(b.eptp, ENTRY, b.base + OTHER);
      if (isProtected) invept(machine);
    });
    assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(isProtected ? 256 * HOT : HOT)]);
  }, KEEPING_CODE);

  attack(`the callee's code is revoked in its EPT: ${name} reaches hot code`, (make, isProtected) => {
    const machine = make(), { b } = machine;
    remap(machine, () => {
      b.mapInEpt(b.eptp, ENTRY, 0, 0);
      if (isProtected) invept(machine);
    });
    if (!isProtected) return assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
    // The call itself does not fail: it has entered the callee, whose first fetch exits.
    assertEquals([machine.exit?.reason, machine.get(SERVED)], [EPT_VIOLATION, 0n]);
    assertEquals([machine.vmcs.read(Field.EPTP), machine.vmcs.read(Field.GUEST_RIP)], [
      b.eptp,
      BigInt(ENTRY),
    ]);
    assertEquals(machine.vmcs.read(Field.GUEST_PHYSICAL_ADDRESS), BigInt(ENTRY));
  }, KEEPING_CODE);

  attack(`the callee's data are revoked in its EPT: ${name} reaches hot code`, (make, isProtected) => {
    const machine = make(), { b } = machine;
    remap(machine, () => {
      b.mapInEpt(b.eptp, DATA, 0, 0);
      if (isProtected) invept(machine);
    });
    if (!isProtected) return assertEquals(machine.get(SERVED), BigInt(HOT));
    assertEquals([machine.exit?.reason, machine.get(SERVED)], [EPT_VIOLATION, 1n]);
    assertEquals(machine.vmcs.read(Field.GUEST_PHYSICAL_ADDRESS), BigInt(DATA + 8));
  });
}

/** What reaches the linear mappings of all worlds of the current VPID, whatever their EP4TA and CR3. */
const IN_GUEST: Readonly<Record<string, (machine: WorldMachine) => void>> = {
  "MOV to CR3 in the callee's own world": (machine) => execute(machine, machine.b, RELOAD_CR3),
  "MOV to CR3 in the caller's world": (machine) => execute(machine, machine.a, RELOAD_CR3),
  "MOV to CR3 of a third address space": (machine) =>
    execute(machine, machine.a, [...load(0, machine.a.newSpace()), 0x0f, 0x22, 0xd8]),
  "INVLPG in the callee's own world": (machine) =>
    execute(machine, machine.b, [...invlpg(DATA), ...invlpg(ENTRY)]),
  "INVLPG in the caller's world": (machine) =>
    execute(machine, machine.a, [...invlpg(DATA), ...invlpg(ENTRY)]),
  "INVVPID, individual address": (machine) => {
    invalidate(machine, 0x81, 0, 1n, BigInt(DATA));
    invalidate(machine, 0x81, 0, 1n, BigInt(ENTRY));
  },
  "INVVPID, single-context retaining globals": (machine) => invalidate(machine, 0x81, 3, 1n),
};
for (const [name, flush] of Object.entries(IN_GUEST)) {
  attack(
    `the callee's code is exchanged in its page table: ${name} reaches hot code`,
    (make, isProtected) => {
      const machine = make(), { b } = machine;
      writeOtherEntry(b);
      remap(machine, () => {
        b.map(b.cr3, ENTRY, OTHER);
        if (isProtected) flush(machine);
      });
      assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(isProtected ? 256 * HOT : HOT)]);
    },
    KEEPING_CODE,
  );

  attack(`the callee's data are taken from its page table: ${name} reaches hot code`, (make, isProtected) => {
    const machine = make(), { b } = machine;
    remap(machine, () => {
      b.map(b.cr3, DATA, 0, 0);
      if (isProtected) flush(machine);
    });
    if (!isProtected) return assertEquals(machine.get(SERVED), BigInt(HOT));
    assertEquals([machine.party, machine.vector, machine.get(SERVED)], [2, PAGE_FAULT, 1n]);
  });
}

everywhere("without VPIDs an exit and an entry drop what calls have left cached", (make) => {
  const machine = make(), { a, b, vmcs } = machine;
  vmcs.write(Field.SECONDARY_CONTROLS, vmcs.word(Field.SECONDARY_CONTROLS) & ~0x20);
  vmcs.write(Field.VPID, 0);
  writeOtherEntry(b);
  remap(machine, () => {
    b.map(b.cr3, ENTRY, OTHER);
    a.write(CODE + 0x800, [0x0f, 0x01, 0xc1]); // VMCALL
    machine.host.write(0x5_0000, [0x0f, 0x01, 0xc3]); // VMRESUME
    machine.place(a);
    machine.run(CODE + 0x800, 50);
    machine.host.write(0x5_0000, STOP);
  });
  assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(256 * HOT)]);
});

attack(
  "code that another world changes through a shared page is executed as it is now",
  (make, isProtected) => {
    const machine = make(), { a, b } = machine;
    standard(machine);
    // The callee's entry page appears in the caller's memory, writable. In the control it is another frame.
    const shared = 0x7_0000;
    a.mapInEpt(a.eptp, shared, isProtected ? b.base + ENTRY : b.base + OTHER);
    writeLoop(a, b);
    runLoop(machine, HOT);
    // NOP out the callee's INC SERVED from the caller's world: MOV DWORD [shared], 90909090H; then the REX-prefixed rest.
    execute(machine, a, [0xc7, 0x04, 0x25, 0, 0, 7, 0, 0x0f, 0x1f, 0x00, 0x48]);
    machine.place(a);
    runLoop(machine, HOT);
    assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, isProtected ? 0n : BigInt(HOT)]);
    assertEquals(b.readQuad(DATA + 8), BigInt(2 * HOT));
  },
);

everywhere(
  "the same address is other code and other data in each of many worlds, called in turn from hot code",
  (make) => {
    const machine = make(), { a, b, parties } = machine, third = parties[3]!;
    const spaces = [b.cr3, ...Array.from({ length: 5 }, () => b.newSpace())];
    const worlds = [
      ...spaces.map((cr3, n) => ({ wid: 0x100n + BigInt(n), party: b, cr3 })),
      { wid: 0x200n, party: third },
      { wid: 0x201n, party: third, cpl: 3 as const },
      { wid: 0x300n, party: machine.host },
    ];
    assert(machine.register({ wid: CALLER, party: a }));
    for (const world of worlds) assert(machine.register(world));
    // Each address space of b has its own frames at ENTRY and at DATA.
    for (const [n, cr3] of spaces.entries()) {
      b.map(cr3, ENTRY, 0x8_0000 + 0x2000 * n);
      b.map(cr3, DATA, 0x8_1000 + 0x2000 * n);
      b.write(0x8_0000 + 0x2000 * n, entryCode(n + 1));
      b.writeQuad(0x8_1000 + 0x2000 * n, 0);
    }
    third.write(ENTRY, entryCode(64));
    machine.host.write(ENTRY, entryCode(65));
    // The caller: a table of WIDs at DATA, walked round and round by R15.
    for (const [n, { wid }] of worlds.entries()) a.writeQuad(DATA + 8 * n, wid);
    a.writeQuad(DATA + 8 * worlds.length, 0);
    a.write(
      CODE,
      [0x4a, 0x8b, 0x0c, 0xfd, 0, 0, 4, 0], // MOV RCX, [DATA + 8 * R15]
      [0x48, 0x85, 0xc9, 0x74, 0x0b], // TEST RCX, RCX; JZ again
      [0x49, 0xff, 0xc7, 0xb8, 1, 0, 0, 0, 0x0f, 0x01, 0xd4], // INC R15; MOV EAX, 1; VMFUNC
      [0x45, 0x31, 0xff, 0x49, 0xff, 0xcc, 0x75, 0xe0], // again: XOR R15D, R15D; DEC R12; JNZ CODE
      STOP,
    );
    a.write(ENTRY, [0xe9, ...[0, 8, 16, 24].map((n) => ((CODE - ENTRY - 5) >> n) & 255)]);
    machine.place(a);
    machine.set(12, 40);
    machine.set(15, 0);
    machine.set(SERVED, 0);
    machine.run(CODE, 40 * worlds.length * 20);
    assertEquals([machine.party, machine.rip], [1, CODE + 32]);
    const once = spaces.reduce((sum, _, n) => sum + n + 1, 0) + 64 * 2 + 65;
    assertEquals(machine.get(SERVED), BigInt(40 * once));
    for (let n = 0; n < spaces.length; n++) assertEquals(b.readQuad(0x8_1000 + 0x2000 * n), 40n);
    assertEquals([third.readQuad(DATA), machine.host.readQuad(DATA)], [80n, 40n]);
  },
);
/** ADD SERVED, n; INC QWORD [DATA]; return. */
const entryCode = (n: number): number[] => [
  ...[0x49, 0x83, 0xc5, n],
  ...[0x48, 0xff, 0x04, 0x25, 0, 0, 4, 0],
  ...load(0, 1),
  ...VMFUNC,
  ...STOP,
];

attack(
  "a secret at the same linear address is out of the caller's reach, also right after a call",
  (make, isProtected) => {
    const machine = make(), { a, b } = machine;
    standard(machine);
    a.writeQuad(DATA, 0x1111n);
    // In the control both have the same frame there.
    if (!isProtected) a.mapInEpt(a.eptp, DATA, b.base + DATA);
    b.write(ENTRY, [0x48, 0x8b, 0x1c, 0x25, 0, 0, 4, 0], [0x31, 0xdb], load(0, 1), VMFUNC); // reads its secret, forgets it
    a.write(CODE, load(0, 1), load(1, CALLEE), VMFUNC);
    a.write(
      ENTRY,
      [0x48, 0x8b, 0x1c, 0x25, 0, 0, 4, 0],
      increment(SERVED),
      [0x49, 0xff, 0xcc, 0x75, 2],
      STOP,
    );
    a.write(ENTRY + 18, [0xe9, ...[0, 8, 16, 24].map((n) => ((CODE - ENTRY - 23) >> n) & 255)]);
    machine.set(12, HOT);
    machine.run(CODE, 20 * HOT);
    assertEquals([machine.party, machine.get(12), machine.get(3)], [1, 0n, isProtected ? 0x1111n : SECRET]);
  },
);
