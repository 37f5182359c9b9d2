/** World entries: 64 bytes in memory that describe a world, as MANAGE_WTC takes them. docs/crossover.md, "The world entry". */
import { PHYSICAL_BITS } from "../cpu/address_widths.ts";
import { SYSTEM_CONTEXT_WORDS } from "../cpu/system/system_context_words.ts";
import { type LinearMemory, RAM_BASE } from "../memory/physical.ts";
import { bool, fields, i32, list, maybe, type Shape, such, u16, u64, whole } from "../snapshot/shape.ts";
import { isEptp } from "../vmx/ept.ts";
import { isCanonical } from "./canonical.ts";
import {
  parseSystemContext,
  SYSTEM_CONTEXT_ALIGNMENT,
  SYSTEM_CONTEXT_BYTES,
  type SystemContext,
} from "./system_context.ts";

/** Size of an entry, and what its address is a multiple of. */
export const ENTRY_BYTES = 64;

/** Offsets in an entry. */
export const EntryField = {
  WID: 0,
  FLAGS: 8,
  CS: 12,
  SS: 14,
  EPTP: 16,
  CR3: 24,
  RIP: 32,
  SYSTEM_CONTEXT: 40,
  RESERVED: 48,
} as const;

/** Bits of an entry's flags. The privilege level is in bits 3:2. */
export const EntryFlag = { VALID: 1, HOST: 2, CPL_SHIFT: 2, CPL: 0xc, KEEP_IF: 0x10 } as const;
const FLAGS = EntryFlag.VALID | EntryFlag.HOST | EntryFlag.CPL | EntryFlag.KEEP_IF;
const USER = 3;

/** A world: an address space in a mode, and the one place where it is entered. */
export interface World {
  readonly wid: bigint;
  /** Whether it may be called. It is identified as a caller in any case. */
  readonly valid: boolean;
  /** VMX root operation. */
  readonly host: boolean;
  readonly cpl: 0 | 3;
  readonly keepsInterrupts: boolean;
  /** Selectors; RPL is the privilege level. */
  readonly cs: number;
  readonly ss: number;
  /** 0 for a host world. */
  readonly eptp: bigint;
  readonly cr3: bigint;
  readonly rip: bigint;
  /** Undefined: entering the world leaves the system context as it is. */
  readonly systemContext: SystemContext | undefined;
}

/** The saved state of a world. */
export type WorldState = { readonly [F in keyof World]: World[F] };
/** What it looks like: what `parseWorld` can make. */
export const WORLD_STATE: Shape<WorldState> = such(
  fields({
    wid: u64,
    valid: bool,
    host: bool,
    cpl: such(whole(0, USER), (cpl): cpl is 0 | 3 => cpl === 0 || cpl === USER, "0 or 3"),
    keepsInterrupts: bool,
    cs: u16,
    ss: u16,
    eptp: u64,
    cr3: u64,
    rip: u64,
    systemContext: maybe(list(i32, SYSTEM_CONTEXT_WORDS.length)),
  }),
  ({ wid, host, eptp, cr3, rip }) =>
    wid !== 0n && (host ? eptp === 0n : isEptp(eptp)) && cr3 >> BigInt(PHYSICAL_BITS) === 0n &&
    isCanonical(rip),
  "a well-formed world",
);

/** Takes a world from the 64 bytes of its entry, and its system context from RAM; undefined if either is malformed. */
export function parseWorld(entry: DataView, memory: LinearMemory): World | undefined {
  const quad = (offset: number): bigint => entry.getBigUint64(offset, true);
  const flags = entry.getUint32(EntryField.FLAGS, true);
  const level = (flags & EntryFlag.CPL) >> EntryFlag.CPL_SHIFT, host = (flags & EntryFlag.HOST) !== 0;
  const wid = quad(EntryField.WID), eptp = quad(EntryField.EPTP), cr3 = quad(EntryField.CR3);
  const rip = quad(EntryField.RIP);
  const cpl = level === 0 || level === USER ? level : undefined;
  const wellFormed = wid !== 0n && (flags & ~FLAGS) === 0 && (host ? eptp === 0n : isEptp(eptp)) &&
    cr3 >> BigInt(PHYSICAL_BITS) === 0n && isCanonical(rip) &&
    quad(EntryField.RESERVED) === 0n && quad(EntryField.RESERVED + 8) === 0n;
  if (!wellFormed || cpl === undefined) return undefined;
  const systemContext = readSystemContext(quad(EntryField.SYSTEM_CONTEXT), memory);
  if (systemContext === MALFORMED) return undefined;
  const selector = (offset: number): number => (entry.getUint16(offset, true) & ~3) | cpl;
  return {
    wid,
    valid: (flags & EntryFlag.VALID) !== 0,
    host,
    cpl,
    keepsInterrupts: (flags & EntryFlag.KEEP_IF) !== 0,
    cs: selector(EntryField.CS),
    ss: selector(EntryField.SS),
    eptp,
    cr3,
    rip,
    systemContext,
  };
}

const MALFORMED = "malformed";

function readSystemContext(
  address: bigint,
  memory: LinearMemory,
): SystemContext | undefined | typeof MALFORMED {
  if (address === 0n) return undefined;
  const outside = address > BigInt(memory.ramBytes - SYSTEM_CONTEXT_BYTES);
  if (outside || address % BigInt(SYSTEM_CONTEXT_ALIGNMENT) !== 0n) return MALFORMED;
  return parseSystemContext(memory.view, RAM_BASE + Number(address)) ?? MALFORMED;
}
