/** Compiles the programs that run virtual machines through /dev/kvm: `deno run -A _tools/debian/kvm_program.ts`. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { scriptLine } from "../script.ts";

const folder = (path: string): string =>
  fileURLToPath(new URL(`../../tests/guests/debian/${path}`, import.meta.url));

/** A program: its committed image, and what it is compiled from. */
export interface KvmProgram {
  readonly image: string;
  readonly sources: readonly string[];
}

/** The programs. */
export const KVM_PROGRAMS: readonly KvmProgram[] = [
  { image: folder("files/kvm"), sources: ["kvm/kvm.c", "kvm/guest.S"].map(folder) },
  { image: folder("files/kvm-interrupts"), sources: ["kvm/interrupts.c", "kvm/interrupts.S"].map(folder) },
];
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

/** Compiles and links one. */
export function buildKvmProgram({ sources }: KvmProgram, output: string): void {
  execFileSync("gcc", [...OPTIONS, "-o", output, ...sources], { stdio: ["ignore", "ignore", "inherit"] });
}

if (import.meta.main) {
  scriptLine({
    call: "deno run -A _tools/debian/kvm_program.ts",
    description: "Compiles the programs that run virtual machines through /dev/kvm.",
  });
  for (const program of KVM_PROGRAMS) buildKvmProgram(program, program.image);
}
