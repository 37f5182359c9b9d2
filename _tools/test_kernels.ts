/** The kernels of benches and of the comparison with other emulators. They share a library of ours. */
import type { Kernel } from "./build_kernels.ts";

const file = (path: string): URL => new URL(`../${path}`, import.meta.url);

/** Where the library's headers are. */
export const TEST_KERNEL_HEADERS: URL = file("tests/_support/kernels/");

const LIBRARY = ["kernel.c", "vmx.c", "vmx_enter.S"].map((name) => new URL(name, TEST_KERNEL_HEADERS));

/** A kernel made of the library and of sources in a folder; the first of these gives it its name. */
function kernel(folder: string, name: string, sources: readonly string[]): Kernel {
  return {
    name,
    bits: 64,
    sources: [
      file("tests/machine/kernels/entry.S"),
      ...LIBRARY,
      ...sources.map((source) => file(`${folder}/${source}`)),
    ],
    image: file(`${folder}/${name}.elf`),
  };
}

/** All of them. */
export const TEST_KERNELS: readonly Kernel[] = [
  {
    name: "protocol",
    bits: 64,
    sources: [file("tests/machine/kernels/entry.S"), file("tests/cli/worlds/kernels/protocol.c")],
    image: file("tests/cli/worlds/kernels/protocol.elf"),
  },
  kernel("tests/machine/kernels", "smp", ["smp.c", "smp.S"]),
  kernel("bench/worlds", "vmfunc", ["vmfunc.c", "vmfunc.S"]),
  kernel("bench/worlds", "calls", ["calls.c", "calls.S"]),
  kernel("bench/worlds", "exits", ["exits.c", "exits.S"]),
  {
    ...kernel("bench/bare_metal", "wrapper", ["main.c", "syscalls.c", "entry.S"]),
    // Below where programs are linked to.
    options: ["-O2", "-Wl,-Ttext=0x100000"],
  },
  kernel("tests/referee/kernels", "exits", ["exits.c", "exits.S"]),
  kernel("tests/referee/kernels", "apic", ["apic.c", "apic.S"]),
  kernel("tests/referee/kernels", "ide", ["ide.c"]),
  {
    name: "protection",
    bits: 32,
    sources: ["protection_entry.S", "protection_cases.S", "protection.c"].map((name) =>
      file(`tests/referee/kernels/${name}`)
    ),
    image: file("tests/referee/kernels/protection.elf"),
  },
  {
    name: "real_mode",
    bits: 32,
    // It includes its cases, which lie in the same copy.
    sources: [file("tests/referee/kernels/real_mode.S")],
    image: file("tests/referee/kernels/real_mode.elf"),
  },
  kernel("tests/machine/kernels", "across_worlds", ["across_worlds.c"]),
];
