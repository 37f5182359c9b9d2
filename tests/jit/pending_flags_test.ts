/** Flags that code leaves behind it, whole or in part, and what looks at them some jumps later: in one region, or in the third from there. */
import { assertEquals } from "@std/assert";
import { Flag } from "../../src/cpu/rflags.ts";
import { Gpr } from "../../src/cpu/state.ts";
import { everywhere, le32 } from "./_bare.ts";

const CODE = 0x1_0000, STACK = 0x12_0000, INT3 = 0xcc, TURNS = 40;
const ADDEND = 0x2fff_fff1, OTHER = 0x7000_0008, FACTOR = 31;
const STATUS = Flag.CF | Flag.PF | Flag.AF | Flag.ZF | Flag.SF | Flag.OF;
/** JMP to what follows. */
const JUMP = [0xeb, 0];

/** The status flags behind `x + y`. SDM vol. 1, 3.4.3.1 "Status Flags". */
function flagsOfSum(x: number, y: number): number {
  const sum = (x + y) | 0, ones = [...(sum & 0xff).toString(2)].filter((bit) => bit === "1").length;
  return ((x >>> 0) + (y >>> 0) > 0xffff_ffff ? Flag.CF : 0) | (ones % 2 === 0 ? Flag.PF : 0) |
    ((x & 15) + (y & 15) > 15 ? Flag.AF : 0) | (sum === 0 ? Flag.ZF : 0) | (sum < 0 ? Flag.SF : 0) |
    ((x < 0) === (y < 0) && (sum < 0) !== (x < 0) ? Flag.OF : 0);
}

/** Adds the status flags to what is in EBP, behind a jump. */
const MIX = [
  ...[...JUMP, 0x9c, 0x5f, ...JUMP], // PUSHF; POP RDI
  ...[0x81, 0xe7, ...le32(STATUS)], // AND EDI, STATUS
  ...[0x6b, 0xed, FACTOR, 0x01, 0xfd], // IMUL EBP, EBP, FACTOR; ADD EBP, EDI
];

everywhere("flags of ADD and INC are seen by PUSHF and ADC blocks later", (bare) => {
  const turn = [
    ...[0x05, ...le32(ADDEND), ...JUMP], // ADD EAX, ADDEND
    ...[0xff, 0xc2, ...JUMP], // INC EDX, which leaves CF alone
    ...[0x89, 0xc6, ...JUMP], // MOV ESI, EAX, which leaves all
    ...[0x83, 0xd3, 0x00, ...JUMP], // ADC EBX, 0
    ...[0xff, 0xc2, ...JUMP], // INC EDX: CF is ADC's
    ...[0x89, 0xd6, ...JUMP], // MOV ESI, EDX
    ...MIX,
    ...[0x81, 0xc6, ...le32(OTHER)], // ADD ESI, OTHER: as the first one, with another constant
    ...MIX,
    ...[0xff, 0xc9], // DEC ECX
  ];
  bare.write(CODE, [0xb9, ...le32(TURNS), ...turn, 0x75, -(turn.length + 2) & 0xff, INT3]);
  bare.set(Gpr.RSP, STACK);
  for (const register of [Gpr.RAX, Gpr.RBX, Gpr.RDX, Gpr.RBP]) bare.set(register, 0);
  assertEquals(bare.run(CODE).kind, "interrupt");

  let sum = 0, carries = 0, counter = 0, mixed = 0;
  for (let n = 0; n < TURNS; n++) {
    const carry = (flagsOfSum(sum, ADDEND) & Flag.CF) !== 0 ? 1 : 0;
    sum = (sum + ADDEND) | 0;
    const behind = flagsOfSum(carries, carry) & Flag.CF;
    carries += carry;
    const flags = (flagsOfSum(counter + 1, 1) & ~Flag.CF) | behind;
    counter += 2;
    for (const seen of [flags, flagsOfSum(counter, OTHER)]) mixed = (Math.imul(mixed, FACTOR) + seen) | 0;
  }
  assertEquals(bare.get(Gpr.RBX) | 0, carries);
  assertEquals(bare.get(Gpr.RDX) | 0, counter);
  assertEquals(bare.get(Gpr.RBP) | 0, mixed);
});
