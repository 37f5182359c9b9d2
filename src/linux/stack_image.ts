/** The stack a program starts with: argument count, pointers, auxiliary vector, strings. System V ABI AMD64, 3.4.1. */
import { PAGE_SIZE } from "../memory/physical.ts";
import { Errno, fail } from "./abi/errno.ts";
import { hardwareCapabilities } from "./fs/proc_cpuinfo.ts";
import type { ElfImage } from "./elf.ts";
import type { AddressSpace } from "./memory/address_space.ts";
import { USER_END } from "./memory/page_tables.ts";
import { bytesOfText, joinBytes, UserMemory } from "./memory/user_memory.ts";
import type { Task } from "./task.ts";
import { TICKS_PER_SECOND } from "./times.ts";

/** Types of the auxiliary vector. getauxval(3). */
const Auxv = {
  NULL: 0,
  PHDR: 3,
  PHENT: 4,
  PHNUM: 5,
  PAGESZ: 6,
  BASE: 7,
  FLAGS: 8,
  ENTRY: 9,
  UID: 11,
  EUID: 12,
  GID: 13,
  EGID: 14,
  PLATFORM: 15,
  HWCAP: 16,
  CLKTCK: 17,
  SECURE: 23,
  RANDOM: 25,
  HWCAP2: 26,
  EXECFN: 31,
  MINSIGSTKSZ: 51,
} as const; // deno-fmt-ignore

/** Longest string, and how much of the stack's limit all of them may take. */
const MAX_STRING = 0x2_0000;

/** What goes onto the stack. */
export interface StackContents {
  readonly argv: readonly Uint8Array[];
  readonly environment: readonly Uint8Array[];
  /** AT_EXECFN. */
  readonly execPath: string;
  /** 16 bytes for AT_RANDOM. */
  readonly random: Uint8Array;
}

/** Where the images were loaded. */
export interface LoadedImages {
  readonly program: ElfImage;
  readonly bias: number;
  readonly entry: number;
  readonly interpreterBase: number;
}

/** Fills the stack. Answers the stack pointer, and the auxiliary vector's bytes. Fails with E2BIG. */
export function pushArguments(
  task: Task,
  space: AddressSpace,
  images: LoadedImages,
  contents: StackContents,
): { pointer: number; auxiliary: Uint8Array } {
  const memory = new UserMemory(space);
  const strings = [...contents.argv, ...contents.environment];
  const total = strings.reduce((sum, string) => sum + string.length + 9, 0);
  if (total > space.stackLimit / 4 || strings.some((string) => string.length >= MAX_STRING)) {
    fail(Errno.E2BIG);
  }

  let top = USER_END - 8;
  const push = (bytes: Uint8Array): number => {
    top -= bytes.length;
    memory.write(top, bytes);
    return top;
  };
  const execName = push(terminated(bytesOfText(contents.execPath)));
  space.envEnd = top;
  const environment = pushStrings(contents.environment);
  space.envStart = space.argEnd = environment.at(0) ?? top;
  const argv = pushStrings(contents.argv);
  space.argStart = argv.at(0) ?? top;

  function pushStrings(list: readonly Uint8Array[]): number[] {
    const start = push(joinBytes(list.map(terminated)));
    let at = start;
    return list.map((string) => {
      const address = at;
      at += string.length + 1;
      return address;
    });
  }

  top -= top % 16;
  const platform = push(terminated(bytesOfText("x86_64")));
  const random = push(contents.random);
  top -= top % 16;

  const { credentials } = task.group;
  const { program, bias } = images;
  const { hwcap = hardwareCapabilities(), hwcap2 = 2 } = task.system.options;
  const vector: readonly (readonly [number, number])[] = [
    [Auxv.MINSIGSTKSZ, 1376],
    [Auxv.HWCAP, hwcap >>> 0],
    [Auxv.PAGESZ, PAGE_SIZE],
    [Auxv.CLKTCK, TICKS_PER_SECOND],
    [Auxv.PHDR, program.programHeaders === 0 ? 0 : program.programHeaders + bias],
    [Auxv.PHENT, 56],
    [Auxv.PHNUM, program.programHeaderCount],
    [Auxv.BASE, images.interpreterBase],
    [Auxv.FLAGS, 0],
    [Auxv.ENTRY, images.entry],
    [Auxv.UID, credentials.uid],
    [Auxv.EUID, credentials.euid],
    [Auxv.GID, credentials.gid],
    [Auxv.EGID, credentials.egid],
    [Auxv.SECURE, 0],
    [Auxv.RANDOM, random],
    [Auxv.HWCAP2, hwcap2],
    [Auxv.EXECFN, execName],
    [Auxv.PLATFORM, platform],
    [Auxv.NULL, 0],
  ];
  const auxiliary = words(vector.flat());
  const pointers = words([argv.length, ...argv, 0, ...environment, 0]);
  let pointer = top - auxiliary.length - pointers.length;
  pointer -= pointer % 16;
  memory.write(pointer, pointers);
  memory.write(pointer + pointers.length, auxiliary);
  return { pointer, auxiliary };
}

function terminated(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length + 1);
  result.set(bytes);
  return result;
}

function words(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setUint32(8 * i, value >>> 0, true);
    view.setUint32(8 * i + 4, Math.floor(value / 0x1_0000_0000), true);
  });
  return bytes;
}
