/** QEMU's IDE disks and CD-ROMs answer what Causeway's do. */
import { assertEquals } from "@std/assert";
import { bootMachine } from "../../src/machine/machine.ts";
import { numbered } from "../machine/ide/_board.ts";
import { HAS_QEMU, QEMU_MISSING, runOnQemu } from "./qemu.ts";
import { assertSameTranscript, type Deviation } from "./transcripts.ts";

const kernel = Deno.readFileSync(new URL("kernels/ide.elf", import.meta.url));
const disk = numbered(2048), cdrom = numbered(50, 2048);

/** What is told of errors in the sense key, before and after a packet that failed. */
const DEVIATIONS = [0, 5].map((key): Deviation => {
  const line = (code: string): string =>
    "cd: request sense reason=1 status=48 irq=1 status=48 reason=2 bytes=12 " +
    `byte=${code} byte=0 byte=${key} byte=0 byte=0 byte=0 byte=0 byte=a irq=1 status=40 reason=3`;
  return {
    ours: line("70"),
    theirs: line("f0"),
    because: 'the information field, which tells nothing, is not valid: SPC-2, "REQUEST SENSE"',
  };
});

Deno.test({
  name: `QEMU tells of IDE drives what Causeway tells, apart from ${DEVIATIONS.length} lines${QEMU_MISSING}`,
  ignore: !HAS_QEMU,
  fn() {
    const ide = {
      primaryMaster: { image: disk, snapshot: true },
      secondaryMaster: { image: cdrom, cdrom: true },
    };
    const machine = bootMachine({ kernel, ide });
    assertEquals(machine.run({ instructions: 1e7 }), { kind: "exit", code: 1 });
    assertSameTranscript(machine.console.text, runOnQemu({ kernel, disk, cdrom }).text, DEVIATIONS);
  },
});
