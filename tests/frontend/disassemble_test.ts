import { assert, assertEquals } from "@std/assert";
import { Decoder, DecoderOptions, Formatter, FormatterSyntax, MemorySizeOptions } from "iced-x86";
import { disassemble, disassembleAll } from "../../src/frontend/disassemble.ts";
import type { CodeSize } from "../../src/frontend/instruction.ts";
import { Random, randomCases, systematicCases } from "./decode_cases.ts";
import { SLOT } from "./decode_oracle.ts";

function text(bytes: string, codeSize: CodeSize = 64, address = 0x1000n): string {
  return disassemble(parse(bytes), { address, codeSize }).text;
}

function parse(bytes: string): Uint8Array {
  return Uint8Array.from(bytes.split(" "), (byte) => parseInt(byte, 16));
}

Deno.test("disassemble() writes operands in Intel order, with widths and absolute targets", () => {
  assertEquals(text("48 8b 04 8f"), "mov rax, qword ptr [rdi+rcx*4]");
  assertEquals(text("f0 01 00"), "lock add dword ptr [rax], eax");
  assertEquals(text("83 c0 ff"), "add eax, 0xffffffff");
  assertEquals(text("8b 05 10 00 00 00"), "mov eax, dword ptr [rip+0x10]");
  assertEquals(text("8b 45 fc"), "mov eax, dword ptr [rbp-0x4]");
  assertEquals(text("64 8b 04 25 28 00 00 00"), "mov eax, dword ptr fs:[0x28]");
  assertEquals(text("e8 10 00 00 00"), "call 0x1015");
  assertEquals(text("eb fe", 16, 0xfffen), "jmp 0xfffe");
  assertEquals(text("ea 00 7c 00 00 08 00", 32), "jmp far 0x8:0x7c00");
  assertEquals(text("88 e1"), "mov cl, ah");
  assertEquals(text("40 88 e1"), "mov cl, spl");
  assertEquals(text("8d 40 10", 16), "lea ax, [bx+si+0x10]");
  assertEquals(text("d8 c1"), "fadd st(0), st(1)");
  assertEquals(text("0f 20 d8"), "mov rax, cr3");
});

Deno.test("disassemble() names string instructions and others by their width", () => {
  assertEquals(text("f3 48 a5"), "rep movsq qword ptr [rdi], qword ptr [rsi]");
  assertEquals(text("f2 ae"), "repne scasb al, byte ptr [rdi]");
  assertEquals(text("64 ac"), "lodsb al, byte ptr fs:[rsi]");
  assertEquals(text("a4", 16), "movsb byte ptr es:[di], byte ptr [si]");
  assertEquals(text("48 98"), "cdqe");
  assertEquals(text("48 cf"), "iretq");
  assertEquals(text("9c", 16), "pushf");
  assertEquals(text("67 e3 00"), "jecxz 0x1003");
  assertEquals(text("48 0f ae 00"), "fxsave64 [rax]");
  assertEquals(text("48 0f c7 20"), "xsavec64 [rax]");
});

Deno.test("disassemble() writes (bad) for what does not decode, and takes one byte", () => {
  assertEquals(disassemble(Uint8Array.of(0x06)), { address: 0n, length: 1, text: "(bad)" });
  assertEquals([...disassembleAll(parse("06 90 0f"))].map((line) => line.text), ["(bad)", "nop", "(bad)"]);
  assertEquals([...disassembleAll(parse("90 eb fd"), { address: 0x10n })].map((line) => line.address), [
    0x10n,
    0x11n,
  ]);
});

/** Prefixes that iced shows and we leave out, because they do nothing, or we show as `o16` and iced in the mnemonic. */
const PREFIXES =
  /^((xacquire|xrelease|bnd|notrack|ht|hnt|[oa](16|32|64)) |(rep|repe|repne) (?!(movs|cmps|stos|lods|scas|ins|outs)))+/;
const SIZES = /\b(short|far|near) |\b(\w+ )?ptr /g;

/** Spellings of iced that are not ours; see opcodes/mnemonics.ts for the widths. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [/^sal /, "shl "],
  [/^wait$/, "fwait"],
  [/^int 0x3$/, "int3"],
  [/^(push|pop|retn?|enter|leave|loop|loope|loopne)[wdq]\b/, "$1"],
  [/^retn/, "ret"],
  [/^retf[wd]/, "retf"],
];

/** A text without what only one of the formatters shows. */
function normalize(line: string): string {
  return line.replace(PREFIXES, "").replace(SIZES, "").replace(/st\(0\)/g, "st")
    .replace(/^(f\w+) st, (?=st)/, "$1 ");
}

/** What iced writes in another manner: without operands, in another order, or with a width in the name. */
const OTHERWISE =
  /^((lock |repn?e? )*(movs|cmps|stos|lods|scas|ins|outs)[bwdq] .*\[|xlat|nop|(lock )?xchg|(push|pop)a|pop?f|pushf)/;

Deno.test("disassemble() writes what iced-x86's formatter writes", () => {
  const formatter = new Formatter(FormatterSyntax.Masm);
  formatter.hexPrefix = "0x";
  formatter.hexSuffix = "";
  formatter.uppercaseHex = false;
  formatter.spaceAfterOperandSeparator = true;
  formatter.smallHexNumbersInDecimal = false;
  formatter.addLeadingZeroToHexNumbers = false;
  formatter.branchLeadingZeros = false;
  formatter.ripRelativeAddresses = true;
  formatter.usePseudoOps = false;
  formatter.masmAddDsPrefix32 = false;
  formatter.memorySizeOptions = MemorySizeOptions.Never;
  const random = new Random(3);
  let compared = 0;
  for (const codeSize of [16, 32, 64] as const) {
    for (const bytes of [...systematicCases(codeSize, random, false), randomCases(4096, random)]) {
      const decoder = new Decoder(codeSize, bytes, DecoderOptions.NoWbnoinvd);
      for (let offset = 0; offset < bytes.length; offset += SLOT * 5) {
        const ours = disassemble(bytes, { codeSize, offset, address: 0x1000n });
        if (ours.instruction === undefined) continue;
        decoder.position = offset;
        decoder.ip = 0x1000n;
        const instruction = decoder.decode();
        const theirs = formatter.format(instruction);
        instruction.free();
        const text = normalize(ours.text);
        if (OTHERWISE.test(text)) continue;
        compared++;
        const expected = SPELLINGS.reduce((line, [from, to]) => line.replace(from, to), normalize(theirs));
        assertEquals(text, expected, `${ours.text} | ${theirs}`);
      }
      decoder.free();
    }
  }
  formatter.free();
  assert(compared > 50_000, `only ${compared} compared`);
});
