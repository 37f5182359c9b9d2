/** The one linear memory: processor state, soft TLBs, jump tables and guest RAM, with the views that reach them. */
import { FOUND_BYTES, GROUP_SPANS, GROUP_SPANS_BYTES } from "../cpu/state.ts";
import type { RingLinkKind } from "../cpu/system/world_control.ts";

/** Size of a page and of a page frame. */
export const PAGE_SIZE = 0x1000;

/**
 * World slots: each has a soft TLB, a table of the compiled regions that lie in place, and a jump table of its own
 * (ARCHITECTURE.md, "Worlds"). Untouched ones take address space of the host only.
 */
export const SLOTS = 768;
/** Entries of a soft TLB: few at first, as many as its world shows to need (Worlds.resize). Powers of 2. */
export const LEAST_TLB_ENTRIES = 256;
export const MOST_TLB_ENTRIES = 4096;
/** Bytes of a soft TLB entry; fields below. */
export const TLB_ENTRY_BYTES = 32;
/**
 * Tags: the page's linear address if the access needs no slow path, else one with `TLB_INVALID` in it. Those of reads and
 * writes are 64 bits, so that WebAssembly compares them at once; JavaScript compares the low half and TLB_HIGH.
 */
export const TLB_READ = 0;
export const TLB_HIGH = 4;
export const TLB_WRITE = 8;
export const TLB_WRITE_HIGH = 12;
/** Low half only. */
export const TLB_EXECUTE = 16;
/** What to add to the low half of a linear address for the offset in the linear memory (modulo 2^32). */
export const TLB_ADDEND = 20;
/** Host-physical frame number. */
export const TLB_FRAME = 24;
/** What kind of page the entry is part of (`TlbFlag`). */
export const TLB_FLAGS = 28;
/** Bits of TLB_FLAGS, and of SPAN_FLAGS. */
export const TlbFlag = {
  GLOBAL: 1,
  /** Part of a larger page: INVLPG of any address of that drops the entry too. */
  LARGE: 2,
  /** Of spans: stores need no slow path. */
  WRITABLE: 4,
  /** Global, and of supervisor mode: accessed alike in all worlds of a kind (SLOT_KIND). */
  SHARED: 8,
} as const;
/** Where in TLB_FLAGS the number of the span stands that the page was part of when it was looked up; 0: of none. */
export const TLB_SPAN_SHIFT = 8;

/**
 * Spans of a slot (spans.ts), by number, the first of which stays empty. Fields: linear address of the first byte, room
 * (64 bits): how far behind it any access may start; addend of all its pages; first frame; pages; TlbFlag bits.
 */
export const SPANS = 16;
export const SPAN_BYTES = 32;
export const SPAN_START = 0;
export const SPAN_START_HIGH = 4;
export const SPAN_ROOM = 8;
export const SPAN_ADDEND = 16;
export const SPAN_FRAME = 20;
export const SPAN_PAGES = 24;
export const SPAN_FLAGS = 28;
/** Bytes that may be accessed from a place that is inside a span's room. */
export const SPAN_MARGIN = 64;
/** A tag no address matches: the masked address of an access has none of these bits. */
export const TLB_INVALID = 0x800;

/** Entries of a jump table. */
export const JUMP_ENTRIES = 8192;
/** Bytes of a jump table entry: linear PC (64 bits), number of the code, mode. */
export const JUMP_ENTRY_BYTES = 16;

/** Entries of a slot's table of regions in place: numbers of regions, or minus one that is known not to be. */
export const REGION_ENTRIES = 8192;

/**
 * Entries of the table of ways, which compiled code looks computed jumps up in: linear PC (64 bits), mode, way into compiled
 * code, number of its region. All worlds share it: an entry holds in those in which the region lies in place.
 */
export const WAY_ENTRIES = 0x8000;
export const WAY_ENTRY_BYTES = 32;
export const WAY_MODE = 8;
export const WAY = 12;
export const WAY_REGION = 16;

const TLB_BYTES = MOST_TLB_ENTRIES * TLB_ENTRY_BYTES;
/** What lies where in a slot, as byte offsets from its soft TLB. */
export const SLOT_JUMPS: number = TLB_BYTES;
/**
 * The value of WORLD_TICK when the slot was entered or left last, otherwise than over a link (world_links.ts). As all links
 * are dropped when a slot is reused, one that is in use has been entered since then.
 */
export const SLOT_LAST_USE: number = SLOT_JUMPS + JUMP_ENTRIES * JUMP_ENTRY_BYTES;
/** Size of the soft TLB in use, as the mask of byte offsets of its entries. */
export const SLOT_TLB_MASK: number = SLOT_LAST_USE + 4;
/** Offsets of the slots that links by `RingLink` lead to (world_links.ts), 0 where that is not known. */
export const ringLink = (kind: RingLinkKind): number => SLOT_LAST_USE + 8 + 4 * kind;
/**
 * Worlds of one kind differ in CR3, RFLAGS.AC and PKRU only, of which pages that are global and of supervisor mode do not
 * depend. 0: there are no global pages.
 */
export const SLOT_KIND: number = SLOT_LAST_USE + 20;
/** On cache lines of their own. */
export const SLOT_SPANS: number = SLOT_LAST_USE + 64;
/** Spans of groups of accesses in regions that switch between worlds (jit/wasm/region_spans.ts), as in GROUP_SPANS (cpu/state.ts). */
export const SLOT_GROUPS = 16;
export const SLOT_FOUND: number = SLOT_SPANS + SPANS * SPAN_BYTES;
/** Beside the spans: what a switch needs of the slot that it enters is often in one page of the host then. */
export const SLOT_REGIONS: number = SLOT_FOUND + SLOT_GROUPS * FOUND_BYTES;
/**
 * Links to other worlds (world_links.ts): those of EPTP switching, by the index in the EPTP list, and those of world calls,
 * by the low bits of the callee's WID.
 */
export const EPTP_LINKS = 512;
export const EPTP_LINK_BYTES = 16;
export const CALL_LINKS = 512;
export const CALL_LINK_BYTES = 256;
export const SLOT_CALL_LINKS: number = SLOT_REGIONS + REGION_ENTRIES * 4;
export const SLOT_EPTP_LINKS: number = SLOT_CALL_LINKS + CALL_LINKS * CALL_LINK_BYTES;
/** The odd number of cache lines keeps the same entry of all slots from competing for one set of the host's caches. */
const SLOT_BYTES = SLOT_EPTP_LINKS + EPTP_LINKS * EPTP_LINK_BYTES + 2 * 64;
const FIRST_SLOT = GROUP_SPANS + GROUP_SPANS_BYTES;

/** Words in which the world caches of all processors keep when their entries were used last. */
export const WORLD_USES = 0x4_0000;
/** Where they start, as a word index. */
export const worldUses: number = (FIRST_SLOT + SLOTS * SLOT_BYTES) / 4;

/** Cells of links between compiled regions: the way that an exit leads to, and the number of its region. */
export const CODE_LINKS = 0x4_0000;
export const CODE_LINK_BYTES = 8;
/** Where they start, as a byte offset. */
export const codeLinks: number = (worldUses + WORLD_USES) * 4;

/** Most regions in WebAssembly's table; each has a word that counts down the times it may be entered by links. */
export const REGION_PLACES = 0x8000;
export const regionVisits: number = codeLinks + CODE_LINKS * CODE_LINK_BYTES;

/** Where the table of ways starts, as a byte offset. */
export const ways: number = regionVisits + REGION_PLACES * 4;

/** Values and programs of the interpreter (jit/interpreter/program_space.ts): of nearly all blocks that the code cache holds. */
export const INTERPRETER_BYTES = 0xb00_0000;
/** Where they start, as a byte offset. */
export const interpreterSpace: number = Math.ceil((ways + WAY_ENTRIES * WAY_ENTRY_BYTES) / PAGE_SIZE) *
  PAGE_SIZE;

/** Offset of guest-physical (and host-physical) address 0 in the linear memory. */
export const RAM_BASE: number = Math.ceil((interpreterSpace + INTERPRETER_BYTES) / 0x10_0000) * 0x10_0000;

/** Offset of a world slot: of its soft TLB. */
export const slotOffset = (slot: number): number => FIRST_SLOT + slot * SLOT_BYTES;
/** Number of the world slot at an offset. */
export const slotAt = (offset: number): number => (offset - FIRST_SLOT) / SLOT_BYTES;

/** Largest guest RAM, in bytes. */
export const MAX_RAM = 0xe000_0000;

/** The linear memory and its views. */
export class LinearMemory {
  /** @internal The types of Node.js do not know it. */
  readonly wasm: WebAssembly.Memory;
  readonly buffer: ArrayBuffer;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly view: DataView;

  /**
   * @param ramBytes size of guest RAM, a multiple of 64 KB, at most `MAX_RAM`
   */
  constructor(readonly ramBytes: number) {
    if (!Number.isInteger(ramBytes) || ramBytes < 0x10000 || ramBytes > MAX_RAM || ramBytes % 0x10000 !== 0) {
      throw new RangeError(
        `Cannot make guest RAM of ${ramBytes} bytes: it must be a multiple of 65536 from 65536 to ${MAX_RAM}`,
      );
    }
    const pages = (RAM_BASE + ramBytes) / 0x10000;
    this.wasm = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.buffer = this.wasm.buffer as ArrayBuffer;
    this.i32 = new Int32Array(this.buffer);
    this.u8 = new Uint8Array(this.buffer);
    this.u16 = new Uint16Array(this.buffer);
    this.view = new DataView(this.buffer);
  }

  /** Bytes of guest RAM from host-physical address `hpa`. */
  ram(hpa: number, length: number): Uint8Array {
    if (hpa < 0 || length < 0 || hpa + length > this.ramBytes) {
      throw new RangeError(
        `Cannot reach ${length} bytes at host-physical 0x${hpa.toString(16)}: RAM ends at 0x${
          this.ramBytes.toString(16)
        }`,
      );
    }
    return this.u8.subarray(RAM_BASE + hpa, RAM_BASE + hpa + length);
  }
}
