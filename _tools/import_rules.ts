/** The rules of `check_imports.ts`: which folder of `src/` may import which, and who may use Node's modules. */

/** For each folder of `src/`, the folders it may import besides itself; a file name allows only that file. */
export const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  ir: [],
  snapshot: [],
  cpu: ["ir", "snapshot"],
  memory: ["cpu"],
  frontend: ["ir", "cpu"],
  jit: ["ir", "cpu", "memory"],
  vmx: ["cpu", "memory", "snapshot"],
  crossover: ["cpu", "memory", "vmx", "snapshot"],
  machine: ["ir", "cpu", "memory", "frontend", "jit", "vmx", "crossover", "snapshot"],
  linux: ["cpu", "memory", "machine"],
  guests: ["machine"],
  cli: ["snapshot", "machine", "linux", "guests", "frontend/disassemble.ts"],
  web: ["machine", "linux", "guests", "frontend/disassemble.ts"],
};

/** Files and folders (ending in `/`) that talk to the host, and so may import `node:` modules. */
export const HOST_FACING: readonly string[] = ["src/cli/", "src/linux/fs/host.ts"];

/** Folders that only programs of ours use: product code outside them must not import from npm or JSR at all. */
export const TOOLS: readonly string[] = ["_tools/", "bench/", "tests/"];
