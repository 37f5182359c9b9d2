import { assertEquals } from "@std/assert";
import { decode } from "../../src/frontend/decode.ts";
import type { CodeSize, Instruction } from "../../src/frontend/instruction.ts";

function decoded(bytes: string, codeSize: CodeSize = 64): Instruction {
  const code = Uint8Array.from(bytes.split(" "), (byte) => parseInt(byte, 16));
  const instruction = decode(code, 0, code.length, codeSize);
  if ("failure" in instruction) throw new Error(`${bytes} does not decode: ${instruction.failure}`);
  return instruction;
}

Deno.test("decode() gives memory operands their default segment: SS for rSP and rBP as base, else DS", () => {
  const segment = (bytes: string, codeSize: CodeSize = 64): number => {
    const [operand] = decoded(bytes, codeSize).operands;
    return operand?.kind === "mem" ? operand.segment : -1;
  };
  assertEquals(segment("01 00"), 3);
  assertEquals(segment("01 45 00"), 2);
  assertEquals(segment("01 04 24"), 2);
  assertEquals(segment("41 01 45 00"), 3, "r13 is not rBP");
  assertEquals(segment("01 04 28"), 3, "rBP as index");
  assertEquals(segment("01 02", 16), 2, "[bp+si]");
  assertEquals(segment("36 01 00", 32), 2);
  assertEquals(segment("36 01 00", 64), 3, "SS override does nothing in 64-bit mode");
  assertEquals(segment("64 2e 01 00", 64), 4, "nor does CS cancel FS");
});

Deno.test("decode() applies default-64 and forced-64 operand sizes in 64-bit mode", () => {
  const size = (bytes: string, codeSize: CodeSize = 64): number => decoded(bytes, codeSize).operandSize;
  assertEquals(size("50"), 8);
  assertEquals(size("66 50"), 2);
  assertEquals(size("6a 01"), 8);
  assertEquals(size("66 e8 00 00 00 00"), 8, "Intel ignores 66 before near branches");
  assertEquals(size("66 c3"), 8);
  assertEquals(size("66 e8 00 00", 32), 2);
  assertEquals(size("cb"), 4);
  assertEquals(size("66 48 01 c0"), 8, "REX.W before 66");
  assertEquals(size("0f 20 c0"), 8);
  assertEquals(size("a4"), 1);
  assertEquals(size("48 a5"), 8);
});

Deno.test("decode() tells AH from SPL by the REX prefix", () => {
  assertEquals(decoded("88 e0").operands[1], { kind: "gpr", reg: 0, size: 1, high: true });
  assertEquals(decoded("40 88 e0").operands[1], { kind: "gpr", reg: 4, size: 1, high: false });
});

Deno.test("decode() extends immediates as the instruction does", () => {
  assertEquals(decoded("48 83 c0 ff").operands[1], { kind: "imm", lo: -1, hi: -1, size: 8 });
  assertEquals(decoded("83 c0 ff").operands[1], { kind: "imm", lo: -1, hi: 0, size: 4 });
  assertEquals(decoded("66 83 c0 ff").operands[1], { kind: "imm", lo: 0xffff, hi: 0, size: 2 });
  assertEquals(decoded("c1 e0 ff").operands[1], { kind: "imm", lo: 0xff, hi: 0, size: 1 });
  assertEquals(decoded("d1 e0").operands[1], { kind: "imm", lo: 1, hi: 0, size: 1 });
  const move = decoded("48 b8 88 77 66 55 44 33 22 f1").operands[1];
  assertEquals(move, { kind: "imm", lo: 0x55667788, hi: 0xf1223344 | 0, size: 8 });
});

Deno.test("decode() tells XCHG, NOP and PAUSE apart at 90", () => {
  assertEquals(decoded("90").mnemonic, "NOP");
  assertEquals(decoded("48 90").mnemonic, "NOP");
  assertEquals(decoded("f3 90").mnemonic, "PAUSE");
  assertEquals(decoded("41 90").mnemonic, "XCHG");
});

Deno.test("decode() gives FOP to x87 instructions only", () => {
  assertEquals(decoded("d9 c0").fop, 0x1c0);
  assertEquals(decoded("dc 4d 08").fop, 0x44d);
  assertEquals(decoded("01 c0").fop, 0);
});

Deno.test("decode() marks memory operands that must be aligned", () => {
  const aligned = (bytes: string): boolean => decoded(bytes).traits.aligned;
  assertEquals(aligned("0f 28 00"), true, "MOVAPS");
  assertEquals(aligned("0f 10 00"), false, "MOVUPS");
  assertEquals(aligned("66 0f 2c 00"), true, "CVTTPD2PI");
  assertEquals(aligned("66 0f 3a 63 00 00"), false, "PCMPISTRI");
  assertEquals(aligned("48 0f c7 08"), true, "CMPXCHG16B");
  assertEquals(aligned("f3 0f 58 00"), false, "ADDSS");
});

Deno.test("decode() names the unit an instruction uses", () => {
  const unit = (bytes: string): string => decoded(bytes).traits.unit;
  assertEquals(unit("01 c0"), "integer");
  assertEquals(unit("d9 c0"), "x87");
  assertEquals(unit("9b"), "x87");
  assertEquals(unit("0f fc c1"), "mmx");
  assertEquals(unit("0f 77"), "mmx");
  assertEquals(unit("66 0f fc c1"), "sse");
  assertEquals(unit("0f ae 10"), "sse");
  assertEquals(unit("f2 0f 38 f0 c1"), "integer");
});

Deno.test("decode() gives REP only to string instructions", () => {
  assertEquals(decoded("f3 a4").rep, 0xf3);
  assertEquals(decoded("f2 ae").rep, 0xf2);
  assertEquals(decoded("f3 c3").rep, 0);
});
