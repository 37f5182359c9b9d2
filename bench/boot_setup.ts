/** What every boot in the comparison has in common. */

export const BOOT_MEMORY: number = 1 << 29;
export const COMMAND_LINE = "console=ttyS0";
/** What the shell shows when it is ready. */
export const PROMPT = "/root # ";
