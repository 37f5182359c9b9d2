/**
 * Causeway: an x86-64 emulator.
 *
 * `runProgram` runs a Linux program and collects what it prints; `bootMachine` boots a computer with a kernel;
 * `createProcessor` makes a bare processor with memory and registers. None of them needs anything of the host: they work in Deno, Node.js and browsers.
 *
 * @example Run a program
 * ```ts
 * import assert from "node:assert";
 * import { readFileSync } from "node:fs";
 * import { runProgram } from "@causeway/x86";
 *
 * const result = runProgram({ program: readFileSync("src/guests/hello/hello.elf"), args: ["Ada"] });
 * assert(result.stdout === "Hello, Ada!\n");
 * ```
 *
 * @module
 */
export {
  BareProcessor,
  type BareStop as Stop,
  createProcessor,
  type PortRead,
  type PortWrite,
  type ProcessorEvents,
  type ProcessorOptions,
  type RunLimits,
  type SavedProcessor,
  type StopEvent,
} from "./src/machine/api/bare_processor.ts";
export type { PointStop, WatchedAccess } from "./src/machine/api/points.ts";
export type { Protection } from "./src/machine/api/address_space.ts";
export type { BareMode } from "./src/machine/api/modes.ts";
export {
  isRegisterName,
  REGISTER_NAMES,
  registerBits,
  type RegisterName,
} from "./src/machine/api/registers.ts";
export { DUMP_STAGES, type DumpStage, dumpStages } from "./src/machine/api/dump.ts";
export type { WorldSwitches } from "./src/machine/api/watched_processor.ts";
export type { MachineStatistics, Statistics } from "./src/machine/api/statistics.ts";
export {
  type Moment,
  SWITCH_KIND_NAMES,
  type SwitchCounts,
  type SwitchKindName,
  type VmExitEvent,
  type WorldDescription,
  type WorldSwitchEvent,
} from "./src/machine/api/world_events.ts";
export type { MarkEvent, WorldEvents } from "./src/machine/api/world_watch.ts";
export {
  CYCLE_PROFILES,
  type CycleChoice,
  type CycleModel,
  type CycleProfile,
  type CycleProfileName,
  type Figure,
  switchCycles,
} from "./src/machine/cycle_model.ts";
export { Vector } from "./src/cpu/fault.ts";
export { ENGINE_NAMES, type EngineName } from "./src/machine/engines.ts";
export type { TranslationObserver } from "./src/machine/observer.ts";
export {
  bootMachine,
  Machine,
  type MachineEvents,
  type MachineOptions,
  type MachineStop,
} from "./src/machine/machine.ts";
export { DiskError, type DiskImage } from "./src/machine/disk.ts";
export type { LiveOptions } from "./src/machine/api/live.ts";
export type { AttachedDevice, Board } from "./src/machine/attached_device.ts";
export type { AccessSize, MmioDevice, PortDevice } from "./src/machine/bus.ts";
export type { AnyStateful, StateFormat, Stateful } from "./src/snapshot/stateful.ts";
export * as shapes from "./src/snapshot/shape.ts";
export type { Shape, StateValue } from "./src/snapshot/shape.ts";
export { loadMachine, type LoadOptions } from "./src/machine/snapshot/load.ts";
export { SnapshotError } from "./src/snapshot/file.ts";
export { CannotBootError } from "./src/machine/loaders/boot_error.ts";
export type { BootModule } from "./src/machine/loaders/boot_request.ts";
export type { IdeDrive, MachineDisk } from "./src/machine/expansion.ts";
export type { AtIdePlaces, IdePlace } from "./src/machine/ide/drives.ts";
export type { InputLimits } from "./src/machine/input.ts";
export type { MachineNetwork } from "./src/machine/net/attach.ts";
export type { HostConnection, HostConnector, HostPeer } from "./src/machine/net/host_connector.ts";
export type { Console } from "./src/machine/console.ts";
export { type Key, type Keyboard, KEYS, type Modifiers } from "./src/machine/keyboard.ts";
export type { SystemRegisterName } from "./src/machine/api/system_registers.ts";
export { type RunOptions, runProgram, type RunResult } from "./src/linux/run_program.ts";
export { CannotRunError } from "./src/linux/exec.ts";
export type { FileSystem } from "./src/linux/fs/file_system.ts";
export { type InitialFiles, MemoryFileSystem } from "./src/linux/fs/memory.ts";
export type { HostIo } from "./src/linux/files/host_io.ts";
export {
  disassemble,
  disassembleAll,
  type DisassembleOptions,
  type Disassembly,
} from "./src/frontend/disassemble.ts";
