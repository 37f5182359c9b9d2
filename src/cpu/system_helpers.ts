/** Implementations of the helpers of the system instructions (rows: helpers/system.ts). */
import { cpuid } from "./cpuid.ts";
import type { GuestMemory, StateMemory } from "./guest_memory.ts";
import type { HelperImplementations } from "./helpers.ts";
import type { SYSTEM_HELPERS } from "./helpers/system.ts";
import { RandomNumbers } from "./random.ts";
import { accessRights, checkCodeSegment, loadCodeSegment, loadDataSegment } from "./segment_load.ts";
import { CR4, GPR, Gpr, RETURN_HI } from "./state.ts";

/** Virtual time: executed guest instructions, also while a block runs. */
export interface GuestClock {
  instructions(): number;
}

/** What the system instructions take from the machine. */
export interface SystemSources {
  readonly clock: GuestClock;
  /** Seed of RDRAND and RDSEED. */
  readonly seed: number;
}

const CR4_OSXSAVE = 0x4_0000;
const TWO_32 = 0x1_0000_0000;

/** Creates the helpers over a linear memory. */
export function createSystemHelpers(
  memory: StateMemory,
  access: GuestMemory,
  { clock, seed }: SystemSources,
): HelperImplementations<typeof SYSTEM_HELPERS> {
  const m = memory.i32;
  const numbers = new RandomNumbers(seed);
  const setGpr = (register: number, value: number): void => {
    m[(GPR >> 2) + 2 * register] = value;
    m[(GPR >> 2) + 2 * register + 1] = 0;
  };
  return {
    cpuid: () => {
      const leaf = m[(GPR >> 2) + 2 * Gpr.RAX]!, subleaf = m[(GPR >> 2) + 2 * Gpr.RCX]!;
      const [eax, ebx, ecx, edx] = cpuid(leaf, subleaf, { osxsave: (m[CR4 >> 2]! & CR4_OSXSAVE) !== 0 });
      setGpr(Gpr.RAX, eax);
      setGpr(Gpr.RBX, ebx);
      setGpr(Gpr.RCX, ecx);
      setGpr(Gpr.RDX, edx);
    },
    read_tsc: () => {
      const now = clock.instructions();
      m[RETURN_HI >> 2] = Math.floor(now / TWO_32);
      return now % TWO_32 | 0;
    },
    random: () => {
      m[RETURN_HI >> 2] = numbers.next();
      return numbers.next();
    },
    load_segment: (segment: number, selector: number) => loadDataSegment(m, access, segment, selector),
    access_rights: (selector: number) => accessRights(selector),
    check_code_segment: (selector: number) => void checkCodeSegment(m, access, selector),
    load_code_segment: (selector: number) => loadCodeSegment(m, access, selector),
  };
}
