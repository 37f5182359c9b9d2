/**
 * The interpreter's two loops in what is no value of operations alone (tests/jit/opcodes_test.ts): accesses, faults, ends,
 * the budget, and where control is afterwards.
 */
import { assertEquals } from "@std/assert";
import { Event, Vector } from "../../../src/cpu/fault.ts";
import { helperId } from "../../../src/cpu/helpers.ts";
import { XMM } from "../../../src/cpu/state.ts";
import { PROGRAM_PAGE_WORDS } from "../../../src/jit/interpreter/program_space.ts";
import { OPERATION_WORDS } from "../../../src/jit/interpreter/words.ts";
import { TINY_TLB } from "../_bare.ts";
import { ABSENT, BUDGET_AT_START, CODE, CODE_BYTES, DATA, Loops, READ_ONLY, VALUE } from "./_loops.ts";

const XMM1 = `0x${(XMM + 16).toString(16)}`, XMM0 = `0x${XMM.toString(16)}`;
/** At address %0, FLAGS apart; %1 is what is stored. */
const ACCESSES: readonly string[] = [
  "%2 = load8 %0 FLAGS\nset32 0x10, %2",
  "%2 = load16 %0 FLAGS\nset32 0x10, %2",
  "%2 = load32 %0 FLAGS\nset32 0x10, %2",
  "%2 = load64 %0 FLAGS\nset64 0x10, %2",
  `%2 = loadv %0 FLAGS\nsetv ${XMM1}, %2`,
  "%2 = lo %1\nstore8 %0, %2 FLAGS",
  "%2 = lo %1\nstore16 %0, %2 FLAGS",
  "%2 = lo %1\nstore32 %0, %2 FLAGS",
  "store64 %0, %1 FLAGS",
  `%2 = getv ${XMM0}\nstorev %0, %2 FLAGS`,
];
const FLAGS = ["", ", stack", ", write", ", aligned", ", checked", ", write, checked"];
/** About the ends of pages. */
const OFFSETS = [0, 1, 2, 4, 8, 0xff0, 0xff1, 0xff8, 0xff9, 0xffc, 0xffd, 0xffe, 0xfff];
const PAGES = [DATA, DATA + 0x1000, READ_ONLY, ABSENT, CODE - 0x1000, CODE];
const FAR = [0x8000_0000_0000_0000n, 0x1_0010_0000n, 0xffff_ffff_ffff_fffdn, 0xffff_8000_0000_0000n];
const ADDRESSES = [...PAGES.flatMap((page) => OFFSETS.map((offset) => BigInt(page + offset))), ...FAR];

/** A block of two instructions, the second of which accesses memory. */
const accessing = (access: string, flags: string): string =>
  `block pc=0x1000 mode=0x2\n; +0\n%0 = get64 0x0\n; +3\n%1 = get64 0x8\n${
    access.replace(" FLAGS", flags)
  }\n; +7\njump 0x1007`;

const CONFIGURATIONS = { "soft TLB of the usual size": {}, ...TINY_TLB };
for (const [label, { tiers = {} }] of Object.entries<{ tiers?: object }>(CONFIGURATIONS)) {
  if (label.startsWith("js") || label.startsWith("wasm")) continue;
  Deno.test(`accesses are the same in both loops of the interpreter (${label})`, () => {
    const loops = new Loops({ engine: "interpreter", tiers });
    for (const access of ACCESSES) {
      for (const flags of FLAGS) {
        loops.run(accessing(access, flags), ...ADDRESSES);
      }
    }
  });
}

Deno.test("an access that faults leaves at its instruction, and gives the budget of the rest back", () => {
  const loops = new Loops({ engine: "interpreter" }), text = accessing(ACCESSES[3]!, "");
  const { stopped, rip, event, vector, budget } = loops.run(text, BigInt(ABSENT));
  assertEquals([stopped, rip, event, vector], [true, 0x1003n, Event.FAULT, Vector.PF]);
  assertEquals(budget, BUDGET_AT_START - 1);
  const code = loops.run(accessing(ACCESSES[8]!, ""), BigInt(CODE + CODE_BYTES - 1));
  assertEquals([code.rip, code.event], [0x1003n, Event.CODE_WRITE]);
});

/** Ends behind `%0 = get64 RAX` and `%1 = lo %0`, and what they leave with a number in RAX. */
const ENDS: readonly {
  readonly end: string;
  readonly rax: bigint;
  readonly rip: bigint;
  readonly stops: boolean;
  readonly budget: number;
}[] = [
  { end: "jump 0xffff800000001234", rax: 0n, rip: 0xffff_8000_0000_1234n, stops: false, budget: 998 },
  { end: "branch %1, 0x1ffffffff, 0x2fffffff0", rax: 0n, rip: 0x2_ffff_fff0n, stops: false, budget: 998 },
  {
    end: "branch %1, 0x1ffffffff, 0x2fffffff0",
    rax: 0x8000_0000n,
    rip: 0x1_ffff_ffffn,
    stops: false,
    budget: 998,
  },
  { end: "branch %1, 0x10, 0x20", rax: 1n << 32n, rip: 0x20n, stops: false, budget: 998 },
  {
    end: "indirect %0, jump",
    rax: 0xffff_ffff_8000_0000n,
    rip: 0xffff_ffff_8000_0000n,
    stops: false,
    budget: 998,
  },
  { end: "redispatch %0", rax: VALUE, rip: VALUE, stops: true, budget: 998 },
  { end: "event 1, vector 6, error -1, rip 0x1002", rax: 0n, rip: 0x1002n, stops: true, budget: 999 },
  { end: "event 3, vector 0, error 0, rip 0x1007, retired", rax: 0n, rip: 0x1007n, stops: true, budget: 998 },
];

for (const { end, rax, rip, stops, budget } of ENDS) {
  Deno.test(`both loops of the interpreter end at ${end} with RAX 0x${rax.toString(16)}`, () => {
    const loops = new Loops({ engine: "interpreter" });
    const text = `block pc=0x1000 mode=0x2\n; +0\n%0 = get64 0x0\n; +2\n%1 = lo %0\n; +7\n${end}`;
    const outcome = loops.run(text, rax);
    assertEquals([outcome.rip, outcome.stopped, outcome.budget], [rip, stops, budget]);
  });
}

Deno.test("faults that operations raise stop both loops of the interpreter there", () => {
  const loops = new Loops({ engine: "interpreter" });
  const text =
    "block pc=0xfffffffe mode=0x2\n; +0\n%0 = get32 0x0\nset32 0x10, %0\n; +2\nfaultIf %0, vector 6\n; +4\nset32 0x14, %0\n; +6\njump 0x0";
  const outcome = loops.run(text, 5n);
  assertEquals([outcome.rip, outcome.event, outcome.vector, outcome.error], [
    0x1_0000_0000n,
    Event.FAULT,
    6,
    -1,
  ]);
  assertEquals([outcome.budget, outcome.state[0x10], outcome.state[0x14]], [BUDGET_AT_START - 1, 5, 0]);
  assertEquals(loops.run(text, 0n).event, Event.NONE);
});

Deno.test("helpers that raise an event stop both loops of the interpreter there", () => {
  const loops = new Loops({ engine: "interpreter" }),
    helper = `0x${helperId("divide_signed_128").toString(16)}`;
  const text = `block pc=0x1000 mode=0x2\n; +0\n%0 = get64 0x0\n%1 = get64 0x8\n%z = const64 0\n; +2
%2:i64 = call ${helper}, %1, %z, %0\n; +4\nset64 0x10, %2\n; +6\njump 0x0`;
  assertEquals([loops.run(text, 0n).rip, loops.run(text, 0n).vector], [0x1002n, Vector.DE]);
  assertEquals(loops.run(text, 3n).rip, 0n);
});

Deno.test("programs that are larger than a page are executed as well", () => {
  const loops = new Loops({ engine: "interpreter" });
  const differences = Array.from(
    { length: PROGRAM_PAGE_WORDS / OPERATION_WORDS },
    (_, n) => `%${n + 1} = sub64 %${n}, %x`,
  );
  const text = `; +0\n%0 = get64 0x0\n%x = get64 0x8\n${
    differences.join("\n")
  }\nset64 0x10, %${differences.length}\n; +3\njump 0x3`;
  const { rip, state } = loops.run(text, 7n), view = new DataView(state.buffer);
  assertEquals(rip, 3n);
  assertEquals(view.getBigUint64(0x10, true), BigInt.asUintN(64, 7n - BigInt(differences.length) * VALUE));
});
