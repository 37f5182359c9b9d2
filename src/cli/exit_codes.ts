/** Exit codes of the command line's own making; all others are the guest's. */
export const ExitCode = {
  /** Bad usage. */
  USAGE: 2,
  /** `--max-instructions` is used up. */
  BUDGET: 124,
  /** An input we cannot run, or an output that cannot be written. */
  BAD_INPUT: 125,
  /** Something the guest needs is not implemented. */
  NOT_IMPLEMENTED: 126,
  /** Plus N: the guest died of signal N. */
  SIGNAL: 128,
} as const;

/** An error whose message is all the user needs to see: one line on stderr, no stack trace. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /**
   * @param exitCode what the command exits with
   */
  constructor(readonly exitCode: number, message: string) {
    super(message);
  }
}

/** Bad usage: names what is wrong and what would be right. */
export function usageError(message: string): CommandError {
  return new CommandError(ExitCode.USAGE, message);
}

/** An input that cannot be run, or an output that cannot be written. */
export function inputError(message: string): CommandError {
  return new CommandError(ExitCode.BAD_INPUT, message);
}
