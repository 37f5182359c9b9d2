/** What every boot in the comparison has in common. */

export const BOOT_MEMORY: number = 1 << 29;
export const COMMAND_LINE = "console=ttyS0";
/** What the shell shows when it is ready. */
export const PROMPT = "/root # ";

/** Programs that the shell starts, one after the other, in a round; and rounds: the first ones compile. */
export const PROGRAMS = 300, ROUNDS = 6;
/** A round: each program is a fork, an exec and an exit. */
export const ROUND =
  `i=0; while [ $i -lt ${PROGRAMS} ]; do /bin/busybox true; i=$((i+1)); done; echo round over\n`;
/** What a round prints last; what is typed has it too, but not at the start of a line. */
export const ROUND_OVER = "\nround over";
