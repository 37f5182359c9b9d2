/** The instruction forms the oracle exercises: our own opcode rows, those that a 64-bit user program can execute. */
import { MAP_0F38 } from "../../src/frontend/opcodes/0f38.ts";
import { MAP_0F3A } from "../../src/frontend/opcodes/0f3a.ts";
import { MMX_0F } from "../../src/frontend/opcodes/mmx_0f.ts";
import { ONE_BYTE } from "../../src/frontend/opcodes/one_byte.ts";
import { parseEncoding, type Row } from "../../src/frontend/opcodes/row.ts";
import { SSE_0F } from "../../src/frontend/opcodes/sse_0f.ts";
import { TWO_BYTE } from "../../src/frontend/opcodes/two_byte.ts";
import { VEX } from "../../src/frontend/opcodes/vex.ts";
import { X87 } from "../../src/frontend/opcodes/x87.ts";

/** Kinds of instruction that can be fuzzed by themselves. */
export type Kind = "integer" | "vector" | "x87";

/** A form: one row, taken apart. */
export interface Form {
  readonly row: Row;
  readonly kind: Kind;
  readonly encoding: ReturnType<typeof parseEncoding>;
}

/**
 * What has no defined or comparable result: time, randomness, identification, system calls, descriptor tables of the
 * host, and instructions that change what the host runs on (segment registers in compatibility mode, far transfers).
 */
const INCOMPARABLE = new Set<string>([
  "CPUID",
  "RDTSC",
  "RDTSCP",
  "RDRAND",
  "RDSEED",
  "RDPID",
  "RDPMC",
  "XGETBV",
  "SYSCALL",
  "SYSENTER",
  "INT",
  "INT3",
  "SGDT",
  "SIDT",
  "SLDT",
  "STR",
  "SMSW",
  "LAR",
  "LSL",
  "VERR",
  "VERW",
  "CALLF",
  "JMPF",
  "RETF",
  "IRET",
  "LFS",
  "LGS",
  "LSS",
  "POPF",
  "VMCALL",
  "VMFUNC",
  "XSAVE",
  "XRSTOR",
  "XSAVEOPT",
  "XSAVEC",
  "HLT",
  "UD0",
  "XABORT",
  "XBEGIN",
  "WRFSBASE",
  "WRGSBASE",
  "FXSAVE",
  "MONITOR",
  "MWAIT",
]); // deno-fmt-ignore

/** Results that differ in the last place (DEVIATIONS.md). */
const TRANSCENDENTAL = new Set<string>([
  "F2XM1", "FYL2X", "FYL2XP1", "FPTAN", "FPATAN", "FSIN", "FCOS", "FSINCOS",
]); // deno-fmt-ignore

function collect(rows: readonly Row[], kind: Kind): Form[] {
  return rows
    .filter(([, mnemonic, operands, attributes]) =>
      !INCOMPARABLE.has(mnemonic) && !TRANSCENDENTAL.has(mnemonic) && attributes?.i64 !== true &&
      attributes?.cpl0 !== true && attributes?.cpl0Ud !== true && !/\b(Sw|Cd|Dd|Cy|Dy|Rd)\b/.test(operands)
    )
    .map((row) => ({ row, kind, encoding: parseEncoding(row) }));
}

/** All forms. */
export const FORMS: readonly Form[] = [
  ...collect([...ONE_BYTE, ...TWO_BYTE, ...VEX], "integer"),
  ...collect(MAP_0F38.filter(isInteger), "integer"),
  ...collect([...MAP_0F38.filter((row) => !isInteger(row)), ...MAP_0F3A, ...SSE_0F, ...MMX_0F], "vector"),
  ...collect(X87, "x87"),
];

function isInteger([, mnemonic]: Row): boolean {
  return ["MOVBE", "CRC32", "ADCX", "ADOX"].includes(mnemonic);
}
