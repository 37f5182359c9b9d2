/** `causeway disasm`: machine code as our own decoder sees it. */
import { disassembleAll, type DisassembleOptions, type Disassembly } from "../frontend/disassemble.ts";
import { translateAll } from "../machine/api/dump.ts";
import type { Command } from "./command.ts";
import { readMachineCode } from "./machine_code.ts";
import { openDump } from "./dump.ts";
import { choice, choices, parseCommandLine, value } from "./options.ts";
import { writeAll } from "./output.ts";
import { DUMP_FILE, HELP, JSON_OUTPUT } from "./shared_options.ts";
import { parseAddress } from "./values.ts";

const OPTIONS = {
  mode: choice(["64", "32", "16"], "Width of the code. Default: 64."),
  base: value("ADDR", "Address of the first byte. Default: 0x10000, as for exec.", parseAddress),
  dump: choices(
    ["asm", "ir"],
    "Prints blocks as they would be translated: asm, their instructions; ir, what they mean. To stderr or " +
      "--dump-file, besides what goes to stdout.",
  ),
  "dump-file": DUMP_FILE,
  json: JSON_OUTPUT,
  help: HELP,
};

/** Lines are written in pieces of about this many characters. */
const PIECE = 1 << 16;

/** `causeway disasm`. */
export const disasm: Command = {
  name: "disasm",
  operands: "FILE",
  summary: "prints machine code as instructions",
  description:
    "Prints the bytes of FILE, which is raw machine code, as instructions in Intel syntax: address, bytes, instruction. " +
    "(bad) is a byte that no instruction starts with. With --json: an array of objects with address, bytes and text.",
  options: OPTIONS,
  guestArguments: false,
  examples: ["causeway disasm --mode 16 --base 0x7c00 boot.bin"],
  run(args) {
    const { values, rest } = parseCommandLine(OPTIONS, args, false);
    const { code: bytes } = readMachineCode("disasm", rest);
    const address = values.base ?? 0x10000n;
    const codeSize = Number(values.mode ?? 64) as NonNullable<DisassembleOptions["codeSize"]>;
    const dump = openDump(values.dump, values["dump-file"]);
    if (dump !== undefined) {
      translateAll(bytes, address, codeSize, dump.observer);
      dump.close();
    }
    const lines = disassembleAll(bytes, { address, codeSize });
    const format = values.json ? jsonLine : textLine;
    let text = values.json ? "[" : "", first = true;
    for (const line of lines) {
      if (values.json) text += first ? "\n" : ",\n";
      first = false;
      const start = Number(BigInt.asUintN(64, line.address - address));
      text += format(line, hexBytes(bytes.subarray(start, start + line.length)));
      if (text.length < PIECE) continue;
      writeAll(1, text);
      text = "";
    }
    writeAll(1, values.json ? `${text}\n]\n` : text);
    return 0;
  },
};

function textLine({ address, text }: Disassembly, bytes: readonly string[]): string {
  return `${address.toString(16).padStart(16, "0")}  ${bytes.join(" ").padEnd(24)} ${text}\n`;
}

function jsonLine({ address, text }: Disassembly, bytes: readonly string[]): string {
  return JSON.stringify({ address: `0x${address.toString(16)}`, bytes: bytes.join(""), text });
}

function hexBytes(bytes: Uint8Array): string[] {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
}
