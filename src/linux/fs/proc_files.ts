/** Contents of the files in /proc. proc(5). */
import { PAGE_SIZE } from "../../memory/physical.ts";
import { SECOND } from "../clock.ts";
import { CONSOLE } from "../files/host_io.ts";
import { ticks } from "../lifecycle.ts";
import { cpuinfo } from "./proc_cpuinfo.ts";
import { Prot, type Region } from "../memory/vma.ts";
import { SIG_IGN, SIGNALS } from "../abi/signals.ts";
import { SignalSet } from "../signals/set.ts";
import type { LinuxSystem } from "../system.ts";
import type { Task, ThreadGroup } from "../task.ts";

/** Kernel version that uname(2) reports. */
export const RELEASE = "6.1.0";
export const VERSION = "#1 SMP PREEMPT_DYNAMIC Causeway";

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

function mapsLine(region: Region): string {
  const rights = ((region.prot & Prot.READ) !== 0 ? "r" : "-") +
    ((region.prot & Prot.WRITE) !== 0 ? "w" : "-") +
    ((region.prot & Prot.EXEC) !== 0 ? "x" : "-") + (region.shared ? "s" : "p");
  const { backing } = region;
  const offset = hex(backing === undefined ? 0 : region.offset, 8);
  const device = backing === undefined
    ? "00:00"
    : `${hex(backing.device >>> 8, 2)}:${hex(backing.device & 0xff, 2)}`;
  const line = `${hex(region.start, 8)}-${hex(region.end, 8)} ${rights} ${offset} ${device} ${
    backing?.inode ?? 0
  }`;
  const name = backing?.path ?? region.name;
  return name === "" ? `${line} \n` : `${line.padEnd(72)} ${name}\n`;
}

function maps(group: ThreadGroup): string {
  return group.leader?.space.regions.list.map(mapsLine).join("") ?? "";
}

function stateOf(group: ThreadGroup): string {
  const { leader } = group;
  if (leader === undefined) return "Z (zombie)";
  if (group.stopSignal !== 0) return "T (stopped)";
  return leader.blocked === undefined ? "R (running)" : "S (sleeping)";
}

function stat(group: ThreadGroup): string {
  const { leader, system } = group;
  const { mapped, resident } = leader?.space.sizes() ?? { mapped: 0, resident: 0 };
  const terminal = system.ptys.ofSession(group.sid);
  const fields = [
    group.pid,
    `(${leader?.name ?? ""})`,
    stateOf(group)[0],
    group.parent?.pid ?? 1,
    group.pgid,
    group.sid,
    terminal !== undefined ? 34816 + terminal.index : system.io.isTerminal(0) ? CONSOLE.status.rdev : 0,
    (terminal ?? system.terminal).foreground || -1,
    0x40_0000,
    leader?.space.minorFaults ?? 0,
    0,
    0,
    0,
    ticks(group.cpuTime),
    0,
    ticks(group.childInstructions),
    0,
    20 + group.nice,
    group.nice,
    group.tasks.length,
    0,
    Math.floor(group.started / (SECOND / 100)),
    mapped,
    resident / PAGE_SIZE,
    "18446744073709551615",
  ];
  return `${fields.join(" ")}${" 0".repeat(27)}\n`;
}

function actionSet(leader: Task, wanted: (entry: number) => boolean): SignalSet {
  const set = new SignalSet();
  for (let signal = 1; signal <= SIGNALS; signal++) {
    if (wanted(leader.actions.get(signal).entry)) set.add(signal);
  }
  return set;
}

function status(group: ThreadGroup): string {
  const { leader, credentials: c } = group;
  const { mapped, resident } = leader?.space.sizes() ?? { mapped: 0, resident: 0 };
  const kb = (bytes: number): string => `${Math.floor(bytes / 1024)}`.padStart(8) + " kB";
  const lines = [
    `Name:\t${leader?.name ?? ""}`,
    `Umask:\t${(leader?.paths.umask ?? 0).toString(8).padStart(4, "0")}`,
    `State:\t${stateOf(group)}`,
    `Tgid:\t${group.pid}`,
    `Ngid:\t0`,
    `Pid:\t${group.pid}`,
    `PPid:\t${group.parent?.pid ?? 1}`,
    `TracerPid:\t0`,
    `Uid:\t${c.uid}\t${c.euid}\t${c.suid}\t${c.euid}`,
    `Gid:\t${c.gid}\t${c.egid}\t${c.sgid}\t${c.egid}`,
    `FDSize:\t64`,
    `Groups:\t${c.groups.join(" ")} `,
    `VmPeak:\t${kb(mapped)}`,
    `VmSize:\t${kb(mapped)}`,
    `VmLck:\t${kb(0)}`,
    `VmHWM:\t${kb(resident)}`,
    `VmRSS:\t${kb(resident)}`,
    `Threads:\t${group.tasks.length}`,
    `SigQ:\t0/4096`,
    `SigPnd:\t${leader?.pending.set ?? new SignalSet()}`,
    `ShdPnd:\t${group.pending.set}`,
    `SigBlk:\t${leader?.mask ?? new SignalSet()}`,
  ];
  if (leader !== undefined) {
    lines.push(`SigIgn:\t${actionSet(leader, (entry) => entry === SIG_IGN)}`);
    lines.push(`SigCgt:\t${actionSet(leader, (entry) => entry > SIG_IGN)}`);
  }
  lines.push("NoNewPrivs:\t0", "Seccomp:\t0", "Cpus_allowed:\t1", "Cpus_allowed_list:\t0");
  return lines.join("\n") + "\n";
}

function limits(group: ThreadGroup): string {
  const names: readonly (readonly [string, string])[] = [
    ["Max cpu time", "seconds"],
    ["Max file size", "bytes"],
    ["Max data size", "bytes"],
    ["Max stack size", "bytes"],
    ["Max core file size", "bytes"],
    ["Max resident set", "bytes"],
    ["Max processes", "processes"],
    ["Max open files", "files"],
    ["Max locked memory", "bytes"],
    ["Max address space", "bytes"],
    ["Max file locks", "locks"],
    ["Max pending signals", "signals"],
    ["Max msgqueue size", "bytes"],
    ["Max nice priority", ""],
    ["Max realtime priority", ""],
    ["Max realtime timeout", "us"],
  ];
  const value = (limit: number): string => (limit === Infinity ? "unlimited" : `${limit}`).padEnd(21);
  const rows = names.map(([name, unit], i) => {
    const [soft, hard] = group.limits[i]!;
    return `${name.padEnd(26)}${value(soft)}${value(hard)}${unit && unit.padEnd(10)}`;
  });
  return `${"Limit".padEnd(26)}${"Soft Limit".padEnd(21)}${"Hard Limit".padEnd(21)}Units     \n${
    rows.join("\n")
  }\n`;
}

function mounts(group: ThreadGroup): string {
  return group.system.mounts.mounts.map(({ at, fs }) =>
    `${fs.kind} ${at === "" ? "/" : at} ${fs.kind} rw 0 0\n`
  )
    .reverse().join("");
}

function mountinfo(group: ThreadGroup): string {
  return group.system.mounts.mounts.map(({ at, fs }, i) =>
    `${i + 22} ${at === "" ? 1 : 22} 0:${i + 21} / ${
      at === "" ? "/" : at
    } rw,relatime - ${fs.kind} ${fs.kind} rw\n`
  ).reverse().join("");
}

/** Memory of each region; what is shared with others is not told apart. */
function smaps(group: ThreadGroup): string {
  const { leader } = group;
  const kb = (name: string, bytes: number): string =>
    `${`${name}:`.padEnd(16)}${`${bytes / 1024}`.padStart(8)} kB\n`;
  return leader?.space.regions.list.map((region) => {
    const size = region.end - region.start, resident = leader.space.residentIn(region.start, region.end);
    const dirty = (region.prot & Prot.WRITE) !== 0 && !region.shared ? resident : 0;
    return mapsLine(region) + kb("Size", size) + kb("KernelPageSize", PAGE_SIZE) +
      kb("MMUPageSize", PAGE_SIZE) +
      kb("Rss", resident) + kb("Pss", resident) + kb("Shared_Clean", 0) + kb("Shared_Dirty", 0) +
      kb("Private_Clean", resident - dirty) + kb("Private_Dirty", dirty) + kb("Referenced", resident) +
      kb("Anonymous", region.backing === undefined ? resident : dirty) + kb("Swap", 0) + kb("Locked", 0);
  }).join("") ?? "";
}

/** Makes a file's text; of a group, and of the one of its tasks that is looked at. */
type GroupText = (group: ThreadGroup, task: Task | undefined) => string | Uint8Array;

/** Files in the folder of a thread group. */
export const GROUP_FILES: ReadonlyMap<string, GroupText> = new Map<string, GroupText>([
  ["maps", maps],
  ["stat", stat],
  ["status", status],
  ["limits", limits],
  ["mounts", mounts],
  ["cmdline", (group: ThreadGroup) => group.end === undefined ? group.commandLine : ""],
  ["environ", (group: ThreadGroup) => group.environment],
  ["auxv", (group: ThreadGroup) => group.auxiliary],
  ["comm", (_group: ThreadGroup, task: Task | undefined) => `${task?.name ?? ""}\n`],
  ["cgroup", () => "0::/\n"],
  ["oom_adj", () => "0\n"],
  ["oom_score", () => "666\n"],
  ["oom_score_adj", (group: ThreadGroup) => `${group.oomScore}\n`],
  ["loginuid", () => "4294967295"],
  ["sessionid", () => "4294967295"],
  ["personality", () => "00000000\n"],
  ["wchan", () => "0"],
  ["mountinfo", mountinfo],
  ["smaps", smaps],
  ["children", (group: ThreadGroup) => [...group.children].map(({ pid }) => `${pid} `).join("")],
  ["uid_map", () => ID_MAP],
  ["gid_map", () => ID_MAP],
  [
    "io",
    () =>
      ["rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "cancelled_write_bytes"]
        .map((name) => `${name}: 0\n`).join(""),
  ],
  ["statm", (group: ThreadGroup) => {
    const { mapped, resident } = group.leader?.space.sizes() ?? { mapped: 0, resident: 0 };
    return `${mapped / PAGE_SIZE} ${resident / PAGE_SIZE} 0 0 0 ${mapped / PAGE_SIZE} 0\n`;
  }],
]);

/** All ids mean themselves. */
const ID_MAP = "         0          0 4294967295\n";

function uptime(system: LinuxSystem): string {
  const seconds = (system.clock.now() / SECOND).toFixed(2);
  return `${seconds} 0.00\n`;
}

function meminfo(system: LinuxSystem): string {
  const { frames, cache } = system.memory;
  const kb = (pages: number): string => `${pages * 4} kB`.padStart(14);
  const cached = cache.reclaimable;
  return [
    `MemTotal:  ${kb(frames.total)}`,
    `MemFree:   ${kb(frames.free)}`,
    `MemAvailable:${kb(frames.free + cached)}`,
    `Buffers:   ${kb(0)}`,
    `Cached:    ${kb(cached)}`,
    `SwapTotal: ${kb(0)}`,
    `SwapFree:  ${kb(0)}`,
  ].join("\n") + "\n";
}

function statSystem(system: LinuxSystem): string {
  const busy = ticks(system.processor.instructions);
  const boot = system.clock.realtime().seconds - Math.floor(system.clock.now() / SECOND);
  return `cpu  ${busy} 0 0 0 0 0 0 0 0 0\ncpu0 ${busy} 0 0 0 0 0 0 0 0 0\nintr 0\nctxt 0\nbtime ${boot}\n` +
    `processes ${system.groups.size}\nprocs_running 1\nprocs_blocked 0\n`;
}

function uuid(system: LinuxSystem): string {
  const bytes = system.random.bytes(16);
  bytes[6] = (bytes[6]! & 15) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => hex(byte, 2)).join("");
  return `${digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}\n`;
}

/** The only network interface there is. */
const NET_DEVICES = "Inter-|   Receive                                                |  Transmit\n" +
  " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
  `    lo:${"       0       0    0    0    0     0          0         0"}${"        0       0    0    0    0     0       0          0"}\n`;

const UNIX_HEADER = "Num       RefCount Protocol Flags    Type St Inode Path\n";

/** Files of the system as a whole, by their path below /proc. */
export const SYSTEM_FILES: ReadonlyMap<string, (system: LinuxSystem) => string> = new Map([
  ["cpuinfo", cpuinfo],
  ["meminfo", meminfo],
  ["uptime", uptime],
  ["loadavg", (system: LinuxSystem) => `0.00 0.00 0.00 1/${system.tasks.length} ${system.tasks.length}\n`],
  ["stat", statSystem],
  ["version", () => `Linux version ${RELEASE} (causeway) ${VERSION}\n`],
  ["cmdline", () => "\n"],
  ["net/dev", () => NET_DEVICES],
  ["net/if_inet6", () => "00000000000000000000000000000001 01 80 10 80       lo\n"],
  [
    "net/route",
    () =>
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT".padEnd(127) +
      "\n",
  ],
  ["net/unix", (system: LinuxSystem) => UNIX_HEADER + system.sockets.describeLocal()],
  ["devices", () => "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n"],
  ["diskstats", () => ""],
  ["locks", () => ""],
  ["modules", () => ""],
  ["partitions", () => "major minor  #blocks  name\n\n"],
  ["swaps", () => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"],
  ["vmstat", (system: LinuxSystem) => `nr_free_pages ${system.memory.frames.free}\n`],
  ["filesystems", () => "nodev\tproc\nnodev\ttmpfs\n\text4\n"],
  ["sys/kernel/ostype", () => "Linux\n"],
  ["sys/kernel/osrelease", () => `${RELEASE}\n`],
  ["sys/kernel/version", () => `${VERSION}\n`],
  ["sys/kernel/hostname", (system: LinuxSystem) => `${system.hostName}\n`],
  ["sys/kernel/pid_max", () => "4194304\n"],
  ["sys/kernel/random/uuid", uuid],
  ["sys/kernel/ngroups_max", () => "65536\n"],
  ["sys/kernel/threads-max", () => "4096\n"],
  ["sys/kernel/cap_last_cap", () => "40\n"],
  ["sys/kernel/random/boot_id", () => "8b6b0d9e-5c1c-4c53-9a43-0f0e9a6d6f01\n"],
  ["sys/kernel/random/entropy_avail", () => "256\n"],
  ["sys/fs/file-max", () => "1048576\n"],
  ["sys/fs/nr_open", () => "1048576\n"],
  ["sys/fs/pipe-max-size", () => "1048576\n"],
  ["sys/net/core/somaxconn", () => "4096\n"],
  ["sys/net/ipv4/ip_local_port_range", () => "32768\t60999\n"],
  ["sys/vm/swappiness", () => "60\n"],
  ["sys/vm/mmap_min_addr", () => "65536\n"],
  ["sys/vm/overcommit_ratio", () => "50\n"],
  ["sys/vm/overcommit_memory", () => "0\n"],
  ["sys/vm/max_map_count", () => "65530\n"],
]);
