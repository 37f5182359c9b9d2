/** World calls between root and non-root operation: what goes to the VMCS, and what comes from it. */
import { assert, assertEquals } from "@std/assert";
import { Vector } from "../../src/cpu/fault.ts";
import {
  CR3,
  DR7,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  INTERRUPTIBILITY,
  MSR_KERNEL_GS_BASE,
  MSR_SYSENTER_EIP,
  Segment,
  segmentBase,
  TR,
} from "../../src/cpu/state.ts";
import { setCell } from "../../src/vmx/enter.ts";
import { Field } from "../../src/vmx/fields.ts";
import { STOP, VMCALL, VMFUNC } from "./_code.ts";
import {
  CODE,
  DATA,
  ENTRY,
  everywhere,
  EXIT_HANDLER,
  type TestWorld,
  type WorldMachine,
} from "./_machine.ts";

const HOST = 1n, GUEST = 2n;
const RAX = 0, RCX = 1, RSP = 4;
/** What a VM exit records: read-only fields and the injection that it clears. */
const EXIT_INFORMATION: readonly number[] = [
  Field.EXIT_REASON,
  Field.EXIT_QUALIFICATION,
  Field.EXIT_INTERRUPTION,
  Field.EXIT_ERROR_CODE,
  Field.VECTORING,
  Field.VECTORING_ERROR_CODE,
  Field.EXIT_INSTRUCTION_LENGTH,
  Field.EXIT_INSTRUCTION_INFORMATION,
  Field.GUEST_LINEAR_ADDRESS,
  Field.GUEST_PHYSICAL_ADDRESS,
];
const VMRESUME = [0x0f, 0x01, 0xc3];

/** A machine with a host world and a guest world, the processor in one of them at a VMFUNC. */
function pair(machine: WorldMachine, inGuest: boolean, guest: Partial<TestWorld> = {}): void {
  const { host, a } = machine;
  assert(machine.register({ wid: HOST, party: host, rip: ENTRY }));
  assert(machine.register({ wid: GUEST, party: a, rip: ENTRY, ...guest }));
  const caller = inGuest ? a : host;
  caller.write(CODE, VMFUNC, STOP);
  host.write(ENTRY, STOP);
  a.write(ENTRY, STOP);
  machine.place(caller);
  machine.set(RAX, 1);
  machine.set(RCX, inGuest ? HOST : GUEST);
}

everywhere(
  "a call from a guest to a host world saves the guest, RIP behind the call, and tells nothing",
  (make) => {
    const machine = make(), v = machine.vmcs;
    pair(machine, true);
    for (const [n, field] of EXIT_INFORMATION.entries()) v.write(field, 0x1110 + n);
    v.write(Field.ENTRY_INTERRUPTION, 0x8000_00ee);
    machine.set(RSP, 0x1234_5678_9abcn);
    setCell(machine.m, segmentBase(Segment.FS), 0x7777n);
    machine.run(CODE, 20);
    assertEquals([machine.isInGuest, machine.rip], [false, ENTRY]);
    assertEquals(EXIT_INFORMATION.map((field) => v.word(field)), EXIT_INFORMATION.map((_, n) => 0x1110 + n));
    assertEquals(v.word(Field.ENTRY_INTERRUPTION) >>> 0, 0x8000_00ee);
    assertEquals(
      [Field.GUEST_RIP, Field.GUEST_RSP, Field.GUEST_CR3, Field.GUEST_FS_BASE, Field.GUEST_RFLAGS]
        .map((field) => v.read(field)),
      [BigInt(CODE + 3), 0x1234_5678_9abcn, machine.a.cr3, 0x7777n, 2n],
    );
    assertEquals(machine.get(RSP), 0x1234_5678_9abcn, "RSP is the caller's");
    assertEquals(v.read(Field.EPTP), machine.a.eptp);
  },
);

everywhere(
  "a call from a guest loads the host-state area, except CR3, RIP and RSP; MSR areas are left alone",
  (make) => {
    const machine = make(), v = machine.vmcs;
    pair(machine, true);
    const other = machine.host.newSpace();
    const values: readonly (readonly [field: number, value: bigint])[] = [
      [Field.HOST_CR3, other],
      [Field.HOST_RSP, 0x999n],
      [Field.HOST_RIP, BigInt(EXIT_HANDLER)],
      [Field.HOST_GDTR_BASE, 0x2_8000n],
      [Field.HOST_IDTR_BASE, 0x2_a000n],
      [Field.HOST_FS_BASE, 0x1_0000_1111n],
      [Field.HOST_GS_BASE, 0x1_0000_2222n],
      [Field.HOST_SYSENTER_EIP, 0x1_0000_3333n],
      [Field.EXIT_MSR_LOAD_COUNT, 1n],
      [Field.EXIT_MSR_LOAD_ADDRESS, BigInt(DATA)],
      [Field.EXIT_MSR_STORE_COUNT, 1n],
      [Field.EXIT_MSR_STORE_ADDRESS, BigInt(DATA)],
    ];
    for (const [field, value] of values) v.write(field, value);
    machine.host.writeQuad(DATA, 0xc000_0102n); // KERNEL_GS_BASE
    machine.host.writeQuad(DATA + 8, 0x5555n);
    setCell(machine.m, DR7, 0x455n);
    setCell(machine.m, MSR_KERNEL_GS_BASE, 0x66n);
    machine.m[GDTR_LIMIT >> 2] = 0x37;
    machine.run(CODE, 20);
    assertEquals([machine.isInGuest, machine.rip, machine.cell(CR3)], [false, ENTRY, machine.host.cr3]);
    assertEquals(
      [segmentBase(Segment.FS), segmentBase(Segment.GS), MSR_SYSENTER_EIP, DR7, GDTR_BASE, IDTR_BASE, EFER]
        .map((cell) => machine.cell(cell)),
      [0x1_0000_1111n, 0x1_0000_2222n, 0x1_0000_3333n, 0x400n, 0x2_8000n, 0x2_a000n, 0xd01n],
    );
    assertEquals(machine.m[GDTR_LIMIT >> 2], 0xffff);
    assertEquals([machine.cell(MSR_KERNEL_GS_BASE), machine.host.readQuad(DATA + 8)], [0x66n, 0x5555n]);
  },
);

everywhere("after a call to a host world VMRESUME goes on behind it", (make) => {
  const machine = make();
  pair(machine, true);
  machine.host.write(ENTRY, VMRESUME);
  machine.a.write(CODE, VMFUNC, [0x48, 0xff, 0xc3], VMCALL); // INC RBX
  machine.set(3, 7);
  machine.run(CODE, 100);
  assertEquals([machine.exit?.reason, machine.get(3), machine.vmcs.read(Field.GUEST_RIP)], [
    18,
    8n,
    0x3_0006n,
  ]);
});

everywhere("a call to a guest loads the guest-state area, then what the entry says; RSP stays", (make) => {
  const machine = make(), v = machine.vmcs, { b } = machine;
  pair(machine, false, { party: b, cpl: 3 });
  b.write(ENTRY, STOP);
  b.write(ENTRY + 0x40, VMCALL);
  const values: readonly (readonly [field: number, value: bigint])[] = [
    [Field.GUEST_CR3, 0x9000n],
    [Field.GUEST_RIP, 0x8888n],
    [Field.GUEST_RSP, 0x7777n],
    [Field.GUEST_RFLAGS, 0x4_4f02n | 0x8d5n],
    [Field.GUEST_FS_BASE, 0x1_0000_1111n],
    [Field.GUEST_GS_BASE, 0x1_0000_2222n],
    [Field.GUEST_SYSENTER_EIP, 0x1_0000_3333n],
    [Field.GUEST_INTERRUPTIBILITY, 9n],
    [Field.GUEST_PENDING_DEBUG, 0x4000n],
    [Field.GUEST_TR, 0x28n],
    [Field.ENTRY_INTERRUPTION, 0x8000_030dn | 0x800n],
  ];
  for (const [field, value] of values) v.write(field, value);
  machine.set(RSP, 0x1234_5678_9abcn);
  machine.run(CODE, 20);
  assertEquals([machine.party, machine.cpl, machine.rip], [b.number, 3, ENTRY], "no event is injected");
  assertEquals([machine.get(RSP), machine.get(RCX), machine.cell(CR3)], [0x1234_5678_9abcn, HOST, b.cr3]);
  assertEquals(
    [segmentBase(Segment.FS), segmentBase(Segment.GS), MSR_SYSENTER_EIP].map((cell) => machine.cell(cell)),
    [0x1_0000_1111n, 0x1_0000_2222n, 0x1_0000_3333n],
  );
  // Arithmetic flags and IOPL are those of the guest-state area; TF, IF, DF, NT and AC are cleared.
  assertEquals([machine.rflags, machine.m[INTERRUPTIBILITY >> 2]], [2 | 0x8d5, 8]);
  assertEquals(v.word(Field.ENTRY_INTERRUPTION) >>> 0, 0x8000_0b0d, "nor is it consumed");
  assertEquals(machine.m[TR >> 2], 0x28);
  machine.run(ENTRY + 0x40);
  assertEquals([machine.isInGuest, v.read(Field.EPTP)], [false, b.eptp]);
});

/** What of the VMCS forbids a call from root to non-root operation. */
const FORBIDDEN: Readonly<Record<string, (machine: WorldMachine) => void>> = {
  "there is no current VMCS": (machine) => machine.vmx.vmcs = undefined,
  "the VMCS is not launched": ({ vmcs }) => vmcs.isLaunched = false,
  "a control is reserved": ({ vmcs }) => vmcs.write(Field.PIN_CONTROLS, 0),
  "the guest runs without EPT": ({ vmcs }) => {
    vmcs.write(Field.SECONDARY_CONTROLS, 0x20);
  },
  "a host-state field is invalid": ({ vmcs }) => vmcs.write(Field.HOST_TR, 0),
  "a guest-state field is invalid": ({ vmcs }) => vmcs.write(Field.GUEST_RFLAGS, 0),
  "the VMCS link pointer is invalid": ({ vmcs }) => vmcs.write(Field.VMCS_LINK_POINTER, 0x1000),
  "the guest is not in IA-32e mode": ({ vmcs }) => {
    vmcs.write(Field.ENTRY_CONTROLS, vmcs.word(Field.ENTRY_CONTROLS) & ~0x200);
    vmcs.write(Field.GUEST_CS_RIGHTS, 0xc09b);
  },
};
for (const [name, forbid] of Object.entries(FORBIDDEN)) {
  everywhere(`a call to a guest raises #GP(0) and changes nothing: ${name}`, (make) => {
    const machine = make();
    pair(machine, false);
    forbid(machine);
    const { generation } = machine.crossover.caches;
    const fields = Object.values(Field).map((field) => machine.vmcs.read(field));
    machine.run(CODE, 20);
    assertEquals([machine.isInGuest, machine.vector], [false, Vector.GP]);
    assertEquals(machine.host.readQuad(Number(machine.get(RSP)) + 8), BigInt(CODE), "RIP is at the VMFUNC");
    assertEquals([machine.get(RAX), machine.get(RCX), machine.crossover.caches.generation], [
      1n,
      GUEST,
      generation,
    ]);
    assertEquals(Object.values(Field).map((field) => machine.vmcs.read(field)), fields);
  });
}

everywhere("a host world is not there for a guest whose exits do not lead to a 64-bit host", (make) => {
  const machine = make(), v = machine.vmcs;
  pair(machine, true);
  v.write(Field.EXIT_CONTROLS, v.word(Field.EXIT_CONTROLS) & ~0x200);
  machine.run(CODE, 2);
  assertEquals([v.word(Field.EXIT_REASON), v.read(Field.EXIT_QUALIFICATION)], [240, 0n]);
});

everywhere("the preemption timer starts with a call to a guest and stops with a call to the host", (make) => {
  const machine = make(), v = machine.vmcs;
  pair(machine, false);
  v.write(Field.PIN_CONTROLS, v.word(Field.PIN_CONTROLS) | 0x40);
  v.write(Field.PREEMPTION_TIMER, 500);
  machine.run(CODE, 5000);
  assertEquals([machine.exit?.reason, v.read(Field.GUEST_RIP)], [52, BigInt(ENTRY)]);
  // Saved only where the exit control asks for it.
  for (const save of [0, 1 << 22]) {
    v.write(Field.EXIT_CONTROLS, (v.word(Field.EXIT_CONTROLS) & ~(1 << 22)) | save);
    v.write(Field.PREEMPTION_TIMER, 500);
    machine.a.write(ENTRY, [0x90, 0x90, 0x90], VMFUNC, STOP);
    machine.place(machine.host);
    machine.set(RAX, 1);
    machine.set(RCX, GUEST);
    machine.run(CODE, 5000);
    assertEquals([machine.isInGuest, machine.rip, machine.get(RCX)], [false, ENTRY, GUEST]);
    const left = Number(v.read(Field.PREEMPTION_TIMER));
    if (save === 0) assertEquals(left, 500);
    else assert(left < 500 && left > 490, String(left));
    assertEquals(machine.vmx.deadline, Infinity);
  }
});
