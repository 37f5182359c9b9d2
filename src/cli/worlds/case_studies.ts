/** The case studies: four systems, three paths, ten workloads. Names and numbers as the guests have them. */

/** The paths that a redirected call can take. */
export const PATH_NAMES = ["original", "vmfunc", "crossover"] as const;
/** A path: the detour through kernels and hypervisor, VMFUNC's EPTP switching alone, or the cross-world call. */
export type PathName = (typeof PATH_NAMES)[number];
/** What tables and pages call the paths. */
export const PATH_TITLES: Readonly<Record<PathName, string>> = {
  original: "original",
  vmfunc: "VMFUNC",
  crossover: "CrossOver",
};

/** Names of the systems. */
export const SYSTEM_NAMES = ["proxos", "hypershell", "tahoma", "shadowcontext"] as const;
/** A system. */
export type SystemName = (typeof SYSTEM_NAMES)[number];

/** A system as the paper on it describes it. */
export interface CaseStudy {
  readonly title: string;
  /** Where it was published. */
  readonly published: string;
  /** Who calls whom. */
  readonly description: string;
  /** What the machines are: 1 is called, 2 calls. */
  readonly machines: Readonly<Record<1 | 2, string>>;
  /** Transitions between rings, and in and out of VMX non-root operation, that a call takes over each path. */
  readonly hops: Readonly<Record<PathName, number>>;
}

/** The systems. */
export const SYSTEMS: Readonly<Record<SystemName, CaseStudy>> = {
  proxos: {
    title: "Proxos",
    published: "OSDI 2006",
    description: "an application in a private VM calls the commodity operating system in another",
    machines: { 1: "commodity VM", 2: "private VM" },
    hops: { original: 10, vmfunc: 4, crossover: 2 },
  },
  hypershell: {
    title: "Hyper-Shell",
    published: "ATC 2014",
    description:
      "a shell on the host calls the kernel of a guest; with VMFUNC alone it sits in a management VM",
    machines: { 1: "guest VM", 2: "management VM" },
    hops: { original: 6, vmfunc: 4, crossover: 2 },
  },
  tahoma: {
    title: "Tahoma",
    published: "S&P 2006",
    description: "a browser instance in a VM calls the browser operating system in the manager VM",
    machines: { 1: "manager VM", 2: "instance VM" },
    hops: { original: 8, vmfunc: 6, crossover: 2 },
  },
  shadowcontext: {
    title: "ShadowContext",
    published: "DSN 2014",
    description: "an inspection tool in a trusted VM calls the kernel of an untrusted one",
    machines: { 1: "untrusted VM", 2: "trusted VM" },
    hops: { original: 8, vmfunc: 4, crossover: 2 },
  },
};

/** A workload. */
export interface Workload {
  /** Its number in marks. */
  readonly id: number;
  readonly name: string;
  /** What it does each time. */
  readonly description: string;
  /** Redirected calls each time; undefined for utilities, which make as many as it takes. */
  readonly calls?: number;
}

/** The workloads in the order in which they run. */
export const WORKLOADS: readonly Workload[] = [
  { id: 1, name: "getpid", description: "getpid", calls: 1 },
  { id: 2, name: "read1", description: "read of a byte", calls: 1 },
  { id: 3, name: "write1", description: "write of a byte", calls: 1 },
  { id: 4, name: "stat", description: "stat of a file", calls: 1 },
  { id: 5, name: "open_close", description: "open and close of a file", calls: 2 },
  { id: 6, name: "pipe", description: "a byte through a pipe: write and read", calls: 2 },
  { id: 7, name: "ps", description: "list of processes" },
  { id: 8, name: "ls", description: "listing of a directory" },
  { id: 9, name: "uptime", description: "time since boot" },
  { id: 10, name: "grep", description: "search through a file" },
];
/** Number of the empty loop, which tells what the loop itself costs. */
export const EMPTY_LOOP = 0x7f;
/** Utilities run this many times less often. */
export const UTILITY_SHARE = 10;
