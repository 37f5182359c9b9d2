import { assertEquals } from "@std/assert";
import { ApicRegister as Register, LocalApic } from "../../../src/machine/devices/local_apic.ts";
import type {
  InterruptDestination,
  InterruptMessage,
} from "../../../src/machine/devices/interrupt_message.ts";
import { ApicMsrs } from "../../../src/machine/devices/x2apic.ts";

const ENABLED = 0x1ff, MASKED = 0x1_0000, PERIODIC = 0x2_0000, DEADLINE = 0x4_0000, DIVIDE_BY_1 = 0xb;

function create(): {
  apic: LocalApic;
  time: { now: number };
  sent: [InterruptMessage, InterruptDestination][];
} {
  const time = { now: 0 };
  const sent: [InterruptMessage, InterruptDestination][] = [];
  const apic = new LocalApic(0, {
    now: () => time.now,
    changed: () => {},
    send: (message, destination) => void sent.push([message, destination]),
    endOfInterrupt: () => {},
  });
  apic.write(Register.SPURIOUS, ENABLED);
  return { apic, time, sent };
}

const fixed = (vector: number): InterruptMessage => ({ mode: 0, vector, level: false });

Deno.test("LocalApic takes the highest vector above the processor priority, section 11.8.3", () => {
  const { apic } = create();
  apic.accept(fixed(0x31));
  apic.accept(fixed(0x52));
  assertEquals(apic.acknowledge(), 0x52);
  assertEquals(apic.pending(), -1, "31H is below the one in service");
  apic.accept(fixed(0x5f));
  assertEquals(apic.pending(), -1, "the same priority class");
  apic.accept(fixed(0x60));
  assertEquals(apic.acknowledge(), 0x60);
  assertEquals(apic.read(Register.PROCESSOR_PRIORITY), 0x60);
  apic.write(Register.EOI, 0);
  apic.write(Register.EOI, 0);
  assertEquals(apic.acknowledge(), 0x5f);
  apic.write(Register.EOI, 0);
  apic.write(Register.TASK_PRIORITY, 0x30);
  assertEquals(apic.pending(), -1);
  apic.taskPriority = 2;
  assertEquals([apic.read(Register.TASK_PRIORITY), apic.pending()], [0x20, 0x31]);
});

Deno.test("LocalApic's one-shot timer interrupts once, divided", () => {
  const { apic, time } = create();
  apic.write(Register.DIVIDE, 0x3); // by 16
  apic.write(Register.LVT_TIMER, 0x40);
  apic.write(Register.INITIAL_COUNT, 10);
  assertEquals(apic.nextTimer(), 160);
  time.now = 159;
  apic.advance();
  assertEquals([apic.read(Register.CURRENT_COUNT), apic.pending()], [1, -1]);
  time.now = 160;
  apic.advance();
  assertEquals([apic.read(Register.CURRENT_COUNT), apic.acknowledge(), apic.nextTimer()], [
    0,
    0x40,
    Infinity,
  ]);
});

Deno.test("LocalApic's periodic timer interrupts again and again", () => {
  const { apic, time } = create();
  apic.write(Register.DIVIDE, DIVIDE_BY_1);
  apic.write(Register.LVT_TIMER, PERIODIC | 0x40);
  apic.write(Register.INITIAL_COUNT, 100);
  const moments: number[] = [];
  for (let n = 0; n < 3; n++) {
    time.now = apic.nextTimer();
    apic.advance();
    moments.push(time.now);
    assertEquals(apic.acknowledge(), 0x40);
    apic.write(Register.EOI, 0);
  }
  assertEquals(moments, [100, 200, 300]);
  time.now = 330;
  assertEquals(apic.read(Register.CURRENT_COUNT), 70);
  apic.write(Register.LVT_TIMER, MASKED | PERIODIC | 0x40);
  assertEquals(apic.nextTimer(), Infinity);
  time.now = 450;
  apic.write(Register.LVT_TIMER, PERIODIC | 0x40);
  assertEquals(apic.nextTimer(), 500);
});

Deno.test("LocalApic's TSC-deadline timer disarms itself, section 11.5.4.1", () => {
  const { apic, time } = create();
  apic.timer.setDeadline(50, 0);
  assertEquals(apic.nextTimer(), Infinity, "another mode");
  apic.write(Register.LVT_TIMER, DEADLINE | 0x41);
  apic.timer.setDeadline(50, 0);
  apic.write(Register.INITIAL_COUNT, 5);
  assertEquals([apic.nextTimer(), apic.read(Register.CURRENT_COUNT)], [50, 0]);
  time.now = 60;
  apic.advance();
  assertEquals([apic.acknowledge(), apic.timer.deadline], [0x41, Infinity]);
});

Deno.test("LocalApic: the interrupt command sends what it says; illegal vectors are told in ESR", () => {
  const { apic, sent } = create();
  apic.write(Register.ICR_HIGH, 2 << 24);
  apic.write(Register.ICR_LOW, 0x4500); // INIT, assert
  apic.write(Register.ICR_LOW, 0xc_4051); // all but self
  assertEquals(sent, [
    [{ mode: 5, vector: 0, level: false }, { shorthand: 0, logical: false, id: 2 }],
    [{ mode: 0, vector: 0x51, level: false }, { shorthand: 3, logical: false, id: 2 }],
  ]);
  apic.write(Register.ICR_LOW, 5);
  assertEquals(apic.read(Register.ERROR_STATUS), 0, "before a write latches it");
  apic.write(Register.ERROR_STATUS, 0);
  assertEquals([apic.read(Register.ERROR_STATUS), sent.length], [0x20, 2]);
});

Deno.test("LocalApic.matches() destinations: physical, flat, cluster", () => {
  const { apic } = create();
  const to = (id: number, logical: boolean): boolean => apic.matches({ shorthand: 0, logical, id });
  assertEquals([to(0, false), to(1, false), to(0xff, false)], [true, false, true]);
  apic.write(Register.LOGICAL_DESTINATION, 0x12 << 24);
  assertEquals([to(0x02, true), to(0x01, true)], [true, false]);
  apic.write(Register.DESTINATION_FORMAT, 0);
  assertEquals([to(0x12, true), to(0x22, true), to(0x11, true)], [true, false, false]);
});

Deno.test("LocalApic disabled by software masks its entries and refuses fixed interrupts", () => {
  const { apic } = create();
  apic.write(Register.LVT_TIMER, 0x40);
  apic.write(Register.SPURIOUS, 0xff);
  apic.accept(fixed(0x50));
  assertEquals([apic.pending(), apic.read(Register.LVT_TIMER)], [-1, MASKED | 0x40]);
});

Deno.test("ApicMsrs.setBase() allows the transitions of figure 11-27 only", () => {
  const XAPIC = 0x800, X2APIC = 0xc00, BASE = 0xfee0_0000;
  const msrs = (): ApicMsrs => new ApicMsrs(create().apic);
  const go = (target: ApicMsrs, mode: number): boolean => target.setBase(BASE | mode, 0);
  assertEquals(go(msrs(), 0x400), false, "EXTD without EN");
  const up = msrs();
  assertEquals([go(up, X2APIC), go(up, XAPIC), go(up, 0), go(up, X2APIC), go(up, XAPIC), go(up, X2APIC)], [
    true,
    false,
    true,
    false,
    true,
    true,
  ]);
  assertEquals(msrs().setBase(BASE | XAPIC | 1, 0), false, "reserved bit 0");
  assertEquals(msrs().setBase(BASE | XAPIC, 0x100), false, "above 40 bits");
  assertEquals(msrs().base.lo, (BASE | XAPIC | 0x100) | 0);
});

Deno.test("ApicMsrs: x2APIC registers answer in x2APIC mode only, with their reserved bits", () => {
  const { apic, sent } = create();
  const msrs = new ApicMsrs(apic);
  assertEquals([msrs.read(0x802), msrs.write(0x808, 0x20, 0)], [undefined, false]);
  msrs.setBase(0xfee0_0c00 | 0, 0);
  assertEquals(msrs.read(0x802), { lo: 0, hi: 0 });
  assertEquals(msrs.read(0x80d), { lo: 1, hi: 0 });
  assertEquals([msrs.write(0x808, 0x20, 0), msrs.write(0x808, 0x120, 0), msrs.write(0x808, 0x20, 1)], [
    true,
    false,
    false,
  ]);
  assertEquals([msrs.write(0x80b, 0, 0), msrs.write(0x80b, 1, 0), msrs.read(0x80b)], [
    true,
    false,
    undefined,
  ]);
  assertEquals([msrs.read(0x80e), msrs.write(0x802, 1, 0), msrs.read(0x831)], [undefined, false, undefined]);
  msrs.write(0x83f, 0x55, 0);
  msrs.write(0x830, 0x4052, 7);
  assertEquals(sent.map(([{ vector }, { shorthand, id }]) => [vector, shorthand, id]), [[0x55, 1, 0], [
    0x52,
    0,
    7,
  ]]);
  assertEquals(msrs.read(0x830), { lo: 0x4052, hi: 7 });
});

Deno.test("LocalApic's timer counts on when its mode changes, and stays at 0 where it has stopped", () => {
  const { apic, time } = create();
  const current = (): number => apic.read(Register.CURRENT_COUNT);
  apic.write(Register.DIVIDE, DIVIDE_BY_1);
  apic.write(Register.LVT_TIMER, 0x40);
  apic.write(Register.INITIAL_COUNT, 1000);
  time.now = 700;
  apic.write(Register.LVT_TIMER, PERIODIC | 0x40);
  assertEquals([current(), apic.nextTimer()], [300, 1000]);
  time.now = 2600;
  apic.advance();
  assertEquals(current(), 400);
  apic.write(Register.LVT_TIMER, 0x40);
  assertEquals([current(), apic.nextTimer()], [400, 3000]);
  time.now = 3500;
  apic.advance();
  assertEquals(current(), 0);
  apic.write(Register.LVT_TIMER, PERIODIC | 0x40);
  assertEquals([current(), apic.nextTimer(), apic.read(Register.INITIAL_COUNT)], [0, Infinity, 1000]);
  apic.write(Register.INITIAL_COUNT, 10);
  assertEquals([current(), apic.nextTimer()], [10, 3510]);
});
