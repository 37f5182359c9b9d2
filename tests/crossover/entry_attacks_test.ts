/**
 * Attacks on the way in: stray instruction bytes, list slots that are invalid, a hostile stack pointer, single-stepping.
 * Each also runs in a control without the protection, and succeeds there.
 */
import { assert, assertEquals } from "@std/assert";
import { Field } from "../../src/vmx/fields.ts";
import { attack, CALLEE, CALLER, fingerprint, little32, SECRET, standard } from "./_attack.ts";
import { increment, jumpIfNotZero, load, move, NOP, STOP, VMFUNC, vmfunc, worldCall } from "./_code.ts";
import { CODE, DATA, ENTRY, EPTP_LIST, everywhere, STACK, type WorldMachine } from "./_machine.ts";

const RAX = 0, RCX = 1, RBX = 3, RSP = 4;
const VMFUNC_EXIT = 59, MISS_EXIT = 240;
const HIDDEN = VMFUNC;
/** Code in which VMFUNC lies inside other instructions, wherever an assembler may have put its bytes. */
const STRAY: readonly number[] = [
  ...[0xb8, ...HIDDEN, 0x00], // MOV EAX, 00D4010FH
  ...[0x48, 0xbb, ...HIDDEN, ...HIDDEN, 0x00, 0x00], // MOV RBX, imm64
  ...[0x48, 0x8d, 0x9b, ...HIDDEN, 0x00], // LEA RBX, [RBX + 00D4010FH]
  ...[0x81, 0xfb, 0x90, ...HIDDEN], // CMP EBX, imm32
  ...[0xf3, ...HIDDEN, 0x66, ...HIDDEN, 0x48, ...HIDDEN], // with prefixes
  ...[0xeb, 0x03, ...HIDDEN], // jumped over
  ...[0x68, ...HIDDEN, 0x0f, 0x01, 0xd4, 0x0f, 0x01], // PUSH imm32; overlapping
];
/** What a machine's memory holds behind the stray bytes: the attacker's own, or the victim's store to its secret. */
const GADGET = [0x48, 0x89, 0x1c, 0x25, ...little32(DATA)]; // MOV [DATA], RBX

attack(
  "stray VMFUNC bytes at every offset lead nowhere but to exits, faults and entry points",
  (make, isProtected) => {
    const machine = make(), { a, b, host } = machine;
    standard(machine);
    host.writeQuad(EPTP_LIST + 8, b.eptp);
    // Protected: world calls are the only function. In the control EPTP switching is another, with the victim on the list.
    machine.vmcs.write(Field.VMFUNC_CONTROLS, isProtected ? 2 : 3);
    a.write(CODE, STRAY, NOP, STOP);
    b.write(CODE, STRAY.map(() => 0x90), GADGET, STOP);
    b.write(ENTRY, STOP);
    const before = [fingerprint(b), fingerprint(host)];
    const seen = new Set<string>();
    let broken = 0;
    for (let offset = 0; offset < STRAY.length; offset++) {
      for (const leaf of [0, 1, 2, 3, 64]) {
        for (const [cpl, rcx] of [[0, CALLEE], [0, 1n], [3, CALLEE], [3, 1n], [0, 512n]] as const) {
          machine.place(a, { cpl });
          for (let n = 0; n < 16; n++) if (n !== RSP) machine.set(n, DATA);
          machine.set(RAX, leaf);
          machine.set(RCX, rcx);
          machine.run(CODE + offset, 40);
          if (fingerprint(b) !== before[0]) {
            broken++;
            b.writeQuad(DATA, SECRET);
            continue;
          }
          if (!isProtected) continue;
          if (machine.party === 2) {
            assertEquals([machine.rip, machine.get(RCX)], [ENTRY, CALLER]);
            seen.add("entry");
          } else if (machine.party === 0) {
            const { reason } = machine.exit!;
            assert([VMFUNC_EXIT, MISS_EXIT].includes(reason), `exit ${reason} at ${offset}`);
            seen.add(`exit ${reason}`);
          } else {
            seen.add("stays");
          }
          assertEquals(fingerprint(host), before[1]);
        }
      }
    }
    if (!isProtected) return assert(broken > 0, "EPTP switching alone lets stray bytes into the victim");
    assertEquals([broken, [...seen].sort()], [0, ["entry", "exit 240", "exit 59", "stays"]]);
  },
);

/** Slots of the EPTP list that must not be switched to. */
const SLOTS: Readonly<Record<string, (machine: WorldMachine) => bigint>> = {
  "empty": () => 0n,
  "another memory type": ({ b }) => b.eptp & ~7n | 1n,
  "another walk length": ({ b }) => b.eptp & ~0x38n | 0x20n,
  "reserved bits": ({ b }) => b.eptp | 0x800n,
  "an address that is too wide": ({ b }) => b.eptp | 1n << 40n,
  "all ones": () => ~0n,
};
for (const [name, slot] of Object.entries(SLOTS)) {
  attack(
    `an EPTP-list slot that is invalid is not switched to, in hot code: ${name}`,
    (make, isProtected) => {
      const machine = make(), { a, b, host } = machine;
      standard(machine);
      host.writeQuad(EPTP_LIST, a.eptp);
      host.writeQuad(EPTP_LIST + 8, b.eptp);
      // There and back, at the same addresses in both.
      const loop = [...vmfunc(0, 1), ...increment(13), ...vmfunc(0, 0), 0x49, 0xff, 0xcc];
      for (const party of [a, b]) party.write(CODE, loop, jumpIfNotZero(-loop.length - 2), STOP);
      machine.set(12, 100);
      machine.run(CODE, 1000);
      assertEquals([machine.party, machine.get(13), machine.rip], [1, 100n, CODE + loop.length + 2]);
      if (isProtected) host.writeQuad(EPTP_LIST + 8, slot(machine));
      machine.place(a);
      machine.set(12, 100);
      machine.run(CODE, 1000);
      if (!isProtected) return assertEquals(machine.get(13), 200n);
      assertEquals([machine.exit?.reason, machine.get(13)], [VMFUNC_EXIT, 100n]);
      assertEquals([machine.vmcs.read(Field.EPTP), machine.get(RCX)], [a.eptp, 1n]);
    },
  );
}

everywhere(
  "what hot code has no link for yet exits: an empty slot of the EPTP list, WID 0 while calls are disabled",
  (make) => {
    for (const [leaf, index, functions] of [[0, 7, 3], [1, 0, 1]] as const) {
      const machine = make(), { a, b, host, vmcs } = machine;
      standard(machine);
      host.writeQuad(EPTP_LIST, a.eptp);
      host.writeQuad(EPTP_LIST + 8, b.eptp);
      // EAX from EDX, ECX from EBX: the same code for all.
      const loop = [0x89, 0xd0, 0x89, 0xd9, ...VMFUNC, ...vmfunc(0, 0), 0x49, 0xff, 0xcc];
      for (const party of [a, b]) party.write(CODE, loop, jumpIfNotZero(-loop.length - 2), STOP);
      const run = (eax: number, ecx: number): void => {
        machine.place(a);
        for (const [register, value] of [[2, eax], [RBX, ecx], [12, 100]] as const) {
          machine.set(register, value);
        }
        machine.run(CODE, 1000);
      };
      run(0, 1);
      assertEquals([machine.party, machine.rip], [1, CODE + loop.length + 2]);
      vmcs.write(Field.VMFUNC_CONTROLS, functions);
      run(leaf, index);
      assertEquals([machine.exit?.reason, vmcs.read(Field.EPTP)], [VMFUNC_EXIT, a.eptp]);
      assertEquals([machine.get(RAX), machine.get(RCX)], [BigInt(leaf), BigInt(index)]);
    }
  },
);

attack("an index behind the EPTP list, or a list outside RAM, exits", (make, isProtected) => {
  const machine = make(), { a, b, host, vmcs } = machine;
  standard(machine);
  host.writeQuad(EPTP_LIST + 8 * 511, b.eptp);
  host.writeQuad(EPTP_LIST + 8 * 512, b.eptp);
  for (const party of [a, b]) party.write(CODE, VMFUNC, STOP);
  const outside = BigInt(machine.machine.readPhysical(0, 1).length << 23);
  const tries = isProtected
    ? [[512n, EPTP_LIST], [0xffff_ffffn, EPTP_LIST], [0x8000_0000n, EPTP_LIST], [511n, outside]] as const
    : [[511n, EPTP_LIST], [0xffff_ffff_0000_01ffn, EPTP_LIST]] as const;
  for (const [index, list] of tries) {
    vmcs.write(Field.EPTP_LIST_ADDRESS, list);
    machine.place(a);
    machine.set(RAX, 0);
    machine.set(RCX, index);
    machine.run(CODE, 20);
    if (isProtected) assertEquals([machine.exit?.reason, vmcs.read(Field.EPTP)], [VMFUNC_EXIT, a.eptp]);
    else assertEquals([machine.party, machine.rip], [2, CODE + 3]);
  }
});

/** Stack pointers that an attacker may leave behind. */
const STACKS: readonly bigint[] = [
  BigInt(DATA + 8),
  0n,
  BigInt(ENTRY + 8),
  0x4000n,
  0x7fff_ffff_ffffn,
  0x8000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0x40_0000n,
];
attack(
  "a hostile RSP: the callee that loads its own stack first touches nothing through it",
  (make, isProtected) => {
    const machine = make(), { a, b, host } = machine;
    standard(machine);
    const own = load(RSP, STACK), use = [0x50, 0x51, 0x59, 0x58]; // PUSH RAX; PUSH RCX; POP; POP
    b.write(ENTRY, isProtected ? [own, use].flat() : [use, own].flat(), load(RAX, 1), VMFUNC, STOP);
    const before = [fingerprint(b), fingerprint(host)];
    let broken = 0;
    for (const stack of STACKS) {
      // A loop, so that the call is hot: MOV RSP, stack; call; at ENTRY: DEC R12; JNZ.
      a.write(CODE, load(RSP, stack), worldCall(CALLEE), STOP);
      a.write(ENTRY, [0x49, 0xff, 0xcc, 0x0f, 0x85, ...little32(CODE - ENTRY - 9)], STOP);
      machine.place(a);
      machine.set(12, 30);
      machine.run(CODE, 30 * 20);
      if (isProtected) assertEquals([machine.party, machine.rip], [1, ENTRY + 9]);
      const intact = fingerprint(b) === before[0] && b.readQuad(0x4000) !== CALLER;
      if (!intact || machine.party === 0) broken++;
      b.writeQuad(DATA, SECRET);
      b.writeQuad(ENTRY, b.readQuad(ENTRY));
      assertEquals(fingerprint(host), before[1]);
    }
    if (isProtected) assertEquals(broken, 0);
    else assert(broken > 0);
  },
);

attack("single-stepping a caller does not step through its callee", (make, isProtected) => {
  const machine = make(), { a, b, host } = machine;
  standard(machine);
  host.writeQuad(EPTP_LIST + 8, b.eptp);
  // In the control EPTP switching takes TF along: the trap shows the attacker's handler, here mapped in both, where it was.
  const [code, entry] = isProtected ? [worldCall(CALLEE), ENTRY] : [vmfunc(0, 1), CODE + 18];
  a.write(CODE, code, STOP);
  b.write(entry, NOP, NOP, increment(RBX), STOP);
  machine.place(a, { rflags: 0x102 });
  for (const [register, value] of [[RAX, isProtected ? 1 : 0], [RCX, isProtected ? CALLEE : 1]] as const) {
    machine.set(register, value);
  }
  machine.set(RBX, 0);
  machine.run(CODE + 15, 30); // At the VMFUNC.
  if (isProtected) assertEquals([machine.party, machine.rip, machine.get(RBX)], [2, entry + 5, 1n]);
  else assertEquals([machine.party, machine.vector, machine.get(RBX)], [2, 1, 0n]);
});

everywhere(
  "entering at the entry point is all that a caller can do: RIP, CS, SS and CR3 are never its own",
  (make) => {
    const machine = make(), { a, b } = machine;
    standard(machine);
    b.write(ENTRY, STOP);
    a.write(CODE, move(2, 1), [0x0f, 0x1f, 0x40, 0x00], VMFUNC, STOP);
    let value = 0x1234_5678_9abc_def0n;
    for (let round = 0; round < 100; round++) {
      machine.place(a, { rflags: 2 | Number(value & 0x0024_0cd5n & ~0x100n) });
      for (let n = 0; n < 16; n++) {
        value = BigInt.asUintN(64, value * 0x5851_f42d_4c95_7f2dn + 0x1405_7b7e_f767_814fn);
        machine.set(n, value);
      }
      machine.set(RAX, 1);
      machine.set(RCX, CALLEE);
      machine.run(CODE, 10);
      assertEquals([machine.party, machine.rip, machine.cpl, machine.get(RCX), machine.get(2)], [
        2,
        ENTRY,
        0,
        CALLER,
        CALLEE,
      ]);
    }
  },
);
