/**
 * MSRs about speculative execution. Nothing is executed speculatively here, so the controls control nothing, and the
 * processor says that it has none of the flaws. SDM vol. 4, table 2-2.
 */
import type { MsrValue } from "../cpu/system/bus.ts";
import { fields, type Shape, whole } from "../snapshot/shape.ts";

const SPEC_CTRL = 0x48, PRED_CMD = 0x49, ARCH_CAPABILITIES = 0x10a;
/** IA32_SPEC_CTRL: IBRS, STIBP, BHI_DIS_S. */
const SPEC_CTRL_BITS = 0x403;
/** IA32_PRED_CMD: IBPB. */
const PRED_CMD_BITS = 1;
/**
 * IA32_ARCH_CAPABILITIES: RDCL_NO, IBRS_ALL, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO, IF_PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO,
 * FBSDP_NO, PSDP_NO, BHI_NO, PBRSB_NO, GDS_NO, RFDS_NO; in the upper half ITS_NO.
 */
const CAPABILITIES: MsrValue = {
  lo: [0, 1, 3, 4, 5, 6, 8, 13, 14, 15, 20, 24, 26, 27].reduce((mask, bit) => mask | (1 << bit), 0),
  hi: 1 << 30,
};

/** The saved state. */
export type SpeculationMsrsState = { readonly control: number };
/** What it looks like. */
export const SPECULATION_MSRS_STATE: Shape<SpeculationMsrsState> = fields({
  control: whole(0, SPEC_CTRL_BITS),
});

/** The MSRs of one processor. */
export class SpeculationMsrs {
  #control = 0;

  saveState(): SpeculationMsrsState {
    return { control: this.#control };
  }

  loadState({ control }: SpeculationMsrsState): void {
    this.#control = control;
  }

  /** Reads a register; undefined: it is none of these, or cannot be read. */
  read(index: number): MsrValue | undefined {
    switch (index) {
      case SPEC_CTRL:
        return { lo: this.#control, hi: 0 };
      case ARCH_CAPABILITIES:
        return CAPABILITIES;
      default:
        return undefined;
    }
  }

  /** Writes one; false: #GP(0); undefined: it is none of these. */
  write(index: number, lo: number, hi: number): boolean | undefined {
    switch (index) {
      case SPEC_CTRL:
        if (hi !== 0 || (lo & ~SPEC_CTRL_BITS) !== 0) return false;
        this.#control = lo;
        return true;
      case PRED_CMD:
        return hi === 0 && (lo & ~PRED_CMD_BITS) === 0;
      case ARCH_CAPABILITIES:
        return false;
      default:
        return undefined;
    }
  }
}
