/** Saves machines in the middle of their runs, resumes them, and compares how all of them end. */
import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import {
  bootMachine,
  type Machine,
  type MachineOptions,
  type MachineStop,
} from "../../../src/machine/machine.ts";
import { loadMachine, type LoadOptions } from "../../../src/machine/snapshot/load.ts";
import { xxh32 } from "../../../src/snapshot/xxh32.ts";
import { encodeState } from "../../../src/snapshot/encoding.ts";

const read = (path: string): Uint8Array => readFileSync(new URL(`../../../${path}`, import.meta.url));

/** What a machine boots, what is typed, and how long it runs at most. */
export interface Guest {
  readonly options: MachineOptions;
  readonly input?: string;
  readonly limit: number;
}

/** RAM that is enough for the small ones: there is less to compare. */
const SMALL = 1 << 23;

const worlds = (commandLine: string): Guest => ({
  options: {
    kernel: read("src/guests/worlds/hypervisor.elf"),
    modules: [{ bytes: read("src/guests/worlds/kernel.elf") }, {
      bytes: read("src/guests/worlds/initrd.tar"),
    }],
    commandLine,
    vmx: true,
    crossover: true,
    marks: true,
    testDevice: true,
    cycles: "haswell",
  },
  limit: 1e8,
});

/** The guests: ours, and the kernels of the tests. */
export const GUESTS = {
  selftest: {
    options: {
      kernel: read("tests/machine/kernels/selftest.elf"),
      modules: [{ bytes: new TextEncoder().encode("module text\n") }],
      commandLine: "selftest alpha beta",
      memory: SMALL,
    },
    limit: 5e6,
  },
  "triple fault": {
    options: {
      kernel: read("tests/machine/kernels/selftest.elf"),
      commandLine: "selftest triple",
      memory: SMALL,
    },
    limit: 5e6,
  },
  echo: {
    options: { kernel: read("src/guests/echo/echo.elf"), memory: SMALL },
    input: "hello\nthere\nexit\n",
    limit: 1e6,
  },
  lab: { options: { kernel: read("src/guests/lab/lab.elf"), vmx: true, memory: SMALL }, limit: 1e6 },
  "VMX test": {
    options: { kernel: read("tests/vmx/kernels/vmx.elf"), vmx: true, memory: SMALL },
    limit: 1e7,
  },
  "virtual APIC test": {
    options: { kernel: read("tests/referee/kernels/apic.elf"), vmx: true, memory: SMALL },
    limit: 1e7,
  },
  "processors test": {
    options: { kernel: read("tests/machine/kernels/smp.elf"), processors: 4, memory: SMALL },
    limit: 2e7,
  },
  "kernel's script": {
    options: {
      kernel: read("src/guests/worlds/kernel.elf"),
      modules: [{ bytes: read("src/guests/worlds/initrd.tar") }],
      commandLine: "kernel.elf name=alone init=/bin/sh /etc/rc",
      memory: 1 << 25,
      cycles: "skylake",
    },
    limit: 3e7,
  },
  "proxos original": worlds("system=proxos path=original iterations=1"),
  "proxos crossover": worlds("system=proxos path=crossover iterations=1"),
  "tahoma vmfunc": worlds("system=tahoma path=vmfunc iterations=1"),
} as const satisfies Readonly<Record<string, Guest>>;

/** Boots a guest with its input typed. */
export function boot({ options, input }: Guest, more: Partial<MachineOptions> = {}): Machine {
  const machine = bootMachine({ ...options, ...more });
  if (input !== undefined) machine.console.write(input);
  return machine;
}

/** How a machine ended: every part's state is in it, and every byte of RAM. */
export interface End {
  readonly stop: MachineStop;
  readonly instructions: number;
  readonly cycles: number;
  readonly text: string;
  readonly registers: string;
  readonly parts: number;
  readonly ram: number;
}

/** Runs a machine to its end, or to a count of instructions. */
export function runTo(machine: Machine, limit: number): End {
  const stop = machine.run({ instructions: limit - machine.instructions });
  const { memory, inner } = machine.processors.core;
  return {
    stop,
    instructions: machine.instructions,
    cycles: inner.cycles,
    text: machine.console.text,
    registers: machine.dumpRegisters(),
    parts: xxh32(encodeState(machine.parts.save())),
    ram: ramChecksum(memory.ram(0, memory.ramBytes)),
  };
}

/** Runs a guest to a point, saves it there, resumes it: that and the saved machine itself end as `expected`. */
export async function resumesAt(
  guest: Guest,
  point: number,
  expected: End,
  options: Partial<MachineOptions> = {},
  resumed: LoadOptions = options,
): Promise<void> {
  const machine = boot(guest, options);
  machine.run({ instructions: point });
  const snapshot = await machine.snapshot();
  assertEquals(runTo(machine, guest.limit), expected, `saved at ${point}, and gone on`);
  assertEquals(runTo(await loadMachine(snapshot, resumed), guest.limit), expected, `resumed from ${point}`);
}

/** A checksum of what is not zero. */
function ramChecksum(ram: Uint8Array): number {
  const words = new Int32Array(ram.buffer, ram.byteOffset, ram.length / 4), page = 1024;
  let sum = 0;
  for (let at = 0; at < words.length; at += page) {
    const content = words.subarray(at, at + page);
    if (!content.some((word) => word !== 0)) continue;
    sum = Math.imul(sum, 31) + xxh32(ram.subarray(4 * at, 4 * (at + page))) + at | 0;
  }
  return sum;
}
