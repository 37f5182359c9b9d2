/** A task to make system calls with, without running any code. */
import { CollectedIo } from "../../../src/linux/files/host_io.ts";
import type { FileSystem } from "../../../src/linux/fs/file_system.ts";
import { MemoryFileSystem } from "../../../src/linux/fs/memory.ts";
import { FileTable } from "../../../src/linux/files/open_file.ts";
import { AddressSpace } from "../../../src/linux/memory/address_space.ts";
import { SignalActions } from "../../../src/linux/signals/state.ts";
import { type LinuxOptions, LinuxSystem } from "../../../src/linux/system.ts";
import { PathContext, Task, ThreadGroup } from "../../../src/linux/task.ts";
import type { Processor, Stop } from "../../../src/machine/processor.ts";
import { Mmu } from "../../../src/memory/mmu.ts";
import { LinearMemory } from "../../../src/memory/physical.ts";

/** A processor that executes nothing: each run ends with the next of the stops it is given. */
export class ScriptedProcessor implements Processor {
  readonly memory: LinearMemory;
  readonly mmu: Mmu;
  instructions = 0;
  readonly stops: Stop[] = [];
  get cycles(): number {
    return this.instructions;
  }
  count(): void {}
  onSystemCall: (() => boolean) | undefined;
  goOn(): void {}
  constructor(ramBytes = 1 << 22) {
    this.memory = new LinearMemory(ramBytes);
    this.mmu = new Mmu(this.memory);
  }
  run(instructions: number): Stop {
    const stop = this.stops.shift() ?? { kind: "budget" };
    this.instructions += stop.kind === "budget" ? instructions : 1;
    return stop;
  }
}

/** A system whose processor executes nothing, with one task that is ready to make calls. */
export function startTask(
  fileSystem: FileSystem = new MemoryFileSystem(),
  options: Partial<LinuxOptions> = {},
  processor: Processor = new ScriptedProcessor(),
): Task {
  const system = new LinuxSystem(processor, { io: new CollectedIo(), ...options, fileSystem });
  const credentials = { uid: 0, euid: 0, suid: 0, gid: 0, egid: 0, sgid: 0, groups: [] };
  const pid = system.nextId();
  const limits = Array.from({ length: 16 }, (): [number, number] => [Infinity, Infinity]);
  const group = new ThreadGroup(system, pid, undefined, { pgid: pid, sid: pid, limits, credentials });
  const space = new AddressSpace(system.memory);
  const task = new Task(
    system,
    pid,
    group,
    space,
    new FileTable(),
    new PathContext("/", 0o22),
    new SignalActions(),
  );
  system.groups.set(pid, group);
  system.tasks.push(task);
  return task;
}
