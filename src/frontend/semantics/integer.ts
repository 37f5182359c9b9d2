/** Semantics of the integer and system instructions by mnemonic. */
import type { Mnemonic } from "../opcodes/mnemonics.ts";
import type { Semantics } from "./semantics.ts";
import * as arithmetic from "./arithmetic.ts";
import * as bits from "./bits.ts";
import * as bmi from "./bmi.ts";
import { CONDITIONAL } from "./conditional.ts";
import * as control from "./control.ts";
import * as data from "./data.ts";
import * as decimal from "./decimal.ts";
import * as descriptors from "./descriptors.ts";
import * as exchange from "./exchange.ts";
import * as far from "./far.ts";
import * as flags from "./flags.ts";
import { HINTS } from "./hints.ts";
import * as logic from "./logic.ts";
import * as multiply from "./multiply.ts";
import * as rotate from "./rotate.ts";
import * as segments from "./segments.ts";
import * as shift from "./shift.ts";
import * as stack from "./stack.ts";
import * as strings from "./strings.ts";
import * as system from "./system.ts";
import * as privileged from "./system_privileged.ts";
import * as vmx from "./vmx.ts";

/** Semantics of the integer and system instructions by mnemonic. */
export const INTEGER: Partial<Record<Mnemonic, Semantics>> = {
  ...arithmetic,
  ...bits,
  ...bmi,
  ...CONDITIONAL,
  ...control,
  ...data,
  ...decimal,
  ...descriptors,
  ...exchange,
  ...far,
  ...flags,
  ...HINTS,
  ...logic,
  ...multiply,
  ...rotate,
  ...segments,
  ...shift,
  ...stack,
  ...strings,
  ...system,
  ...privileged,
  ...vmx,
};
