/**
 * Bochs, QEMU and Causeway run many small cases of real-address mode, and say the same of what ended each: segments, limits
 * and those that protected mode leaves behind, transfers, interrupts, what is not recognized, operand and address sizes.
 */
import { assertEquals } from "@std/assert";
import { bootMachine } from "../../src/machine/machine.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";
import { BOCHS_MISSING, HAS_BOCHS, runOnBochs } from "./bochs.ts";
import { HAS_QEMU, QEMU_MISSING, runOnQemu } from "./qemu.ts";
import { assertSameTranscript, type Deviation } from "./transcripts.ts";

const kernel = Deno.readFileSync(new URL("kernels/real_mode.elf", import.meta.url));
const LIMIT = 2e7;
/** Leaves out the cases of limits and of values that QEMU's translator does not refuse. */
const WITHOUT_LIMITS = "nolimits";

/** What most lines end with. */
const SAME_PLACES = "esi=100 edi=140 ebp=180 ds=4000 es=4000 ss=3000 sp=1000";

/** Where QEMU 7.2 departs from the manual. */
const QEMU_DEVIATIONS: readonly Deviation[] = [
  {
    ours: `int 1: #1 cs=2000 ip=1 flags=2 eax=1234 ebx=50 ecx=2 edx=80 ${SAME_PLACES} sum=ba85f681`,
    theirs: `int 1: #6 cs=2000 ip=0 flags=2 eax=1234 ebx=50 ecx=2 edx=80 ${SAME_PLACES} sum=ba85f681`,
    because: "F1 is INT1, which raises #DB: SDM vol. 2A, INT n",
  },
  {
    ours: `cmpxchg8b: #6 cs=2000 ip=1f flags=46 eax=0 ebx=50 ecx=9 edx=0 ${SAME_PLACES} sum=1cd6e62f`,
    theirs: `cmpxchg8b: #6 cs=2000 ip=1f flags=42 eax=0 ebx=50 ecx=9 edx=0 ${SAME_PLACES} sum=1cd6e62f`,
    because: "PF is unaffected: SDM vol. 2A, CMPXCHG8B",
  },
];

let bochs: Promise<string> | undefined, qemu: string | undefined;

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  // Waiting for the serial port in a cache that holds nothing takes minutes.
  if (label.includes("three blocks")) continue;
  const transcript = (commandLine: string): string => {
    const machine = bootMachine({ kernel, commandLine, ...configuration });
    assertEquals(machine.run({ instructions: LIMIT }), { kind: "exit", code: 1 });
    return machine.console.text;
  };

  Deno.test({
    name: `Bochs ends each case of real_mode.elf as Causeway does (${label})${BOCHS_MISSING}`,
    ignore: !HAS_BOCHS,
    async fn() {
      bochs ??= runOnBochs({ kernel }).then(({ text }) => text);
      assertSameTranscript(transcript(""), await bochs);
    },
  });

  Deno.test({
    name: `QEMU ends each case of real_mode.elf without limits as Causeway does (${label})${QEMU_MISSING}`,
    ignore: !HAS_QEMU,
    fn() {
      qemu ??= runOnQemu({ kernel, commandLine: WITHOUT_LIMITS }).text;
      assertSameTranscript(transcript(WITHOUT_LIMITS), qemu, QEMU_DEVIATIONS);
    },
  });
}
