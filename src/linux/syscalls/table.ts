/** All system calls, by number. */
import { ATTRIBUTE_CALLS } from "./attributes.ts";
import { DESCRIPTOR_CALLS } from "./descriptors.ts";
import { FUTEX_CALLS } from "./futex.ts";
import { GENERAL_CALLS } from "./general.ts";
import { IDENTITY_CALLS } from "./identity.ts";
import { IO_CALLS } from "./io.ts";
import { IPC_CALLS } from "./ipc.ts";
import { MEMORY_CALLS } from "./memory.ts";
import { PATH_CALLS } from "./paths.ts";
import { POLL_CALLS } from "./poll.ts";
import { type Call, type Conversion, conversionOf, type Row } from "./row.ts";
import { SIGNAL_CALLS } from "./signals.ts";
import { SOCKET_CALLS } from "./sockets.ts";
import { STAT_CALLS } from "./stat.ts";
import { TASK_CALLS } from "./tasks.ts";
import { TIME_CALLS } from "./time.ts";

/** A system call. */
export interface SystemCall {
  readonly name: string;
  /** Formats of the arguments. */
  readonly formats: readonly string[];
  readonly conversions: readonly Conversion[];
  readonly run: Call;
}

const ROWS: readonly Row[] = [
  ...IO_CALLS,
  ...DESCRIPTOR_CALLS,
  ...PATH_CALLS,
  ...ATTRIBUTE_CALLS,
  ...STAT_CALLS,
  ...POLL_CALLS,
  ...MEMORY_CALLS,
  ...TASK_CALLS,
  ...SIGNAL_CALLS,
  ...TIME_CALLS,
  ...IDENTITY_CALLS,
  ...FUTEX_CALLS,
  ...SOCKET_CALLS,
  ...IPC_CALLS,
  ...GENERAL_CALLS,
];

/** The calls by number; undefined for those that are missing. */
export const SYSTEM_CALLS: readonly (SystemCall | undefined)[] = buildTable();

function buildTable(): (SystemCall | undefined)[] {
  const table: (SystemCall | undefined)[] = new Array<SystemCall | undefined>(464).fill(undefined);
  for (const [number, name, formats, run] of ROWS) {
    if (table[number] !== undefined) throw new Error(`System call ${number} has two rows: ${name}`);
    const words = formats === "" ? [] : formats.split(" ");
    table[number] = { name, formats: words, conversions: words.map(conversionOf), run };
  }
  return table;
}
