/** What happens between a guest's instructions, on every engine: windows, traps, timers, injection. SDM vol. 3C, sections 26.2, 26.5, 27.6 and 27.7. */
import { assertEquals } from "@std/assert";
import { DR6, Gpr } from "../../src/cpu/state.ts";
import { DeliveryMode } from "../../src/machine/devices/interrupt_message.ts";
import { Pin, Primary, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import {
  bytesOf,
  CODE,
  everywhere,
  type Guest,
  GUEST_STACK,
  HANDLERS,
  Interruption,
  VIRTUAL_APIC,
} from "./_guest.ts";
import { exitControls, pin, primary, secondary, type Values } from "./_vmcs.ts";

const ALL_EXCEPTIONS: Values = [[Field.EXCEPTION_BITMAP, 0xffff_ffff]];
const { information, WITH_ERROR, HARDWARE, SOFTWARE, PRIVILEGED, SOFTWARE_EXCEPTION, NMI } = Interruption;
const STI = 1, MOV_SS = 2, NMI_BLOCKED = 8, BS = 0x4000, TF = 0x102, IF = 0x202;
const VMCALL = "0f 01 c1";
const VIRTUAL_NMIS = Pin.NMI | Pin.VIRTUAL_NMIS;

everywhere("the interrupt window opens behind the shadow of STI, and ends HLT, section 26.2", (make) => {
  const guest = make(...primary(Primary.INTERRUPT_WINDOW));
  assertEquals([guest.run(`fb 90 90 ${VMCALL}`), guest.exit], ["exit", [7, 0n, 0, 0]]);
  assertEquals(guest.eventState, [BigInt(CODE + 2), 0n, 0n, 0n]);
  const waiting = make(...primary(Primary.INTERRUPT_WINDOW), [Field.GUEST_RFLAGS, IF], [
    Field.GUEST_ACTIVITY,
    1,
  ]);
  assertEquals([waiting.run("90"), waiting.exit[0], waiting.eventState], ["exit", 7, [
    BigInt(CODE),
    0n,
    1n,
    0n,
  ]]);
  const closed = make(...primary(Primary.INTERRUPT_WINDOW));
  assertEquals([closed.run(`90 ${VMCALL}`), closed.exit[0]], ["exit", 18]);
});

everywhere("virtual NMIs: injection blocks them, IRET opens the window, section 26.2 and 27.6.1", (make) => {
  const guest = make(...pin(VIRTUAL_NMIS), ...primary(Primary.NMI_WINDOW), [
    Field.ENTRY_INTERRUPTION,
    information(NMI),
  ]);
  guest.write(HANDLERS + 16 * 2, bytesOf("90 48 cf")); // NOP; IRETQ
  assertEquals([guest.run("90"), guest.exit], ["exit", [8, 0n, 0, 0]]);
  assertEquals(guest.eventState, [BigInt(CODE), 0n, 0n, 0n]);
  const blocked = make(...pin(VIRTUAL_NMIS), ...primary(Primary.NMI_WINDOW), [
    Field.GUEST_INTERRUPTIBILITY,
    NMI_BLOCKED,
  ]);
  assertEquals([blocked.run(`90 ${VMCALL}`), blocked.exit[0], blocked.eventState[1]], ["exit", 18, 8n]);
  // A physical NMI exits although virtual ones are blocked.
  blocked.send(DeliveryMode.NMI);
  assertEquals([blocked.run("90"), blocked.exit[3], blocked.eventState[1]], ["exit", information(NMI), 8n]);
});

everywhere("the monitor trap flag exits behind one instruction, or an event, section 26.5.2", (make) => {
  const cases: readonly (readonly [code: string, rip: number, changes?: Values])[] = [
    ["90 90", CODE + 1],
    ["eb 10", CODE + 0x12],
    ["0f 0b", HANDLERS + 16 * 6], // behind the delivery of #UD
    ["cd 80", HANDLERS + 16 * 0x80],
    ["90", HANDLERS + 16 * 6, [[Field.ENTRY_INTERRUPTION, information(6 | HARDWARE)]]],
    ["90", CODE, [[Field.ENTRY_INTERRUPTION, information(0x700)]]],
  ];
  for (const [code, rip, changes = []] of cases) {
    const guest = make(...primary(Primary.MONITOR_TRAP_FLAG), ...changes);
    assertEquals(
      [guest.run(code), guest.exit, guest.eventState[0]],
      ["exit", [37, 0n, 0, 0], BigInt(rip)],
      code,
    );
  }
  const injected = make([Field.ENTRY_INTERRUPTION, information(0x700)]);
  assertEquals(
    [injected.run("90"), injected.exit[0], injected.eventState[0]],
    ["exit", 37, BigInt(CODE)],
    "without the control",
  );
  const stepping = make(...primary(Primary.MONITOR_TRAP_FLAG), [Field.GUEST_RFLAGS, TF]);
  assertEquals(
    [stepping.run("90"), stepping.exit[0], stepping.eventState[3]],
    ["exit", 37, BigInt(BS)],
    "before the single step",
  );
  const halting = make(...primary(Primary.MONITOR_TRAP_FLAG));
  assertEquals([halting.run("f4"), halting.exit[0], halting.eventState[2]], ["exit", 37, 1n]);
});

everywhere(
  "the VMX-preemption timer exits, also from HLT and shutdown, and is saved, section 26.5.1",
  (make) => {
    const timer = (ticks: number, ...more: Values): Values => [
      ...pin(Pin.PREEMPTION_TIMER),
      [Field.PREEMPTION_TIMER, ticks],
      ...more,
    ];
    const guest = make(...timer(100));
    assertEquals([guest.run("eb fe"), guest.exit, guest.eventState[0]], [
      "exit",
      [52, 0n, 0, 0],
      BigInt(CODE),
    ]);
    const none = make(...timer(0));
    assertEquals(
      [none.run("90"), none.exit[0], none.eventState[0]],
      ["exit", 52, BigInt(CODE)],
      "before the first instruction",
    );
    for (const activity of [1, 2]) {
      const waiting = make(...timer(1000, [Field.GUEST_ACTIVITY, activity]));
      assertEquals([waiting.run("90"), waiting.exit[0], waiting.eventState[2]], [
        "exit",
        52,
        BigInt(activity),
      ]);
    }
    const saved = make(...timer(1000), ...exitControls(1 << 22));
    assertEquals([saved.run(`90 90 90 ${VMCALL}`), saved.field(Field.PREEMPTION_TIMER)], ["exit", 997n]);
  },
);

everywhere(
  "activity states: HLT is saved; an NMI ends shutdown; STARTUP exits from wait-for-SIPI, section 27.7.2",
  (make) => {
    const halted = make(...pin(Pin.EXTERNAL_INTERRUPT));
    assertEquals(halted.run("f4"), "halt");
    halted.send(DeliveryMode.FIXED, 0x41);
    assertEquals([halted.goOn(), halted.exit[0], halted.eventState], ["exit", 1, [
      BigInt(CODE + 1),
      0n,
      1n,
      0n,
    ]]);
    const shut = make(...pin(Pin.EXTERNAL_INTERRUPT | Pin.NMI), [Field.GUEST_ACTIVITY, 2]);
    shut.send(DeliveryMode.FIXED, 0x41);
    assertEquals(shut.run("90"), "halt", "interrupts do not");
    shut.send(DeliveryMode.NMI);
    assertEquals([shut.goOn(), shut.exit[3], shut.eventState[2]], ["exit", information(NMI), 2n]);
    const waits = make(...pin(Pin.EXTERNAL_INTERRUPT), [Field.GUEST_ACTIVITY, 3]);
    waits.send(DeliveryMode.FIXED, 0x41);
    assertEquals(waits.run("90"), "halt");
    waits.send(DeliveryMode.STARTUP, 0x9a);
    assertEquals([waits.goOn(), waits.exit, waits.eventState[2]], ["exit", [4, 0x9an, 0, 0], 3n]);
    const own = make([Field.GUEST_RFLAGS, IF]);
    assertEquals(own.run("f4 90"), "halt");
    own.send(DeliveryMode.FIXED, 0x41);
    assertEquals([own.goOn(), own.handled], ["exit", 0x41]);
  },
);

everywhere("the shadows of STI and MOV SS are saved while they last, section 28.3.4", (make) => {
  const MOV_SS_AX = "66 b8 10 00 8e d0";
  for (
    const [code, blocking] of [
      [`fb ${VMCALL}`, STI],
      [`fb 90 ${VMCALL}`, 0],
      [`${MOV_SS_AX} ${VMCALL}`, MOV_SS],
      [`${MOV_SS_AX} 90 ${VMCALL}`, 0],
      [`fb ${MOV_SS_AX.slice(0, 11)} ${VMCALL}`, 0],
      [`fb fb ${VMCALL}`, 0],
    ] as const
  ) {
    const guest = make();
    assertEquals([guest.run(code), guest.exit[0], guest.eventState[1]], ["exit", 18, BigInt(blocking)], code);
  }
  // A shadow that VM entry loads holds an interrupt back for one instruction.
  const shadowed = make([Field.GUEST_INTERRUPTIBILITY, STI], [Field.GUEST_RFLAGS, IF]);
  shadowed.send(DeliveryMode.FIXED, 0x41);
  assertEquals([
    shadowed.run("90 90"),
    shadowed.handled,
    shadowed.quad(Number(shadowed.field(Field.GUEST_RSP))),
  ], [
    "exit",
    0x41,
    BigInt(CODE + 1),
  ]);
});

everywhere(
  "pending debug exceptions are delivered behind the entry, or held by MOV SS, section 27.7.3",
  (make) => {
    const pending = make([Field.GUEST_PENDING_DEBUG, BS | 0x1000 | 3], ...ALL_EXCEPTIONS);
    assertEquals([pending.run("90"), pending.exit, pending.eventState[3]], ["exit", [
      0,
      BigInt(BS | 3),
      0,
      information(1 | HARDWARE),
    ], 0n]);
    const own = make([Field.GUEST_PENDING_DEBUG, 0x1001]);
    assertEquals([own.run("90"), own.handled, own.cell(DR6) & 0xe00fn], ["exit", 1, 1n]);
    const held: Values = [[Field.GUEST_PENDING_DEBUG, BS], [Field.GUEST_INTERRUPTIBILITY, MOV_SS], [
      Field.GUEST_RFLAGS,
      TF,
    ]];
    const blocked = make(...held, ...ALL_EXCEPTIONS);
    assertEquals([blocked.run("90 90"), blocked.eventState[0]], ["exit", BigInt(CODE + 1)]);
    const exiting = make(...held);
    assertEquals([exiting.run(VMCALL), exiting.exit[0], exiting.eventState[1], exiting.eventState[3]], [
      "exit",
      18,
      BigInt(MOV_SS),
      BigInt(BS),
    ]);
    const injecting = make([Field.GUEST_PENDING_DEBUG, BS], [
      Field.ENTRY_INTERRUPTION,
      information(6 | HARDWARE),
    ]);
    assertEquals([injecting.run("90"), injecting.handled], ["exit", 6], "they are lost with an exception");
  },
);

everywhere("event injection: types, error codes, instruction lengths, section 27.6.1", (make) => {
  const cases:
    readonly (readonly [type: number, vector: number, error: number | undefined, length: number])[] = [
      [0, 0x41, undefined, 0],
      [NMI & ~0xff, 2, undefined, 0],
      [HARDWARE, 6, undefined, 0],
      [HARDWARE, 13, 0x1234, 0],
      [SOFTWARE, 0x80, undefined, 2],
      [PRIVILEGED, 1, undefined, 1],
      [SOFTWARE_EXCEPTION, 3, undefined, 3],
    ];
  for (const [type, vector, error, length] of cases) {
    const guest = make(
      [Field.GUEST_RFLAGS, IF],
      [Field.ENTRY_INTERRUPTION, information(type | vector | (error === undefined ? 0 : WITH_ERROR))],
      [Field.ENTRY_ERROR_CODE, error ?? 0],
      [Field.ENTRY_INSTRUCTION_LENGTH, length],
    );
    assertEquals([guest.run("90 90 90 90"), guest.exit[0], guest.handled], ["exit", 18, vector]);
    const rsp = Number(guest.field(Field.GUEST_RSP));
    if (error !== undefined) assertEquals(guest.quad(rsp), BigInt(error));
    assertEquals(
      guest.quad(error === undefined ? rsp : rsp + 8),
      BigInt(CODE + length),
      `RIP of type ${type}`,
    );
    assertEquals(guest.field(Field.ENTRY_INTERRUPTION) & 0x8000_0000n, 0n, "it is injected once");
  }
  // An exit in the delivery tells what was injected.
  const failing = make([Field.ENTRY_INTERRUPTION, information(SOFTWARE | 0x80)], [
    Field.ENTRY_INSTRUCTION_LENGTH,
    2,
  ]);
  failing.setEptPage(GUEST_STACK - 0x1000, 0n);
  assertEquals([failing.run("90"), failing.exit[0], failing.exit[2], failing.eventState[0]], [
    "exit",
    48,
    2,
    BigInt(CODE),
  ]);
  assertEquals(failing.field(Field.VECTORING), BigInt(information(SOFTWARE | 0x80)));
});

everywhere("the TPR shadow is CR8; below the threshold an exit follows the write, section 30.1", (make) => {
  const guest = make(...primary(Primary.TPR_SHADOW), [Field.TPR_THRESHOLD, 0]);
  assertEquals(guest.run(`b8 07 00 00 00 44 0f 22 c0 44 0f 20 c3 ${VMCALL}`), "exit");
  assertEquals([guest.exit[0], guest.register(Gpr.RBX), guest.quad(VIRTUAL_APIC + 0x80) & 0xffff_ffffn], [
    18,
    7n,
    0x70n,
  ]);
  assertEquals(guest.processor.apic.taskPriority, 0, "the local APIC's is another");
  guest.set([Field.TPR_THRESHOLD, 5]);
  assertEquals(guest.run(`b8 05 00 00 00 44 0f 22 c0 b8 04 00 00 00 44 0f 22 c0 ${VMCALL}`), "exit");
  assertEquals([guest.exit, guest.eventState[0]], [[43, 0n, 0, 0], BigInt(CODE + 18)]);
  const x2 = make(...primary(Primary.TPR_SHADOW | Primary.MSR_BITMAPS), ...secondary(Secondary.X2APIC));
  assertEquals(x2.run(`b9 08 08 00 00 b8 63 00 00 00 31 d2 0f 30 31 c0 0f 32 44 0f 20 c3 ${VMCALL}`), "exit");
  assertEquals([x2.exit[0], x2.register(Gpr.RAX), x2.register(Gpr.RBX)], [18, 0x63n, 6n]);
  assertEquals([x2.run("b9 08 08 00 00 b8 00 01 00 00 31 d2 0f 30"), x2.handled], ["exit", 13], "bits 31:8");
});

everywhere("the time-stamp counter: offset and multiplier, section 26.3", (make) => {
  const read = `0f 31 48 c1 e2 20 48 09 d0 ${VMCALL}`;
  const plain = make();
  plain.run(read);
  const now = plain.register(Gpr.RAX);
  for (const instruction of ["0f 31", "0f 01 f9", "b9 10 00 00 00 0f 32"]) {
    const before = instruction.startsWith("b9") ? 1n : 0n;
    const offset = make(
      ...primary(Primary.TSC_OFFSET | Primary.MSR_BITMAPS),
      ...secondary(Secondary.RDTSCP),
      [Field.TSC_OFFSET, 1n << 40n],
    );
    offset.run(read.replace("0f 31", instruction));
    assertEquals(offset.register(Gpr.RAX), (1n << 40n) + now + before, instruction);
    const scaled = make(
      ...primary(Primary.TSC_OFFSET | Primary.MSR_BITMAPS),
      ...secondary(Secondary.RDTSCP | Secondary.TSC_SCALING),
      [
        Field.TSC_OFFSET,
        1000n,
      ],
      [Field.TSC_MULTIPLIER, 5n << 47n],
    );
    scaled.run(read.replace("0f 31", instruction));
    assertEquals(scaled.register(Gpr.RAX), 1000n + (now + before) * 5n / 2n, instruction);
  }
});

everywhere("PAUSE-loop exiting: gap and window, at CPL 0 only, section 26.1.3", (make) => {
  const loop = (changes: Values): Guest =>
    make(...secondary(Secondary.PAUSE_LOOP), [Field.PLE_GAP, 10], [Field.PLE_WINDOW, 100], ...changes);
  const guest = loop([]);
  assertEquals([guest.run("f3 90 eb fc"), guest.exit], ["exit", [40, 0n, 2, 0]]);
  const slow = loop([[Field.PLE_GAP, 1]]);
  assertEquals(slow.run("f3 90 90 eb fb"), "budget", "each is the first of a loop");
  const user = loop([
    [Field.GUEST_CS_RIGHTS, 0xa0fb],
    [Field.GUEST_SS_RIGHTS, 0xc0f3],
    [Field.GUEST_CS, 0xb],
    [Field.GUEST_SS, 0x13],
  ]);
  assertEquals(user.run("f3 90 eb fc"), "budget");
});
