/** Bochs and Causeway run the same hypervisor: the exits that it sees are the same. */
import { bootMachine } from "../../src/machine/machine.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";
import { BOCHS_MISSING, HAS_BOCHS, runOnBochs } from "./bochs.ts";
import { assertSameTranscript, type Deviation, withoutPagingRights } from "./transcripts.ts";

const kernel = Deno.readFileSync(new URL("../vmx/kernels/vmx.elf", import.meta.url));
const LIMIT = 10_000_000;

const DEVIATIONS: readonly Deviation[] = [
  {
    ours: "vmcall in root status=2 error=1",
    theirs: "vmcall in root status=2 error=13",
    because:
      "without dual-monitor treatment VMCALL in root fails with error 1: SDM vol. 3C, VMCALL's operation",
  },
];

/** Leaves out what the capability MSRs say, and instruction lengths where the manual defines none (vol. 3C, 28.2.5). */
function comparable(transcript: string): string {
  return withoutPagingRights(transcript)
    .replaceAll(/^4[89][0-9a-f] =[0-9a-f]+\n/gm, "")
    .replaceAll(/^(exit reason=(?:80000021|30|31|0) .*) length=[0-9a-f]+/gm, "$1");
}

let theirs: Promise<string> | undefined;

for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
  Deno.test({
    name: `Bochs prints what Causeway prints of vmx.elf (${label})${BOCHS_MISSING}`,
    ignore: !HAS_BOCHS,
    async fn() {
      theirs ??= runOnBochs({ kernel }).then(({ text }) => text);
      const machine = bootMachine({ kernel, vmx: true, ...configuration });
      machine.run({ instructions: LIMIT });
      assertSameTranscript(comparable(machine.console.text), comparable(await theirs), DEVIATIONS);
    },
  });
}
