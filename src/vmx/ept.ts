/** Extended page tables: guest-physical to host-physical. SDM vol. 3C, section 29.3. */
import { EPTP } from "../cpu/state.ts";
import { RAM_BASE } from "../memory/physical.ts";
import type { PagingRights, SecondStage, SecondStageAccess } from "../memory/second_stage.ts";
import { Secondary } from "./controls.ts";
import { Reason } from "./exit_reasons.ts";
import type { Fields } from "./field_check.ts";
import { Field } from "./fields.ts";
import { logIsFull, logModification } from "./page_modification_log.ts";
import { raiseVirtualizationException } from "./virtualization_exception.ts";
import type { VmxState } from "./vmx_state.ts";

const READ = 1, WRITE = 2, EXECUTE = 4, RIGHTS = 7, LARGE = 0x80, ACCESSED = 0x100, DIRTY = 0x200;
/** With mode-based execute control EXECUTE is for supervisor-mode linear addresses, and this for user-mode ones. */
const USER_EXECUTE = 0x400;
/** EPTP bit 6: accessed and dirty flags. */
const EPTP_AD = 0x40;
/** Bits 51:40 of an entry, above the widest physical address. */
const RESERVED_HIGH = 0xf_ff00, ADDRESS_HIGH = 0xff;
/**
 * Exit qualification: USER_EXECUTE; the linear address is valid; the access is to what it names, not to a table; and then
 * what paging says of that address. SDM vol. 3C, table 28-7.
 */
const USER_EXECUTABLE = 0x40, LINEAR_VALID = 0x80, FINAL = 0x100;
const PAGING_USER = 0x200, PAGING_WRITABLE = 0x400, PAGING_NO_EXECUTE = 0x800;
/** Bytes that an entry stands for, by level. */
const PAGE_BYTES: readonly number[] = [0x1000, 0x20_0000, 0x4000_0000, 0x80_0000_0000];

/** Whether a value may be an EPTP. SDM vol. 3C, section 27.2.1.1. */
export const isEptp = (value: bigint): boolean =>
  areOfEptp(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
/** Whether the EPTP of a VMCS may be one. */
export const holdsEptp = (v: Fields): boolean => areOfEptp(v.word(Field.EPTP), v.high(Field.EPTP));

/** Whether halves are those of an EPTP: UC or WB, 4 levels, reserved bits. */
function areOfEptp(lo: number, hi: number): boolean {
  const type = lo & 7;
  return (type === 0 || type === 6) && (lo & 0xfb8) === 0x18 && (hi & ~ADDRESS_HIGH) === 0;
}

/** The second stage of a processor in non-root operation. */
export class Ept implements SecondStage {
  readable = false;
  writable = false;
  executable = false;

  constructor(readonly state: VmxState) {}

  translate(gpa: number, access: SecondStageAccess): number {
    const { m, memory } = this.state;
    const pointer = m[EPTP >> 2]!, flags = (pointer & EPTP_AD) !== 0;
    // With accessed and dirty flags, using a guest's table counts as a write to it.
    const write = access.write || (access.table && flags);
    const byMode = (this.state.secondary & Secondary.EXECUTE_BY_MODE) !== 0;
    const execute = byMode && access.paging?.user === true ? USER_EXECUTE : EXECUTE;
    const all = byMode ? RIGHTS | USER_EXECUTE : RIGHTS;
    const wanted = (access.read ? READ : 0) | (write ? WRITE : 0) | (access.execute ? execute : 0);
    let table = (m[(EPTP >> 2) + 1]! & ADDRESS_HIGH) * 0x1_0000_0000 + ((pointer & ~0xfff) >>> 0);
    let rights = all;
    if (gpa >= 0x1_0000_0000_0000) return this.#violate(gpa, access, wanted, 0, false);
    for (let level = 3;; level--) {
      const place = table + 8 * (Math.floor(gpa / PAGE_BYTES[level]!) % 512);
      if (place + 8 > memory.ramBytes) return this.#violate(gpa, access, wanted, 0, false);
      const at = (RAM_BASE + place) / 4, lo = m[at]!, hi = m[at + 1]!;
      if ((lo & all) === 0) return this.#violate(gpa, access, wanted, 0, hi >= 0);
      const leaf = level === 0 || (level < 3 && (lo & LARGE) !== 0);
      if (isMisconfigured(lo, hi, level, leaf)) return this.#misconfigured(gpa);
      rights &= lo;
      table = (hi & ADDRESS_HIGH) * 0x1_0000_0000 + ((lo & ~0xfff) >>> 0);
      if (!leaf) {
        if (flags && (lo & ACCESSED) === 0) {
          if (logIsFull(this.state)) return this.#logFull();
          m[at] = lo | ACCESSED;
        }
        continue;
      }
      if ((rights & wanted) !== wanted) return this.#violate(gpa, access, wanted, rights, hi >= 0);
      const used = lo | ACCESSED | (write ? DIRTY : 0);
      if (flags && used !== lo) {
        if (logIsFull(this.state)) return this.#logFull();
        m[at] = used;
        if (((used ^ lo) & DIRTY) !== 0) logModification(this.state, gpa);
      }
      // A page that is not dirty yet must be seen by the next write.
      this.writable = (rights & WRITE) !== 0 && (!flags || (used & DIRTY) !== 0);
      this.readable = (rights & READ) !== 0;
      this.executable = (rights & execute) !== 0;
      const inside = gpa % PAGE_BYTES[level]!;
      return table - table % PAGE_BYTES[level]! + inside - inside % 0x1000;
    }
  }

  /** @param convertible the entry that forbids the access does not suppress #VE (bit 63) */
  #violate(
    gpa: number,
    access: SecondStageAccess,
    wanted: number,
    rights: number,
    convertible: boolean,
  ): number {
    const { state } = this, linearValid = access.linear !== false;
    const violation = {
      qualification: BigInt(
        (wanted & (READ | WRITE)) | (access.execute ? EXECUTE : 0) | ((rights & RIGHTS) << 3) |
          ((rights & USER_EXECUTE) !== 0 ? USER_EXECUTABLE : 0) | (linearValid ? LINEAR_VALID : 0) |
          (access.table ? 0 : FINAL) | pagingBits(access.paging),
      ),
      linear: linearValid ? state.mmu.walkedLinear : 0n,
      physical: BigInt(gpa),
    };
    if (convertible && raiseVirtualizationException(state, violation)) return -1;
    state.record({ reason: Reason.EPT_VIOLATION, ...violation });
    return -1;
  }

  /** No flag is set, and the access does not happen: section 29.3.6. */
  #logFull(): number {
    this.state.record({ reason: Reason.PML_FULL, qualification: 0n });
    return -1;
  }

  #misconfigured(gpa: number): number {
    this.state.record({ reason: Reason.EPT_MISCONFIGURATION, qualification: 0n, physical: BigInt(gpa) });
    return -1;
  }
}

/** What the qualification tells of paging. */
function pagingBits(rights: PagingRights | undefined): number {
  if (rights === undefined) return 0;
  const { user, writable, executable } = rights;
  return (user ? PAGING_USER : 0) | (writable ? PAGING_WRITABLE : 0) | (executable ? 0 : PAGING_NO_EXECUTE);
}

/** SDM vol. 3C, section 29.3.3.1. */
function isMisconfigured(lo: number, hi: number, level: number, leaf: boolean): boolean {
  if ((lo & (READ | WRITE)) === WRITE || (hi & RESERVED_HIGH) !== 0) return true;
  if (!leaf) return (lo & (level === 3 ? 0xf8 : 0x78)) !== 0;
  const type = (lo >> 3) & 7;
  if (type === 2 || type === 3 || type === 7) return true;
  return level > 0 && (lo & (PAGE_BYTES[level]! - 1) & ~0xfff) !== 0;
}
