/** Segment limits and access rights. SDM vol. 3A, sections 3.4.5.1, 5.2.1, 5.3 and 5.5; vol. 3B, section 21.1. */
import { assertEquals } from "@std/assert";
import { CPL, CR0, Gpr, RIP, SEGMENT, Segment, SEGMENT_STRIDE } from "../../../src/cpu/state.ts";
import {
  bytesOf,
  CODE,
  DATA,
  everywhere,
  handler,
  RSP0,
  Selector,
  stoppedIn,
  type SystemMachine,
  TSS,
  USER_CODE,
} from "./_machine.ts";

const { ES, CS, SS, DS, FS } = Segment;
/** Attributes: writable data of 32 and of 16 bits, expanding down, read-only, code readable and not, null. */
const UP = 0x4093,
  DOWN32 = 0x4097,
  DOWN16 = 0x97,
  READ_ONLY = 0x4091,
  CODE32 = 0x409b,
  EXECUTE = 0x4099,
  NULL = 0;
const FLAT = -1;
/** ESP0 and SS0 of a 32-bit TSS. */
const TSS_STACK = TSS + 4;
/** MOV EAX,[EBX]; MOV [EBX],EAX; MOV AL,[EBX]; MOV EAX,[BX]. */
const READ = "8b 03", WRITE = "89 03", BYTE = "8a 03", READ16 = "67 8b 07";

function set(machine: SystemMachine, n: number, limit: number, attributes: number, base = 0): void {
  machine.unit.segments.write(SEGMENT + SEGMENT_STRIDE * n, Selector.DATA16, limit, attributes, base);
}

/** One access in protected mode: code, segment, its limit and attributes, EBX (also ESP, ESI, EDI), vector or -1. */
const ACCESSES: readonly [
  code: string,
  n: number,
  limit: number,
  attributes: number,
  offset: number,
  vector: number,
  why: string,
][] = [
  [READ, DS, 0x3_0fff, UP, 0x3_0ffc, -1, "the last four bytes, section 5.3"],
  [READ, DS, 0x3_0fff, UP, 0x3_0ffd, 13, "one byte above the limit, section 5.3"],
  [WRITE, DS, 0x3_0fff, UP, 0x3_0ffd, 13, "a store above the limit, section 5.3"],
  [BYTE, DS, 0x3_0fff, UP, 0x3_0fff, -1, "the last byte, section 5.3"],
  [BYTE, DS, 0x3_0fff, UP, 0x3_1000, 13, "a byte above the limit, section 5.3"],
  [READ, DS, 0, UP, 0, 13, "a segment of one byte, section 5.3"],
  [READ, DS, 0x3_0fff, UP, 0xffff_fffe | 0, 13, "around the end of the address space, section 5.3"],
  [READ, DS, FLAT, UP, DATA, -1, "a flat segment, section 5.3"],
  ["8d 03", DS, 0, UP, 0x1000, -1, "LEA accesses nothing, vol. 2A"],
  ["0f 01 3b", DS, 0, UP, 0x1000, -1, "INVLPG checks no segment, vol. 2A"],
  ["0f 10 03", DS, 0x3_0ff0, UP, 0x3_0fe1, -1, "16 bytes, section 5.3"],
  ["0f 10 03", DS, 0x3_0ff0, UP, 0x3_0fe2, 13, "16 bytes, section 5.3"],
  ["db 2b", DS, 0x3_0fff, UP, 0x3_0ff6, -1, "ten bytes, section 5.3"],
  ["db 2b", DS, 0x3_0fff, UP, 0x3_0ff7, 13, "ten bytes, section 5.3"],
  ["0f ae 03", DS, 0x3_01ff, UP, DATA, -1, "FXSAVE, 512 bytes, section 5.3"],
  ["0f ae 03", DS, 0x3_01fe, UP, DATA, 13, "FXSAVE, 512 bytes, section 5.3"],
  ["d9 33", DS, 0x3_001a, UP, DATA, 13, "FNSTENV, 28 bytes, section 5.3"],
  ["66 d9 33", DS, 0x3_000d, UP, DATA, -1, "FNSTENV, 14 bytes, section 5.3"],
  ["62 03", DS, 0x3_0006, UP, DATA, 13, "BOUND, both bounds, section 5.3"],
  ["c4 03", DS, 0x3_0004, UP, DATA, 13, "LES, six bytes, section 5.3"],
  ["0f ab 03", DS, 0x3_0003, UP, DATA - 4, -1, "BTS with bit 30 of the string, vol. 2A"],
  ["0f 01 03", DS, 0x3_0004, UP, DATA, 13, "SGDT, six bytes, section 5.3"],
  [READ, DS, FLAT, NULL, DATA, 13, "a null segment, section 5.4.1"],
  [WRITE, DS, FLAT, NULL, DATA, 13, "a null segment, section 5.4.1"],
  [`64 ${READ}`, FS, 0, NULL, DATA, 13, "a null segment, section 5.4.1"],
  [`64 ${READ}`, FS, 0xffff, UP, 0xfffd, 13, "FS above its limit of FFFFH, section 5.3"],
  [`64 ${READ}`, FS, 0xffff, UP, 0xfffc, -1, "FS up to its limit of FFFFH, section 5.3"],
  [READ16, DS, 0xffff, UP, 0xfffd, 13, "16-bit addresses do not wrap inside an operand, section 5.3"],
  [READ, DS, FLAT, READ_ONLY, DATA, -1, "read-only data, section 3.4.5.1"],
  [WRITE, DS, FLAT, READ_ONLY, DATA, 13, "read-only data, section 3.4.5.1"],
  ["01 03", DS, FLAT, READ_ONLY, DATA, 13, "read and written, section 3.4.5.1"],
  ["0f ab 03", DS, FLAT, READ_ONLY, DATA, 13, "BTS of read-only data, section 3.4.5.1"],
  ["0f a3 03", DS, FLAT, READ_ONLY, DATA, -1, "BT of read-only data, section 3.4.5.1"],
  ["d9 1b", DS, FLAT, READ_ONLY, DATA, 13, "FSTP to read-only data, section 3.4.5.1"],
  ["8f 03", DS, FLAT, READ_ONLY, DATA, 13, "POP to read-only data, section 3.4.5.1"],
  [READ, DS, FLAT, CODE32, DATA, -1, "code that can be read, section 3.4.5.1"],
  [WRITE, DS, FLAT, CODE32, DATA, 13, "code cannot be written, section 3.4.5.1"],
  [READ, DS, FLAT, EXECUTE, DATA, 13, "execute-only code, section 3.4.5.1"],
  [`2e ${READ}`, CS, FLAT, EXECUTE, DATA, 13, "execute-only code through CS, section 3.4.5.1"],
  [`2e ${READ}`, CS, FLAT, CODE32, DATA, -1, "code through CS, section 3.4.5.1"],
  [`2e ${WRITE}`, CS, FLAT, CODE32, DATA, 13, "CS cannot be written, section 3.4.5.1"],
  [`2e ${READ}`, CS, 0x3_0fff, CODE32, 0x3_0ffd, 13, "CS above its limit, section 5.3"],
  [READ, DS, 0x2_ffff, DOWN32, DATA, -1, "expand-down: the first offset is limit + 1, section 5.3"],
  [READ, DS, DATA, DOWN32, DATA, 13, "expand-down: the limit is outside, section 5.3"],
  [READ, DS, 0x2_ffff, DOWN32, -4, -1, "expand-down, B = 1: up to FFFFFFFFH, section 5.3"],
  [READ, DS, 0x2_ffff, DOWN32, -2, 13, "expand-down: around the end, section 5.3"],
  [READ, DS, 0x7fff, DOWN16, 0xfffc, -1, "expand-down, B = 0: up to FFFFH, section 5.3"],
  [READ, DS, 0x7fff, DOWN16, 0xfffd, 13, "expand-down, B = 0: above FFFFH, section 5.3"],
  [READ, DS, 0x7fff, DOWN16, DATA, 13, "expand-down, B = 0: above FFFFH, section 5.3"],
  [WRITE, DS, 0x7fff, DOWN16, 0x8000, -1, "expand-down can be written, section 3.4.5.1"],
  [WRITE, DS, 0x7fff, DOWN16 & ~2, 0x8000, 13, "expand-down, read-only, section 3.4.5.1"],
  [READ, DS, FLAT, DOWN32, DATA, 13, "expand-down with limit FFFFFFFFH holds nothing, section 5.3"],
  [`36 ${READ}`, SS, 0x3_0fff, UP, 0x3_0ffd, 12, "#SS for the stack segment, section 5.3"],
  ["8b 45 00", SS, 0x3_0fff, UP, 0x3_0ffd, 12, "EBP goes with SS, section 5.3"],
  ["50", SS, 0x8fff, UP, 0x9000, -1, "PUSH to the last slot, section 5.3"],
  ["50", SS, 0x8ffe, UP, 0x9000, 12, "PUSH above the limit, section 5.3"],
  ["58", SS, 0x8fff, UP, 0x8ffd, 12, "POP above the limit, section 5.3"],
  ["9d", SS, 0x8fff, UP, 0x8ffd, 12, "POPF above the limit, section 5.3"],
  ["c3", SS, 0x8fff, UP, 0x8ffd, 12, "RET above the limit, section 5.3"],
  ["cf", SS, 0x8fff, UP, 0x8ff8, 12, "IRET above the limit, section 5.3"],
  ["cb", SS, 0x8fff, UP, 0x8ffc, 12, "far RET above the limit, section 5.3"],
  ["9a 00 00 01 00 23 00", SS, 0x8ffb, UP, 0x9000, 12, "far CALL above the limit, section 5.3"],
  ["60", SS, 0x8fff, UP, 0x9000, -1, "PUSHA inside, section 5.3"],
  ["c8 10 00 00", SS, 0x8fff, UP, 0x9000, -1, "ENTER inside, section 5.3"],
  ["50", SS, 0x7fff, DOWN32, 0x8004, -1, "PUSH to the lowest slot of a stack that expands down, section 5.3"],
  ["50", SS, 0x7fff, DOWN32, 0x8003, 12, "PUSH below a stack that expands down, section 5.3"],
  ["a4", DS, 0x3_0fff, UP, 0x3_1000, 13, "MOVS reads above the limit, section 5.3"],
  ["a4", ES, 0x3_0fff, UP, 0x3_1000, 13, "MOVS writes above the limit, section 5.3"],
  ["a4", ES, FLAT, READ_ONLY, DATA, 13, "MOVS to read-only data, section 3.4.5.1"],
  ["ab", ES, 0x3_0fff, UP, 0x3_0ffd, 13, "STOS, section 5.3"],
  ["36 ac", SS, 0x3_0fff, UP, 0x3_1000, 12, "LODS from SS, section 5.3"],
  ["a7", ES, 0x3_0fff, UP, 0x3_0ffd, 13, "CMPS, section 5.3"],
  ["6d", ES, 0x3_0fff, UP, 0x3_0ffd, 13, "INS above the limit, section 5.3"],
  ["6d", ES, FLAT, READ_ONLY, DATA, 13, "INS to read-only data, section 3.4.5.1"],
  ["6f", DS, 0x3_0fff, UP, 0x3_0ffd, 13, "OUTS above the limit, section 5.3"],
  ["d7", DS, 0x3_0fff, UP, 0x3_1000, 13, "XLAT, section 5.3"],
  ["0f ae 3b", DS, 0x3_0fff, UP, 0x3_1000, 13, "CLFLUSH is a read of a byte, vol. 2A"],
  ["0f 18 03", DS, 0x3_0fff, UP, 0x3_1000, -1, "PREFETCH faults never, vol. 2B"],
];

function start(create: () => SystemMachine): SystemMachine {
  const machine = create();
  machine.enterProtected();
  // Handlers have a stack of their own size.
  machine.setGate32(12, Selector.CODE32, handler(12));
  return machine;
}

for (const [code, n, limit, attributes, offset, vector, why] of ACCESSES) {
  const shown = `${(limit >>> 0).toString(16)}H, offset ${(offset >>> 0).toString(16)}H`;
  everywhere(`${code}, limit ${shown}: ${why}`, (create) => {
    const machine = start(create);
    const registers = [Gpr.RBX, Gpr.RBP, Gpr.RSI, Gpr.RDI, ...(n === SS ? [Gpr.RSP] : [])];
    for (const register of registers) machine.set(register, offset);
    // XLAT adds AL; BTS of bit 30 with the offset in EAX.
    machine.set(Gpr.RAX, code === "0f ab 03" ? 32 + 30 : 0);
    machine.write(CODE, [...code.split(" ").map((byte) => parseInt(byte, 16)), 0x0f, 0x0b]);
    machine.setRegister(RIP, CODE, 0);
    if (n !== SS) return expect(machine, n, limit, attributes, vector);
    // Deliveries need a stack that holds the frame: from CPL 3, the TSS has one.
    machine.enterUser(Selector.USER_CODE32);
    for (const register of registers) machine.set(register, offset);
    expect(machine, n, limit, attributes | 0x60, vector, code);
  });
}

/** Runs until a handler stops it: that of `vector`, or of the UD2 behind the code. */
function expect(
  machine: SystemMachine,
  n: number,
  limit: number,
  attributes: number,
  vector: number,
  code = "",
): void {
  // The highest offsets have RAM behind them, too.
  const highest = n === DS && Number(machine.get(Gpr.RBX)) > 0xffff_fff0;
  set(machine, n, limit, attributes, highest ? DATA + 0x100 : 0);
  machine.bare.processor.mmu.enterWorld();
  machine.resume();
  if (vector !== -1) {
    assertEquals([stoppedIn(machine), machine.stack32(2)], [vector, [0, CODE]]);
  } else {
    const expected = ["9d", "c3"].includes(code) ? stoppedIn(machine) : 6;
    assertEquals(stoppedIn(machine), expected);
  }
}

/** One step of control in 32-bit code whose segment ends at CODE + 0xff: code, where, RIP of #GP(0) or -1. */
const FETCHES: readonly [code: string, at: number, rip: number, why: string][] = [
  ["eb 7d", 0x7f, -1, "JMP to the last two bytes, vol. 2A, JMP"],
  ["eb 7f", 0x7f, 0x7f, "JMP above the limit, vol. 2A, JMP"],
  ["e9 00 00 10 00", 0, 0, "JMP far above the limit, vol. 2A, JMP"],
  ["e8 00 00 10 00", 0, 0, "CALL above the limit, vol. 2A, CALL"],
  ["74 7f", 0x7f, 0x7f, "JZ above the limit, taken, vol. 2A, Jcc"],
  ["75 7f", 0x7f, -1, "JNZ above the limit, not taken, vol. 2A, Jcc"],
  ["ff e3", 0, 0, "JMP EBX above the limit, vol. 2A, JMP"],
  ["ff d3", 0, 0, "CALL EBX above the limit, vol. 2A, CALL"],
  ["53 c3", 0, 1, "RET above the limit, vol. 2B, RET"],
  ["e2 7f", 0x7f, 0x7f, "LOOP above the limit, vol. 2A, LOOP"],
  ["90 90", 0xfe, 0x100, "execution past the limit, section 5.3"],
  ["90 90 b8 00 00 00 00", 0xfa, 0xfc, "an instruction across the limit, section 5.3"],
  ["b8 00 00 00 00 0f 0b", 0xf9, -1, "instructions up to the limit, section 5.3"],
];

for (const [code, at, rip, why] of FETCHES) {
  for (const attributes of [CODE32, EXECUTE]) {
    const kind = attributes === EXECUTE ? "execute-only" : "readable";
    everywhere(`${code} at ${at.toString(16)}H of 100H bytes of ${kind} code: ${why}`, (create) => {
      const machine = start(create);
      set(machine, CS, CODE + 0xff, attributes);
      machine.set(Gpr.RBX, CODE + 0x100);
      machine.set(Gpr.RCX, 5);
      machine.rflags = 0x42;
      machine.write(CODE + 0xfe, [0x0f, 0x0b]);
      machine.write(CODE + at, [...code.split(" ").map((byte) => parseInt(byte, 16)), 0x0f, 0x0b]);
      machine.setRegister(RIP, CODE + at, 0);
      machine.resume();
      if (rip === -1) assertEquals(stoppedIn(machine), 6);
      else assertEquals([stoppedIn(machine), machine.stack32(2)], [13, [0, CODE + rip]]);
      assertEquals(machine.get(Gpr.RCX), code === "e2 7f" ? 5n : machine.get(Gpr.RCX), "LOOP counts nothing");
    });
  }
}

/** Real-address mode with 64-KB segments: code at 0800:0000, data at 3000:0000, stack at 0900:0000. */
function real(create: () => SystemMachine): SystemMachine {
  const machine = create();
  machine.m[CR0 >> 2] = 0x32;
  machine.m[CPL >> 2] = 0;
  const { segments } = machine.unit;
  const bases = {
    [CS]: 0x8000,
    [SS]: 0x9000,
    [DS]: 0x3_0000,
    [ES]: 0x3_0000,
    [FS]: 0x3_0000,
    [Segment.GS]: 0,
  };
  for (const [n, base] of Object.entries(bases)) {
    segments.write(SEGMENT + SEGMENT_STRIDE * Number(n), base >> 4, 0xffff, 0x93, base);
  }
  // Vector n leads to 1800:10H * n, where the handlers are.
  for (let vector = 0; vector < 32; vector++) {
    machine.writeWords(0x2000 + 4 * vector, [0x1800_0000 | 16 * vector]);
  }
  machine.setRegister(0x2c0, 0x2000, 0);
  machine.set(Gpr.RSP, 0x1000);
  machine.bare.processor.mmu.enterWorld();
  return machine;
}

const SHUTDOWN = -2;
/** Code, BX (also SI, DI; SP where it says so), vector of the exception or -1. */
const REAL: readonly [code: string, offset: number, vector: number, why: string][] = [
  ["8b 07", 0xfffe, -1, "the last word"],
  ["8b 07", 0xffff, 13, "a word at FFFFH"],
  ["8a 07", 0xffff, -1, "the last byte"],
  ["66 8b 07", 0xfffd, 13, "four bytes at FFFDH"],
  ["66 8b 07", 0xfffc, -1, "the last four bytes"],
  ["67 8b 03", 0x1_0000, 13, "a 32-bit address above FFFFH"],
  ["67 8a 03", 0x1_0000, 13, "a byte at a 32-bit address above FFFFH"],
  ["67 8b 03", 0xfffe, -1, "a 32-bit address of the last word"],
  ["36 8b 07", 0xffff, 12, "a word at FFFFH of the stack segment"],
  ["2e 8b 07", 0xffff, 13, "a word at FFFFH of the code segment"],
  ["2e 89 07", 0x4000, -1, "the code segment can be written"],
  ["c4 07", 0xfffd, 13, "LES at FFFDH"],
  ["a5", 0xffff, 13, "MOVSW at FFFFH"],
  ["f3 a5", 0xffff, 13, "REP MOVSW at FFFFH"],
  ["89 dc 50", 1, SHUTDOWN, "PUSH with SP 1"],
  ["89 dc 50", 0, -1, "PUSH with SP 0 goes to FFFEH"],
  ["89 dc 58", 0xffff, 12, "POP with SP FFFFH"],
  ["66 e9 00 00 01 00", 0, 13, "a near JMP above FFFFH"],
  ["66 ff e3", 0x1_0000, 13, "an indirect JMP above FFFFH"],
  ["e9 fa 7f", 0, -1, "a near JMP"],
  ["0f 34", 0, 13, "SYSENTER is not recognized, and raises #GP (vol. 2B)"],
  ["0f 35", 0, 13, "SYSEXIT is not recognized, and raises #GP (vol. 2B)"],
];

for (const [code, offset, vector, why] of REAL) {
  everywhere(`real-address mode, ${code}: ${why}, vol. 3B, section 21.1`, (create) => {
    const machine = real(create);
    for (const register of [Gpr.RBX, Gpr.RSI, Gpr.RDI]) machine.set(register, offset);
    machine.set(Gpr.RCX, 4);
    machine.write(0x8000, [...code.split(" ").map((byte) => parseInt(byte, 16)), 0x0f, 0x0b]);
    machine.write(0x8000 + 0x7ffd, [0x0f, 0x0b]);
    machine.setRegister(RIP, 0, 0);
    // With SP 1 there is no room for the frame of the exception, nor for that of the double fault.
    if (vector === SHUTDOWN) return assertEquals(machine.resume(), "shutdown");
    assertEquals(machine.resume(), "halt");
    assertEquals(stoppedReal(machine), vector === -1 ? 6 : vector);
  });
}

const stoppedReal = (machine: SystemMachine): number => (machine.rip - 1) / 16;

everywhere("big real mode: the limit that protected mode left stays, vol. 3B, section 21.1.1", (create) => {
  const machine = real(create);
  machine.unit.segments.write(SEGMENT + SEGMENT_STRIDE * DS, 0, FLAT, 0x93, 0);
  machine.set(Gpr.RBX, 0x3_1234);
  machine.write(0x3_1234, [0x78, 0x56, 0x34, 0x12]);
  machine.write(0x3_1254, [0x21, 0x43]);
  // MOV EAX,[EBX]; MOV CX,2; MOV DS,CX (base 20H); MOV DX,[EBX]; UD2
  machine.write(0x8000, bytesOf("67 66 8b 03 b9 02 00 8e d9 67 8b 13 0f 0b"));
  machine.setRegister(RIP, 0, 0);
  machine.resume();
  assertEquals([stoppedReal(machine), machine.get(Gpr.RAX), machine.get(Gpr.RDX)], [
    6,
    0x1234_5678n,
    0x4321n,
  ]);
});

everywhere("a segment that is null gets 64 KB when real-address mode loads it", (create) => {
  const machine = real(create);
  machine.unit.segments.write(SEGMENT + SEGMENT_STRIDE * DS, 0, 0, 0, 0);
  // MOV AX,[0]: #GP
  machine.write(0x8000, bytesOf("a1 00 00 0f 0b"));
  machine.setRegister(RIP, 0, 0);
  machine.resume();
  assertEquals(stoppedReal(machine), 13);
  // MOV CX,3000H; MOV DS,CX; MOV AX,[FFFEH]; UD2
  machine.write(0x8000, bytesOf("b9 00 30 8e d9 a1 fe ff 0f 0b"));
  machine.setRegister(RIP, 0, 0);
  machine.unit.segments.write(SEGMENT + SEGMENT_STRIDE * CS, 0x800, 0xffff, 0x93, 0x8000);
  machine.resume();
  assertEquals(stoppedReal(machine), 6);
});

everywhere("REP MOVS stops in front of the element that is outside, vol. 2B, REP", (create) => {
  for (const [n, vector] of [[DS, 13], [ES, 13]] as const) {
    const machine = start(create);
    machine.set(Gpr.RSI, DATA + 0xfe8);
    machine.set(Gpr.RDI, DATA + 0xfe8);
    machine.set(Gpr.RCX, 100);
    machine.write(CODE, bytesOf("f3 a5 0f 0b"));
    machine.setRegister(RIP, CODE, 0);
    set(machine, n, DATA + 0xfff, UP);
    machine.resume();
    assertEquals([stoppedIn(machine), machine.stack32(2)], [vector, [0, CODE]]);
    assertEquals([machine.get(Gpr.RCX), machine.get(Gpr.RSI)], [94n, BigInt(DATA + 0x1000)]);
  }
});

everywhere("REP STOS downwards ends at the first offset of an expand-down segment, section 5.3", (create) => {
  const machine = start(create);
  machine.set(Gpr.RDI, DATA + 0x10);
  machine.set(Gpr.RCX, 100);
  machine.rflags = 0x402;
  machine.write(CODE, bytesOf("f3 aa 0f 0b"));
  machine.setRegister(RIP, CODE, 0);
  set(machine, ES, DATA - 1, DOWN32);
  machine.resume();
  assertEquals([stoppedIn(machine), machine.stack32(2)], [13, [0, CODE]]);
  assertEquals([machine.get(Gpr.RCX), machine.get(Gpr.RDI)], [83n, BigInt(DATA - 1)]);
});

everywhere("REP with a count of 0 accesses nothing, vol. 2B, REP", (create) => {
  const machine = start(create);
  machine.write(CODE, bytesOf("f3 aa f3 a4 f3 ac f3 ae f3 a6 0f 0b"));
  machine.setRegister(RIP, CODE, 0);
  set(machine, ES, 0, NULL);
  set(machine, DS, 0, NULL);
  machine.resume();
  assertEquals(stoppedIn(machine), 6);
});

everywhere(
  "the inner stack of a delivery: #SS(selector) where its segment ends, section 6.12.1",
  (create) => {
    const machine = start(create);
    machine.enterUser(Selector.USER_CODE32);
    machine.setDescriptor(0xa0, 0x0040_9300_0000_affbn);
    machine.writeWords(TSS_STACK, [RSP0, 0xa0]);
    // #SS itself goes through a task's worth of room: the same stack is too small for it, too.
    machine.write(USER_CODE, [0x0f, 0x0b]);
    assertEquals(machine.run(USER_CODE), "shutdown");
    const { events } = machine.unit.context;
    assertEquals(events.last.map(({ vector, error }) => [vector, error]), [[6, undefined], [12, 0xa1], [
      8,
      0,
    ]]);
  },
);

everywhere("compatibility mode checks a null DS; 64-bit mode does not, section 5.4.1.1", (create) => {
  for (const [code, vector] of [[Selector.USER_CODE32, 13], [Selector.USER_CODE64, 6]] as const) {
    const machine = create();
    machine.enterUser(code);
    set(machine, DS, 0, NULL);
    machine.set(Gpr.RBX, DATA);
    machine.runCode("8b 03 0f 0b", USER_CODE);
    assertEquals(stoppedIn(machine), vector);
  }
});
