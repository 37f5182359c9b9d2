/**
 * Code that changes under its own feet, by what a kernel can do itself: page tables edited with and without INVLPG, frames
 * that are mapped twice, DMA. SDM vol. 3A, sections 4.10.4 (invalidation) and 9.1.3 (self-modifying code).
 */
import { assert, assertEquals } from "@std/assert";
import { CR4, Gpr } from "../../../src/cpu/state.ts";
import { Cr4 } from "../../../src/cpu/system/control_bits.ts";
import { le32 } from "../../jit/_bare.ts";
import { bytesOf, CODE, DATA, everywhere, type SystemMachine } from "./_machine.ts";

/** Where the page table for the first 2 MB is; two frames with code, and the page that shows one of them. */
const PAGE_TABLE = 0x4000, FIRST = 0x4_0000, SECOND = 0x5_0000, SHOWN = 0x6_0000;
const PRESENT_WRITABLE = 3, GLOBAL = 0x100;
const entryOf = (linear: number): number => PAGE_TABLE + (linear >> 12) * 8;
const MANY = 300;

/** MOV EAX, value; RET */
const returns = (value: number): number[] => [0xb8, ...le32(value), 0xc3];
/** CALL from one address to another. */
const call = (from: number, to: number): number[] => [0xe8, ...le32(to - from - 5)];
/** MOV DWORD [address], value, with addresses below 2 GB. */
const store = (
  address: number,
  value: number,
): number[] => [0xc7, 0x04, 0x25, ...le32(address), ...le32(value)];
/** INVLPG [address] */
const invlpg = (address: number): number[] => [0x0f, 0x01, 0x3c, 0x25, ...le32(address)];
const RELOAD_CR3 = bytesOf("0f 20 d8 0f 22 d8");
const HLT = 0xf4;

/** Makes the shown page hot with the first frame's code, changes its entry, and calls it once more. Returns EAX. */
function remap(machine: SystemMachine, invalidation: readonly number[], flags = PRESENT_WRITABLE): bigint {
  machine.write(FIRST, returns(1));
  machine.write(SECOND, returns(2));
  machine.writeWords(entryOf(SHOWN), [FIRST | flags, 0]);
  machine.bare.processor.mmu.flushAll();
  // MOV ECX, 300; loop: CALL SHOWN; DEC ECX; JNZ loop
  const loop = CODE + 5, code = [0xb9, ...le32(MANY), ...call(loop, SHOWN), 0xff, 0xc9, 0x75, 0xf7];
  code.push(...store(entryOf(SHOWN), SECOND | flags), ...invalidation);
  code.push(...call(CODE + code.length, SHOWN), HLT);
  machine.write(CODE, code);
  assertEquals(machine.run(CODE), "halt");
  return machine.get(Gpr.RAX);
}

everywhere("a code page remapped by its page-table entry: INVLPG shows the new code", (make) => {
  assertEquals(remap(make(), invlpg(SHOWN + 0x123)), 2n);
});

everywhere("a code page remapped by its page-table entry: MOV to CR3 shows the new code", (make) => {
  assertEquals(remap(make(), RELOAD_CR3), 2n);
});

everywhere("a code page remapped without invalidation: old or new code, nothing else", (make) => {
  const value = remap(make(), []);
  assert(value === 1n || value === 2n, `EAX ${value}`);
});

everywhere("a global code page survives MOV to CR3, or not, but INVLPG shows the new code", (make) => {
  const machine = make();
  machine.m[CR4 >> 2]! |= Cr4.PGE;
  assertEquals(remap(machine, [...RELOAD_CR3, ...invlpg(SHOWN)], PRESENT_WRITABLE | GLOBAL), 2n);
});

everywhere(
  "a code page marked as global, without CR4.PGE: MOV to CR3 shows the new code, 4.10.2.4",
  (make) => {
    assertEquals(remap(make(), RELOAD_CR3, PRESENT_WRITABLE | GLOBAL), 2n);
  },
);

everywhere("a data page made read-only in a hot loop: the store behind INVLPG faults", (make) => {
  const machine = make();
  // MOV ECX, 300; loop: MOV [DATA], ECX; DEC ECX; JNZ loop
  const code = [0xb9, ...le32(MANY), 0x89, 0x0c, 0x25, ...le32(DATA), 0xff, 0xc9, 0x75, 0xf5];
  code.push(...store(entryOf(DATA), DATA | 1), ...invlpg(DATA));
  const faulting = CODE + code.length;
  code.push(0x89, 0x0c, 0x25, ...le32(DATA), HLT);
  machine.write(CODE, code);
  assertEquals(machine.run(CODE), "halt");
  // #PF with error code 3: a write to a present page. The handler's stack has the error code and RIP.
  assertEquals(machine.stack(2), [3n, BigInt(faulting)]);
});

everywhere(
  "a page fault drops what is cached of the page: the frame put there is seen without INVLPG, 4.10.4.1",
  (make) => {
    const machine = make(), again = CODE + 0x100;
    machine.writeWords(FIRST, [1]);
    machine.writeWords(SECOND, [2]);
    machine.writeWords(entryOf(SHOWN), [FIRST | 1, 0]);
    machine.bare.processor.mmu.flushAll();
    const load = [0x8b, 0x04, 0x25, ...le32(SHOWN)];
    // MOV ECX, 300; loop: MOV EAX, [SHOWN]; DEC ECX; JNZ loop
    machine.write(CODE, [0xb9, ...le32(MANY), ...load, 0xff, 0xc9, 0x75, 0xf5, ...store(SHOWN, 7), HLT]);
    machine.write(again, [...load, HLT]);
    assertEquals(machine.run(CODE), "halt");
    assertEquals([machine.stack(1), machine.get(Gpr.RAX)], [[3n], 1n]);
    machine.writeWords(entryOf(SHOWN), [SECOND | PRESENT_WRITABLE, 0]);
    assertEquals(machine.run(again), "halt");
    assertEquals(machine.get(Gpr.RAX), 2n);
  },
);

everywhere("a frame mapped twice: code written through one mapping is executed through the other", (make) => {
  const machine = make();
  machine.write(FIRST, returns(0));
  machine.writeWords(entryOf(SHOWN), [FIRST | PRESENT_WRITABLE, 0]);
  machine.bare.processor.mmu.flushAll();
  // MOV ECX, 300; XOR EDX, EDX; loop: MOV [FIRST + 1], ECX; CALL SHOWN; ADD EDX, EAX; DEC ECX; JNZ loop; HLT
  const loop = CODE + 7;
  machine.write(CODE, [
    ...[0xb9, ...le32(MANY), 0x31, 0xd2, 0x89, 0x0c, 0x25, ...le32(FIRST + 1)],
    ...[...call(loop + 7, SHOWN), 0x01, 0xc2, 0xff, 0xc9, 0x75, 0xee, HLT],
  ]);
  assertEquals(machine.run(CODE), "halt");
  assertEquals(machine.get(Gpr.RDX), BigInt(MANY * (MANY + 1) / 2));
});

everywhere("both mappings of a frame as code: a store through a third ends the code of both", (make) => {
  const machine = make(), third = 0x7_0000;
  machine.write(FIRST, returns(0));
  machine.writeWords(entryOf(SHOWN), [FIRST | PRESENT_WRITABLE, 0]);
  machine.writeWords(entryOf(third), [FIRST | PRESENT_WRITABLE, 0]);
  machine.bare.processor.mmu.flushAll();
  // MOV ECX, 300; XOR EDX, EDX; loop: MOV [third + 1], ECX; CALL SHOWN; ADD EDX, EAX; CALL FIRST; ADD EDX, EAX; DEC ECX; JNZ loop; HLT
  const loop = CODE + 7;
  machine.write(CODE, [
    ...[0xb9, ...le32(MANY), 0x31, 0xd2, 0x89, 0x0c, 0x25, ...le32(third + 1)],
    ...[
      ...call(loop + 7, SHOWN),
      0x01,
      0xc2,
      ...call(loop + 14, FIRST),
      0x01,
      0xc2,
      0xff,
      0xc9,
      0x75,
      0xe7,
      HLT,
    ],
  ]);
  assertEquals(machine.run(CODE), "halt");
  assertEquals(machine.get(Gpr.RDX), BigInt(MANY * (MANY + 1)));
});

everywhere("a page table that is also a page of code: what is executed is what the table holds", (make) => {
  const machine = make();
  // Entry 1FFH of the page table maps 1FF000H; its bytes are MOV AL, 1 (B0 01) …: an entry that is present and code.
  const at = entryOf(0x1f_f000);
  machine.write(at, [0xb0, 0x01, 0xc3, 0x90, 0, 0, 0, 0]);
  machine.write(CODE, [
    0x31,
    0xc0,
    ...call(CODE + 2, at),
    0xfe,
    0x04,
    0x25,
    ...le32(at + 1),
    ...call(CODE + 14, at),
    HLT,
  ]);
  assertEquals(machine.run(CODE), "halt");
  assertEquals(machine.get(Gpr.RAX), 2n);
});

everywhere(
  "DMA into code that is being executed: behind the OUT that starts it the new code runs",
  (make) => {
    const machine = make();
    // MOV ECX, 300; XOR EBX, EBX; loop: OUT 80H, AL; MOV EAX, imm; ADD EBX, EAX; DEC ECX; JNZ loop; HLT
    const immediate = CODE + 10;
    machine.write(CODE, [
      ...[
        0xb9,
        ...le32(MANY),
        0x31,
        0xdb,
        0xe6,
        0x80,
        0xb8,
        ...le32(0),
        0x01,
        0xc3,
        0xff,
        0xc9,
        0x75,
        0xf3,
        HLT,
      ],
    ]);
    let transfers = 0;
    machine.bus.out = () => machine.write(immediate, le32(++transfers));
    assertEquals(machine.run(CODE), "halt");
    assertEquals([transfers, machine.get(Gpr.RBX)], [MANY, BigInt(MANY * (MANY + 1) / 2)]);
  },
);

everywhere("DMA into code that is linked and lies in another page", (make) => {
  const machine = make();
  machine.write(FIRST, returns(0));
  // MOV ECX, 300; XOR EBX, EBX; loop: OUT 80H, AL; CALL FIRST; ADD EBX, EAX; DEC ECX; JNZ loop; HLT
  machine.write(CODE, [
    ...[
      0xb9,
      ...le32(MANY),
      0x31,
      0xdb,
      0xe6,
      0x80,
      ...call(CODE + 9, FIRST),
      0x01,
      0xc3,
      0xff,
      0xc9,
      0x75,
      0xf3,
      HLT,
    ],
  ]);
  let transfers = 0;
  machine.bus.out = () => machine.write(FIRST + 1, le32(++transfers));
  assertEquals(machine.run(CODE), "halt");
  assertEquals([transfers, machine.get(Gpr.RBX)], [MANY, BigInt(MANY * (MANY + 1) / 2)]);
});

everywhere("REP STOSB over the code behind it: it is the stored code that runs", (make) => {
  const machine = make();
  // MOV EDI, CODE + 10H; MOV ECX, 4; MOV AL, 90H; REP STOSB; then UD2, UD2, which become NOPs; HLT
  const code = [0xbf, ...le32(CODE + 0x10), 0xb9, ...le32(4), 0xb0, 0x90, 0xf3, 0xaa];
  while (code.length < 0x10) code.push(0x90);
  machine.write(CODE, [...code, 0x0f, 0x0b, 0x0f, 0x0b, HLT]);
  assertEquals(machine.run(CODE), "halt");
  assertEquals(machine.rip, CODE + 0x15);
});
