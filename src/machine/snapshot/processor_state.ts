/** The saved state of one processor: registers, progress, MSRs of its bus, VMX, world calls. */
import { RANDOM_STATE } from "../../cpu/random.ts";
import { CPL, EPTP, PROCESSOR_BYTES, VMX_MODE, VmxMode } from "../../cpu/state.ts";
import { CROSSOVER_STATE, type CrossOverState } from "../../crossover/crossover.ts";
import { bytes, fields, maybe, type Shape, such } from "../../snapshot/shape.ts";
import { loadVmx, saveVmx, type VmxSavedState, vmxSavedState } from "../../vmx/saved_state.ts";
import { NO_VMCS } from "../../vmx/vmx_state.ts";
import { PROCESSOR_BUS_STATE, type ProcessorBusState } from "../processor_bus.ts";
import type { SystemProcessor } from "../system_processor.ts";
import { loadCells, saveCells } from "./processor_cells.ts";
import { progressShape, type ProgressState, saveProgress } from "./processor_progress.ts";

const HIGHEST_CPL = 3;

/** The saved state. */
export type ProcessorState = {
  readonly registers: Uint8Array;
  readonly progress: ProgressState;
  readonly random: readonly number[];
  readonly bus: ProcessorBusState;
  readonly vmx: VmxSavedState | undefined;
  readonly crossover: CrossOverState | undefined;
};

function shapeOf(processor: SystemProcessor): Shape<ProcessorState> {
  const { memory } = processor.core;
  return fields({
    registers: bytes(PROCESSOR_BYTES),
    progress: progressShape(memory),
    random: RANDOM_STATE,
    bus: PROCESSOR_BUS_STATE,
    vmx: maybe(vmxSavedState(memory)),
    crossover: maybe(CROSSOVER_STATE),
  });
}
/** What it looks like for a processor: it has VMX and world calls if and only if the processor has. */
export function processorShape(processor: SystemProcessor): Shape<ProcessorState> {
  const sameKind = such(
    shapeOf(processor),
    ({ vmx, crossover }) =>
      (vmx === undefined) === (processor.vmx === undefined) &&
      (crossover === undefined) === (processor.bus.crossover === undefined),
    "the state of a processor with the same extensions",
  );
  return such(sameKind, isConsistent, "a state that a processor can have");
}

/** What the rest relies on: the privilege level, and a current VMCS in non-root operation, where alone there is EPT. */
function isConsistent({ registers, vmx }: ProcessorState): boolean {
  const view = new DataView(registers.buffer, registers.byteOffset), mode = view.getUint32(VMX_MODE, true);
  const inVmx = mode === VmxMode.ROOT || (mode === VmxMode.GUEST && vmx?.vmcs !== NO_VMCS);
  const hasEpt = view.getBigUint64(EPTP, true) !== 0n;
  return view.getUint32(CPL, true) <= HIGHEST_CPL && (!hasEpt || mode === VmxMode.GUEST) &&
    (mode === VmxMode.OUTSIDE || (vmx !== undefined && inVmx));
}

/** Saves a processor's state: the same one whatever engine has run it. */
export function saveProcessor(processor: SystemProcessor): ProcessorState {
  return {
    registers: saveCells(processor.state),
    progress: saveProgress(processor),
    random: processor.random.saveState(),
    bus: processor.bus.saveState(),
    vmx: processor.vmx && saveVmx(processor.vmx.state),
    crossover: processor.bus.crossover?.saveState(),
  };
}

/** Restores the state of the processor that sits in the seat; its progress follows when it may have left it. */
export function loadProcessor(processor: SystemProcessor, state: ProcessorState): void {
  const { memory, inner } = processor.core;
  loadCells(memory.i32, state.registers);
  processor.random.loadState(state.random);
  processor.bus.loadState(state.bus);
  if (state.vmx !== undefined) loadVmx(processor.vmx!.state, state.vmx);
  if (state.crossover !== undefined) processor.bus.crossover!.loadState(state.crossover);
  processor.vmx?.state.noteVmFunctions();
  inner.mmu.enterWorld();
  inner.mmu.breakpointsChanged();
}
