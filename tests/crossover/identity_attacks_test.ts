/**
 * Attacks on identity: WIDs that are made up, dropped, or used from where they do not belong. Each runs in a hot loop, so
 * that code is translated and linked when it is attacked, and in a control in which it succeeds.
 */
import { assert, assertEquals } from "@std/assert";
import { WorldSwitch } from "../../src/cpu/system/world_switches.ts";
import { load, STOP, VMFUNC, vmfunc, worldCall } from "./_code.ts";
import {
  attack,
  CALLEE,
  CALLER,
  LEFT,
  LOOP_END,
  runLoop,
  SERVED,
  standard,
  THIRD,
  writeLoop,
} from "./_attack.ts";
import { CODE, DATA, ENTRY, everywhere, type WorldMachine } from "./_machine.ts";
import { Field } from "../../src/vmx/fields.ts";

const HOT = 200;
const calls = (machine: WorldMachine): number =>
  machine.machine.processor.unit.context.switches.counted(WorldSwitch.WORLD_CALL);

everywhere("a loop of calls: every call arrives, and every return", (make) => {
  const machine = make();
  standard(machine);
  writeLoop(machine.a, machine.b);
  runLoop(machine, HOT);
  assertEquals([machine.party, machine.rip, machine.get(SERVED)], [1, LOOP_END, BigInt(HOT)]);
  assertEquals([machine.b.readQuad(DATA + 8), machine.a.readQuad(DATA + 8), calls(machine)], [
    BigInt(HOT),
    0n,
    2 * HOT,
  ]);
});

/** How a world is made unreachable: guest code of the host, or something from outside. */
const DROPS: Readonly<Record<string, (machine: WorldMachine) => void>> = {
  "MANAGE_WTC 1, drop WID": (machine) => manage(machine, 1n, CALLEE),
  "MANAGE_WTC 2, drop all, and the caller registered again": (machine) => {
    manage(machine, 2n, 0n);
    machine.register({ wid: CALLER, party: machine.a });
  },
  "MANAGE_WTC 3, drop EPTP": (machine) => manage(machine, 3n, machine.b.eptp),
  "registered again with the valid bit 0": (machine) => {
    machine.register({ wid: CALLEE, party: machine.b, flags: 0 });
  },
  "eviction": (machine) => {
    for (let wid = 0x100n; wid < 0x140n; wid++) {
      machine.register({ wid, party: machine.b, cr3: wid << 12n });
      // The caller stays recently used.
      machine.crossover.caches.touch(machine.crossover.caches.callee(CALLER)!);
    }
    machine.register({ wid: CALLER, party: machine.a });
  },
};

function manage(machine: WorldMachine, operation: bigint, operand: bigint): void {
  machine.host.write(CODE, VMFUNC, STOP);
  machine.place(machine.host);
  for (const [register, value] of [[0, 2n], [1, operation], [2, operand]] as const) {
    machine.set(register, value);
  }
  machine.run(CODE, 10);
  assertEquals(machine.rflags & 1, 0);
}

for (const [name, drop] of Object.entries(DROPS)) {
  attack(`a dropped world is unreachable at once from hot code: ${name}`, (make, isProtected) => {
    const machine = make();
    standard(machine);
    writeLoop(machine.a, machine.b);
    runLoop(machine, HOT);
    assertEquals(machine.get(SERVED), BigInt(HOT));
    if (isProtected) drop(machine);
    machine.place(machine.a);
    runLoop(machine, HOT);
    if (!isProtected) return assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
    assertEquals(machine.exit, { reason: 240, qualification: 0n, length: 3 });
    assertEquals([machine.get(SERVED), machine.b.readQuad(DATA + 8)], [0n, BigInt(HOT)]);
  });
}

attack(
  "a world dropped by its own callee, in the middle of a call: the return misses",
  (make, isProtected) => {
    // The callee is a host world, which drops its caller before it returns.
    const machine = make(), { a, host } = machine;
    assert(machine.register({ wid: CALLER, party: a }));
    assert(machine.register({ wid: CALLEE, party: host }));
    writeLoop(a, host);
    // SERVED counts; drop when it is 100. MOV R14, RCX; CMP R13, 100; JNE over.
    const drop = [...load(0, 2), ...load(2, CALLER), ...load(1, 1), ...VMFUNC, 0x4c, 0x89, 0xf1]; // … MOV RCX, R14
    host.write(
      ENTRY,
      [0x49, 0x89, 0xce],
      [0x49, 0xff, 0xc5],
      [0x49, 0x83, 0xfd, 100],
      [0x75, drop.length],
      isProtected ? drop : drop.map(() => 0x90),
      load(0, 1),
      VMFUNC,
      STOP,
    );
    machine.place(a);
    runLoop(machine, HOT, 16);
    if (!isProtected) return assertEquals([machine.party, machine.rip], [1, LOOP_END]);
    assertEquals([machine.isInGuest, machine.vector, machine.get(SERVED), machine.get(1)], [
      false,
      13,
      100n,
      CALLER,
    ]);
  },
);

attack(
  "world calls switched off in IA32_CROSSOVER_CTL: hot code does not get through",
  (make, isProtected) => {
    const machine = make();
    standard(machine);
    writeLoop(machine.a, machine.b);
    runLoop(machine, HOT);
    machine.host.write(CODE, load(1, 0x4f00), load(0, isProtected ? 0 : 1), load(2, 0), [0x0f, 0x30], STOP);
    machine.place(machine.host);
    machine.run(CODE, 20);
    machine.place(machine.a);
    runLoop(machine, HOT);
    if (isProtected) assertEquals([machine.exit?.reason, machine.get(SERVED)], [59, 0n]);
    else assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
  },
);

attack(
  "the control of world calls taken from a guest: hot code does not get through",
  (make, isProtected) => {
    const machine = make();
    standard(machine);
    writeLoop(machine.a, machine.b);
    runLoop(machine, HOT);
    // The hypervisor writes the VMCS and resumes the guest at the loop.
    const { host, vmcs } = machine;
    host.write(
      CODE,
      load(0, Field.VMFUNC_CONTROLS),
      load(1, isProtected ? 1 : 3),
      [0x0f, 0x79, 0xc1], // VMWRITE RAX, RCX
      load(LEFT, HOT + 1),
      load(SERVED, 0),
      [0x0f, 0x01, 0xc3], // VMRESUME
    );
    vmcs.write(Field.GUEST_RIP, CODE);
    vmcs.write(Field.GUEST_RSP, 0x2_c000);
    machine.place(host);
    machine.vmcs.write(Field.EPTP, machine.a.eptp);
    machine.run(CODE, 12 * HOT + 50);
    if (isProtected) assertEquals([machine.exit?.reason, machine.get(SERVED)], [59, 0n]);
    else assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
  },
);

attack("made-up WIDs: none of many guesses enters anything", (make, isProtected) => {
  const machine = make(), { a, b } = machine;
  standard(machine);
  const guesses = [
    0n,
    1n,
    CALLEE ^ 1n,
    CALLEE << 32n,
    CALLEE | 1n << 63n,
    -1n,
    CALLEE + (1n << 32n),
    ~CALLEE,
    CALLEE * 0x9e37_79b9_7f4a_7c15n,
  ];
  b.write(ENTRY, STOP);
  for (const guess of guesses) {
    const wid = BigInt.asUintN(64, guess);
    if (!isProtected && wid !== 0n) {
      manage(machine, 2n, 0n);
      assert(machine.register({ wid: CALLER, party: a }) && machine.register({ wid, party: b }));
    }
    a.write(CODE, worldCall(wid), STOP);
    machine.place(a);
    machine.run(CODE, 4);
    if (isProtected || wid === 0n) {
      assertEquals([machine.exit?.reason, machine.exit?.qualification], [240, 0n]);
    } else assertEquals([machine.party, machine.rip], [2, ENTRY]);
  }
});

attack(
  "a caller cannot say that it is another: the callee that looks at RCX refuses",
  (make, isProtected) => {
    const machine = make(), { a, b, parties } = machine, intruder = parties[3]!;
    standard(machine);
    assert(machine.register({ wid: THIRD, party: intruder }));
    // The callee serves CALLER only. In the control it believes what the caller claims in RDI.
    const claimed = isProtected ? 0xca : 0xfa; // CMP RDX, RCX; CMP RDX, RDI
    b.write(
      ENTRY,
      load(2, CALLER),
      [0x48, 0x39, claimed],
      [0x75, 8],
      [0x48, 0x8b, 0x1c, 0x25, 0, 0, 4, 0], // MOV RBX, [DATA]
      load(0, 1),
      VMFUNC,
      STOP,
    );
    for (const party of [a, intruder]) {
      const claims = [2, 3, 5, 6, 7, 8, 9, 10, 11, 14, 15].flatMap((register) => load(register, CALLER));
      party.write(CODE, claims, worldCall(CALLEE), STOP);
      party.write(ENTRY, STOP);
      for (let n = 0; n < 50; n++) {
        machine.place(party);
        machine.set(1, CALLER);
        machine.run(CODE, 30);
        assertEquals([machine.party, machine.rip, machine.get(1)], [party.number, ENTRY, CALLEE]);
        const served = party === a || !isProtected;
        assertEquals(machine.get(3), served ? 0x5ec2_e7ed_0000_0001n : CALLER);
      }
    }
  },
);

attack(
  "code that was translated in a caller's world and runs in another: it is not taken for the caller",
  (make, isProtected) => {
    const machine = make(), { a, b } = machine;
    standard(machine);
    writeLoop(a, b);
    runLoop(machine, HOT);
    // The same frames and addresses in an address space that is no world, and under an EPT that is none, at CPL 3.
    const contexts: readonly { readonly cr3?: bigint; readonly eptp?: bigint; readonly cpl?: 0 | 3 }[] = [
      { cr3: a.newSpace() },
      { eptp: a.newEpt() },
      { cpl: 3 },
      {
        cr3: a.newSpace(),
        cpl: 3,
      },
    ] as const;
    for (const [n, context] of contexts.entries()) {
      const wid = 0x1000n + BigInt(n);
      if (!isProtected) assert(machine.register({ wid, party: a, ...context }));
      machine.place(a, context);
      runLoop(machine, HOT);
      if (isProtected) {
        assertEquals(machine.exit, { reason: 240, qualification: 1n, length: 3 }, String(n));
        assertEquals(machine.get(SERVED), 0n);
      } else {
        assertEquals([machine.rip, machine.get(SERVED), machine.cpl], [LOOP_END, BigInt(HOT), n < 2 ? 0 : 3]);
      }
      // And back in the caller's own.
      machine.place(a);
      runLoop(machine, HOT);
      assertEquals([machine.rip, machine.get(SERVED)], [LOOP_END, BigInt(HOT)]);
    }
  },
);

attack(
  "an address space switched by MOV to CR3 in hot code: the next call comes from a stranger",
  (make, isProtected) => {
    const machine = make(), { a, b } = machine;
    standard(machine);
    const other = a.newSpace();
    if (!isProtected) assert(machine.register({ wid: THIRD, party: a, cr3: other }));
    writeLoop(a, b);
    // Before its last call the loop goes to the other address space. CMP LEFT, 10; JNE over; MOV RAX, other; MOV CR3, RAX.
    const enter = [...load(0, other), 0x0f, 0x22, 0xd8];
    a.write(
      CODE,
      [0x49, 0xff, 0xcc],
      [0x0f, 0x84, LOOP_END - CODE - 9, 0, 0, 0],
      [0x49, 0x83, 0xfc, 10],
      [0x75, enter.length],
      enter,
      vmfunc(1, CALLEE),
      STOP,
    );
    runLoop(machine, HOT);
    machine.machine.run({ instructions: 4000 });
    if (isProtected) {
      assertEquals([machine.exit?.reason, machine.exit?.qualification, machine.get(LEFT)], [240, 1n, 10n]);
    } else {
      assertEquals([machine.rip, machine.get(LEFT), machine.get(SERVED)], [LOOP_END, 0n, BigInt(HOT)]);
    }
  },
);

everywhere("a WID that means another world now leads there at once, also from hot code", (make) => {
  const machine = make(), { a, b, parties } = machine, third = parties[3]!;
  standard(machine);
  writeLoop(a, b);
  writeLoop(a, third);
  runLoop(machine, HOT);
  assert(machine.register({ wid: CALLEE, party: third }));
  machine.place(a);
  runLoop(machine, HOT);
  assertEquals([b.readQuad(DATA + 8), third.readQuad(DATA + 8), machine.rip], [
    BigInt(HOT),
    BigInt(HOT),
    LOOP_END,
  ]);
  // The same world with another entry point.
  third.write(ENTRY + 0x40, STOP);
  assert(machine.register({ wid: CALLEE, party: third, rip: ENTRY + 0x40 }));
  machine.place(a);
  runLoop(machine, HOT);
  assertEquals([machine.party, machine.rip, machine.get(1)], [3, ENTRY + 0x40, CALLER]);
  // The caller under another WID.
  assert(machine.register({ wid: 0x99n, party: b }));
  manage(machine, 1n, CALLER);
  assert(machine.register({ wid: THIRD, party: a }));
  machine.place(a);
  runLoop(machine, HOT);
  assertEquals([machine.party, machine.rip, machine.get(1)], [3, ENTRY + 0x40, THIRD]);
});
