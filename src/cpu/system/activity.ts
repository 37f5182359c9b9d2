/** What a processor does between instructions: it goes on, or waits. SDM vol. 3C, section 25.4.2. */

/** Activity states, as the VMCS has them. */
export const Activity = {
  ACTIVE: 0,
  /** HLT: an interrupt, or an NMI, ends it. */
  HLT: 1,
  /** After a triple fault: an NMI ends it. */
  SHUTDOWN: 2,
  /** After INIT: a STARTUP message ends it. */
  WAIT_FOR_SIPI: 3,
} as const;

/** The activity state of a processor. */
export interface Waiting {
  activity: number;
}
