/** What the system tells of itself, and settings of tasks: uname(2), sysinfo(2), prctl(2), arch_prctl(2), getrandom(2). */
import { Segment, segmentBase } from "../../cpu/state.ts";
import { PAGE_SIZE } from "../../memory/physical.ts";
import { Errno, fail } from "../abi/errno.ts";
import type { Outcome } from "../blocked.ts";
import { SECOND } from "../clock.ts";
import { RELEASE, VERSION } from "../fs/proc_files.ts";
import { USER_END } from "../memory/page_tables.ts";
import { bytesOfText } from "../memory/user_memory.ts";
import { big, setNumber } from "../registers.ts";
import type { Task } from "../task.ts";
import type { Row } from "./row.ts";

function uname(task: Task, address: number): Outcome {
  const fields = ["Linux", task.system.hostName, RELEASE, VERSION, "x86_64", "(none)"];
  const bytes = new Uint8Array(65 * fields.length);
  fields.forEach((field, i) => bytes.set(bytesOfText(field), 65 * i));
  task.memory.write(address, bytes);
  return 0;
}

function sethostname(task: Task, address: number, length: number): Outcome {
  if (task.group.credentials.euid !== 0) fail(Errno.EPERM);
  if (length > 64) fail(Errno.EINVAL);
  task.system.hostName = new TextDecoder().decode(task.memory.read(address, length));
  return 0;
}

function sysinfo(task: Task, address: number): Outcome {
  const { clock, memory, tasks } = task.system;
  task.memory.clear(address, 112);
  task.memory.setI64(address, Math.floor(clock.now() / SECOND));
  task.memory.setI64(address + 32, memory.frames.total * PAGE_SIZE);
  task.memory.setI64(address + 40, memory.frames.free * PAGE_SIZE);
  task.memory.setI32(address + 80, tasks.length);
  task.memory.setI32(address + 104, 1);
  return 0;
}

const ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004;

function archPrctl(task: Task, code: number, address: number): Outcome {
  const { registers, memory } = task;
  switch (code) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
      if (address >= USER_END) fail(Errno.EPERM);
      setNumber(registers, segmentBase(code === ARCH_SET_FS ? Segment.FS : Segment.GS), address);
      return 0;
    case ARCH_GET_FS:
    case ARCH_GET_GS:
      memory.setBig(address, big(registers, segmentBase(code === ARCH_GET_FS ? Segment.FS : Segment.GS)));
      return 0;
    default:
      return fail(Errno.EINVAL);
  }
}

// deno-fmt-ignore
const Prctl = {
  SET_PDEATHSIG: 1, GET_PDEATHSIG: 2, GET_DUMPABLE: 3, SET_DUMPABLE: 4, GET_KEEPCAPS: 7, SET_KEEPCAPS: 8,
  SET_NAME: 15, GET_NAME: 16, GET_SECCOMP: 21, CAPBSET_READ: 23, CAPBSET_DROP: 24, GET_SECUREBITS: 27, SET_SECUREBITS: 28, SET_TIMERSLACK: 29, GET_TIMERSLACK: 30,
  SET_CHILD_SUBREAPER: 36, GET_CHILD_SUBREAPER: 37, SET_NO_NEW_PRIVS: 38, GET_NO_NEW_PRIVS: 39,
  GET_TID_ADDRESS: 40, SET_THP_DISABLE: 41, GET_THP_DISABLE: 42, CAP_AMBIENT: 47, SET_VMA: 0x53564d41,
} as const;

function prctl(task: Task, option: number, argument: number): Outcome {
  const { memory } = task;
  switch (option) {
    case Prctl.SET_NAME: {
      const bytes = memory.stringBytes(argument, 16, 0).subarray(0, 15);
      task.name = new TextDecoder().decode(bytes);
      return 0;
    }
    case Prctl.GET_NAME: {
      const bytes = new Uint8Array(16);
      bytes.set(bytesOfText(task.name).subarray(0, 15));
      memory.write(argument, bytes);
      return 0;
    }
    case Prctl.GET_PDEATHSIG:
      memory.setI32(argument, task.deathSignal);
      return 0;
    case Prctl.SET_PDEATHSIG:
      if (argument > 64) fail(Errno.EINVAL);
      task.deathSignal = argument;
      return 0;
    case Prctl.GET_DUMPABLE:
      return 1;
    case Prctl.CAPBSET_READ:
      return task.group.credentials.euid === 0 && argument < 41 ? 1 : argument < 41 ? 0 : fail(Errno.EINVAL);
    case Prctl.GET_TIMERSLACK:
      return 50000;
    case Prctl.GET_CHILD_SUBREAPER:
      memory.setI32(argument, 0);
      return 0;
    case Prctl.GET_TID_ADDRESS:
      memory.setI64(argument, task.clearChildTid);
      return 0;
    case Prctl.CAPBSET_DROP:
      return task.group.credentials.euid === 0 && argument < 41 ? 0 : fail(Errno.EPERM);
    case Prctl.GET_SECUREBITS:
    case Prctl.SET_SECUREBITS:
    case Prctl.CAP_AMBIENT:
    case Prctl.SET_DUMPABLE:
    case Prctl.GET_KEEPCAPS:
    case Prctl.SET_KEEPCAPS:
    case Prctl.GET_SECCOMP:
    case Prctl.SET_TIMERSLACK:
    case Prctl.SET_NO_NEW_PRIVS:
    case Prctl.GET_NO_NEW_PRIVS:
    case Prctl.SET_THP_DISABLE:
    case Prctl.GET_THP_DISABLE:
    case Prctl.SET_VMA:
      return 0;
    default:
      return fail(Errno.EINVAL);
  }
}

function getrandom(task: Task, address: number, length: number, flags: number): Outcome {
  if ((flags & ~7) !== 0) fail(Errno.EINVAL);
  const count = Math.min(length, 0x200_0000);
  for (let done = 0; done < count; done += 0x1_0000) {
    task.memory.write(address + done, task.system.random.bytes(Math.min(0x1_0000, count - done)));
  }
  return count;
}

function getcpu(task: Task, cpu: number, node: number): Outcome {
  if (cpu !== 0) task.memory.setI32(cpu, 0);
  if (node !== 0) task.memory.setI32(node, 0);
  return 0;
}

/** MEMBARRIER_CMD_QUERY answers what there is; tasks never run at the same time, so all of it is done already. */
function membarrier(_task: Task, command: number): Outcome {
  return command === 0 ? 0x7f : 0;
}

function capget(task: Task, header: number, data: number): Outcome {
  const { memory } = task;
  const version = memory.u32(header);
  if (version !== 0x2008_0522 && version !== 0x2007_1026) {
    memory.setI32(header, 0x2008_0522);
    if (data === 0) return 0;
    fail(Errno.EINVAL);
  }
  if (data === 0) return 0;
  const all = task.group.credentials.euid === 0;
  const words = all ? [-1, -1, 0, 0x1ff, 0x1ff, 0] : [0, 0, 0, 0, 0, 0];
  words.forEach((word, i) => memory.setI32(data + 4 * i, word));
  return 0;
}

function personality(_task: Task, persona: number): Outcome {
  return persona === 0xffff_ffff || persona === 0 ? 0 : -Errno.EINVAL;
}

/** Calls of this file. */
// deno-fmt-ignore
export const GENERAL_CALLS: readonly Row[] = [
  [63, "uname", "uname", uname],
  [99, "sysinfo", "ptr", sysinfo],
  [103, "syslog", "int ptr int", () => fail(Errno.EPERM)],
  [125, "capget", "ptr ptr", capget],
  [126, "capset", "ptr ptr", () => 0],
  [135, "personality", "hex", personality],
  [157, "prctl", "prctl ptr ptr ptr ptr", prctl],
  [158, "arch_prctl", "archprctl ptr", archPrctl],
  [165, "mount", "str path str hex ptr", () => fail(Errno.EPERM)],
  [166, "umount2", "path hex", () => fail(Errno.EPERM)],
  [170, "sethostname", "ptr size", sethostname],
  [272, "unshare", "hex", (_task, flags) => (flags & ~0x600) === 0 ? 0 : -Errno.EPERM],
  [309, "getcpu", "ptr ptr ptr", getcpu],
  [318, "getrandom", "out size grnd", getrandom],
  // Restartable sequences need a kernel that watches them; programs do without, as with CONFIG_RSEQ off.
  [334, "rseq", "ptr uint hex hex", () => -Errno.ENOSYS],
  [324, "membarrier", "int hex int", membarrier],
];
