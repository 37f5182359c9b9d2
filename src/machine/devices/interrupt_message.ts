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
