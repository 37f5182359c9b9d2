/** Kernels of many small cases, each of which Causeway, Bochs and QEMU shall say the same of. */
import { assertEquals } from "@std/assert";
import { bootMachine } from "../../src/machine/machine.ts";
import { CONFIGURATIONS } from "../jit/_bare.ts";
import { BOCHS_MISSING, HAS_BOCHS, runOnBochs } from "./bochs.ts";
import { HAS_QEMU, QEMU_MISSING, runOnQemu } from "./qemu.ts";
import { assertSameTranscript, type Deviation } from "./transcripts.ts";

/** A kernel of cases (kernels/NAME.elf). */
export interface CaseKernel {
  readonly name: string;
  /** Instructions in which it has ended. */
  readonly limit: number;
  /** Command line that leaves out what QEMU's translator does not check: segment limits, rights, refused values. */
  readonly withoutLimits: string;
  /** Where QEMU 7.2 departs from the manual, or takes another of the ways that it leaves. */
  readonly qemuDeviations: readonly Deviation[];
}

/** Declares the tests of a kernel, in every configuration. */
export function compareCases({ name, limit, withoutLimits, qemuDeviations }: CaseKernel): void {
  const kernel = Deno.readFileSync(new URL(`kernels/${name}.elf`, import.meta.url));
  let bochs: Promise<string> | undefined, qemu: string | undefined;

  for (const [label, configuration] of Object.entries(CONFIGURATIONS)) {
    // Waiting for the serial port in a cache that holds nothing takes minutes.
    if (label.includes("three blocks")) continue;
    const transcript = (commandLine: string): string => {
      const machine = bootMachine({ kernel, commandLine, ...configuration });
      assertEquals(machine.run({ instructions: limit }), { kind: "exit", code: 1 });
      return machine.console.text;
    };

    Deno.test({
      name: `Bochs ends each case of ${name}.elf as Causeway does (${label})${BOCHS_MISSING}`,
      ignore: !HAS_BOCHS,
      async fn() {
        bochs ??= runOnBochs({ kernel }).then(({ text }) => text);
        assertSameTranscript(transcript(""), await bochs);
      },
    });

    Deno.test({
      name: `QEMU ends each case of ${name}.elf without limits as Causeway does (${label})${QEMU_MISSING}`,
      ignore: !HAS_QEMU,
      fn() {
        qemu ??= runOnQemu({ kernel, commandLine: withoutLimits }).text;
        assertSameTranscript(transcript(withoutLimits), qemu, qemuDeviations);
      },
    });
  }
}
