/** The instruction forms the oracle exercises: our own opcode rows, those that a user program can execute. */
import type { Instruction } from "../../src/frontend/instruction.ts";
import { MAP_0F38 } from "../../src/frontend/opcodes/0f38.ts";
import { MAP_0F3A } from "../../src/frontend/opcodes/0f3a.ts";
import { MMX_0F } from "../../src/frontend/opcodes/mmx_0f.ts";
import { ONE_BYTE } from "../../src/frontend/opcodes/one_byte.ts";
import { parseEncoding, type Row } from "../../src/frontend/opcodes/row.ts";
import { SSE_0F } from "../../src/frontend/opcodes/sse_0f.ts";
import { TWO_BYTE } from "../../src/frontend/opcodes/two_byte.ts";
import { VEX } from "../../src/frontend/opcodes/vex.ts";
import { X87 } from "../../src/frontend/opcodes/x87.ts";
import type { CodeSize } from "./case.ts";

/** Kinds of instruction that can be fuzzed by themselves. */
export type Kind = "integer" | "vector" | "x87";

/** A form: one row, taken apart. */
export interface Form {
  readonly row: Row;
  readonly kind: Kind;
  readonly encoding: ReturnType<typeof parseEncoding>;
  /** It mostly ends the case: rare in sequences. */
  readonly last: boolean;
  /** It stands alone: compared with a tolerance, or depending on what is set up, or with consequences not modelled. */
  readonly alone: boolean;
}

/** What has no result that could be compared, and why. */
export const INCOMPARABLE: Readonly<Record<string, string>> = {
  CPUID: "reports what is implemented",
  XGETBV: "reports what is implemented",
  RDPKRU: "the host's kernel decides whether there are protection keys",
  WRPKRU: "the host's kernel decides whether there are protection keys",
  RDTSC: "time",
  RDTSCP: "time",
  RDPMC: "counters",
  RDRAND: "random",
  RDSEED: "random",
  RDPID: "number of the host's processor",
  SYSENTER: "enters the host's kernel, which returns elsewhere",
  SGDT: "Linux emulates it where UMIP forbids it",
  SIDT: "Linux emulates it where UMIP forbids it",
  SLDT: "Linux emulates it where UMIP forbids it",
  STR: "Linux emulates it where UMIP forbids it",
  SMSW: "Linux emulates it where UMIP forbids it",
  VMCALL: "calls the host's hypervisor",
  VMFUNC: "calls the host's hypervisor",
  INTO: "it has been compared with no processor (DEVIATIONS.md)",
  XSAVEOPT: "what it leaves out depends on the processor's history",
  XSAVEC: "what it leaves out depends on the processor's history",
}; // deno-fmt-ignore

/** x87 functions whose results may differ from the host's in the last place (DEVIATIONS.md). */
export const TRANSCENDENTAL: ReadonlySet<string> = new Set([
  "F2XM1", "FYL2X", "FYL2XP1", "FPTAN", "FPATAN", "FSIN", "FCOS", "FSINCOS",
]); // deno-fmt-ignore

/** They set up their own operands (scenarios.ts). */
const WITH_SETUP: ReadonlySet<string> = new Set(["XSAVE", "XRSTOR"]);
const ENDING: ReadonlySet<string> = new Set([
  "INT",
  "INT1",
  "INT3",
  "INTO",
  "HLT",
  "IN",
  "OUT",
  "INS",
  "OUTS",
  "CLI",
  "STI",
  "UD0",
  "UD1",
  "UD2",
  "SYSCALL",
  "JMPF",
  "CALLF",
  "RETF",
  "IRET",
  "VMLAUNCH",
  "VMRESUME",
  "VMXOFF",
  "VMXON",
  "VMPTRLD",
  "VMPTRST",
  "VMCLEAR",
  "VMREAD",
  "VMWRITE",
  "INVEPT",
  "INVVPID",
  "LDS",
  "LES",
  "LFS",
  "LGS",
  "LSS",
  "SYSEXIT",
  "SYSRET",
  "BOUND",
]); // deno-fmt-ignore

/** Rows that load segment registers. */
const LOADS_SEGMENT = /^(MOV Sw|POP [C-S]S$|POP [FG]S|L[DEFGS]S )/;

function collect(rows: readonly Row[], kind: Kind): Form[] {
  return rows.filter(([, mnemonic]) => !(mnemonic in INCOMPARABLE)).map((row) => {
    const [, mnemonic, operands, attributes] = row;
    return {
      row,
      kind,
      encoding: parseEncoding(row),
      last: ENDING.has(mnemonic) || attributes?.cpl0 === true || attributes?.cpl0Ud === true ||
        /[CD]y/.test(operands) || LOADS_SEGMENT.test(`${mnemonic} ${operands}`),
      alone: TRANSCENDENTAL.has(mnemonic) || WITH_SETUP.has(mnemonic),
    };
  });
}

const ALL: readonly Form[] = [
  ...collect([...ONE_BYTE, ...TWO_BYTE, ...VEX], "integer"),
  ...collect(MAP_0F38.filter(isInteger), "integer"),
  ...collect([...MAP_0F38.filter((row) => !isInteger(row)), ...MAP_0F3A, ...SSE_0F, ...MMX_0F], "vector"),
  ...collect(X87, "x87"),
];

function isInteger([, mnemonic]: Row): boolean {
  return ["MOVBE", "CRC32", "ADCX", "ADOX"].includes(mnemonic);
}

/** All forms of code of a size. */
export function formsOf(codeSize: CodeSize): readonly Form[] {
  return ALL.filter(({ row: [, , , attributes], encoding: { vex, fields } }) =>
    codeSize === 64
      ? attributes?.i64 !== true
      : attributes?.o64 !== true && (vex || (fields.w !== 2 && fields.b !== 2))
  ).map((form) => {
    const segment = LOADS_SEGMENT.test(`${form.row[1]} ${form.row[2]}`);
    return codeSize === 32 && segment ? { ...form, alone: true } : form;
  });
}

/** Whether an instruction loads a segment register, null perhaps: what comes behind it is not compared. */
export function loadsSegment({ mnemonic, operands: [first] }: Instruction): boolean {
  return /^L[DEFGS]S$/.test(mnemonic) || (/^(MOV|POP)$/.test(mnemonic) && first?.kind === "segment");
}

/** A form in the words of its row. */
export function nameOf({ row: [encoding, mnemonic, operands] }: Form): string {
  return `${encoding}: ${mnemonic} ${operands}`.trim();
}
