/** The first program of a system as a debugger sees it: its threads are the program's tasks. */
import type { DebugPoints } from "../cpu/system/debug_points.ts";
import type { Advance, DebugFiles, Debuggee, DebugThread, Resumption } from "../machine/debug/target.ts";
import { PAGE_SIZE } from "../memory/physical.ts";
import { SyscallError } from "./abi/errno.ts";
import { Open } from "./abi/files.ts";
import { Signal, signalName } from "./abi/signals.ts";
import type { OpenFile } from "./files/open_file.ts";
import { isRegular } from "./fs/file_system.ts";
import { Pte, USER_END } from "./memory/page_tables.ts";
import { encodeInfo } from "./signals/frame.ts";
import type { SignalInfo } from "./signals/state.ts";
import type { ExitStatus, LinuxSystem } from "./system.ts";
import type { Task } from "./task.ts";

/** Signals whose numbers the protocol has otherwise: [Linux's, GDB's]. GDB: include/gdb/signals.def. */
const RENUMBERED = [[Signal.BUS, 10], [Signal.USR1, 30], [Signal.USR2, 31], [Signal.CHLD, 20]] as const;

const toGdb = (signal: number): number => RENUMBERED.find(([linux]) => linux === signal)?.[1] ?? signal;
const hexOf = (value: number): string => (value & 0xff).toString(16).padStart(2, "0");

/** A fault, and the task that made it. */
interface Arisen {
  readonly task: Task;
  readonly info: SignalInfo;
}

/** A program for a debugger. What it has forked runs on its own, without breakpoints. */
export class ProgramTarget implements Debuggee<ExitStatus> {
  readonly isProgram = true;
  readonly points: DebugPoints;
  /** A fault whose signal waits for the debugger's decision. */
  #fault: Arisen | undefined;

  constructor(readonly system: LinuxSystem) {
    this.points = system.processor.mmu.breakpoints.outside;
    system.onSwitch = (task) => this.points.apply(task.group === system.first);
    system.onFault = (task, info) => {
      if (task.group !== system.first) return;
      this.#fault = { task, info };
      system.pause();
    };
  }

  get #tasks(): readonly Task[] {
    return this.system.first?.tasks.filter(({ dead }) => !dead) ?? [];
  }

  get threads(): readonly DebugThread[] {
    return this.#tasks.map(({ tid, name }) => ({ id: tid, name }));
  }

  get current(): number {
    const { current } = this.system, tasks = this.#tasks;
    return (current !== undefined && tasks.includes(current) ? current : tasks[0])?.tid ?? 1;
  }

  state(thread: number): DataView | undefined {
    const registers = this.#task(thread)?.registers;
    return registers === undefined ? undefined : new DataView(registers.buffer, registers.byteOffset);
  }

  read(thread: number, address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const done = this.#eachPage(thread, address, length, (from, part, start) => {
      const memory = this.system.processor.memory;
      const place = this.#find(thread, from) ?? this.#bringIn(thread, from);
      if (place === undefined) return false;
      bytes.set(memory.ram(place, part), start);
      return true;
    });
    return bytes.subarray(0, done);
  }

  write(thread: number, address: bigint, bytes: Uint8Array): boolean {
    if (this.read(thread, address, bytes.length).length < bytes.length) return false;
    const task = this.#task(thread)!;
    const done = this.#eachPage(thread, address, bytes.length, (from, part, start) => {
      try {
        task.memory.write(from, bytes.subarray(start, start + part));
        return true;
      } catch (error) {
        // Pages that the program may not write, as those of its code, stay as they are.
        if (error instanceof SyscallError) return false;
        throw error;
      }
    });
    return done === bytes.length;
  }

  physical(thread: number, address: bigint): number | undefined {
    return address < BigInt(USER_END) ? this.#find(thread, Number(address)) : undefined;
  }

  readPhysical(address: bigint, length: number): Uint8Array {
    const { memory } = this.system.processor, start = Number(address);
    if (start >= memory.ramBytes) return new Uint8Array(0);
    return memory.ram(start, Math.min(length, memory.ramBytes - start)).slice();
  }

  writePhysical(address: bigint, bytes: Uint8Array): boolean {
    const { memory, mmu } = this.system.processor, start = Number(address);
    if (start + bytes.length > memory.ramBytes) return false;
    memory.ram(start, bytes.length).set(bytes);
    mmu.wroteRam(start, bytes.length);
    return true;
  }

  get auxiliary(): Uint8Array | undefined {
    return this.system.first?.auxiliary;
  }

  signalInfo(thread: number): Uint8Array | undefined {
    const fault = this.#fault;
    return fault?.task.tid === thread ? encodeInfo(fault.info) : undefined;
  }

  get files(): DebugFiles | undefined {
    const { first } = this.system;
    if (first === undefined || first.executable === "") return undefined;
    return { executable: first.executable, read: (path) => this.#readFile(path) };
  }

  advance(instructions: number, { step, signal }: Resumption): Advance<ExitStatus> {
    const fault = this.#fault;
    this.#fault = undefined;
    // The debugger swallows the signal unless it passes it on.
    if (fault !== undefined && signal === 0) fault.task.pending.take(fault.info.signal);
    const task = step === undefined ? undefined : this.#task(step), before = task?.instructions ?? 0;
    const status = this.system.advance(step === undefined ? instructions : 1);
    if (status !== undefined) return { kind: "end", end: status, packet: endPacket(status) };
    const arisen = this.#arisen();
    if (arisen !== undefined) {
      const { task, info } = arisen;
      return {
        kind: "stop",
        signal: toGdb(info.signal),
        message: `${signalName(info.signal)} in ${task.name}`,
      };
    }
    return { kind: task !== undefined && task.instructions > before ? "stepped" : "ran" };
  }

  #readFile(path: string): Uint8Array | undefined {
    const { system } = this, [task] = this.#tasks;
    if (task === undefined) return undefined;
    try {
      const place = system.mounts.existing(task, path, "/", true);
      if (!isRegular(place.status)) return undefined;
      const file = system.mounts.open(task, place, Open.RDONLY, 0, false);
      try {
        return readWhole(file, place.status.size);
      } finally {
        file.release();
      }
    } catch (error) {
      if (error instanceof SyscallError) return undefined;
      throw error;
    }
  }

  /** It has come while the system ran. */
  #arisen(): Arisen | undefined {
    return this.#fault;
  }

  #task(thread: number): Task | undefined {
    return this.#tasks.find(({ tid }) => tid === thread);
  }

  /** Where an address of a thread is in RAM, if it is there. */
  #find(thread: number, address: number): number | undefined {
    const task = this.#task(thread);
    if (task === undefined) return undefined;
    const { tables } = task.space, at = tables.find(address);
    const entry = at < 0 ? 0 : tables.frames.memory.i32[at]!;
    return (entry & Pte.P) === 0 ? undefined : (entry >>> 12) * PAGE_SIZE + address % PAGE_SIZE;
  }

  /** The same for a page that is mapped, but comes with its first access. */
  #bringIn(thread: number, address: number): number | undefined {
    const task = this.#task(thread);
    if (task === undefined) return undefined;
    try {
      return task.space.fault(address, "read") === "resolved" ? this.#find(thread, address) : undefined;
    } catch (error) {
      if (error instanceof SyscallError) return undefined;
      throw error;
    }
  }

  /** Visits a range page by page until `visit` answers false. Returns how many bytes it has come. */
  #eachPage(
    thread: number,
    address: bigint,
    length: number,
    visit: (from: number, part: number, start: number) => boolean,
  ): number {
    if (this.#task(thread) === undefined || address >= BigInt(USER_END)) return 0;
    const first = Number(address), end = Math.min(length, USER_END - first);
    for (let done = 0; done < end;) {
      const from = first + done, part = Math.min(end - done, PAGE_SIZE - from % PAGE_SIZE);
      if (!visit(from, part, done)) return done;
      done += part;
    }
    return end;
  }
}

/** All bytes of a file, whose size may be known. */
function readWhole(file: OpenFile, size: number): Uint8Array {
  let bytes = new Uint8Array(size + 1);
  for (let done = 0;;) {
    const count = file.readAt(bytes.subarray(done), done);
    if (count === 0) return bytes.subarray(0, done);
    done += count;
    if (done < bytes.length) continue;
    const larger = new Uint8Array(2 * bytes.length);
    larger.set(bytes);
    bytes = larger;
  }
}

function endPacket(status: ExitStatus): string {
  switch (status.kind) {
    case "exited":
      return `W${hexOf(status.code)}`;
    case "signaled":
      return `X${hexOf(toGdb(status.signal))}`;
    default:
      return `X${hexOf(Signal.KILL)}`;
  }
}
