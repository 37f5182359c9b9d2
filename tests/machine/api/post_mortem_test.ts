import { assertEquals, assertStringIncludes } from "@std/assert";
import { CodeHistory } from "../../../src/jit/code_history.ts";
import { bootMachine, type Machine } from "../../../src/machine/machine.ts";
import { bytesOf } from "../../cpu/system/_machine.ts";
import { CONFIGURATIONS } from "../../jit/_bare.ts";
import { CODE, kernelOf } from "../debug/_client.ts";
import { elfWithSymbols } from "../loaders/_symbols.ts";

const MEMORY = 1 << 24;
const hex = (value: number): string => value.toString(16);

/** Boots code that ends with a triple fault. */
function dead(code: string, configuration = {}): Machine {
  const machine = bootMachine({ kernel: kernelOf(bytesOf(code)), memory: MEMORY, ...configuration });
  assertEquals(machine.run({ instructions: 1e6 }), { kind: "triple fault" });
  return machine;
}

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  Deno.test(`postMortem() shows registers, code, events and where it came from (${label})`, () => {
    // 0: MOV EBX, 5; 5: JMP 0AH; 7: 3 bytes; a: UD2; c: HLT. There is no IDT: its limit is 0.
    const text = dead("bb 05 00 00 00 eb 03 90 90 90 0f 0b f4", configuration).postMortem();
    assertStringIncludes(text, "RBX 0000000000000005");
    assertStringIncludes(
      text,
      `code at RIP:\n  00000000${hex(CODE + 10).padStart(8, "0")}  0f 0b                    ud2\n`,
    );
    const at = `at 0x${hex(CODE + 10)}`;
    assertStringIncludes(
      text,
      `last events, each with RIP before it:\n  #UD ${at}\n  #GP ${at}, error code 0x33\n  #DF ${at}, error code 0x0\n`,
    );
    assertStringIncludes(text, `0x${hex(CODE)} 0x${hex(CODE + 10)}`);
  });
}

Deno.test("postMortem() says when nothing is mapped at RIP", () => {
  // MOV EAX, 0C0000000H; JMP EAX
  assertStringIncludes(
    dead("b8 00 00 00 c0 ff e0").postMortem(),
    "code at RIP:\n  nothing is mapped there\n",
  );
});

Deno.test("CodeHistory.last() gives the last places, the latest at the end, each once in a row", () => {
  const history = new CodeHistory();
  assertEquals(history.last(4), []);
  for (const lo of [1, 2, 2, 3, -1]) history.note(lo, lo === -1 ? -1 : 7);
  assertEquals(history.last(4), [0x7_0000_0001n, 0x7_0000_0002n, 0x7_0000_0003n, 0xffff_ffff_ffff_ffffn]);
  assertEquals(history.last(2), [0x7_0000_0003n, 0xffff_ffff_ffff_ffffn]);
  for (let lo = 0; lo < 1000; lo++) history.note(lo, 1);
  assertEquals(history.last(1000).length, 64);
  assertEquals(history.last(1), [0x1_0000_03e7n]);
});

Deno.test("postMortem() names addresses by an ELF file's symbols", () => {
  const machine = dead("bb 05 00 00 00 eb 03 90 90 90 0f 0b f4");
  const symbols = elfWithSymbols(32, { start: CODE, size: 0x100 }, [
    { name: "start", value: CODE, size: 10, type: 2 },
    { name: "die", value: CODE + 10, size: 3, type: 2 },
  ]);
  const text = machine.postMortem(symbols), die = `0x${hex(CODE + 10)} <die>`;
  assertStringIncludes(text, `code at RIP, ${die}:\n`);
  assertStringIncludes(text, `  #UD at ${die}\n`);
  assertStringIncludes(text, `\n  0x${hex(CODE)} <start>\n  ${die}`);
});
