import { assert } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMPILER, COMPILER_VERSION, compilerVersion } from "../../_tools/build_guests.ts";
import { buildKvmProgram, KVM_PROGRAMS } from "../../_tools/debian/kvm_program.ts";

const version = compilerVersion();
const missing = version === COMPILER_VERSION
  ? ""
  : ` [needs ${COMPILER} ${COMPILER_VERSION}; here: ${version ?? "none"}]`;

Deno.test({
  name: `buildKvmProgram() gives the committed images byte by byte${missing}`,
  ignore: missing !== "",
  fn() {
    const folder = mkdtempSync(join(tmpdir(), "kvm-"));
    try {
      for (const program of KVM_PROGRAMS) {
        const output = join(folder, "program");
        buildKvmProgram(program, output);
        assert(readFileSync(output).equals(readFileSync(program.image)), program.image);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});
