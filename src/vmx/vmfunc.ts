/** VMFUNC. SDM vol. 3C, section 26.5.5. */
import { Vector } from "../cpu/fault.ts";
import { WorldSwitch } from "../cpu/system/world_switches.ts";
import { EPTP, GPR, Gpr } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/physical.ts";
import { VM_FUNCTIONS } from "./capabilities.ts";
import { Secondary } from "./controls.ts";
import { isEptp } from "./ept.ts";
import { Reason } from "./exit_reasons.ts";
import { Field } from "./fields.ts";
import { VmxMode, type VmxState } from "./vmx_state.ts";

const EPTP_SWITCHING = 0, LIST_ENTRIES = 512;

/** Executes VMFUNC; on a fault or VM exit nothing has changed. */
export function vmfunc(state: VmxState): void {
  const { m, unit, vmcs, memory } = state;
  const leaf = m[(GPR >> 2) + 2 * Gpr.RAX]! >>> 0;
  if (state.mode !== VmxMode.GUEST || (state.secondary & Secondary.VMFUNC) === 0 || leaf > 63) {
    return void unit.context.raise(Vector.UD);
  }
  const exit = (): void => void state.record({ reason: Reason.VMFUNC, qualification: 0n });
  const enabled = vmcs!.read(Field.VMFUNC_CONTROLS) & BigInt(VM_FUNCTIONS);
  if (((enabled >> BigInt(leaf)) & 1n) === 0n || leaf !== EPTP_SWITCHING) return exit();
  const index = m[(GPR >> 2) + 2 * Gpr.RCX]! >>> 0;
  const place = Number(vmcs!.read(Field.EPTP_LIST_ADDRESS)) + 8 * index;
  if (index >= LIST_ENTRIES || place + 8 > memory.ramBytes) return exit();
  const value = memory.view.getBigUint64(RAM_BASE + place, true);
  if (!isEptp(value)) return exit();
  vmcs!.write(Field.EPTP, value);
  m[EPTP >> 2] = Number(BigInt.asIntN(32, value));
  m[(EPTP >> 2) + 1] = Number(BigInt.asIntN(32, value >> 32n));
  state.mmu.enterWorld();
  unit.context.switches.count(WorldSwitch.VMFUNC);
  if ((state.secondary & Secondary.VPID) === 0) state.mmu.flushAll();
}
