/** VM entries that fail, MSR areas, VMX aborts and shadow VMCSs, on every engine. SDM vol. 3C, chapters 25, 27, 28 and 31. */
import { assertEquals } from "@std/assert";
import { readRflags } from "../../src/cpu/rflags.ts";
import { DEBUGCTL, DR7, Gpr, MSR_LSTAR, MSR_STAR } from "../../src/cpu/state.ts";
import { RAM_BASE } from "../../src/memory/physical.ts";
import { REVISION } from "../../src/vmx/capabilities.ts";
import { ALLOWED, Pin, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import { Vmcs } from "../../src/vmx/vmcs.ts";
import {
  CODE,
  everywhere,
  type Guest,
  HOST_CODE,
  MSR_AREA,
  SHADOW_VMCS,
  VMCS,
  VMREAD_BITMAP,
  VMWRITE_BITMAP,
} from "./_guest.ts";
import { CODE32, pin, secondary, UNUSABLE, type Values } from "./_vmcs.ts";

const VMLAUNCH = [0x0f, 0x01, 0xc2], TELL = [0xe6, 0x71], VMCALL = "0f 01 c1";
const FAILED = 0x8000_0000;
const CF = 1, ZF = 0x40;
/** CF and ZF of the host. */
const status = (guest: Guest): number => readRflags(guest.m) & (CF | ZF);

everywhere(
  "VMLAUNCH and VMRESUME fail with the manual's error numbers, in its order, section 31.4",
  (make) => {
    const cases: readonly (readonly [error: number, changes: Values])[] = [
      [7, [[Field.PIN_CONTROLS, 0], [Field.HOST_CR0, 0], [Field.GUEST_CR0, 0]]],
      [8, [[Field.HOST_CR0, 0], [Field.GUEST_CR0, 0]]],
    ];
    for (const [error, changes] of cases) assertEquals(make(...changes).run("90"), { error });
    const launched = make();
    assertEquals(launched.run(VMCALL), "exit");
    launched.write(HOST_CODE, [...VMLAUNCH, ...TELL]);
    assertEquals([launched.runHost(HOST_CODE), status(launched)], [{ error: 4 }, ZF]);
    const clear = make();
    clear.write(HOST_CODE, [0x0f, 0x01, 0xc3, ...TELL]);
    assertEquals(clear.runHost(HOST_CODE), { error: 5 });
    const blocked = make();
    blocked.register(Gpr.RAX, 0x10n);
    blocked.write(HOST_CODE, [0x8e, 0xd0, ...VMLAUNCH, ...TELL]); // MOV SS, AX
    assertEquals(blocked.runHost(HOST_CODE), { error: 26 });
    const late = make();
    late.register(Gpr.RAX, 0x10n);
    late.set([Field.GUEST_RIP, CODE]);
    late.write(CODE, [0x0f, 0x01, 0xc1]);
    late.write(HOST_CODE, [0x8e, 0xd0, 0x90, ...VMLAUNCH, ...TELL]);
    assertEquals(late.runHost(HOST_CODE), "exit", "the shadow is gone");
  },
);

everywhere("without a current VMCS, or with a shadow VMCS, they fail without an error number", (make) => {
  const none = make();
  none.processor.vmx!.state.vmcs = undefined;
  none.write(HOST_CODE, [...VMLAUNCH, ...TELL]);
  none.runHost(HOST_CODE);
  assertEquals(status(none), CF);
  const shadow = make();
  shadow.memory.view.setInt32(RAM_BASE + VMCS, REVISION | 1 << 31, true);
  shadow.run("90");
  assertEquals([shadow.vmcs.isLaunched, status(shadow)], [false, CF]);
});

everywhere(
  "entries that fail on the guest's state tell reason 33 and why, and leave the VMCS clear, section 27.8",
  (make) => {
    for (
      const [qualification, changes] of [
        [0n, [[Field.GUEST_CR0, 0]]],
        [2n, [[Field.ENTRY_CONTROLS, ALLOWED.entry.one], [Field.GUEST_CS_RIGHTS, CODE32], [
          Field.GUEST_PDPTE0,
          7,
        ]]],
        [4n, [[Field.VMCS_LINK_POINTER, 8]]],
      ] as const satisfies readonly (readonly [bigint, Values])[]
    ) {
      const guest = make([Field.VECTORING, 0x1234], ...changes);
      assertEquals([guest.run("90"), guest.exit[0], guest.exit[1]], ["exit", FAILED + 33, qualification]);
      // Nothing else is told, and the guest-state area is as it was.
      assertEquals([guest.field(Field.VECTORING), guest.vmcs.isLaunched, guest.field(Field.GUEST_RIP)], [
        0x1234n,
        false,
        BigInt(CODE),
      ]);
    }
  },
);

const EFER = 0xc000_0080, LSTAR = 0xc000_0082, STAR = 0xc000_0081, FS_BASE = 0xc000_0100, TPR = 0x808;

function area(
  guest: Guest,
  place: number,
  entries: readonly (readonly [index: bigint | number, value: bigint])[],
): void {
  for (const [n, [index, value]] of entries.entries()) {
    guest.quad(place + 16 * n, BigInt(index));
    guest.quad(place + 16 * n + 8, value);
  }
}

everywhere(
  "MSR areas: loaded at entries, stored and loaded at exits, sections 27.4, 28.4 and 28.6",
  (make) => {
    const guest = make(
      [Field.ENTRY_MSR_LOAD_COUNT, 2],
      [Field.ENTRY_MSR_LOAD_ADDRESS, MSR_AREA],
      [Field.EXIT_MSR_STORE_COUNT, 2],
      [Field.EXIT_MSR_STORE_ADDRESS, MSR_AREA + 0x100],
      [Field.EXIT_MSR_LOAD_COUNT, 1],
      [Field.EXIT_MSR_LOAD_ADDRESS, MSR_AREA + 0x200],
    );
    area(guest, MSR_AREA, [[LSTAR, 0x1111_2222_3333n], [STAR, 0x44n]]);
    area(guest, MSR_AREA + 0x100, [[LSTAR, 0n], [EFER, 0n]]);
    area(guest, MSR_AREA + 0x200, [[LSTAR, 0x5555n]]);
    assertEquals(guest.run(VMCALL), "exit");
    assertEquals([guest.quad(MSR_AREA + 0x108), guest.quad(MSR_AREA + 0x118)], [0x1111_2222_3333n, 0xd01n]);
    assertEquals([guest.cell(MSR_LSTAR), guest.cell(MSR_STAR)], [0x5555n, 0x44n]);
  },
);

everywhere(
  "MSRs that may not be loaded fail the entry: reason 34 and the entry's number, section 27.4",
  (make) => {
    for (
      const [index, value] of [
        [FS_BASE, 0n],
        [TPR, 0n],
        [0x1234_5678, 0n], // no such MSR
        [LSTAR, 0x8000_0000_0000n], // not canonical
        [(1n << 32n) | BigInt(STAR), 0n], // reserved bits
      ] as const
    ) {
      const guest = make([Field.ENTRY_MSR_LOAD_COUNT, 2], [Field.ENTRY_MSR_LOAD_ADDRESS, MSR_AREA]);
      area(guest, MSR_AREA, [[STAR, 5n], [index, value]]);
      assertEquals([guest.run("90"), guest.exit[0], guest.exit[1]], ["exit", FAILED + 34, 2n], String(index));
    }
  },
);

everywhere("VMX aborts shut the processor down and tell why in the VMCS region, section 28.7", (make) => {
  const store = make([Field.EXIT_MSR_STORE_COUNT, 1], [Field.EXIT_MSR_STORE_ADDRESS, MSR_AREA]);
  area(store, MSR_AREA, [[TPR, 0n]]);
  assertEquals([store.run(VMCALL), store.quad(VMCS) >> 32n], ["shutdown", 1n]);
  const load = make([Field.EXIT_MSR_LOAD_COUNT, 1], [Field.EXIT_MSR_LOAD_ADDRESS, MSR_AREA]);
  area(load, MSR_AREA, [[FS_BASE, 0n]]);
  assertEquals([load.run(VMCALL), load.quad(VMCS) >> 32n], ["shutdown", 4n]);
  const failing = make([Field.EXIT_MSR_LOAD_COUNT, 1], [Field.EXIT_MSR_LOAD_ADDRESS, MSR_AREA], [
    Field.GUEST_CR0,
    0,
  ]);
  area(failing, MSR_AREA, [[FS_BASE, 0n]]);
  assertEquals(
    [failing.run("90"), failing.quad(VMCS) >> 32n],
    ["shutdown", 4n],
    "also after an entry that failed",
  );
});

everywhere("VMWRITE writes VM-exit information fields, as bit 29 of IA32_VMX_MISC says", (make) => {
  const guest = make();
  guest.register(Gpr.RBX, BigInt(Field.EXIT_QUALIFICATION));
  guest.register(Gpr.RAX, 0x1234_5678_9abcn);
  guest.write(HOST_CODE, [0x0f, 0x79, 0xd8, ...TELL]); // VMWRITE RBX, RAX
  guest.runHost(HOST_CODE);
  assertEquals([guest.field(Field.EXIT_QUALIFICATION), status(guest)], [0x1234_5678_9abcn, 0]);
});

everywhere("an unusable segment register keeps its limit until the exit saves it", (make) => {
  const guest = make([Field.GUEST_DS_RIGHTS, UNUSABLE | 0xc093], [Field.GUEST_DS_LIMIT, 0x1234]);
  assertEquals([guest.run(VMCALL), guest.field(Field.GUEST_DS_LIMIT)], ["exit", 0x1234n]);
  assertEquals(guest.field(Field.GUEST_DS_RIGHTS) & BigInt(UNUSABLE), BigInt(UNUSABLE));
});

everywhere("VMCS shadowing: VMREAD and VMWRITE reach the VMCS of the link pointer, section 25.10", (make) => {
  const prepare = (): readonly [Guest, Vmcs] => {
    const guest = make(...secondary(Secondary.SHADOWING), [Field.VMCS_LINK_POINTER, SHADOW_VMCS]);
    guest.memory.view.setInt32(RAM_BASE + SHADOW_VMCS, REVISION | 1 << 31, true);
    guest.register(Gpr.RBX, BigInt(Field.GUEST_RSP));
    guest.register(Gpr.RAX, 0x1234_5678_9abcn);
    return [guest, new Vmcs(guest.memory, BigInt(SHADOW_VMCS))];
  };
  const [guest, shadow] = prepare();
  // VMWRITE RBX, RAX; VMREAD RCX, RBX
  assertEquals([guest.run(`0f 79 d8 0f 78 d9 ${VMCALL}`), guest.exit[0]], ["exit", 18]);
  assertEquals([shadow.read(Field.GUEST_RSP), guest.register(Gpr.RCX)], [
    0x1234_5678_9abcn,
    0x1234_5678_9abcn,
  ]);
  for (
    const [bitmap, code, reason] of [[VMREAD_BITMAP, "0f 78 d9", 23], [
      VMWRITE_BITMAP,
      "0f 79 d8",
      25,
    ]] as const
  ) {
    const [exiting] = prepare();
    exiting.memory.ram(bitmap + (Field.GUEST_RSP >> 3), 1)[0] = 1 << (Field.GUEST_RSP & 7);
    assertEquals([exiting.run(code), exiting.exit[0]], ["exit", reason]);
    const [wide] = prepare();
    wide.register(Gpr.RBX, 0x8000n);
    assertEquals([wide.run(code), wide.exit[0]], ["exit", reason], "no bit for the encoding");
  }
  const [unsupported] = prepare();
  unsupported.register(Gpr.RBX, 0x6ffen);
  unsupported.run(`0f 78 d9 9c 58 ${VMCALL}`); // VMREAD; PUSHF; POP RAX
  assertEquals([unsupported.exit[0], unsupported.register(Gpr.RAX) & 0x41n], [18, 0x40n]);
  assertEquals(unsupported.field(Field.INSTRUCTION_ERROR), 12n, "in the current VMCS");
  const [none] = prepare();
  none.set([Field.VMCS_LINK_POINTER, 0xffff_ffff_ffff_ffffn]);
  none.run(`0f 78 d9 9c 58 ${VMCALL}`);
  assertEquals([none.exit[0], none.register(Gpr.RAX) & 0x41n], [18, 1n], "VMfailInvalid");
});

everywhere(
  "exits keep what the controls say: IA-32e mode, DR7 and DEBUGCTL, EFER and PAT, section 28.3",
  (make) => {
    const guest = make(
      [Field.EXIT_CONTROLS, ALLOWED.exit.one | 1 << 9 | 1 << 18 | 1 << 20],
      [Field.GUEST_DEBUGCTL, 2],
      [Field.GUEST_DR7, 0xffff_0401],
      ...pin(Pin.NMI),
    );
    assertEquals(guest.run(VMCALL), "exit");
    assertEquals([Field.GUEST_DEBUGCTL, Field.GUEST_EFER].map((field) => guest.field(field)), [2n, 0xd01n]);
    assertEquals(guest.field(Field.GUEST_DR7), 0xffff_0401n);
    assertEquals((guest.vmcs.word(Field.ENTRY_CONTROLS) >> 9) & 1, 1);
    assertEquals([guest.cell(DEBUGCTL), guest.cell(DR7)], [0n, 0x400n], "IA32_DEBUGCTL and DR7 of the host");
  },
);
