/** Virtual interrupts: priorities, EOI, self-IPIs, evaluation and delivery, on every engine. SDM vol. 3C, sections 30.1 and 30.2. */
import { assertEquals } from "@std/assert";
import { Gpr } from "../../src/cpu/state.ts";
import { DeliveryMode } from "../../src/machine/devices/interrupt_message.ts";
import { Pin, Primary, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import {
  accesses,
  ALL,
  APIC_PAGE,
  EOI,
  Exit,
  ICR,
  IF,
  imm32,
  INTERRUPTS,
  IRR,
  ISR,
  lengthOf,
  load,
  PPR,
  rdmsr,
  register,
  REGISTERS,
  SELF_IPI,
  status,
  statusOf,
  store,
  TPR,
  vectors,
  VMCALL,
  wrmsr,
} from "./_apic.ts";
import {
  bytesOf,
  CODE,
  DATA,
  everywhere,
  type Guest,
  GUEST_STACK,
  HANDLERS,
  Interruption,
} from "./_guest.ts";
import { exitControls, pin, primary, secondary, type Values } from "./_vmcs.ts";

const { information } = Interruption;
const ENABLED: Values = [[Field.GUEST_RFLAGS, IF]];
const X2APIC: Values = [
  ...primary(Primary.TPR_SHADOW | Primary.MSR_BITMAPS),
  ...secondary(Secondary.X2APIC),
];
const x2apic = (controls: number, ...more: Values): Values => [
  ...X2APIC,
  ...secondary(Secondary.X2APIC | controls),
  ...pin(Pin.EXTERNAL_INTERRUPT),
  ...more,
];

everywhere(
  "VM entry sets VPPR and delivers what is pending above it, sections 27.3.2.5, 30.1.3 and 30.2",
  (make) => {
    // deno-fmt-ignore
    const cases: readonly (readonly [tpr: number, rvi: number, svi: number, ppr: number, delivered: boolean])[] = [
    [0x00, 0x31, 0x00, 0x00, true],
    [0x2f, 0x31, 0x00, 0x2f, true], // VPPR is all of VTPR
    [0x30, 0x31, 0x00, 0x30, false], // the same class
    [0x30, 0x41, 0x35, 0x30, true], // VTPR of the class of SVI
    [0x2f, 0x41, 0x35, 0x30, true], // the class of SVI
    [0x00, 0x31, 0x35, 0x30, false],
    [0xf0, 0xff, 0x00, 0xf0, false],
    [0x00, 0x0f, 0x00, 0x00, false],
  ];
    for (const [tpr, rvi, svi, ppr, delivered] of cases) {
      const guest = make(...accesses(INTERRUPTS, ...ENABLED, ...status(rvi, svi)));
      register(guest, TPR, tpr);
      register(guest, PPR, 0xffff_ffff);
      vectors(guest, IRR, rvi, 0x21);
      if (svi !== 0) vectors(guest, ISR, svi);
      const text = `${tpr.toString(16)} ${rvi.toString(16)} ${svi.toString(16)}`;
      assertEquals([guest.run(VMCALL), guest.exit[0], guest.handled], [
        "exit",
        Exit.VMCALL,
        delivered ? rvi : -1,
      ], text);
      assertEquals(register(guest, PPR), delivered ? rvi & 0xf0 : ppr, text);
      assertEquals(statusOf(guest), delivered ? [0x21, rvi] : [rvi, svi], text);
      assertEquals(vectors(guest, IRR).includes(rvi), !delivered, text);
      assertEquals(vectors(guest, ISR).includes(rvi), delivered, text);
    }
  },
);

everywhere(
  "a virtual interrupt waits for RFLAGS.IF and shadows, and wakes from HLT, section 30.2.2",
  (make) => {
    const pending: Values = accesses(INTERRUPTS, ...status(0x31, 0));
    // NOP; STI; NOP; NOP: behind the instruction that follows STI.
    const guest = make(...pending);
    vectors(guest, IRR, 0x31);
    assertEquals([guest.run(`90 fb 90 90 ${VMCALL}`), guest.handled], ["exit", 0x31]);
    assertEquals(guest.quad(GUEST_STACK - 40), BigInt(CODE + 3));
    // POPF enables at once, in a loop that has been compiled too.
    const popping = make(...pending);
    vectors(popping, IRR, 0x31);
    // MOV ECX, 300; again: LOOP again; PUSH 202H; POPF; NOP
    assertEquals([popping.run(`b9 2c 01 00 00 e2 fe 68 02 02 00 00 9d 90 ${VMCALL}`), popping.handled], [
      "exit",
      0x31,
    ]);
    assertEquals(popping.quad(GUEST_STACK - 40), BigInt(CODE + 13));
    // STI; HLT, and HLT as the activity state.
    const halting = make(...pending);
    vectors(halting, IRR, 0x31);
    assertEquals([halting.run(`fb f4 90 ${VMCALL}`), halting.handled, halting.quad(GUEST_STACK - 40)], [
      "exit",
      0x31,
      BigInt(CODE + 2),
    ]);
    const halted = make(...pending, ...ENABLED, [Field.GUEST_ACTIVITY, 1]);
    vectors(halted, IRR, 0x31);
    assertEquals([halted.run("90"), halted.handled, halted.eventState[2]], ["exit", 0x31, 0n]);
    // Also where the run ends right behind the entry.
    const cut = make(...pending, ...ENABLED, [Field.GUEST_ACTIVITY, 1]);
    vectors(cut, IRR, 0x31);
    assertEquals([cut.run("90", 1), cut.goOn(), cut.handled], ["budget", "exit", 0x31]);
    const low = make(...accesses(INTERRUPTS, ...status(0x31, 0x35)), ...ENABLED);
    vectors(low, IRR, 0x31);
    assertEquals(low.run("f4"), "halt", "not one whose priority is too low");
  },
);

everywhere("with interrupt-window exiting none is recognized, section 30.2.1", (make) => {
  const guest = make(
    ...accesses(INTERRUPTS, ...status(0x31, 0)),
    ...ENABLED,
    ...primary(Primary.TPR_SHADOW | Primary.INTERRUPT_WINDOW),
  );
  vectors(guest, IRR, 0x31);
  assertEquals([guest.run("90"), guest.exit[0], statusOf(guest)], ["exit", 7, [0x31, 0]]);
});

everywhere(
  "an exit in the delivery tells of an external interrupt, which is in service, section 30.2.2",
  (make) => {
    const guest = make(...accesses(INTERRUPTS, ...status(0x31, 0)), ...ENABLED);
    vectors(guest, IRR, 0x31);
    guest.setEptPage(GUEST_STACK - 0x1000, 0n);
    assertEquals([guest.run("90"), guest.exit[0], guest.field(Field.VECTORING)], [
      "exit",
      48,
      BigInt(information(0x31)),
    ]);
    assertEquals([statusOf(guest), vectors(guest, ISR), guest.eventState[0]], [
      [0, 0x31],
      [0x31],
      BigInt(CODE),
    ]);
  },
);

everywhere("a virtual interrupt comes before an external one, and behind an NMI, section 30.2.2", (make) => {
  const guest = make(...accesses(INTERRUPTS, ...status(0x31, 0)), ...ENABLED);
  vectors(guest, IRR, 0x31);
  guest.send(DeliveryMode.FIXED, 0x41);
  assertEquals([guest.run("90"), guest.exit[0], guest.handled], ["exit", Exit.EXTERNAL_INTERRUPT, 0x31]);
  const nmi = make(
    ...accesses(INTERRUPTS, ...status(0x31, 0)),
    ...ENABLED,
    ...pin(Pin.EXTERNAL_INTERRUPT | Pin.NMI),
  );
  vectors(nmi, IRR, 0x31);
  nmi.send(DeliveryMode.NMI);
  assertEquals([nmi.run("90"), nmi.exit[0], statusOf(nmi)], ["exit", 0, [0x31, 0]]);
});

/** The ways to write a register of the virtual APIC. */
const WAYS: Readonly<
  Record<string, readonly [controls: Values, write: (offset: number, value: number) => string]>
> = {
  "the page": [accesses(INTERRUPTS), store],
  "MSRs": [x2apic(INTERRUPTS), (offset, value) => wrmsr(0x800 + (offset >> 4), value)],
};

everywhere("lowering VTPR lets interrupts through, section 30.1.2", (make) => {
  for (const [way, [controls, write]] of Object.entries(WAYS)) {
    const guest = make(...controls, ...status(0x51, 0), ...ENABLED);
    vectors(guest, IRR, 0x51);
    register(guest, TPR, 0x80);
    const code = `${write(TPR, 0x55)} ${write(TPR, 0x4f)}`;
    assertEquals([guest.run(`${code} 90 ${VMCALL}`), guest.handled], ["exit", 0x51], way);
    assertEquals(guest.quad(GUEST_STACK - 40), BigInt(CODE + lengthOf(code)), way);
  }
  // MOV CR8, ECX
  const guest = make(...accesses(INTERRUPTS, ...status(0x51, 0)), ...ENABLED);
  vectors(guest, IRR, 0x51);
  register(guest, TPR, 0x80);
  assertEquals([guest.run(`b9 04 00 00 00 44 0f 22 c1 90 ${VMCALL}`), guest.handled, register(guest, TPR)], [
    "exit",
    0x51,
    0x40,
  ]);
});

everywhere(
  "EOI takes the highest interrupt out of service, and delivers the next, section 30.1.4",
  (make) => {
    for (const [way, [controls, write]] of Object.entries(WAYS)) {
      const guest = make(...controls, ...status(0x35, 0x71), ...ENABLED);
      vectors(guest, ISR, 0x71, 0x42, 0x21);
      vectors(guest, IRR, 0x35);
      register(guest, EOI, way === "MSRs" ? 0 : 0x99);
      const code = `${write(EOI, 0)} 90`;
      assertEquals(
        [guest.run(`${code} ${VMCALL}`), guest.exit[0], guest.handled],
        ["exit", Exit.VMCALL, -1],
        way,
      );
      assertEquals(
        [vectors(guest, ISR), statusOf(guest), register(guest, PPR), register(guest, EOI)],
        [[0x21, 0x42], [0x35, 0x42], 0x40, 0],
        way,
      );
      assertEquals([guest.run(`${code} ${VMCALL}`), guest.handled], ["exit", 0x35], way);
      assertEquals([vectors(guest, ISR), statusOf(guest)], [[0x21, 0x35], [0, 0x35]], way);
      assertEquals(guest.quad(GUEST_STACK - 40), BigInt(CODE + lengthOf(code) - 1), way);
    }
  },
);

everywhere("vectors of the EOI-exit bitmap exit behind the write, section 30.1.4", (make) => {
  for (const [way, [controls, write]] of Object.entries(WAYS)) {
    for (const vector of [0x21, 0x7f, 0x80, 0xff]) {
      const guest = make(...controls, ...status(0x10, vector), ...ENABLED);
      for (const n of [0, 1, 2, 3]) {
        guest.set([Field.EOI_EXIT_BITMAP0 + 2 * n, vector >> 6 === n ? 1n << BigInt(vector & 63) : 0n]);
      }
      vectors(guest, ISR, vector);
      vectors(guest, IRR, 0x10);
      const code = write(EOI, 0);
      assertEquals([guest.run(`${code} 90`), guest.exit, guest.eventState[0]], [
        "exit",
        [Exit.EOI, BigInt(vector), 0, 0],
        BigInt(CODE + lengthOf(code)),
      ], way);
      assertEquals([vectors(guest, ISR), statusOf(guest), guest.handled], [[], [0x10, 0], -1], way);
    }
  }
});

everywhere("self-IPIs, by the interrupt command and by the MSR, section 30.1.5", (make) => {
  const write: Readonly<Record<string, readonly [Values, string]>> = {
    "the command": [accesses(INTERRUPTS), store(ICR, 0x4_0061)],
    "the command with a destination": [accesses(ALL), store(ICR, 0x4_4861)],
    "the MSR": [x2apic(INTERRUPTS), wrmsr(0x83f, 0x61)],
  };
  for (const [way, [controls, code]] of Object.entries(write)) {
    const guest = make(...controls, ...ENABLED, ...status(0, 0));
    assertEquals([guest.run(`${code} 90 ${VMCALL}`), guest.exit[0], guest.handled], [
      "exit",
      Exit.VMCALL,
      0x61,
    ], way);
    assertEquals(
      [statusOf(guest), guest.quad(GUEST_STACK - 40)],
      [[0, 0x61], BigInt(CODE + lengthOf(code))],
      way,
    );
    const masked = make(...controls, ...status(0x73, 0x90));
    vectors(masked, ISR, 0x90);
    vectors(masked, IRR, 0x73);
    assertEquals([masked.run(`${code} ${VMCALL}`), masked.handled], ["exit", -1], way);
    assertEquals([vectors(masked, IRR), statusOf(masked)], [[0x61, 0x73], [0x73, 0x90]], way);
  }
});

everywhere("a guest's own handler, EOI and IRET, a hundred times", (make) => {
  const guest = make(...accesses(ALL), ...ENABLED, ...status(0, 0));
  // The handler: INC EBX; EOI; IRETQ
  guest.write(
    HANDLERS + 16 * 0x61,
    bytesOf(`ff c3 e9 ${imm32(0x400 - 7 + 0x2_1000 - HANDLERS - 16 * 0x61 - 0x400)}`),
  );
  guest.write(0x2_1000, bytesOf(`${store(EOI, 0)} 48 cf`));
  // MOV ECX, 100; again: self-IPI; LOOP again
  const body = store(ICR, 0x4_0061), back = (256 - lengthOf(body) - 2).toString(16);
  assertEquals(guest.run(`31 db b9 64 00 00 00 ${body} e2 ${back} ${VMCALL}`, 100_000), "exit");
  assertEquals([guest.exit[0], guest.register(Gpr.RBX), statusOf(guest), vectors(guest, ISR)], [
    Exit.VMCALL,
    100n,
    [0, 0],
    [],
  ]);
});

everywhere(
  "TPR threshold: below it an exit follows the entry, where accesses are virtualized, section 27.7.7",
  (make) => {
    const below: Values = [[Field.TPR_THRESHOLD, 6]];
    const guest = make(...accesses(0, ...below));
    register(guest, TPR, 0x5f);
    assertEquals([guest.run("90"), guest.exit, guest.eventState[0]], ["exit", [
      Exit.BELOW_THRESHOLD,
      0n,
      0,
      0,
    ], BigInt(CODE)]);
    // It follows an injected event, and ends HLT, but not shutdown.
    const injecting = make(...accesses(0, ...below), ...ENABLED, [
      Field.ENTRY_INTERRUPTION,
      information(0x50),
    ]);
    assertEquals([injecting.run("90"), injecting.exit[0], injecting.handled], [
      "exit",
      Exit.BELOW_THRESHOLD,
      0x50,
    ]);
    const halted = make(...accesses(0, ...below), [Field.GUEST_ACTIVITY, 1]);
    assertEquals([halted.run("90"), halted.exit[0], halted.eventState[2]], [
      "exit",
      Exit.BELOW_THRESHOLD,
      1n,
    ]);
    const shutDown = make(...accesses(0, ...below), [Field.GUEST_ACTIVITY, 2]);
    assertEquals(shutDown.run("90"), "halt");
    const enough = make(...accesses(0, ...below));
    register(enough, TPR, 0x60);
    assertEquals([enough.run(VMCALL), enough.exit[0]], ["exit", Exit.VMCALL]);
    const virtual = make(...accesses(INTERRUPTS, ...below));
    assertEquals(
      [virtual.run(VMCALL), virtual.exit[0]],
      ["exit", Exit.VMCALL],
      "not with virtual-interrupt delivery",
    );
  },
);

everywhere("x2APIC MSRs: what is read and written where, section 30.5", (make) => {
  const value = (guest: Guest): bigint => guest.register(Gpr.RAX) | guest.register(Gpr.RDX) << 32n;
  for (const msr of [0x802, 0x803, 0x808, 0x80b, 0x83f, 0x8ff]) {
    const guest = make(...x2apic(REGISTERS));
    register(guest, (msr & 0xff) << 4, 0x1234);
    register(guest, ((msr & 0xff) << 4) + 4, 0x56);
    assertEquals([guest.run(`${rdmsr(msr)} ${VMCALL}`), guest.exit[0], value(guest)], [
      "exit",
      Exit.VMCALL,
      0x56_0000_1234n,
    ], msr.toString(16));
    // Without the control it is the local APIC's, which is not in x2APIC mode here.
    const own = make(...x2apic(0));
    register(own, TPR, 0x77);
    assertEquals(
      [own.run(`${rdmsr(msr)} ${VMCALL}`), own.handled],
      ["exit", msr === 0x808 ? -1 : 13],
      msr.toString(16),
    );
    if (msr === 0x808) assertEquals(value(own), 0x77n);
  }
  // deno-fmt-ignore
  const writes: readonly (readonly [controls: number, msr: number, low: number, high: number, handled: number, exit?: bigint])[] = [
    [0, 0x808, 0xff, 0, -1],
    [0, 0x808, 0x100, 0, 13],
    [0, 0x808, 0, 1, 13],
    [0, 0x80b, 0, 0, 13], // the local APIC is not in x2APIC mode
    [REGISTERS, 0x830, 0x4_0055, 0, 13],
    [INTERRUPTS, 0x80b, 0, 0, -1],
    [INTERRUPTS, 0x80b, 1, 0, 13],
    [INTERRUPTS, 0x80b, 0, 1, 13],
    [INTERRUPTS, 0x83f, 0x55, 0, -1],
    [INTERRUPTS, 0x83f, 0x155, 0, 13],
    [INTERRUPTS, 0x83f, 0x55, 1, 13],
    [INTERRUPTS, 0x83f, 0xf, 0, -1, BigInt(SELF_IPI)],
    [ALL, 0x830, 0x4_0055, 0, 13],
  ];
  for (const [controls, msr, low, high, handled, exit] of writes) {
    const guest = make(...x2apic(controls)), code = wrmsr(msr, low, high), offset = (msr & 0xff) << 4;
    register(guest, offset + 4, 0x99);
    assertEquals([guest.run(`${code} ${VMCALL}`), guest.handled], ["exit", handled], code);
    const isVirtual = handled < 0;
    assertEquals(
      [register(guest, offset), register(guest, offset + 4)],
      isVirtual ? [low, 0] : [0, 0x99],
      code,
    );
    if (exit === undefined) continue;
    assertEquals([guest.exit, register(guest, SELF_IPI), guest.eventState[0]], [
      [Exit.APIC_WRITE, exit, 0, 0],
      low,
      BigInt(CODE + lengthOf(code)),
    ]);
  }
});

const DESCRIPTOR = 0x3_0040, NOTIFICATION = 0xf2;
const posting = (...more: Values): Values => [
  ...accesses(ALL, ...status(0, 0)),
  ...pin(Pin.EXTERNAL_INTERRUPT | Pin.POSTED_INTERRUPTS),
  ...exitControls(1 << 15),
  [Field.POSTED_INTERRUPT_VECTOR, NOTIFICATION],
  [Field.POSTED_INTERRUPT_DESCRIPTOR, DESCRIPTOR],
  ...more,
];
function post(guest: Guest, ...posted: readonly number[]): void {
  for (const vector of posted) {
    const place = DESCRIPTOR + 8 * (vector >> 6);
    guest.quad(place, guest.quad(place) | 1n << BigInt(vector & 63));
  }
  guest.quad(DESCRIPTOR + 32, 0x1234_0001n);
  guest.send(DeliveryMode.FIXED, NOTIFICATION);
}

everywhere("posted interrupts become virtual ones when the notification arrives, section 30.6", (make) => {
  const guest = make(...posting(...ENABLED));
  vectors(guest, IRR, 0x23);
  post(guest, 0x31, 0x85);
  assertEquals([guest.run(`90 ${VMCALL}`), guest.exit[0], guest.handled], ["exit", Exit.VMCALL, 0x85]);
  assertEquals([vectors(guest, IRR), statusOf(guest)], [[0x23, 0x31], [0x31, 0x85]]);
  assertEquals([0, 8, 16, 24, 32].map((at) => guest.quad(DESCRIPTOR + at)), [0n, 0n, 0n, 0n, 0x1234_0000n]);
  assertEquals(guest.processor.apic.pending(), -1, "the local APIC is done with it");
  assertEquals(guest.processor.apic.priority, 0);
  // A lower vector than one that is requested already, with interrupts disabled.
  const masked = make(...posting(...status(0x71, 0)));
  vectors(masked, IRR, 0x71);
  post(masked, 0x40);
  assertEquals([masked.run(`90 ${VMCALL}`), masked.handled], ["exit", -1]);
  assertEquals([vectors(masked, IRR), statusOf(masked)], [[0x40, 0x71], [0x71, 0]]);
});

everywhere(
  "notifications end HLT if an interrupt is delivered, and MWAIT; other vectors exit, section 30.6",
  (make) => {
    const guest = make(...posting(...ENABLED));
    assertEquals(guest.run(`f4 ${VMCALL}`), "halt");
    post(guest, 0x31);
    assertEquals([guest.goOn(), guest.handled], ["exit", 0x31]);
    const masked = make(...posting());
    assertEquals(masked.run("f4"), "halt");
    post(masked, 0x31);
    assertEquals([masked.goOn(), statusOf(masked)], ["halt", [0x31, 0]], "it goes on waiting");
    // MONITOR; MWAIT: the processor is active behind the notification, whatever comes of it.
    for (const [enabled, handled] of [[ENABLED, 0x31], [[], -1]] as const) {
      const monitoring = make(...posting(...enabled));
      monitoring.register(Gpr.RAX, BigInt(DATA));
      assertEquals(monitoring.run(`31 c9 31 d2 0f 01 c8 31 c0 0f 01 c9 ${VMCALL}`), "halt");
      post(monitoring, 0x31);
      assertEquals([monitoring.goOn(), monitoring.exit[0], monitoring.handled], [
        "exit",
        Exit.VMCALL,
        handled,
      ]);
    }
    const other = make(...posting(...ENABLED));
    other.send(DeliveryMode.FIXED, 0xf1);
    assertEquals([other.run("90"), other.exit], ["exit", [
      Exit.EXTERNAL_INTERRUPT,
      0n,
      0,
      information(0xf1),
    ]]);
  },
);

everywhere("without virtual-interrupt delivery there are no virtual interrupts", (make) => {
  const guest = make(...accesses(REGISTERS, ...status(0x31, 0)), ...ENABLED);
  vectors(guest, IRR, 0x31);
  register(guest, PPR, 0x12);
  assertEquals([guest.run(`${load(PPR)} `), guest.exit[0], guest.exit[1]], [
    "exit",
    Exit.APIC_ACCESS,
    BigInt(PPR),
  ]);
  assertEquals([register(guest, PPR), statusOf(guest), guest.quad(APIC_PAGE + PPR)], [0x12, [0x31, 0], 0n]);
});
