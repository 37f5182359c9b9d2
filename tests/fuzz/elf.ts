/**
 * Mutated ELF files: `deno run -A tests/fuzz/elf.ts`. Each is refused with one line, or runs for a
 * few thousand instructions; an exception of the host ends the run, and the file is written down.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptLine } from "../../_tools/script.ts";
import { value } from "../../src/cli/options.ts";
import { parseCount, parseSeed } from "../../src/cli/values.ts";
import { CannotRunError } from "../../src/linux/exec.ts";
import { MemoryFileSystem } from "../../src/linux/fs/memory.ts";
import { RandomSource } from "../../src/linux/random.ts";
import { LinuxSystem } from "../../src/linux/system.ts";
import { newProcessor } from "../../src/machine/engines.ts";
import type { HostedProcessor } from "../../src/machine/hosted_processor.ts";
import { LinearMemory } from "../../src/memory/physical.ts";
import { buildElf } from "../linux/_support/elf.ts";
import { mutate } from "./mutation.ts";

/** How the files fared. */
export interface ElfCounts {
  files: number;
  refused: number;
  exited: number;
  signaled: number;
  limit: number;
  deadlock: number;
}

const RAM = 1 << 21;
const INSTRUCTIONS = 3000;
/** ELF header and program headers: where most changes are made. */
const HEAD = 64 + 56 * 10;
/** Of so many files, one runs with the JavaScript engine. */
const COMPILED_EVERY = 16;

/** Our own files, of each kind: static, with several segments, position-independent, with an interpreter, real programs. */
function originals(): Uint8Array[] {
  const guest = (name: string): Uint8Array =>
    readFileSync(new URL(`../../src/guests/${name}/${name}.elf`, import.meta.url));
  const interpreter = new TextEncoder().encode("/interpreter\0");
  const plain = buildElf();
  const position = BigInt(plain.length);
  return [
    plain,
    buildElf({
      headers: [{}, { flags: 6, address: 0x60_0000n, fileSize: 0n, memorySize: 0x5000n }, {
        type: 0x6474_e551,
      }],
    }),
    buildElf({ type: 3, entry: 0x120n, headers: [{ address: 0n }] }),
    buildElf({
      tail: interpreter,
      headers: [{ type: 3, offset: position, fileSize: BigInt(interpreter.length) }, {}],
    }),
    guest("hello"),
    guest("scene"),
  ];
}

/** Tries files; throws, with the file written to a folder, where one of them is too much for us. */
export function fuzzElf(files: number, seed: number, progress?: (counts: ElfCounts) => void): ElfCounts {
  const random = new RandomSource(seed);
  const kinds = originals();
  const interpreter = buildElf({ type: 3, entry: 0x120n, headers: [{ address: 0n }] });
  const interpreted = newProcessor(new LinearMemory(RAM), { engine: "interpreter" });
  const compiled = newProcessor(new LinearMemory(RAM), { engine: "js", tiers: { threshold: 1 } });
  const counts: ElfCounts = { files: 0, refused: 0, exited: 0, signaled: 0, limit: 0, deadlock: 0 };
  for (let i = 0; i < files; i++) {
    const program = mutate(kinds[i % kinds.length]!, random, HEAD);
    const processor = i % COMPILED_EVERY === 0 ? compiled : interpreted;
    try {
      counts[runFile(processor, program, interpreter)]++;
    } catch (error) {
      const path = join(tmpdir(), `causeway-elf-${seed}-${i}`);
      writeFileSync(path, program);
      throw new Error(`file ${i} of seed ${seed}, written to ${path}`, { cause: error });
    }
    forget(processor);
    counts.files++;
    if (counts.files % 10_000 === 0) progress?.(counts);
  }
  return counts;
}

function runFile(
  processor: HostedProcessor,
  program: Uint8Array,
  interpreter: Uint8Array,
): Exclude<keyof ElfCounts, "files"> {
  const system = new LinuxSystem(processor, {
    fileSystem: new MemoryFileSystem({ "/program": program, "/interpreter": interpreter }),
    maxInstructions: INSTRUCTIONS,
  });
  try {
    system.spawn("/program", ["program"], { HOME: "/" });
  } catch (error) {
    if (error instanceof CannotRunError && !error.message.includes("\n")) return "refused";
    throw error;
  }
  return system.run().kind;
}

/** The next system finds memory as a fresh one would. */
function forget({ memory, mmu }: HostedProcessor): void {
  memory.ram(0, RAM).fill(0);
  mmu.wroteRam(0, RAM);
  for (let cr3 = 0; cr3 < RAM; cr3 += 4096) mmu.dropAddressSpace(cr3);
}

if (import.meta.main) {
  const { values } = scriptLine({
    call: "deno run -A tests/fuzz/elf.ts",
    description: "Runs mutated ELF files, each for a few thousand instructions.",
    options: {
      files: value("N", "How many (100000).", parseCount),
      seed: value("S", "Of everything random (1).", parseSeed),
    },
  });
  const start = performance.now();
  const counts = fuzzElf(
    values.files ?? 1e5,
    values.seed ?? 1,
    (now) => console.error(JSON.stringify(now)),
  );
  console.log(`${JSON.stringify(counts)} in ${((performance.now() - start) / 1000).toFixed(0)} s`);
}
