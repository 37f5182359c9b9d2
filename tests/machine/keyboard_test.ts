import { assertEquals, assertThrows } from "@std/assert";
import { type Key, strokeOf } from "../../src/machine/keyboard.ts";
import { bootMachine, type Machine } from "../../src/machine/machine.ts";

/** A machine that executes a flat binary, in 32-bit protected mode. */
const boot = (...code: number[]): Machine =>
  bootMachine({ kernel: Uint8Array.from(code), loadAddress: 0x10_0000, memory: 1 << 21 });

/**
 * Sends what is read from the keyboard over the serial port: l: PAUSE, eight times, which passes the time; IN AL, 64H;
 * TEST AL, 1; JZ l; IN AL, 60H; MOV EDX, 3F8H; OUT DX, AL; JMP l.
 */
const PAUSES = Array.from({ length: 8 }, () => [0xf3, 0x90]).flat();
const SEND = [...PAUSES, 0xe4, 0x64, 0xa8, 1, 0x74, 0xea, 0xe4, 0x60, 0xba, 0xf8, 3, 0, 0, 0xee, 0xeb, 0xe0];

/** What a guest reads of what is typed. */
function readOf(type: (machine: Machine) => void): number[] {
  const machine = boot(...SEND);
  const read: number[] = [];
  machine.on("console", (bytes) => void read.push(...bytes));
  type(machine);
  machine.run({ instructions: 1e6 });
  return read;
}

Deno.test("Keyboard.type() strikes the keys of a US keyboard, with Shift where it is needed", () => {
  const SHIFT = 0x2a, A = 0x1e, ONE = 2, ENTER = 0x1c, up = (code: number): number => code | 0x80;
  assertEquals(readOf(({ keyboard }) => keyboard.type("aA!\n")), [
    ...[A, up(A)],
    ...[SHIFT, A, up(A), up(SHIFT)],
    ...[SHIFT, ONE, up(ONE), up(SHIFT)],
    ...[ENTER, up(ENTER)],
  ]);
});

Deno.test("Keyboard.type() has a stroke for every character that can be printed in ASCII", () => {
  const printable = Array.from({ length: 0x5f }, (_, n) => String.fromCharCode(0x20 + n));
  assertEquals(printable.filter((character) => strokeOf(character) === undefined), []);
  const strokes = printable.map((character) => JSON.stringify(strokeOf(character)));
  assertEquals(new Set(strokes).size, printable.length);
});

Deno.test("Keyboard.strike() holds modifiers down around the key", () => {
  const CONTROL = 0x1d, ALT = 0x38, DELETE = 0x53;
  const read = readOf(({ keyboard }) => keyboard.strike("Delete", { control: true, alt: true }));
  assertEquals(read, [CONTROL, ALT, 0xe0, DELETE, 0xe0, DELETE | 0x80, ALT | 0x80, CONTROL | 0x80]);
});

Deno.test("Keyboard refuses what it has no key for, and types nothing of it", () => {
  const { keyboard } = boot(0xf4);
  assertThrows(() => keyboard.type("naïve"), RangeError, 'Cannot type "ï"');
  assertThrows(
    () => keyboard.press("Return" as Key),
    RangeError,
    "There is no key Return: there are Escape,",
  );
  assertEquals(keyboard.unread, 0);
});

Deno.test("a guest that halts for a key awaits input where somebody is at the keyboard; a key interrupts it", () => {
  // MOV AL, FDH; OUT 21H, AL; MOV AL, FFH; OUT A1H, AL: line 1 alone is open. STI; HLT; there is no IDT.
  const machine = boot(0xb0, 0xfd, 0xe6, 0x21, 0xb0, 0xff, 0xe6, 0xa1, 0xfb, 0xf4);
  assertEquals(machine.run(), { kind: "halt", awaitsInput: false });
  machine.keyboard.attended = true;
  assertEquals(machine.run(), { kind: "halt", awaitsInput: true });
  machine.keyboard.strike("Enter");
  assertEquals(machine.run(), { kind: "triple fault" });
});
