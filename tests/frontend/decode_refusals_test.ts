/** What the decoder must refuse, from the SDM's text and not from another decoder. */
import { assertEquals } from "@std/assert";
import { decode } from "../../src/frontend/decode.ts";
import type { CodeSize, DecodeFailure } from "../../src/frontend/instruction.ts";
import { Random, randomCases, systematicCases } from "./decode_cases.ts";
import { SLOT } from "./decode_oracle.ts";

/** "UD", "GP", "truncated", or the mnemonic. */
function outcome(bytes: string, codeSize: CodeSize): string {
  const code = Uint8Array.from(bytes.split(" "), (byte) => parseInt(byte, 16));
  const decoded = decode(code, 0, code.length, codeSize);
  return "failure" in decoded ? decoded.failure : decoded.mnemonic;
}

/** Checks that each of the byte strings is refused with `failure` in code of all the sizes given. */
function refuses(
  failure: DecodeFailure["failure"],
  codeSizes: readonly CodeSize[],
  ...cases: readonly string[]
): void {
  for (const codeSize of codeSizes) {
    for (const bytes of cases) {
      assertEquals(outcome(bytes, codeSize), failure, `${bytes} in ${codeSize}-bit code`);
    }
  }
}

const ALL = [16, 32, 64] as const;

// SDM vol. 2A, "LOCK - Assert LOCK# Signal Prefix".
Deno.test("decode() refuses LOCK before instructions that do not allow it", () => {
  refuses(
    "UD",
    ALL,
    "f0 38 07",
    "f0 8b 07",
    "f0 03 07",
    "f0 90",
    "f0 0f a3 07",
    "f0 0f af 07",
    "f0 a4",
    "f0 f6 07 01",
  );
  refuses(
    "UD",
    ALL,
    "f0 ff 37",
    "f0 0f 10 07",
    "f0 d8 07",
    "f0 c3",
    "f0 0f 01 d4",
    "f0 0f ae 07",
    "f0 0f 0b",
  );
});

Deno.test("decode() refuses LOCK before a register destination", () => {
  refuses(
    "UD",
    ALL,
    "f0 01 c0",
    "f0 83 c0 01",
    "f0 87 c0",
    "f0 ff c0",
    "f0 0f c1 c0",
    "f0 0f ab c0",
    "f0 f7 d8",
  );
  assertEquals(outcome("f0 01 00", 64), "ADD");
  assertEquals(outcome("f0 0f c7 08", 64), "CMPXCHG8B");
  assertEquals(outcome("f0 48 0f c7 08", 64), "CMPXCHG16B");
});

// SDM vol. 2A, section 2.3.11, and vol. 3A, section 6.15, "Interrupt 13".
Deno.test("decode() refuses more than 15 bytes with #GP", () => {
  const prefixes = (count: number): string => Array(count).fill("66").join(" ");
  assertEquals(outcome(`${prefixes(14)} 90`, 64), "NOP");
  refuses("GP", ALL, `${prefixes(15)} 90`, `${prefixes(14)} 04 00 00`, `${prefixes(13)} 0f b6 00`);
  refuses("GP", ALL, `${prefixes(14)} 05 00 00 00 00`, `${prefixes(16)}`);
  refuses("GP", [64], "f2 2e 46 f2 67 2e 3e 42 0f c7 bc 98 db b0 a7 00"); // reserved, and too long
  assertEquals(outcome("f0 f0 f0 f0 f0 f0 f0 f0 f0 f0 f0 f0 f0 f0 f0 01 00", 64), "GP");
});

// SDM vol. 2D, table A-2, superscript i64.
Deno.test("decode() refuses the opcodes that are invalid in 64-bit mode", () => {
  for (
    const opcode of ["06", "07", "0e", "16", "17", "1e", "1f", "27", "2f", "37", "3f", "60", "61", "ce", "d6"]
  ) {
    refuses("UD", [64], opcode);
    assertEquals(outcome(opcode, 32) === "UD", false, opcode);
  }
  refuses("UD", [64], "62 00", "82 c0 00", "9a 00 00 00 00 00 00", "ea 00 00 00 00 00 00", "d4 0a", "d5 0a");
});

// SDM vol. 2B, "SYSCALL", "SYSRET", "SWAPGS", vol. 2B "RDFSBASE": 64-bit mode only.
Deno.test("decode() refuses the instructions of 64-bit mode elsewhere", () => {
  refuses("UD", [16, 32], "0f 05", "0f 07", "0f 01 f8", "f3 0f ae c0", "f3 0f ae d8");
});

// SDM vol. 2B, "MOV - Move to/from Control Registers" and "MOV - Move to/from Debug Registers".
Deno.test("decode() refuses control registers other than 0, 2, 3, 4 and 8, and debug registers above 7", () => {
  for (const reg of [1, 5, 6, 7]) {
    const modrm = (0xc0 | reg << 3).toString(16);
    refuses("UD", ALL, `0f 20 ${modrm}`, `0f 22 ${modrm}`);
  }
  refuses("UD", [64], "44 0f 20 c8", "44 0f 22 f8", "44 0f 21 c0", "44 0f 23 f8");
  refuses("UD", ALL, "f0 0f 20 c0");
  assertEquals(outcome("44 0f 20 c0", 64), "MOV");
  assertEquals(outcome("0f 20 18", 64), "MOV", "the mod field is ignored");
});

// SDM vol. 2B, "MOV": loading CS; sreg 6 and 7 are reserved.
Deno.test("decode() refuses MOV to CS and segment registers 6 and 7", () => {
  refuses("UD", ALL, "8e c8", "8e 08", "8e f0", "8e f8", "8c f0", "8c f8");
  assertEquals(outcome("8c c8", 64), "MOV");
});

// SDM vol. 2A, sections 2.3.2, 2.3.3 and 2.3.5.
Deno.test("decode() refuses VEX after 66, F2, F3, LOCK or REX", () => {
  assertEquals(outcome("c4 e2 70 f2 c2", 64), "ANDN");
  refuses("UD", ALL, "66 c4 e2 70 f2 c2", "f2 c4 e2 70 f2 c2", "f3 c4 e2 70 f2 c2", "f0 c4 e2 70 f2 c2");
  refuses("UD", [64], "40 c4 e2 70 f2 c2", "48 c4 e2 70 f2 c2");
  assertEquals(outcome("64 67 c4 e2 70 f2 02", 64), "ANDN", "segment and address size are allowed");
});

// SDM vol. 2A, section 2.3.6 (VEX.L), 2.3.5.6 (VEX.vvvv) and 2.3.6.1 (map).
Deno.test("decode() refuses VEX with L = 1, an unused vvvv or a reserved map", () => {
  refuses("UD", ALL, "c4 e2 74 f2 c2");
  assertEquals(outcome("c4 e3 7b f0 c2 01", 64), "RORX");
  refuses("UD", ALL, "c4 e3 73 f0 c2 01", "c4 e0 70 f2 c2", "c4 e4 70 f2 c2", "c4 ff 70 f2 c2");
});

Deno.test("decode() refuses AVX, XOP, EVEX and 3DNow!, which are not there", () => {
  refuses(
    "UD",
    ALL,
    "c5 f8 58 c1",
    "c4 e2 71 98 c2",
    "8f e8 78 c0 c1 01",
    "62 f1 7c 48 58 c1",
    "0f 0f c1 9e",
  );
});

Deno.test("decode() reads LES, LDS and BOUND with memory outside 64-bit mode, and refuses them there", () => {
  assertEquals(outcome("c4 00", 32), "LES");
  assertEquals(outcome("c5 00", 16), "LDS");
  assertEquals(outcome("62 00", 32), "BOUND");
});

// SDM vol. 2C, "VMFUNC", and vol. 2A, section 3.1.1.1, "NP".
Deno.test("decode() refuses VMFUNC after 66, F2 or F3", () => {
  assertEquals(outcome("0f 01 d4", 64), "VMFUNC");
  refuses("UD", ALL, "66 0f 01 d4", "f2 0f 01 d4", "f3 0f 01 d4");
});

Deno.test("decode() refuses a mandatory prefix that the opcode does not have", () => {
  refuses(
    "UD",
    ALL,
    "f3 0f 28 c1",
    "f2 0f 14 c1",
    "66 0f 12 c1",
    "0f 38 10 c1",
    "f3 0f 38 00 c1",
    "66 0f 78 c1",
  );
  refuses(
    "UD",
    ALL,
    "66 0f ae 00",
    "f2 0f ae 00",
    "66 0f c3 00",
    "0f b8 c1",
    "f3 0f c7 c0",
    "f3 0f 38 c8 c1",
  );
});

// SDM vol. 2A, section 2.1.2: F2 and F3 select the instruction before 66 does.
Deno.test("decode() takes F2 and F3 before 66, and the last of F2 and F3", () => {
  assertEquals(outcome("66 f3 0f 10 c1", 64), "MOVSS");
  assertEquals(outcome("f2 66 0f 10 c1", 64), "MOVSD");
  assertEquals(outcome("f3 f2 0f 10 c1", 64), "MOVSD");
  assertEquals(outcome("f2 f3 0f 10 c1", 64), "MOVSS");
});

Deno.test("decode() refuses register forms where memory must be, and the reverse", () => {
  refuses(
    "UD",
    ALL,
    "8d c0",
    "0f 01 c5",
    "0f 01 d8",
    "0f 01 ff",
    "0f ae c0",
    "0f b2 c0",
    "ff d8",
    "ff e8",
  );
  refuses(
    "UD",
    ALL,
    "0f 13 c0",
    "0f 2b c0",
    "0f c3 c0",
    "0f 50 00",
    "0f d7 00",
    "66 0f f7 00",
    "0f 71 10",
    "0f c7 c8",
  );
});

Deno.test("decode() refuses reserved opcodes and digits", () => {
  refuses(
    "UD",
    ALL,
    "0f 04",
    "0f 0a",
    "0f 0c",
    "0f 24 c0",
    "0f 26 c0",
    "0f 36",
    "0f 37",
    "0f 39",
    "0f 7a c0",
    "0f a6 c0",
  );
  refuses(
    "UD",
    ALL,
    "0f a7 c0",
    "0f aa",
    "0f 0e",
    "fe d0",
    "ff f8",
    "8f c8",
    "c6 c8",
    "c7 c8",
    "0f 00 f0",
    "0f ba c0",
  );
  refuses(
    "UD",
    ALL,
    "d9 08",
    "d9 d1",
    "d9 e2",
    "d9 ef",
    "da e8",
    "db 20",
    "db e5",
    "db f8",
    "dd 28",
    "de d8",
    "df e1",
  );
});

Deno.test("decode() counts UD0 and UD1 with their ModR/M byte and UD2 without", () => {
  assertEquals(outcome("0f 0b", 64), "UD2");
  assertEquals(outcome("0f b9 00", 64), "UD1");
  assertEquals(outcome("0f ff 00", 64), "UD0");
  refuses("truncated", ALL, "0f b9", "0f ff");
});

// SDM vol. 2A, section 2.2.1: a REX prefix that is not right before the opcode is ignored.
Deno.test("decode() ignores REX before another prefix", () => {
  const code = Uint8Array.of(0x48, 0x66, 0x01, 0xc0);
  const decoded = decode(code, 0, 4, 64);
  assertEquals("failure" in decoded ? undefined : decoded.operandSize, 2);
});

Deno.test("decode() calls every proper prefix of an instruction truncated", () => {
  const random = new Random(11);
  for (const codeSize of ALL) {
    for (const bytes of [...systematicCases(codeSize, random, false), randomCases(4096, random)]) {
      for (let offset = 0; offset < bytes.length; offset += SLOT * 7) {
        const decoded = decode(bytes, offset, SLOT, codeSize);
        if ("failure" in decoded) continue;
        for (let available = 0; available < decoded.length; available++) {
          const part = decode(bytes, offset, available, codeSize);
          assertEquals("failure" in part ? part.failure : part.mnemonic, "truncated");
        }
        assertEquals(decode(bytes, offset, decoded.length, codeSize), decoded);
      }
    }
  }
});
