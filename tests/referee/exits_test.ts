/** Bochs and Causeway run a hypervisor that prints all it is told of exits, event injection and failed entries. */
import { assert, assertEquals } from "@std/assert";
import { bootMachine } from "../../src/machine/machine.ts";
import { KEEPING_BLOCKS } from "../jit/_bare.ts";
import { BOCHS_MISSING, HAS_BOCHS, runOnBochs } from "./bochs.ts";
import { assertSameTranscript, type Deviation, withoutPagingRights } from "./transcripts.ts";

const kernel = Deno.readFileSync(new URL("kernels/exits.elf", import.meta.url));
const LIMIT = 10_000_000;

const failed = (name: string): string => `${name} reason=80000021 qualification=0`;
const DEVIATIONS: readonly Deviation[] = [
  {
    ours: "rdrand ax reason=39 qualification=0 rip=0 length=4 information=0 rflags=2",
    theirs: "rdrand ax reason=39 qualification=0 rip=0 length=4 information=800 rflags=2",
    because: "operand size 0 is 16-bit: SDM vol. 3C, table 28-13",
  },
  {
    ours: failed("guest RIP"),
    theirs: "guest RIP reason=0 qualification=0",
    because: "RIP must be canonical in 64-bit mode: SDM vol. 3C, 27.3.1.4",
  },
  {
    ours: failed("guest SS DPL"),
    theirs: "guest SS DPL reason=a qualification=0",
    because: "non-conforming CS must have the DPL of SS: SDM vol. 3C, 27.3.1.2",
  },
  {
    ours: failed("guest SS type"),
    theirs: "guest SS type reason=a qualification=0",
    because: "a usable SS must be accessed and writable: SDM vol. 3C, 27.3.1.2",
  },
  {
    ours: failed("guest DEBUGCTL"),
    theirs: "guest DEBUGCTL reason=a qualification=0",
    because: "reserved bits of IA32_DEBUGCTL must be 0: SDM vol. 3C, 27.3.1.1",
  },
];

const RF = 0x1_0000;
/** Bochs saves RF as 0 in all exits but those in the delivery of faults; the manual differs (SDM vol. 3C, 28.3.3). */
const withoutResumeFlag = (transcript: string): string =>
  transcript.replaceAll(
    /rflags=([0-9a-f]+)/g,
    (_, value) => `rflags=${(parseInt(value, 16) & ~RF).toString(16)}`,
  );

let theirs: Promise<string> | undefined;

for (const [label, configuration] of Object.entries(KEEPING_BLOCKS)) {
  const transcript = (): string => {
    const machine = bootMachine({ kernel, vmx: true, ...configuration });
    assertEquals(machine.run({ instructions: LIMIT }), { kind: "exit", code: 1 });
    return machine.console.text;
  };

  Deno.test({
    name:
      `Bochs tells of exits, injected events and failed entries what Causeway tells (${label})${BOCHS_MISSING}`,
    ignore: !HAS_BOCHS,
    async fn() {
      theirs ??= runOnBochs({ kernel }).then(({ text }) => text);
      const ours = withoutPagingRights(transcript());
      assertSameTranscript(withoutResumeFlag(ours), withoutResumeFlag(await theirs), DEVIATIONS);
    },
  });
}

Deno.test("VM exits save the resume flag as the event would have pushed it, and set after EPT violations", () => {
  const machine = bootMachine({ kernel, vmx: true });
  machine.run({ instructions: LIMIT });
  const lines = machine.console.text.split("\n");
  const saved = (name: string): boolean => {
    const line = lines.find((one) => one.startsWith(`${name} reason`))!;
    return (parseInt(line.split("rflags=")[1]!, 16) & RF) !== 0;
  };
  const set = [
    "ud2",
    "general protection",
    "page fault, read",
    "EPT, read",
    "EPT, misconfigured",
    "delivery of a page fault",
  ]; // deno-fmt-ignore
  const clear = ["cpuid", "hlt", "mov to cr3", "int3", "icebp", "single step", "delivery of int"];
  for (const name of set) assert(saved(name), name);
  for (const name of clear) assert(!saved(name), name);
});
