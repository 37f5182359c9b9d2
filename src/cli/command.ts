/** What a command of the command line is. */
import type { CommandHelp } from "./help.ts";

/** A command: its help, and what it does. */
export interface Command extends CommandHelp {
  /** What follows the first operand belongs to the guest. */
  readonly guestArguments: boolean;
  /** Does it with the arguments after the command's name. Answers the exit code; throws `CommandError` for a refusal. */
  run(args: readonly string[]): number | Promise<number>;
}
