/** Translated code ends when its bytes or its mapping change: each way it can happen. */
import { assertEquals } from "@std/assert";
import { Gpr, SEG_ATTRIBUTES, SEG_LIMIT, SEGMENT, Segment, SEGMENT_STRIDE } from "../../src/cpu/state.ts";
import { everywhere, le32 } from "./_bare.ts";

const { RAX, RCX, RDI } = Gpr;
const CODE = 0x1_0000, OTHER = 0x2_0000, ALIAS = 0x3_0000;
const INT3 = 0xcc;
/** mov eax, imm32. */
const movEax = (value: number): number[] => [0xb8, ...le32(value)];
/** mov byte [rdi], imm8. */
const storeByte = (value: number): number[] => [0xc6, 0x07, value];

everywhere("a store to the next instruction of the same block is seen", (bare) => {
  // Changes the immediate of the mov behind it.
  bare.write(CODE, [...storeByte(42), ...movEax(1), INT3]);
  bare.set(RDI, CODE + 4);
  assertEquals(bare.run(CODE).kind, "interrupt");
  assertEquals(bare.get(RAX), 42);
});

everywhere("a loop that rewrites its own body sees every value", (bare) => {
  // loop: mov eax, imm32; add edx, eax; inc byte [rdi]; dec ecx; jnz loop
  bare.write(CODE, [...movEax(0), 0x01, 0xc2, 0xfe, 0x07, 0xff, 0xc9, 0x75, 0xf3, INT3]);
  bare.set(RDI, CODE + 1);
  bare.set(RCX, 100);
  assertEquals(bare.run(CODE).kind, "interrupt");
  assertEquals(bare.get(Gpr.RDX), 4950);
});

everywhere("an instruction that rewrites its own operand is seen each time", (bare) => {
  // loop: add byte [rdi], 1, whose immediate rdi points at; dec ecx; jnz loop
  bare.write(CODE, [0x80, 0x07, 0x01, 0xff, 0xc9, 0x75, 0xf9, INT3]);
  bare.set(RDI, CODE + 2);
  bare.set(RCX, 6);
  assertEquals(bare.run(CODE).kind, "interrupt");
  // Each turn adds what the turn before left, as all stores reach the instruction before it is executed again.
  assertEquals(bare.memory.ram(CODE + 2, 1)[0], 1 << 6);
});

everywhere("an instruction executed alone is another one where its page is remapped", (bare) => {
  // Both store to their own page, and are executed alone for that: mov [rdi], eax and mov [rdi], ecx.
  bare.write(OTHER, [0x89, 0x07, INT3]);
  bare.write(ALIAS, [0x89, 0x0f, INT3]);
  bare.set(RAX, 0x11);
  bare.set(RCX, 0x22);
  bare.set(RDI, OTHER + 0x800);
  for (const [physical, expected] of [[OTHER, 0x11], [ALIAS, 0x22], [OTHER, 0x11], [ALIAS, 0x22]] as const) {
    bare.mapPage(OTHER, physical);
    bare.memory.ram(physical + 0x800, 1)[0] = 0;
    assertEquals(bare.run(OTHER).kind, "interrupt");
    assertEquals(bare.memory.ram(physical + 0x800, 1)[0], expected);
  }
});

everywhere("the same instruction executed alone in eight places goes on behind each", (bare) => {
  // Each is add byte [rip - 1], 1, which doubles its own immediate, and jumps to the next.
  const COUNT = 8, LENGTH = 7;
  for (let n = 0; n < COUNT; n++) {
    const next = n === COUNT - 1 ? [INT3] : [0xeb, 64 - LENGTH - 2];
    bare.write(CODE + 64 * n, [0x80, 0x05, ...le32(-1), 1, ...next]);
  }
  for (const expected of [2, 4, 8]) {
    assertEquals(bare.run(CODE).kind, "interrupt");
    for (let n = 0; n < COUNT; n++) {
      assertEquals(bare.memory.ram(CODE + 64 * n + LENGTH - 1, 1)[0], expected, `place ${n}`);
    }
  }
});

everywhere("an instruction executed alone is another one in another mode", (bare) => {
  // 67 89 07 is mov [edi], eax in 64-bit code, and mov [bx], eax in 32-bit code: immediates of mov ecx and mov edx behind it.
  const AT = 0x8000, MODES = { "64-bit": 0xa0fb, "32-bit": 0xc0fb }, m = bare.memory.i32;
  const setSegment = (segment: number, attributes: number): void => {
    m[(SEGMENT + SEGMENT_STRIDE * segment + SEG_ATTRIBUTES) >> 2] = attributes;
    m[(SEGMENT + SEGMENT_STRIDE * segment + SEG_LIMIT) >> 2] = -1;
  };
  setSegment(Segment.DS, 0xc0f3);
  bare.set(RAX, 0x11);
  bare.set(RDI, AT + 4);
  bare.set(Gpr.RBX, AT + 9);
  for (const mode of ["64-bit", "32-bit", "64-bit"] as const) {
    setSegment(Segment.CS, MODES[mode]);
    bare.write(AT, [0x67, 0x89, 0x07, 0xb9, ...le32(0), 0xba, ...le32(0), INT3]);
    assertEquals(bare.run(AT).kind, "interrupt");
    assertEquals([bare.get(RCX), bare.get(Gpr.RDX)], mode === "64-bit" ? [0x11, 0] : [0, 0x11], mode);
  }
});

everywhere("a store to a linked block in another page is seen", (bare) => {
  // loop: call other; add edx, eax; inc byte [rdi]; dec ecx; jnz loop
  bare.write(CODE, [0xe8, ...le32(OTHER - CODE - 5), 0x01, 0xc2, 0xfe, 0x07, 0xff, 0xc9, 0x75, 0xf3, INT3]);
  bare.write(OTHER, [...movEax(0), 0xc3]);
  bare.set(Gpr.RSP, 0x5_0000);
  bare.set(RDI, OTHER + 1);
  bare.set(RCX, 100);
  assertEquals(bare.run(CODE).kind, "interrupt");
  assertEquals(bare.get(Gpr.RDX), 4950);
});

everywhere("a store through another mapping of the frame is seen", (bare) => {
  bare.mapPage(ALIAS, CODE);
  bare.write(CODE, [...movEax(1), 0xfe, 0x07, 0xff, 0xc9, 0x75, 0xf5, INT3]);
  bare.set(RDI, ALIAS + 1);
  bare.set(RCX, 50);
  assertEquals(bare.run(CODE).kind, "interrupt");
  assertEquals(bare.get(RAX), 50);
});

everywhere("data beside code in a page can be written, and the code goes on", (bare) => {
  bare.write(CODE, [0xfe, 0x07, 0xff, 0xc9, 0x75, 0xfa, INT3]);
  bare.set(RDI, CODE + 0x800);
  bare.set(RCX, 200);
  const stop = bare.run(CODE);
  assertEquals(stop.kind, "interrupt");
  assertEquals(bare.memory.ram(CODE + 0x800, 1)[0], 200);
});

everywhere("a page remapped after its code was linked runs the new code", (bare) => {
  bare.write(CODE, [0xe8, ...le32(OTHER - CODE - 5), 0xff, 0xc9, 0x75, 0xf7, INT3]);
  bare.write(OTHER, [...movEax(1), 0xc3]);
  bare.write(ALIAS, [...movEax(2), 0xc3]);
  bare.set(Gpr.RSP, 0x5_0000);
  for (const [physical, expected] of [[OTHER, 1], [ALIAS, 2], [OTHER, 1]] as const) {
    bare.mapPage(OTHER, physical);
    bare.set(RCX, 100);
    assertEquals(bare.run(CODE).kind, "interrupt");
    assertEquals(bare.get(RAX), expected);
  }
});

everywhere("a page that loses its execute right faults at the next fetch", (bare) => {
  bare.write(CODE, [0xe8, ...le32(OTHER - CODE - 5), 0xff, 0xc9, 0x75, 0xf7, INT3]);
  bare.write(OTHER, [...movEax(1), 0xc3]);
  bare.set(Gpr.RSP, 0x5_0000);
  bare.set(RCX, 100);
  assertEquals(bare.run(CODE).kind, "interrupt");
  bare.mapPage(OTHER, OTHER, 0); // not present
  bare.set(RCX, 1);
  assertEquals(bare.run(CODE), { kind: "fault", vector: 14, error: 0x14, address: BigInt(OTHER) });
  assertEquals(bare.rip, OTHER);
});

everywhere("an instruction across two pages sees a change of either", (bare) => {
  const at = OTHER - 2;
  bare.write(at, [...movEax(0x0403_0201), 0xff, 0xc9, 0x75, 0xf7, INT3]);
  bare.set(RCX, 50);
  assertEquals(bare.run(at).kind, "interrupt");
  assertEquals(bare.get(RAX), 0x0403_0201);
  bare.write(OTHER, [0x22]);
  bare.set(RCX, 50);
  bare.run(at);
  assertEquals(bare.get(RAX), 0x0403_2201);
  // The second page alone is remapped.
  bare.write(ALIAS, [0x77, 0x77, 0x77, 0xff, 0xc9, 0x75, 0xf7, INT3]);
  bare.mapPage(OTHER, ALIAS);
  bare.set(RCX, 50);
  bare.run(at);
  assertEquals(bare.get(RAX), 0x7777_7701);
});

everywhere("an instruction across two pages in the middle of a loop sees a change of either", (bare) => {
  // loop: add edx, 1; jmp across; across: the last byte of mov eax, imm32's immediate is the next page's; …; jnz loop
  const across = OTHER - 4, loop = CODE + 0x100;
  const jump = (from: number, to: number): number[] => [0xe9, ...le32(to - from - 5)];
  const load = (page: number, last: number): void =>
    // The rest of the immediate; add ebx, eax; dec ecx; jz +5; jmp loop; int3
    bare.write(page, [last, 0x01, 0xc3, 0xff, 0xc9, 0x74, 0x05, ...jump(OTHER + 7, loop), INT3]);
  bare.write(loop, [0x83, 0xc2, 0x01, ...jump(loop + 3, across)]);
  bare.write(across, movEax(0x0000_0007).slice(0, 4));
  load(OTHER, 0);
  load(ALIAS, 1);
  const turns = (count: number): number[] => {
    bare.set(RCX, count);
    bare.set(Gpr.RDX, 0);
    bare.set(Gpr.RBX, 0);
    assertEquals(bare.run(loop).kind, "interrupt");
    return [bare.get(Gpr.RDX), bare.get(Gpr.RBX)];
  };
  assertEquals(turns(40), [40, 40 * 7]);
  bare.mapPage(OTHER, ALIAS);
  assertEquals(turns(40), [40, (40 * 0x0100_0007) | 0]);
  bare.write(across, movEax(0x0000_0009).slice(0, 4));
  assertEquals(turns(40), [40, (40 * 0x0100_0009) | 0]);
  bare.mapPage(OTHER, OTHER);
  assertEquals(turns(40), [40, 40 * 9]);
  bare.write(OTHER, [2]);
  assertEquals(turns(40), [40, (40 * 0x0200_0009) | 0]);
});

everywhere("the budget is exact, in blocks, loops and across calls of run", (bare) => {
  bare.write(CODE, [0x83, 0xc0, 0x01, 0xff, 0xc9, 0x75, 0xf9, INT3]); // add eax,1; dec ecx; jnz
  bare.set(RCX, 100_000);
  let stop = bare.run(CODE, 1000);
  for (let n = 1; stop.kind === "budget"; n++) {
    assertEquals(bare.processor.instructions, n <= 1 ? 1000 : 1000 + (n - 1) * 777);
    stop = bare.processor.run(777);
  }
  assertEquals(bare.get(RAX), 100_000);
  assertEquals(bare.processor.instructions, 300_001);
});

everywhere("a fault inside a hot loop leaves the registers of its instruction", (bare) => {
  // loop: add eax, 1; mov [rdi], eax; add rdi, 4; jmp loop
  bare.write(CODE, [0x83, 0xc0, 0x01, 0x89, 0x07, 0x48, 0x83, 0xc7, 0x04, 0xeb, 0xf5]);
  bare.mapPage(0x9_0000, 0x9_0000, 0);
  bare.set(RDI, 0x8_0000);
  const stop = bare.run(CODE);
  assertEquals(stop, { kind: "fault", vector: 14, error: 6, address: 0x9_0000n });
  assertEquals(bare.rip, CODE + 3);
  assertEquals(bare.get(RAX), 0x4001);
  assertEquals(bare.get(RDI), 0x9_0000);
  assertEquals(bare.processor.instructions, 0x4000 * 4 + 1);
});

everywhere("a store behind bytes that do not decode makes them decode", (bare) => {
  // UD0; its second byte becomes that of a NOP.
  bare.write(CODE, [0x0f, 0xff, 0xc0, INT3]);
  assertEquals(bare.run(CODE), { kind: "fault", vector: 6, error: -1, address: 0n });
  bare.write(OTHER, [...storeByte(0x1f), 0xe9, ...le32(CODE - OTHER - 8)]);
  bare.set(RDI, CODE + 1);
  assertEquals(bare.run(OTHER).kind, "interrupt");
});

everywhere("code that goes from block to block in its page does so where the page lies now", (bare) => {
  bare.write(CODE, [0xe8, ...le32(OTHER - CODE - 5), 0xff, 0xc9, 0x75, 0xf7, INT3]);
  // Both frames start alike; a block of the second goes on at another place of the page.
  const start = [0x85, 0xc9, 0x74, 0x04, 0x90, 0x90, 0xeb, 0x10];
  bare.write(OTHER, start);
  bare.write(ALIAS, [...start.slice(0, -1), 0x30]);
  for (const [frame, value] of [[OTHER, 1], [ALIAS, 2]] as const) {
    for (const place of [0x18, 0x38]) bare.write(frame + place, [...movEax(value + place), 0xc3]);
  }
  bare.set(Gpr.RSP, 0x5_0000);
  for (const [physical, expected] of [[OTHER, 0x19], [ALIAS, 0x3a], [OTHER, 0x19], [ALIAS, 0x3a]] as const) {
    bare.mapPage(OTHER, physical);
    bare.set(RCX, 20);
    assertEquals(bare.run(CODE).kind, "interrupt");
    assertEquals(bare.get(RAX), expected);
  }
});

everywhere("code of three pages whose jumps meet in two entries is found, each its own", (bare) => {
  const FAR = 0x4_0000, places = [OTHER, OTHER + FAR, OTHER + 2 * FAR];
  const calls = places.flatMap((place, n) => [0xe8, ...le32(place - (CODE + 7 * n) - 5), 0x01, 0xc2]);
  bare.write(CODE, [...calls, 0xff, 0xc9, 0x75, 0x100 - calls.length - 4, INT3]);
  places.forEach((place, n) => bare.write(place, [...movEax(10 ** n), 0xc3]));
  bare.set(Gpr.RSP, 0x5_0000);
  bare.set(RCX, 30);
  assertEquals(bare.run(CODE).kind, "interrupt");
  assertEquals(bare.get(Gpr.RDX), 30 * 111);
});
