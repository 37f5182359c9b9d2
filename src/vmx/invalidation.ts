/** INVEPT and INVVPID. SDM vol. 3C, section 31.3; what is cached: section 29.4. */
import { isEptp } from "./ept.ts";
import type { VmxState } from "./vmx_state.ts";

const INVEPT_SINGLE = 1, INVEPT_ALL = 2;
const INVVPID_ADDRESS = 0, INVVPID_ALL = 2, INVVPID_TYPES = 4;
const EP4TA = ~0xfffn;

/** INVEPT; false if its operands are invalid. */
export function invalidateEpt({ mmu }: VmxState, type: number, eptp: bigint, reserved: bigint): boolean {
  if ((type !== INVEPT_SINGLE && type !== INVEPT_ALL) || reserved !== 0n) return false;
  if (type === INVEPT_SINGLE && !isEptp(eptp)) return false;
  mmu.dropTagged((world) =>
    world.eptp !== 0n && (type === INVEPT_ALL || (world.eptp & EP4TA) === (eptp & EP4TA))
  );
  return true;
}

/** INVVPID; false if its operands are invalid. */
export function invalidateVpid({ mmu }: VmxState, type: number, descriptor: bigint, linear: bigint): boolean {
  if (type < 0 || type >= INVVPID_TYPES || descriptor >> 16n !== 0n) return false;
  const vpid = Number(descriptor);
  if (type !== INVVPID_ALL && vpid === 0) return false;
  if (type === INVVPID_ADDRESS && BigInt.asUintN(64, BigInt.asIntN(48, linear)) !== linear) return false;
  mmu.dropTagged((world) => world.vpid !== 0 && (type === INVVPID_ALL || world.vpid === vpid));
  return true;
}
