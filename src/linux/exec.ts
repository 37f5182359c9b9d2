/** Starting programs: the new address space, the first stack, and everything execve(2) resets. */
import { PAGE_SIZE } from "../memory/physical.ts";
import { Errno, fail, SyscallError } from "./abi/errno.ts";
import { Mode, Open } from "./abi/files.ts";
import { type ElfImage, isElf, NotExecutable, pageUp, parseElf } from "./elf.ts";
import { RegularFile } from "./files/regular.ts";
import { isDirectory } from "./fs/file_system.ts";
import type { Place } from "./fs/mounts.ts";
import { releaseMemory } from "./lifecycle.ts";
import { Limit } from "./limits.ts";
import { AddressSpace } from "./memory/address_space.ts";
import { USER_END } from "./memory/page_tables.ts";
import { textOfBytes, UserMemory } from "./memory/user_memory.ts";
import { Prot } from "./memory/vma.ts";
import { resetRegisters } from "./registers.ts";
import { pushArguments } from "./stack_image.ts";
import type { Task } from "./task.ts";

/** The program given cannot be run; the message is one line for the user. */
export class CannotRunError extends Error {
  override readonly name = "CannotRunError";

  constructor(message: string) {
    super(
      message.replaceAll(CONTROL, (letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, "0")}`),
    );
  }
}

/** Paths come out of the file: one line they stay, and a terminal does not act on them. */
const CONTROL = /\p{Cc}/gu;

/** Where a program that can be anywhere is loaded. */
const PIE_BASE = 0x5555_5555_4000;
const STACK_TOP = USER_END;
/** Longest chain of `#!` interpreters. */
const MAX_INTERPRETERS = 4;
/** Bytes that tell how a file is executed. */
const PREFIX_BYTES = 256;

/** What will run: the program, and the arguments as `#!` lines have changed them. */
interface Program {
  readonly place: Place;
  readonly file: RegularFile;
  readonly elf: ElfImage;
  readonly argv: readonly Uint8Array[];
}

/** A loaded program and its interpreter. */
interface Loaded {
  readonly bias: number;
  readonly entry: number;
}

/** Replaces the program of a task, as execve(2). Fails without having changed anything. */
export function execute(
  task: Task,
  path: string,
  argv: readonly Uint8Array[],
  environment: readonly Uint8Array[],
  base: string = task.paths.cwd,
): void {
  const { system, group } = task;
  const place = system.mounts.existing(task, path, base, true);
  const program = openProgram(task, place, path, argv, 0);
  const space = new AddressSpace(system.memory);
  space.stackLimit = Math.min(group.limits[Limit.STACK]![0], 0x4000_0000);
  try {
    const main = loadImage(space, program.file, program.elf, programBase(program.elf));
    const interpreter = program.elf.interpreter === undefined
      ? undefined
      : loadInterpreter(task, space, program.elf.interpreter);
    const images = {
      program: program.elf,
      bias: main.bias,
      entry: main.entry,
      interpreterBase: interpreter?.bias ?? 0,
    };
    mapStack(space, program.elf.executableStack);
    const stack = pushArguments(task, space, images, {
      argv: program.argv,
      environment,
      execPath: path,
      random: system.random.bytes(16),
    });
    becomeProgram(task, space, program);
    group.auxiliary = stack.auxiliary;
    resetRegisters(task.registers, interpreter?.entry ?? main.entry, stack.pointer);
  } catch (error) {
    space.release();
    throw error;
  } finally {
    program.file.release();
  }
  group.commandLine = new UserMemory(space).read(space.argStart, space.argEnd - space.argStart);
  group.environment = new UserMemory(space).read(space.envStart, space.envEnd - space.envStart);
}

/** Starts the first program: as `execute`, but failures are explained. */
export function executeFirst(
  task: Task,
  path: string,
  argv: readonly Uint8Array[],
  environment: readonly Uint8Array[],
): void {
  try {
    execute(task, path, argv, environment);
  } catch (error) {
    if (error instanceof NotExecutable) throw new CannotRunError(`Cannot run ${path}: it ${error.message}`);
    if (error instanceof MissingInterpreter) throw new CannotRunError(`Cannot run ${path}: ${error.message}`);
    if (!(error instanceof SyscallError)) throw error;
    throw new CannotRunError(`Cannot run ${path}: ${reasonOf(error.errno)}`);
  }
}

/** Puts the first program's task into a folder; failures are explained. */
export function startIn(task: Task, path: string): void {
  try {
    const { path: folder, status } = task.system.mounts.existing(task, path, "/", true);
    if (!isDirectory(status)) fail(Errno.ENOTDIR);
    task.paths.cwd = folder;
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const reason = error.errno === Errno.ENOENT
      ? "there is no such folder"
      : error.errno === Errno.ENOTDIR
      ? "it is no folder"
      : reasonOf(error.errno);
    throw new CannotRunError(`Cannot start in ${path}: ${reason}`);
  }
}

function reasonOf(errno: number): string {
  switch (errno) {
    case Errno.ENOENT:
      return "there is no such file";
    case Errno.EACCES:
      return "it is not executable, or access to it is denied";
    case Errno.EISDIR:
      return "it is a folder";
    case Errno.ENOMEM:
      return "it needs more memory than programs have (--memory)";
    case Errno.E2BIG:
      return "its arguments and environment are too long";
    case Errno.ELOOP:
      return "too many symbolic links or interpreters lead to it";
    case Errno.ENOTDIR:
      return "a part of the path is no folder";
    default:
      return new SyscallError(errno).message;
  }
}

/** The program's interpreter cannot be had; for execve(2) that is the error number it carries. */
class MissingInterpreter extends SyscallError {
  constructor(errno: number, text: string) {
    super(errno);
    this.message = text;
  }
}

function openProgram(
  task: Task,
  place: Place,
  path: string,
  argv: readonly Uint8Array[],
  depth: number,
): Program {
  const file = openExecutable(task, place);
  try {
    const prefix = new Uint8Array(PREFIX_BYTES);
    const length = file.readAt(prefix, 0);
    if (prefix[0] === 0x23 && prefix[1] === 0x21) { // #!
      if (depth >= MAX_INTERPRETERS) fail(Errno.ELOOP);
      return openScript(task, prefix.subarray(2, length), path, argv, depth, file);
    }
    if (length === 0) throw new NotExecutable("is empty");
    if (!isElf(prefix)) throw new NotExecutable("is no ELF file and no script with a #! line");
    const elf = parseElf((target, position) => file.readAt(target, position), file.status().size);
    return { place, file, elf, argv };
  } catch (error) {
    file.release();
    throw error;
  }
}

function openScript(
  task: Task,
  line: Uint8Array,
  path: string,
  argv: readonly Uint8Array[],
  depth: number,
  script: RegularFile,
): Program {
  const end = line.findIndex((byte) => byte === 10 || byte === 0);
  const text = textOfBytes(end < 0 ? line : line.subarray(0, end)).replace(/^[ \t]+|[ \t]+$/g, "");
  const space = text.search(/[ \t]/);
  const interpreter = space < 0 ? text : text.slice(0, space);
  if (interpreter === "") throw new NotExecutable("names no interpreter in its first line");
  const argument = space < 0 ? [] : [text.slice(space).replace(/^[ \t]+/, "")];
  const place = placeOfInterpreter(task, interpreter, "interpreter");
  const encode = (value: string): Uint8Array => new TextEncoder().encode(value);
  const changed = [interpreter, ...argument, path].map(encode);
  const program = openProgram(task, place, interpreter, [...changed, ...argv.slice(1)], depth + 1);
  script.release();
  return program;
}

function placeOfInterpreter(task: Task, path: string, what: string): Place {
  try {
    return task.system.mounts.existing(task, path, task.paths.cwd, true);
  } catch (error) {
    if (!(error instanceof SyscallError) || error.errno !== Errno.ENOENT) throw error;
    throw new MissingInterpreter(Errno.ENOENT, `its ${what} ${path} does not exist`);
  }
}

function openExecutable(task: Task, place: Place): RegularFile {
  const { status } = place;
  if (status === undefined) fail(Errno.ENOENT);
  if ((status.mode & Mode.IFMT) === Mode.IFDIR) fail(Errno.EISDIR);
  if ((status.mode & Mode.IFMT) !== Mode.IFREG) fail(Errno.EACCES);
  if (place.file === undefined) task.system.mounts.checkAccess(task, place, 1, status);
  const file = task.system.mounts.open(task, place, Open.RDONLY, 0);
  if (!(file instanceof RegularFile)) fail(Errno.EACCES);
  file.references++;
  return file;
}

function programBase(elf: ElfImage): number {
  if (!elf.relocatable) return 0;
  return PIE_BASE - PIE_BASE % elf.alignment - (elf.low - elf.low % elf.alignment);
}

function loadInterpreter(task: Task, space: AddressSpace, path: string): Loaded {
  const place = placeOfInterpreter(task, path, "dynamic linker");
  const file = openExecutable(task, place);
  try {
    const elf = parseElf((target, position) => file.readAt(target, position), file.status().size);
    const span = elf.high - elf.low;
    const gap = space.regions.gapBelow(span, PAGE_SIZE, space.mmapBase);
    if (elf.relocatable && gap < 0) fail(Errno.ENOMEM);
    return loadImage(space, file, elf, elf.relocatable ? gap - gap % elf.alignment - elf.low : 0, true);
  } catch (error) {
    if (error instanceof NotExecutable) {
      throw new MissingInterpreter(Errno.ELIBBAD, `its dynamic linker ${path} ${error.message}`);
    }
    throw error;
  } finally {
    file.release();
  }
}

/** Maps the segments of an image. */
function loadImage(
  space: AddressSpace,
  file: RegularFile,
  elf: ElfImage,
  bias: number,
  isInterpreter = false,
): Loaded {
  if (elf.low + bias < 0 || elf.high + bias > USER_END) fail(Errno.ENOMEM);
  const memory = new UserMemory(space);
  for (const segment of elf.segments) {
    const address = segment.address + bias;
    const start = address - address % PAGE_SIZE;
    const end = pageUp(address + segment.memorySize);
    const fileEnd = segment.fileSize === 0 ? start : pageUp(address + segment.fileSize);
    if (fileEnd > start) {
      const { backing, store } = file.mapping();
      space.map({
        start,
        end: fileEnd,
        prot: segment.prot,
        shared: false,
        growsDown: false,
        backing,
        offset: segment.offset - segment.offset % PAGE_SIZE,
        name: "",
        mayWrite: true,
      }, store);
    }
    if (end > fileEnd) space.map(anonymous(fileEnd, end, segment.prot, ""));
    if (segment.memorySize > segment.fileSize && (segment.prot & Prot.WRITE) !== 0) {
      // To the end of the page, not only of the segment: ld.so allocates from what is left there and wants zeros.
      const zerosFrom = address + segment.fileSize;
      if (segment.fileSize > 0) memory.clear(zerosFrom, fileEnd - zerosFrom);
    }
  }
  if (!isInterpreter) space.brkStart = space.brk = elf.high + bias;
  return { bias, entry: elf.entry + bias };
}

function mapStack(space: AddressSpace, executable: boolean): void {
  const prot = Prot.READ | Prot.WRITE | (executable ? Prot.EXEC : 0);
  const region = anonymous(STACK_TOP - 0x2_1000, STACK_TOP, prot, "[stack]");
  space.map({ ...region, growsDown: true });
}

function anonymous(start: number, end: number, prot: number, name: string) {
  return {
    start,
    end,
    prot,
    shared: false,
    growsDown: false,
    backing: undefined,
    offset: 0,
    name,
    mayWrite: true,
  };
}

/** The point of no return: the task gives up what it was. */
function becomeProgram(task: Task, space: AddressSpace, program: Program): void {
  const { group, system } = task;
  for (const other of [...group.tasks]) if (other !== task) system.endTask(other, 0);
  task.tid = group.pid;
  for (const timer of group.timers.values()) timer.cancel();
  group.timers.clear();
  releaseMemory(task);
  task.replaceSpace(space);
  if (system.current === task) system.memory.activate(space);
  if (task.files.users > 1) {
    const files = task.files.copy();
    task.files.release();
    task.files = files;
  }
  task.files.exec();
  task.actions = task.actions.exec();
  task.altStack = { start: 0, size: 0, flags: 2 };
  task.robustList = 0;
  task.clearChildTid = 0;
  group.executable = program.place.path;
  group.hasExecuted = true;
  group.leaderEnd = undefined;
  task.name = nameOf(program.place.path);
}

/** What PR_GET_NAME says of a fresh program. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).slice(0, 15);
}
