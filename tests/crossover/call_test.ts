/** WORLD_CALL between worlds in every combination of modes and privilege levels. docs/crossover.md, "Function 1". */
import { assert, assertEquals } from "@std/assert";
import { Event } from "../../src/cpu/fault.ts";
import {
  CR0,
  CR3,
  CR4,
  EFER,
  EPTP,
  EVENT,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  MSR_FMASK,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_STAR,
  MXCSR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  segmentBase,
  TR,
  VPID,
  XMM,
} from "../../src/cpu/state.ts";
import { WorldSwitch } from "../../src/cpu/system/world_switches.ts";
import { RAM_BASE } from "../../src/memory/physical.ts";
import { setCell } from "../../src/vmx/enter.ts";
import { Field } from "../../src/vmx/fields.ts";
import { load, STI, STOP, VMCALL, VMFUNC, worldCall } from "./_code.ts";
import { CODE, ENTRY, everywhere, type Party, SYSTEM_CONTEXT, type WorldMachine } from "./_machine.ts";

const CALLER = 0x1111n, CALLEE = 0x2222_0000_3333n;
const RAX = 0, RCX = 1, RBX = 3, RSP = 4;
const CS = SEGMENT + SEGMENT_STRIDE * Segment.CS, SS = SEGMENT + SEGMENT_STRIDE * Segment.SS;
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
      caller.write(CODE, load(RBX, 5), worldCall(CALLEE), STOP);
      caller.write(ENTRY + 0x100, STOP);
      callee.write(ENTRY + 0x200, STOP);
      callee.write(ENTRY + 0x300, worldCall(CALLER), STOP);
      machine.place(caller, { cpl: from[1] });
      machine.run(CODE);
      const { switches } = machine.machine.processor.unit.context;
      assertEquals(
        [machine.party, machine.cpl, machine.rip, machine.get(RCX), machine.get(RBX), machine.get(RAX)],
        [callee.number, to[1], ENTRY + 0x200, CALLER, 5n, 1n],
      );
      assertEquals(switches.counted(WorldSwitch.WORLD_CALL), 1);
      machine.run(ENTRY + 0x300);
      assertEquals(
        [machine.party, machine.cpl, machine.rip, machine.get(RCX), machine.get(RBX)],
        [caller.number, from[1], ENTRY + 0x100, CALLEE, 5n],
      );
      assertEquals(switches.counted(WorldSwitch.WORLD_CALL), 2);
    });
  }
}

/** A caller in machine a (CPL 0) at a VMFUNC, and a callee in machine b. */
function prepare(
  machine: WorldMachine,
  callee: { readonly cpl?: 0 | 3; readonly flags?: number } = {},
): void {
  assert(machine.register({ wid: CALLER, party: machine.a }));
  assert(machine.register({ wid: CALLEE, party: machine.b, ...callee }));
  machine.a.write(CODE, VMFUNC, STOP);
  machine.b.write(ENTRY, STOP);
  machine.place(machine.a);
  machine.set(RAX, 1);
  machine.set(RCX, CALLEE);
}

everywhere("a call changes RCX and no other general, vector or control register", (make) => {
  const machine = make();
  prepare(machine);
  const value = (n: number): bigint => BigInt.asUintN(64, 0x9e37_79b9_7f4a_7c15n * BigInt(n + 1));
  for (let n = 0; n < 16; n++) if (n !== RAX && n !== RCX) machine.set(n, value(n));
  machine.set(RAX, 0xffff_ffff_0000_0001n);
  for (let n = 0; n < 32; n++) setCell(machine.m, XMM + 8 * n, value(n + 16));
  machine.m[MXCSR >> 2] = 0x1fbf;
  for (const n of [Segment.ES, Segment.DS, Segment.FS, Segment.GS]) {
    setCell(machine.m, segmentBase(n), value(n) >> 20n);
  }
  machine.m[INTERRUPTIBILITY >> 2] = 8;
  const cells = [
    ...Array.from({ length: 16 }, (_, n) => GPR + 8 * n).filter((cell) => cell !== GPR + 8 * RCX),
    ...Array.from({ length: 32 }, (_, n) => XMM + 8 * n),
    ...[
      MXCSR,
      CR0,
      CR4,
      EFER,
      VPID,
      GDTR_BASE,
      GDTR_LIMIT,
      IDTR_BASE,
      IDTR_LIMIT,
      TR,
      TR + 16,
    ],
    ...[Segment.ES, Segment.DS, Segment.FS, Segment.GS].flatMap((n) =>
      [0, 8, 16].map((offset) => SEGMENT + SEGMENT_STRIDE * n + offset)
    ),
  ];
  const before = cells.map((cell) => machine.cell(cell));
  machine.run(CODE, 1);
  assertEquals([machine.rip, machine.get(RCX)], [ENTRY, CALLER]);
  assertEquals(cells.map((cell) => machine.cell(cell)), before);
  assertEquals(machine.m[INTERRUPTIBILITY >> 2], 8);
});

// deno-fmt-ignore
/** RFLAGS before the call, whether the callee keeps IF, RFLAGS after it. */
const FLAGS: readonly (readonly [name: string, before: number, keep: boolean, after: number])[] = [
  ["nothing set",                       0x0000_0002, false, 0x0000_0002],
  ["arithmetic flags stay",             0x0000_08d7, false, 0x0000_08d7],
  ["IF is cleared",                     0x0000_0202, false, 0x0000_0002],
  ["IF is kept",                        0x0000_0202, true,  0x0000_0202],
  ["keeping IF does not set it",        0x0000_0002, true,  0x0000_0002],
  ["DF is cleared",                     0x0000_0402, true,  0x0000_0002],
  ["NT is cleared",                     0x0000_4002, true,  0x0000_0002],
  ["AC is cleared",                     0x0004_0002, true,  0x0000_0002],
  ["RF is cleared",                     0x0001_0002, true,  0x0000_0002],
  ["TF is cleared, and nothing trapped", 0x0000_0102, true, 0x0000_0002],
  ["IOPL and ID stay",                  0x0020_3002, false, 0x0020_3002],
  ["all at once",                       0x0025_7fd7, false, 0x0020_38d7],
  ["all at once, IF kept",              0x0025_7fd7, true,  0x0020_3ad7],
];
for (const [name, before, keep, after] of FLAGS) {
  everywhere(`a call and RFLAGS: ${name}`, (make) => {
    for (const cpl of [0, 3] as const) {
      const machine = make();
      prepare(machine, { cpl, flags: keep ? 0x11 : 1 });
      machine.place(machine.a, { rflags: before });
      machine.set(RAX, 1);
      machine.set(RCX, CALLEE);
      machine.run(CODE, 1);
      assertEquals([machine.party, machine.rip, machine.rflags], [2, ENTRY, after]);
      machine.machine.run({ instructions: 50 });
      assertEquals([machine.party, machine.rip, machine.vector], [2, ENTRY, -1]);
    }
  });
}

everywhere(
  "a call loads flat 64-bit CS and SS of the callee's privilege level, whatever its descriptors are",
  (make) => {
    for (const cpl of [0, 3] as const) {
      const machine = make();
      machine.writeEntry({ wid: CALLEE, party: machine.b, cpl });
      machine.host.writeQuad(0x5_1008, BigInt(1 | (cpl << 2)) | 0x7ff6_fff5_0000_0000n);
      machine.register({ wid: CALLER, party: machine.a });
      machine.a.write(CODE, VMFUNC, STOP);
      machine.b.write(ENTRY, STOP);
      // The entry as it was written: register() writes its own.
      machine.writeEntry({ wid: CALLEE, party: machine.b, cpl });
      machine.host.writeQuad(0x5_1008, BigInt(1 | (cpl << 2)) | 0x7ff6_fff5_0000_0000n);
      machine.place(machine.host);
      for (const [register, value] of [[RAX, 2], [RCX, 0], [2, 0x5_1000]] as const) {
        machine.set(
          register,
          value,
        );
      }
      machine.m[EVENT >> 2] = Event.NONE;
      machine.vmx.worldFunctions!.manage();
      machine.place(machine.a);
      machine.set(RAX, 1);
      machine.set(RCX, CALLEE);
      machine.run(CODE, 20);
      const user = cpl === 3 ? 0x60 : 0;
      const words = (cell: number): number[] =>
        [0, 4, 8, 16, 20].map((offset) => machine.m[(cell + offset) >> 2]!);
      assertEquals([machine.party, machine.cpl, machine.rip], [2, cpl, ENTRY]);
      assertEquals(words(CS), [0xfff4 | cpl, -1, 0xa09b | user, 0, 0]);
      assertEquals(words(SS), [0x7ff4 | cpl, -1, 0xc093 | user, 0, 0]);
    }
  },
);

everywhere(
  "a call loads EPTP, which the VMCS has after the exit, and all of CR3; the EPTP list has no part in it",
  (make) => {
    const machine = make(), { b } = machine;
    const cr3 = b.newSpace() | 0x18n, eptp = b.newEpt() | 0x40n;
    assert(machine.register({ wid: CALLER, party: machine.a }));
    assert(machine.register({ wid: CALLEE, party: b, cr3, eptp }));
    machine.a.write(CODE, worldCall(CALLEE), STOP);
    b.write(ENTRY, STOP);
    b.write(ENTRY + 0x40, VMCALL);
    machine.place(machine.a);
    machine.vmcs.write(Field.EPTP_LIST_ADDRESS, 0xffff_f000);
    machine.run(CODE);
    assertEquals([machine.cell(EPTP), machine.cell(CR3), machine.rip], [eptp, cr3, ENTRY]);
    machine.run(ENTRY + 0x40);
    assertEquals([machine.isInGuest, machine.vmcs.read(Field.EPTP)], [false, eptp]);
  },
);

/** Quadwords of a system context, and the cells that they go to. */
const CONTEXT: readonly (readonly [cell: number, value: bigint])[] = [
  [GDTR_BASE, 0x1_0000_1000n],
  [GDTR_LIMIT, 0x7fn],
  [IDTR_BASE, 0x1_0000_2000n],
  [IDTR_LIMIT, 0xffen],
  [TR, 0x40n],
  [TR + 16, 0x1_0000_3000n],
  [TR + 4, 0x68n],
  [segmentBase(Segment.FS), 0x1_0000_4000n],
  [segmentBase(Segment.GS), 0xffff_8000_0000_0000n],
  [MSR_KERNEL_GS_BASE, 0x1_0000_6000n],
  [MSR_LSTAR, 0x1_0000_7000n],
  [MSR_STAR, 0x1234_5678_9abc_def0n],
  [MSR_FMASK, 0x4_7700n],
];
const NARROW: readonly number[] = [GDTR_LIMIT, IDTR_LIMIT, TR, TR + 4];
const contextOf = (machine: WorldMachine): bigint[] =>
  CONTEXT.map(([cell]) => machine.cell(cell) & (NARROW.includes(cell) ? 0xffff_ffffn : ~0n));

everywhere(
  "a call loads the system context as it was on insertion, and none where the entry names none",
  (make) => {
    const machine = make();
    for (const [n, [, value]] of CONTEXT.entries()) machine.host.writeQuad(SYSTEM_CONTEXT + 8 * n, value);
    assert(machine.register({ wid: CALLER, party: machine.a, rip: ENTRY + 0x100 }));
    assert(machine.register({ wid: CALLEE, party: machine.b, systemContext: SYSTEM_CONTEXT }));
    machine.view.setBigUint64(RAM_BASE + SYSTEM_CONTEXT, ~0n, true);
    machine.a.write(CODE, worldCall(CALLEE), STOP);
    machine.a.write(ENTRY + 0x100, STOP);
    machine.b.write(ENTRY, worldCall(CALLER), STOP);
    machine.place(machine.a);
    machine.run(CODE, 3);
    const values = CONTEXT.map(([, value]) => value);
    assertEquals([machine.party, contextOf(machine)], [2, values]);
    assertEquals(machine.m[(TR + 8) >> 2], 0x8b);
    // The caller has none of its own: it gets back what is there.
    setCell(machine.m, segmentBase(Segment.FS), 0x99n);
    machine.machine.run({ instructions: 20 });
    assertEquals([machine.party, machine.cell(segmentBase(Segment.FS))], [1, 0x99n]);
    machine.run(CODE, 3);
    assertEquals([machine.party, contextOf(machine)], [2, values], "what the world did to it is not saved");
  },
);

everywhere("a call is not held back by STI, and ends its shadow", (make) => {
  const machine = make();
  prepare(machine, { flags: 0x11 });
  machine.a.write(CODE, STI, VMFUNC, STOP);
  machine.run(CODE, 2);
  assertEquals([machine.party, machine.rip, machine.rflags, machine.m[INTERRUPTIBILITY >> 2]], [
    2,
    ENTRY,
    0x202,
    0,
  ]);
});

everywhere("a world may call itself: it is entered anew", (make) => {
  const machine = make();
  machine.register({ wid: CALLER, party: machine.a });
  machine.a.write(CODE, worldCall(CALLER), STOP);
  machine.a.write(ENTRY, STOP);
  machine.place(machine.a);
  machine.run(CODE);
  assertEquals([machine.party, machine.rip, machine.get(RCX)], [1, ENTRY, CALLER]);
  assertEquals(machine.get(RSP), 0x2_c000n);
});
