import { assertEquals } from "@std/assert";
import { IO_APIC_LINES, IoApic82093AA } from "../../../src/machine/devices/82093aa_io_apic.ts";

const LEVEL = 0x8000, MASKED = 0x1_0000, LOGICAL = 0x800, REMOTE_IRR = 0x4000;

/** A chip, what it has sent, and access to its registers as software has it. */
function chip(): {
  apic: IoApic82093AA;
  sent: string[];
  get(register: number): number;
  set(register: number, value: number): void;
} {
  const sent: string[] = [];
  const apic = new IoApic82093AA({
    send: ({ mode, vector, level }, { logical, id }) =>
      sent.push(
        `${vector.toString(16)} mode ${mode}${level ? " level" : ""} to ${logical ? "logical " : ""}${id}`,
      ),
  });
  const select = (register: number): void => apic.write(0, register, 4);
  return {
    apic,
    sent,
    get: (register) => (select(register), apic.read(0x10, 4)),
    set: (register, value) => (select(register), apic.write(0x10, value, 4)),
  };
}

Deno.test("IoApic82093AA has 24 lines, all masked after reset", () => {
  const { get } = chip();
  assertEquals(get(1), 0x17_0011);
  for (let line = 0; line < IO_APIC_LINES; line++) assertEquals(get(0x10 + 2 * line), MASKED);
});

Deno.test("IoApic82093AA sends a message for each rising edge, as the redirection entry says", () => {
  const { apic, sent, set } = chip();
  apic.setLine(4, true);
  apic.setLine(4, false);
  assertEquals(sent, [], "masked");
  set(0x19, 0x0200_0000);
  set(0x18, 0x31 | LOGICAL | 0x100);
  for (const level of [true, true, false, true]) apic.setLine(4, level);
  assertEquals(sent, ["31 mode 1 to logical 2", "31 mode 1 to logical 2"]);
});

Deno.test("IoApic82093AA holds a level-triggered line back until the interrupt has been served, then asks again", () => {
  const { apic, sent, get, set } = chip();
  set(0x22, 0x51 | LEVEL);
  apic.setLine(9, true);
  apic.setLine(9, false);
  apic.setLine(9, true);
  assertEquals([sent.length, get(0x22) & REMOTE_IRR], [1, REMOTE_IRR]);
  apic.endOfInterrupt(0x50);
  assertEquals(sent.length, 1, "another vector");
  apic.endOfInterrupt(0x51);
  assertEquals(sent.length, 2);
  apic.setLine(9, false);
  apic.endOfInterrupt(0x51);
  assertEquals([sent.length, get(0x22) & REMOTE_IRR], [2, 0]);
});

Deno.test("IoApic82093AA asks when a level-triggered line that is up gets unmasked", () => {
  const { apic, sent, set } = chip();
  set(0x22, 0x51 | LEVEL | MASKED);
  apic.setLine(9, true);
  assertEquals(sent, []);
  set(0x22, 0x51 | LEVEL);
  assertEquals(sent, ["51 mode 0 level to 0"]);
});

Deno.test("IoApic82093AA goes on where its saved state was", () => {
  const first = chip(), second = chip();
  first.set(0x22, 0x51 | LEVEL);
  first.apic.setLine(9, true);
  second.apic.loadState(first.apic.stateFormat.shape.check(first.apic.saveState(), "82093AA"));
  second.apic.endOfInterrupt(0x51);
  assertEquals(second.sent, ["51 mode 0 level to 0"]);
});

Deno.test("IoApic82093AA ignores registers that it lacks", () => {
  const { get, set } = chip();
  set(0x40, 5);
  set(0x0f, 5);
  assertEquals([get(0x40), get(0x0f)], [0, 0]);
});
