/** Helpers of the system instructions: CPUID, RDTSC, random numbers, segment loads. Rows: see ../helpers.ts. */
import type { HelperInfo } from "../helpers.ts";

// deno-fmt-ignore
/** Helpers of the system instructions: CPUID, RDTSC, random numbers, segment loads. */
export const SYSTEM_HELPERS = {
  /** CPUID of EAX and ECX into EAX, EBX, ECX, EDX. */
  cpuid:              { signature: ":.",    state: "all" },
  /** Time-stamp counter. */
  read_tsc:           { signature: ":q",    state: "all" },
  /** 64 random bits. */
  random:             { signature: ":q",    state: "none" },
  /** Loads a data segment register: number, selector. */
  load_segment:       { signature: "ww:.",  state: "all", exits: true },
  /** Access rights of a descriptor in the place of LAR's result (bits 23:8), or 0 if CPL and RPL may not see it. */
  access_rights:      { signature: "w:w",   state: "none" },
  /** Raises what `load_code_segment` would, and changes nothing. */
  check_code_segment: { signature: "w:.",   state: "none", exits: true },
  /** Loads CS with a selector, as a far transfer to the same privilege level does. */
  load_code_segment:  { signature: "w:.",   state: "all", exits: true },
} as const satisfies Record<string, HelperInfo>;
