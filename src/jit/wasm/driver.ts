/** The loop that goes from region to region in WebAssembly, as long as regions return ways. */
import { REGION_LEFT } from "../../cpu/state.ts";
import { regionVisits } from "../../memory/physical.ts";
import { WAY_BLOCK_BITS } from "./ways.ts";
import { FunctionCode } from "./encoder.ts";
import { I32, VOID, W } from "./instructions.ts";
import { settlePending } from "./pending_flags.ts";
import { storeCell } from "./state_cells.ts";

/** What `drive` returns instead of the number of an exit when a region has used up its visits. */
export const VISITS_USED_UP = -1;

/**
 * The function that enters a way and follows those that regions return. It returns the number of an exit, with the place of
 * the region that it belongs to in REGION_LEFT; or VISITS_USED_UP, with the way that has not been entered there.
 */
export function driverCode(): FunctionCode {
  const code = new FunctionCode([I32]);
  const region = code.local(I32), visits = code.local(I32);
  const again = code.open(W.loop, VOID);
  code.get(0);
  code.i32(0x7fff_ffff);
  code.op(W.i32_and);
  code.i32(WAY_BLOCK_BITS);
  code.op(W.i32_shr_u);
  code.set(region);

  const address = (): void => {
    code.get(region);
    code.i32(2);
    code.op(W.i32_shl);
  };
  address();
  address();
  code.memory(W.i32_load, regionVisits);
  code.i32(1);
  code.op(W.i32_sub);
  code.tee(visits);
  code.memory(W.i32_store, regionVisits);
  code.get(visits);
  code.op(W.i32_eqz);
  code.openHinted(VOID, 0);
  leave(code, 0);
  code.i32(VISITS_USED_UP);
  code.op(W.return);
  code.end();

  code.get(0);
  code.i32((1 << WAY_BLOCK_BITS) - 1);
  code.op(W.i32_and);
  code.get(region);
  code.callIndirect();
  code.tee(0);
  code.i32(0);
  code.op(W.i32_lt_s);
  code.brIf(again);
  code.end();
  leave(code, region);
  code.get(0);
  return code;
}

/** Notes a local in REGION_LEFT, and leaves no flags pending. */
function leave(code: FunctionCode, local: number): void {
  settlePending(code);
  storeCell(code, W.i32_store, REGION_LEFT, () => code.get(local));
}
