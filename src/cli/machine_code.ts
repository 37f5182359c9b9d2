/** The operand of `exec` and `disasm`: a file with raw machine code. */
import { isElf } from "../machine/loaders/elf_image.ts";
import { usageError } from "./exit_codes.ts";
import { readInput } from "./input.ts";
import { report } from "./output.ts";

/** Reads the one file that a command's operands name. */
export function readMachineCode(
  command: string,
  operands: readonly string[],
): { readonly file: string; readonly code: Uint8Array<ArrayBuffer> } {
  const [file, ...more] = operands;
  if (file === undefined || more.length > 0) {
    const got = operands.length === 0 ? "none" : operands.join(" ");
    throw usageError(`${command} takes one FILE with machine code; got ${got}`);
  }
  const code = readInput(file);
  if (isElf(code)) {
    report(`causeway ${command}: ${file} is an ELF file; all of it is taken for code, its headers, too`);
  }
  return { file, code };
}
