/** Units of time in the kernel's interfaces. */

/** Clock ticks in a second, as times(2) and /proc count them. */
export const TICKS_PER_SECOND = 100;
/** Instructions in a clock tick: one takes a nanosecond. */
export const INSTRUCTIONS_PER_TICK = 1_000_000_000 / TICKS_PER_SECOND;
