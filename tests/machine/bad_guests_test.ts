/** Kernels that do what none should: each ends clearly or runs on, in every engine alike, and none harms the host. */
import { assert, assertEquals } from "@std/assert";
import { bootMachine, type MachineStop } from "../../src/machine/machine.ts";
import { ENGINE_NAMES, type EngineName } from "../../src/machine/engines.ts";
import { bytesOf } from "../cpu/system/_machine.ts";
import { le32 } from "../jit/_bare.ts";
import { CODE, kernelOf } from "./debug/_client.ts";
import { forced } from "../_support/forced.ts";

const MEMORY = 1 << 24;
const BUDGET = 3_000_000;
/** JMP $, behind everything. */
const SPIN = [0xeb, 0xfe];

/** What a run came to: where, after how many instructions, and why. */
interface Outcome {
  readonly stop: MachineStop;
  readonly instructions: number;
  readonly registers: string;
}

function run(code: readonly number[], engine: EngineName, processors = 1): Outcome {
  const machine = bootMachine({
    kernel: kernelOf([...code, ...SPIN]),
    memory: MEMORY,
    ...forced(engine),
    processors,
  });
  const stop = machine.run({ instructions: BUDGET });
  return { stop, instructions: machine.instructions, registers: machine.dumpRegisters() };
}

/** Declares a test that runs code in every engine, compares how it went, and looks at that. */
function everyEngine(
  name: string,
  code: readonly number[],
  check: (outcome: Outcome) => void,
  processors = 1,
): void {
  Deno.test(`bootMachine() with a kernel that ${name}`, () => {
    const outcomes = ENGINE_NAMES.map((engine) => run(code, engine, processors));
    for (const outcome of outcomes) assertEquals(outcome, outcomes[0]);
    check(outcomes[0]!);
  });
}

const isTripleFault = ({ stop }: Outcome): void => assertEquals(stop, { kind: "triple fault" });
const runsOn = ({ stop, instructions }: Outcome): void => {
  assertEquals([stop, instructions], [{ kind: "budget" }, BUDGET]);
};
/** It ended in some way that a machine can end, or ran on. */
const ends = ({ stop }: Outcome): void => {
  assert(["budget", "exit", "halt", "triple fault", "power off", "reset"].includes(stop.kind), stop.kind);
};
const EXIT = bytesOf("31 c0 e7 f4");

everyEngine("has no interrupt table and divides by 0", bytesOf("31 c9 f7 f1"), isTripleFault);
everyEngine("jumps to where no memory is", [0xb8, ...le32(0xd000_0000), 0xff, 0xe0], isTripleFault);
everyEngine("jumps to the local APIC", [0xb8, ...le32(0xfee0_0000), 0xff, 0xe0], isTripleFault);
everyEngine("has its stack where no memory is", [0xbc, ...le32(0xd000_0000), 0x50], ends);
everyEngine("spins with interrupts off", bytesOf("fa eb fe"), runsOn);
everyEngine("spins with interrupts off, on three processors", bytesOf("fa eb fe"), runsOn, 3);
everyEngine("halts with interrupts off", bytesOf("fa f4"), ({ stop }) => {
  assertEquals(stop, { kind: "halt", awaitsInput: false });
});
everyEngine("raises an exception in its exception handler for ever", [
  // An IDT whose #UD gate leads to UD2, at 200000H: LIDT [end]; UD2
  ...[0xc7, 0x05, ...le32(0x20_0030), ...le32(((CODE + 0x1b) & 0xffff) | 0x8_0000)],
  ...[0xc7, 0x05, ...le32(0x20_0034), ...le32(((CODE + 0x1b) & 0xffff_0000) | 0x8e00)],
  ...[0x0f, 0x01, 0x1d, ...le32(CODE + 0x1d), 0x0f, 0x0b, 0x37, 0, ...le32(0x20_0000)],
], ends);
everyEngine("writes to the areas of the BIOS and to the top of 4 GB, where ROM may be", [
  // MOV EDI, C0000H; MOV ECX, 10000H; REP STOSD; MOV EDI, FFFF0000H; MOV ECX, 3FFFH; REP STOSD
  ...[0xbf, ...le32(0xc_0000), 0xb9, ...le32(0x1_0000), 0xf3, 0xab],
  ...[0xbf, ...le32(0xffff_0000), 0xb9, ...le32(0x3fff), 0xf3, 0xab, ...EXIT],
], ({ stop }) => assertEquals(stop, { kind: "exit", code: 1 }));
everyEngine("reads and writes where no memory is", [
  // MOV EDI, 40000000H; MOV [EDI], EDI; MOV EAX, [EDI]; ADD EDI, 1000000H; JNC; exit
  ...[
    0xbf,
    ...le32(0x4000_0000),
    0x89,
    0x3f,
    0x8b,
    0x07,
    0x81,
    0xc7,
    ...le32(0x100_0000),
    0x73,
    0xf4,
    ...EXIT,
  ],
], ends);

/** MOV EAX, cr3; MOV CR3, EAX; MOV EAX, CR0; OR EAX, 80000000H; MOV CR0, EAX; NOP */
const enablePaging = (cr3: number): number[] => [
  ...[
    0xb8,
    ...le32(cr3),
    0x0f,
    0x22,
    0xd8,
    0x0f,
    0x20,
    0xc0,
    0x0d,
    ...le32(0x8000_0000),
    0x0f,
    0x22,
    0xc0,
    0x90,
  ],
];
/** MOV DWORD [address], value */
const store = (address: number, value: number): number[] => [0xc7, 0x05, ...le32(address), ...le32(value)];

for (
  const [where, address] of [
    ["outside RAM", 0x4000_0000],
    ["at the top of 4 GB", 0xffff_f000],
    ["at the local APIC", 0xfee0_0000],
    ["at the I/O APIC", 0xfec0_0000],
  ] as const
) {
  everyEngine(`has its page directory ${where}`, enablePaging(address), isTripleFault);
  everyEngine(`has a page table ${where}`, [
    ...store(0x20_0000, address | 7),
    ...enablePaging(0x20_0000),
  ], isTripleFault);
  // The first 4 MB as a large page with the code, the next 4 MB through a table there.
  everyEngine(`uses a page table ${where} for data`, [
    ...[0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x10, 0x0f, 0x22, 0xe0],
    ...[...store(0x20_0000, 0x87), ...store(0x20_0004, address | 7), ...enablePaging(0x20_0000)],
    ...[0xa1, ...le32(0x40_0000)],
  ], isTripleFault);
  everyEngine(`maps data ${where}`, [
    ...[0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x10, 0x0f, 0x22, 0xe0],
    ...[
      ...store(0x20_0000, 0x87),
      ...store(0x20_0004, (address & 0xffc0_0000) | 0x87),
      ...enablePaging(0x20_0000),
    ],
    ...[
      0xa1,
      ...le32(0x40_0000 + (address & 0x3f_ffff)),
      0xa3,
      ...le32(0x40_0000 + (address & 0x3f_ffff)),
      ...EXIT,
    ],
  ], ends);
}

everyEngine("has a page directory that maps itself as code and data, and changes it", [
  // Directory at 200000H whose entry 0 is a large page, and entry 1 a table: itself.
  ...[0x0f, 0x20, 0xe0, 0x83, 0xc8, 0x10, 0x0f, 0x22, 0xe0],
  ...[...store(0x20_0000, 0x87), ...store(0x20_0004, 0x20_0007), ...enablePaging(0x20_0000)],
  // INC DWORD [401000H + 4]: through entry 1 of itself; again and again
  ...[0xff, 0x05, ...le32(0x40_1004), 0xeb, 0xf8],
], ends);

/** Writes and reads all ports but that of the exit with pseudo-random values, 8, 16 and 32 bits wide; then exits. */
const portStorm = (factor: number): number[] => [
  ...[0xfa, 0xbc, ...le32(0x9_0000), 0x31, 0xd2], // CLI; MOV ESP; XOR EDX, EDX
  // loop: MOV EAX, EDX; IMUL EAX, EAX, factor; ROL EAX, 7; CMP DX, 0F1H; JB on; CMP DX, 0F8H; JB next
  ...[0x89, 0xd0, 0x69, 0xc0, ...le32(factor), 0xc1, 0xc0, 0x07],
  ...[0x66, 0x81, 0xfa, 0xf1, 0x00, 0x72, 0x07, 0x66, 0x81, 0xfa, 0xf8, 0x00, 0x72, 0x08],
  // on: OUT DX, AL; OUT DX, AX; OUT DX, EAX; IN AL, DX; IN AX, DX; IN EAX, DX — and next: INC EDX; CMP EDX, 10000H; JB loop
  ...[
    0xee,
    0x66,
    0xef,
    0xef,
    0xec,
    0x66,
    0xed,
    0xed,
    0x42,
    0x81,
    0xfa,
    ...le32(0x1_0000),
    0x72,
    0xd6,
    ...EXIT,
  ],
];

/** Writes and reads each word of 5 KB from an address with pseudo-random values, then exits. */
const mmioStorm = (address: number, factor: number): number[] => [
  // CLI; MOV EDI, address; MOV ECX, 500H; loop: IMUL EAX, ECX, factor; MOV [EDI], EAX; MOV EAX, [EDI]; MOV [EDI], AL; MOV AX, [EDI]
  ...[0xfa, 0xbf, ...le32(address), 0xb9, ...le32(0x500), 0x69, 0xc1, ...le32(factor)],
  ...[0x89, 0x07, 0x8b, 0x07, 0x88, 0x07, 0x66, 0x8b, 0x07, 0x83, 0xc7, 0x04, 0x49, 0x75, 0xeb, ...EXIT],
];

for (const factor of [0x9e37_79b1, 0x0101_0101, 0xffff_ffff]) {
  const seed = `0x${factor.toString(16)}`;
  everyEngine(`storms all ports (${seed})`, portStorm(factor | 0), ends);
  everyEngine(`storms all ports, with three processors (${seed})`, portStorm(factor | 0), ends, 3);
  for (
    const [name, address] of [["local APIC", 0xfee0_0000], ["I/O APIC", 0xfec0_0000], ["HPET", 0xfed0_0000], [
      "hole above RAM",
      MEMORY,
    ]] as const
  ) {
    everyEngine(`storms the ${name} (${seed})`, mmioStorm(address, factor | 0), ends, 2);
  }
}

Deno.test("portStorm() and mmioStorm() reach their end where the devices let them", () => {
  assertEquals(run(mmioStorm(MEMORY, 3), "auto").stop, { kind: "exit", code: 1 });
  const { instructions } = run(portStorm(0x0101_0101), "interpreter");
  assert(instructions > 1000, `${instructions}`);
});
