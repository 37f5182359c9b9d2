/** Compiles the program that runs a virtual machine through /dev/kvm: `deno run -A _tools/debian/kvm_program.ts`. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { scriptLine } from "../script.ts";

const folder = (path: string): string =>
  fileURLToPath(new URL(`../../tests/guests/debian/${path}`, import.meta.url));

/** The committed image. */
export const KVM_PROGRAM: string = folder("files/kvm");
const SOURCES = ["kvm/kvm.c", "kvm/guest.S"];
const OPTIONS = [
  "-std=gnu11",
  "-O2",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-ffreestanding",
  "-fno-stack-protector",
  "-static",
]
  .concat(
    "-nostdlib",
    "-no-pie",
    "-fno-asynchronous-unwind-tables",
    "-Wl,--build-id=none",
    "-Wl,-z,noseparate-code",
  )
  .concat("-fno-tree-loop-distribute-patterns", "-s");

/** Compiles and links it. */
export function buildKvmProgram(output: string): void {
  execFileSync("gcc", [...OPTIONS, "-o", output, ...SOURCES.map(folder)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

if (import.meta.main) {
  scriptLine({
    call: "deno run -A _tools/debian/kvm_program.ts",
    description: "Compiles the program that runs a virtual machine through /dev/kvm.",
  });
  buildKvmProgram(KVM_PROGRAM);
}
