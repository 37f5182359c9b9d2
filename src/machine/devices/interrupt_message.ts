/** Interrupt messages between local APICs, and from an I/O APIC. SDM vol. 3A, sections 11.6 and 11.11. */

/** What kind of interrupt a message brings. */
export const DeliveryMode = {
  FIXED: 0,
  LOWEST_PRIORITY: 1,
  SMI: 2,
  NMI: 4,
  INIT: 5,
  STARTUP: 6,
  EXTINT: 7,
} as const;

/** An interrupt message. */
export interface InterruptMessage {
  readonly mode: number;
  readonly vector: number;
  /** Level-triggered. */
  readonly level: boolean;
}

/** To whom a message goes. */
export interface InterruptDestination {
  /** 0: `id` says; 1: the sender; 2: all; 3: all but the sender. */
  readonly shorthand: number;
  /** Logical destination mode: `id` is matched with the logical destination registers. */
  readonly logical: boolean;
  readonly id: number;
}

/** Where a device writes messages: bits 31 to 20 of the address. The rest says to whom. */
const MESSAGE_ADDRESS = 0xfee, ADDRESS_SHIFT = 2 ** 20;
const DESTINATION_SHIFT = 12, LOGICAL = 4, TRIGGER_LEVEL = 0x8000;

/**
 * What a device's write of a 32-bit word means: a message, or, undefined, nothing but a write. Redirection hints say nothing
 * here: the data have a delivery mode for that. SDM vol. 3A, section 11.11.
 */
export function messageWritten(
  address: number,
  data: number,
):
  | { readonly message: InterruptMessage; readonly destination: Omit<InterruptDestination, "shorthand"> }
  | undefined {
  if (Math.floor(address / ADDRESS_SHIFT) !== MESSAGE_ADDRESS) return undefined;
  return {
    message: { mode: (data >>> 8) & 7, vector: data & 0xff, level: (data & TRIGGER_LEVEL) !== 0 },
    destination: { logical: (address & LOGICAL) !== 0, id: (address >>> DESTINATION_SHIFT) & 0xff },
  };
}
