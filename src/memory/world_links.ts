/**
 * Links between worlds: what VMFUNC and WORLD_CALL have found out once, so that translated code switches by itself the
 * next time. A hashed table in the linear memory; an entry that does not fit is looked up afresh and made again.
 */
import { SYSTEM_CONTEXT_WORDS } from "../cpu/system/system_context_words.ts";
import { EPTP, TLB_BASE, WORLD_GENERATION, WORLD_TICK } from "../cpu/state.ts";
import {
  type LinearMemory,
  WORLD_LINK_WORDS,
  WORLD_LINKS,
  WORLD_USES,
  worldLinks,
  worldUses,
} from "./physical.ts";

/** Words of a link. */
export const Link = {
  /** Word index of the slot that it leads from, plus LinkKind. 0: there is no link. */
  KEY: 0,
  /** What chose the target: the EPTP, or the WID of the callee; 64 bits. */
  CHOICE: 1,
  /** Value of WORLD_GENERATION for which it holds (WORLD_CALL). */
  GENERATION: 3,
  /** Word index of the slot that it leads to. */
  SLOT: 4,
  /** What a world call makes of RCX, EPTP, CR3, RIP: 64 bits each. */
  CALLER: 5,
  EPTP: 7,
  CR3: 9,
  RIP: 11,
  /** Privilege level; selectors and attributes of CS and SS; bits of RFLAGS_SYSTEM that stay. */
  CPL: 13,
  CS: 14,
  CS_ATTRIBUTES: 15,
  SS: 16,
  SS_ATTRIBUTES: 17,
  FLAGS: 18,
  /** Word indices where the caches keep when caller and callee were used last. */
  CALLER_USE: 19,
  CALLEE_USE: 20,
  /** Way into the compiled code there, its region (-1: none is known), the mode of the caller's code for which it is. */
  WAY: 21,
  WAY_REGION: 22,
  WAY_MODE: 23,
  /** Whether there is a system context; its words, as SYSTEM_CONTEXT_WORDS lists them. */
  HAS_SYSTEM_CONTEXT: 24,
  SYSTEM_CONTEXT: 25,
} as const;

/** What makes the switch. */
export const LinkKind = { VMFUNC: 0, WORLD_CALL: 1 } as const;

/** Multiplier of the hash: 2^32 divided by the golden ratio. */
export const LINK_HASH = 0x9e37_79b1 | 0;
/** Bits that the hash keeps: 32 minus the logarithm of the table's size. */
export const LINK_SHIFT: number = Math.clz32(WORLD_LINKS) + 1;

/** What a world call makes of the processor, besides its slot: words by their place in a link. */
export interface CallTarget {
  readonly caller: bigint;
  readonly callee: bigint;
  readonly cr3: bigint;
  readonly rip: bigint;
  readonly cpl: number;
  readonly cs: number;
  readonly csAttributes: number;
  readonly ss: number;
  readonly ssAttributes: number;
  readonly flags: number;
  readonly callerUse: number;
  readonly calleeUse: number;
  /** Values for SYSTEM_CONTEXT_WORDS. */
  readonly systemContext: readonly number[] | undefined;
}

/** The links of one linear memory, and when the entries of world caches were used last: links keep that too. */
export class WorldLinks {
  readonly #m: Int32Array;
  #generations = 0;
  #usesTaken = 0;

  constructor(memory: LinearMemory) {
    this.#m = memory.i32;
    if (SYSTEM_CONTEXT_WORDS.length > WORLD_LINK_WORDS - Link.SYSTEM_CONTEXT) {
      throw new RangeError("a system context does not fit in a link");
    }
  }

  /** Voids the current processor's world calls: what they find or load may have become another. */
  renew(): void {
    this.#m[WORLD_GENERATION >> 2] = ++this.#generations;
  }

  /** Drops all: a slot has become another world's. */
  clear(): void {
    for (let n = 0; n < WORLD_LINKS; n++) this.#m[worldLinks + n * WORLD_LINK_WORDS + Link.KEY] = 0;
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
    return (this.#m[WORLD_TICK >> 2]! - this.#m[place]!) >>> 0;
  }

  /** Links slot `from` (its offset) to the current one, which EPTP switching to the current EPTP has chosen. */
  linkEptp(from: number): void {
    const m = this.#m;
    this.#link(LinkKind.VMFUNC, from, m[EPTP >> 2]!, m[(EPTP >> 2) + 1]!);
  }

  /** Links slot `from` (its offset) to the current one, which a world call has chosen. */
  linkCall(from: number, target: CallTarget): void {
    const m = this.#m;
    const at = this.#link(LinkKind.WORLD_CALL, from, low(target.callee), high(target.callee));
    m[at + Link.GENERATION] = m[WORLD_GENERATION >> 2]!;
    this.#put(at + Link.CALLER, target.caller);
    m[at + Link.EPTP] = m[EPTP >> 2]!;
    m[at + Link.EPTP + 1] = m[(EPTP >> 2) + 1]!;
    this.#put(at + Link.CR3, target.cr3);
    this.#put(at + Link.RIP, target.rip);
    m[at + Link.CPL] = target.cpl;
    m[at + Link.CS] = target.cs;
    m[at + Link.CS_ATTRIBUTES] = target.csAttributes;
    m[at + Link.SS] = target.ss;
    m[at + Link.SS_ATTRIBUTES] = target.ssAttributes;
    m[at + Link.FLAGS] = target.flags;
    m[at + Link.CALLER_USE] = target.callerUse;
    m[at + Link.CALLEE_USE] = target.calleeUse;
    m[at + Link.WAY_REGION] = -1;
    m[at + Link.HAS_SYSTEM_CONTEXT] = target.systemContext === undefined ? 0 : 1;
    m.set(target.systemContext ?? [], at + Link.SYSTEM_CONTEXT);
  }

  /** Word index of the link, with its key written. */
  #link(kind: number, from: number, lo: number, hi: number): number {
    const m = this.#m, slot = from >> 2;
    const at = worldLinks + (Math.imul(lo ^ (slot >>> 2), LINK_HASH) >>> LINK_SHIFT) * WORLD_LINK_WORDS;
    m[at + Link.KEY] = slot + kind;
    m[at + Link.CHOICE] = lo;
    m[at + Link.CHOICE + 1] = hi;
    m[at + Link.SLOT] = m[TLB_BASE >> 2]! >> 2;
    return at;
  }

  #put(at: number, value: bigint): void {
    this.#m[at] = low(value);
    this.#m[at + 1] = high(value);
  }
}

const low = (value: bigint): number => Number(BigInt.asIntN(32, value));
const high = (value: bigint): number => Number(BigInt.asIntN(32, value >> 32n));
