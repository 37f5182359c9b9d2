/**
 * Builds the multiboot kernels from their sources: `deno run -A _tools/build_kernels.ts`.
 *
 * The images are committed, so nobody needs the compiler to run them; the same compiler gives the same bytes, which a
 * test checks. 64-bit kernels become 32-bit ELF files: that is what other boot loaders take.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { scriptLine } from "./script.ts";
import { TEST_KERNEL_HEADERS, TEST_KERNELS } from "./test_kernels.ts";

/** The compiler and linker: Debian packages `gcc` and `binutils`. */
export const KERNEL_COMPILER = "gcc";
/** Version of GCC that built the committed images. */
export const KERNEL_COMPILER_VERSION = "12.2.0";

/** A kernel. */
export interface Kernel {
  readonly name: string;
  readonly bits: 32 | 64;
  readonly sources: readonly URL[];
  readonly image: URL;
  /** Options of its own. */
  readonly options?: readonly string[];
}

const file = (path: string): URL => new URL(`../${path}`, import.meta.url);

const WORLDS = "src/guests/worlds";
const inWorlds = (...paths: readonly string[]): readonly URL[] =>
  paths.map((path) => file(`${WORLDS}/${path}`));

/** All kernels. */
export const KERNELS: readonly Kernel[] = [
  {
    name: "echo",
    bits: 32,
    sources: [file("src/guests/echo/echo.c")],
    image: file("src/guests/echo/echo.elf"),
  },
  {
    name: "lab",
    bits: 32,
    sources: [file("src/guests/lab/lab.c")],
    image: file("src/guests/lab/lab.elf"),
  },
  {
    name: "selftest",
    bits: 64,
    sources: [file("tests/machine/kernels/entry.S"), file("tests/machine/kernels/selftest.c")],
    image: file("tests/machine/kernels/selftest.elf"),
  },
  {
    name: "vmx",
    bits: 64,
    sources: [
      file("tests/machine/kernels/entry.S"),
      file("tests/vmx/kernels/guest.S"),
      file("tests/vmx/kernels/hypervisor.c"),
    ],
    image: file("tests/vmx/kernels/vmx.elf"),
  },
  ...TEST_KERNELS,
  {
    name: "the worlds' kernel",
    bits: 64,
    // deno-fmt-ignore
    sources: inWorlds(
      "kernel/boot.S", "kernel/traps.S", "kernel/view.S", "kernel/main.c", "kernel/tables.c", "kernel/trap.c",
      "kernel/console.c", "kernel/memory.c", "kernel/paging.c", "kernel/elf.c", "kernel/process.c", "kernel/scheduler.c",
      "kernel/timer.c", "kernel/syscalls.c", "kernel/own_syscalls.c", "kernel/hypervisor.c", "kernel/remote.c",
      "kernel/views.c", "kernel/worlds.c",
      "fs/node.c", "fs/file.c", "fs/ram.c", "fs/pipe.c", "fs/tar.c", "fs/proc.c", "lib/string.c", "lib/format.c",
      "world/world.S", "world/world.c",
    ),
    image: file(`${WORLDS}/kernel.elf`),
    options: ["-O2", "-DWORLD_KERNEL"],
  },
  {
    name: "the worlds' hypervisor",
    bits: 64,
    // deno-fmt-ignore
    sources: inWorlds(
      "hypervisor/entry.S", "hypervisor/main.c", "hypervisor/console.c", "hypervisor/memory.c", "hypervisor/ept.c", "hypervisor/views.c",
      "hypervisor/vm.c", "hypervisor/exits.c", "hypervisor/hypercalls.c", "hypervisor/timer.c", "hypervisor/worlds.c",
      "hypervisor/host_process.c",
    ),
    image: file(`${WORLDS}/hypervisor.elf`),
    options: ["-O2"],
  },
];

// deno-fmt-ignore
const FREESTANDING = [
  "-std=gnu11", "-ffreestanding", "-no-pie", "-mno-red-zone", "-mgeneral-regs-only",
  "-fno-stack-protector", "-fno-ident", "-fno-asynchronous-unwind-tables", "-fcf-protection=none",
  "-Wall", "-Wextra", "-Werror", "-nostdlib", "-static", "-s", "-Wl,--build-id=none",
  "-Wl,-z,max-page-size=4096", "-Wl,-z,noexecstack",
];
const KERNEL_FLAGS = ["-O1", "-fno-pie", "-Wl,-T", fileURLToPath(file("src/guests/kernel.ld"))];

/** Version of the compiler here, or undefined where there is none. */
export function kernelCompilerVersion(): string | undefined {
  const result = spawnSync(KERNEL_COMPILER, ["-dumpfullversion"], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/** Builds a kernel into the file `output`. */
export function buildKernel(kernel: Kernel, output: string): void {
  run(kernel.name, KERNEL_COMPILER, [
    `-m${kernel.bits}`,
    `-I${fileURLToPath(TEST_KERNEL_HEADERS)}`,
    ...FREESTANDING,
    ...KERNEL_FLAGS,
    ...kernel.options ?? [],
    "-o",
    output,
    ...kernel.sources.map((source) => fileURLToPath(source)),
  ]);
  if (kernel.bits === 64) run(kernel.name, "objcopy", ["-O", "elf32-i386", output]);
}

/**
 * Builds a program for the worlds' kernel, which runs in user mode at addresses above 512 GB: code that is independent of
 * its position, linked where it lies.
 */
export function buildUserProgram(name: string, sources: readonly URL[], output: string): void {
  run(name, KERNEL_COMPILER, [
    "-m64",
    ...FREESTANDING,
    "-O2",
    "-fpie",
    "-ffunction-sections",
    "-Wl,--gc-sections",
    "-Wl,-T",
    fileURLToPath(file(`${WORLDS}/user/user.ld`)),
    "-o",
    output,
    ...sources.map((source) => fileURLToPath(source)),
  ]);
}

function run(name: string, program: string, args: readonly string[]): void {
  const result = spawnSync(program, args, { encoding: "utf8" });
  if (result.error !== undefined) throw new Error(`Cannot build ${name}: ${result.error.message}`);
  if (result.status !== 0) throw new Error(`Cannot build ${name}:\n${result.stderr}`);
}

if (import.meta.main) {
  scriptLine({
    call: "deno run -A _tools/build_kernels.ts",
    description: "Builds the multiboot kernels from their sources.",
  });
  for (const kernel of KERNELS) {
    buildKernel(kernel, fileURLToPath(kernel.image));
    console.log(`Built ${kernel.name}.`);
  }
}
