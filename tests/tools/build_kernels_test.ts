import { assert } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildInitrd, INITRD } from "../../_tools/build_initrd.ts";
import {
  buildKernel,
  KERNEL_COMPILER,
  KERNEL_COMPILER_VERSION,
  kernelCompilerVersion,
  KERNELS,
} from "../../_tools/build_kernels.ts";

const version = kernelCompilerVersion();
const missing = version === KERNEL_COMPILER_VERSION
  ? ""
  : ` [needs ${KERNEL_COMPILER} ${KERNEL_COMPILER_VERSION}; here: ${version ?? "none"}]`;

Deno.test({
  name: `buildKernel() gives the committed images byte by byte${missing}`,
  ignore: missing !== "",
  fn() {
    const folder = mkdtempSync(join(tmpdir(), "kernels-"));
    try {
      for (const kernel of KERNELS) {
        const output = join(folder, kernel.name);
        buildKernel(kernel, output);
        assert(readFileSync(output).equals(readFileSync(kernel.image)), `${kernel.name} has other bytes`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `buildInitrd() gives the committed archive byte by byte${missing}`,
  ignore: missing !== "",
  fn() {
    assert(readFileSync(INITRD).equals(buildInitrd()), "initrd.tar has other bytes");
  },
});
