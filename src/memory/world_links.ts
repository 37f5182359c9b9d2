/**
 * Links between worlds: what VMFUNC and WORLD_CALL have found out once, so that translated code switches by itself the
 * next time. Each world's slot has a table of those that lead from it; what does not fit is looked up afresh.
 */
import { SYSTEM_CONTEXT_WORDS } from "../cpu/system/system_context_words.ts";
import type { RingLinkKind } from "../cpu/system/world_control.ts";
import { EPTP, SEGMENT_STRIDE, TLB_BASE, WORLD_GENERATION, WORLD_TICK } from "../cpu/state.ts";
import {
  CALL_LINK_BYTES,
  CALL_LINKS,
  EPTP_LINK_BYTES,
  type LinearMemory,
  ringLink,
  SLOT_CALL_LINKS,
  SLOT_EPTP_LINKS,
  SLOT_LAST_USE,
  WORLD_USES,
  worldUses,
} from "./physical.ts";

/** Fields of a link of EPTP switching, in bytes: the EPTP (64 bits); offset of the slot that it leads to, 0: there is no link. */
export const EptpLink = { EPTP: 0, SLOT: 8 } as const;

/** Fields of a link of world calls, in bytes. */
export const CallLink = {
  /** WID of the callee, 64 bits. */
  CALLEE: 0,
  /** Value of WORLD_GENERATION for which it holds; 0: there is no link. */
  GENERATION: 8,
  /** Offset of the slot that it leads to. */
  SLOT: 12,
  /** What a call makes of CS and SS, as the state has them. */
  SEGMENTS: 16,
  /** What it makes of RCX, EPTP, CR3, RIP: 64 bits each. */
  CALLER: 64,
  EPTP: 72,
  CR3: 80,
  RIP: 88,
  /** Privilege level; bits of RFLAGS_SYSTEM that stay. */
  CPL: 96,
  FLAGS: 100,
  /** Value of WORLD_TICK at the last call. */
  LAST_USE: 104,
  /** Whether there is a system context; the privilege level where there is none, else -1. */
  HAS_SYSTEM_CONTEXT: 108,
  CPL_ALONE: 124,
  /** Way into the compiled code there, its region (-1: none is known), the mode of the caller's code for which it is. */
  WAY: 112,
  WAY_REGION: 116,
  WAY_MODE: 120,
  // What a call rarely needs: all else lies in two of the host's cache lines.
  /** Word indices where the caches keep when caller and callee were used last. */
  CALLER_USE: 128,
  CALLEE_USE: 132,
  /** Words of the system context, as SYSTEM_CONTEXT_WORDS lists them. */
  SYSTEM_CONTEXT: 136,
} as const;
/** CS and SS lie behind each other in the state. */
export const LINKED_SEGMENTS_BYTES: number = 2 * SEGMENT_STRIDE;

/** What a world call makes of the processor, besides its slot. */
export interface CallTarget {
  readonly caller: bigint;
  readonly callee: bigint;
  readonly cr3: bigint;
  readonly rip: bigint;
  readonly cpl: number;
  /** Words of CS and SS. */
  readonly segments: Int32Array;
  readonly flags: number;
  readonly callerUse: number;
  readonly calleeUse: number;
  /** Values for SYSTEM_CONTEXT_WORDS. */
  readonly systemContext: readonly number[] | undefined;
}

/** The links of one linear memory, and when the entries of world caches were used last: links keep that too. */
export class WorldLinks {
  readonly #m: Int32Array;
  /** Word indices of the links that there are. */
  readonly #eptpLinks = new Set<number>();
  readonly #callLinks = new Set<number>();
  readonly #ringLinks = new Set<number>();
  /** Value of WORLD_TICK when last uses were taken from the links. */
  #settledAt = 0;
  #generations = 0;
  #usesTaken = 0;

  constructor(memory: LinearMemory) {
    this.#m = memory.i32;
    if (CallLink.SYSTEM_CONTEXT + 4 * SYSTEM_CONTEXT_WORDS.length > CALL_LINK_BYTES) {
      throw new RangeError("a system context does not fit in a link");
    }
  }

  /** Voids the current processor's world calls: what they find or load may have become another. */
  renew(): void {
    const m = this.#m, old = m[WORLD_GENERATION >> 2]!;
    for (const at of this.#callLinks) if (m[at + (CallLink.GENERATION >> 2)] === old) this.#dropCall(at);
    m[WORLD_GENERATION >> 2] = ++this.#generations;
  }

  /** Drops all: a slot has become another world's. */
  clear(): void {
    for (const at of this.#eptpLinks) this.#m[at + (EptpLink.SLOT >> 2)] = 0;
    this.#eptpLinks.clear();
    for (const at of this.#ringLinks) this.#m[at] = 0;
    this.#ringLinks.clear();
    for (const at of this.#callLinks) this.#dropCall(at);
  }

  /**
   * Room for the last uses of a cache's entries: word index of the first.
   *
   * @throws {RangeError} if the caches of all processors together have more than WORLD_USES entries
   */
  takeUses(entries: number): number {
    const first = this.#usesTaken;
    this.#usesTaken += entries;
    if (this.#usesTaken > WORLD_USES) {
      throw new RangeError(
        `Cannot make a world cache of ${entries} entries: those of all processors together have at most ${WORLD_USES}`,
      );
    }
    return worldUses + first;
  }

  /** Called when the entry with this place has been used. */
  use(place: number): void {
    const m = this.#m;
    m[place] = m[WORLD_TICK >> 2] = (m[WORLD_TICK >> 2]! + 1) | 0;
  }

  /** How long ago that was: the larger, the less recently. */
  age(place: number): number {
    this.settle();
    return this.#since(this.#m[place]!);
  }

  /** Brings all last uses up to date, those of slots too. */
  settle(): void {
    const now = this.#m[WORLD_TICK >> 2]!;
    if (this.#settledAt === now) return;
    for (const at of this.#callLinks) this.#settle(at);
    this.#settledAt = now;
  }

  /** Links slot `from` (its offset) to the current one, which EPTP switching by an index of the list has led to. */
  linkEptp(from: number, index: number): void {
    const m = this.#m, at = (from + SLOT_EPTP_LINKS + index * EPTP_LINK_BYTES) >> 2;
    m[at + (EptpLink.EPTP >> 2)] = m[EPTP >> 2]!;
    m[at + (EptpLink.EPTP >> 2) + 1] = m[(EPTP >> 2) + 1]!;
    m[at + (EptpLink.SLOT >> 2)] = m[TLB_BASE >> 2]!;
    this.#eptpLinks.add(at);
  }

  /** Links slot `from` (its offset) to the current one. */
  linkRing(from: number, kind: RingLinkKind): void {
    const m = this.#m, at = (from + ringLink(kind)) >> 2;
    m[at] = m[TLB_BASE >> 2]!;
    this.#ringLinks.add(at);
  }

  /** Links slot `from` (its offset) to the current one, which a world call has chosen. */
  linkCall(from: number, target: CallTarget): void {
    const m = this.#m, index = Number(target.callee & BigInt(CALL_LINKS - 1));
    const at = (from + SLOT_CALL_LINKS + index * CALL_LINK_BYTES) >> 2;
    const put = (field: number, value: number): void => {
      m[at + (field >> 2)] = value;
    };
    const putWide = (field: number, value: bigint): void => {
      put(field, Number(BigInt.asIntN(32, value)));
      put(field + 4, Number(BigInt.asIntN(32, value >> 32n)));
    };
    if (this.#callLinks.has(at)) this.#dropCall(at);
    putWide(CallLink.CALLEE, target.callee);
    put(CallLink.GENERATION, m[WORLD_GENERATION >> 2]!);
    put(CallLink.SLOT, m[TLB_BASE >> 2]!);
    m.set(target.segments, at + (CallLink.SEGMENTS >> 2));
    putWide(CallLink.CALLER, target.caller);
    put(CallLink.EPTP, m[EPTP >> 2]!);
    put(CallLink.EPTP + 4, m[(EPTP >> 2) + 1]!);
    putWide(CallLink.CR3, target.cr3);
    putWide(CallLink.RIP, target.rip);
    put(CallLink.CPL, target.cpl);
    put(CallLink.FLAGS, target.flags);
    put(CallLink.LAST_USE, m[WORLD_TICK >> 2]!);
    put(CallLink.CALLER_USE, target.callerUse);
    put(CallLink.CALLEE_USE, target.calleeUse);
    put(CallLink.WAY_REGION, -1);
    put(CallLink.HAS_SYSTEM_CONTEXT, target.systemContext === undefined ? 0 : 1);
    put(CallLink.CPL_ALONE, target.systemContext === undefined ? target.cpl : -1);
    m.set(target.systemContext ?? [], at + (CallLink.SYSTEM_CONTEXT >> 2));
    this.#callLinks.add(at);
  }

  #dropCall(at: number): void {
    this.#settle(at);
    this.#m[at + (CallLink.GENERATION >> 2)] = 0;
    this.#callLinks.delete(at);
  }

  /** Takes over when a link was used last: then its caller and its callee were, and the slot that it leads to. */
  #settle(at: number): void {
    const m = this.#m, used = m[at + (CallLink.LAST_USE >> 2)]!;
    const places = [
      m[at + (CallLink.CALLER_USE >> 2)]!,
      m[at + (CallLink.CALLEE_USE >> 2)]!,
      (m[at + (CallLink.SLOT >> 2)]! + SLOT_LAST_USE) >> 2,
    ];
    for (const place of places) if (this.#since(used) < this.#since(m[place]!)) m[place] = used;
  }

  #since(tick: number): number {
    return (this.#m[WORLD_TICK >> 2]! - tick) >>> 0;
  }
}
