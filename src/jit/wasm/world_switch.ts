/**
 * VMFUNC in a WebAssembly region: what js/world_switch.ts does in JavaScript. What it did once is remembered in a link
 * (memory/world_links.ts); with a link the switch is a few loads and stores here. SDM vol. 3C, section 26.5.5;
 * docs/crossover.md.
 */
import { Mode } from "../../cpu/mode.ts";
import {
  ATTENTION,
  CPL,
  CR3,
  DF,
  EPTP,
  EPTP_LIST,
  INTERRUPTIBILITY,
  RETURN_HI,
  RFLAGS_SYSTEM,
  RIP,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  SWITCH_COSTS,
  SWITCH_COUNTS,
  SWITCHES_OBSERVED,
  TLB_BASE,
  VMCS_EPTP,
  VMCS_EPTP_INDEX,
  WORLD_CALLS,
  WORLD_GENERATION,
  WORLD_LINK_TAKEN,
  WORLD_TICK,
} from "../../cpu/state.ts";
import { SYSTEM_CONTEXT_WORDS } from "../../cpu/system/system_context_words.ts";
import { VmxTransfer } from "../../cpu/system/vmx_instructions.ts";
import { WorldSwitch, type WorldSwitchKind } from "../../cpu/system/world_switches.ts";
import {
  REGION_ENTRIES,
  SLOT_LAST_USE,
  SLOT_REGIONS,
  WORLD_LINK_WORDS,
  worldLinks,
} from "../../memory/physical.ts";
import { Link, LINK_HASH, LINK_SHIFT, LinkKind } from "../../memory/world_links.ts";
import type { Address } from "../interpreter/program.ts";
import { SWITCH_CELLS } from "../js/registers.ts";
import type { Emitter } from "./emitter.ts";
import { I32, I64, VOID, W } from "./instructions.ts";
import { pushIsInPlace } from "./jumps.ts";

/** VM functions, as EAX names them; entries of an EPTP list. */
const EPTP_SWITCHING = 0, WORLD_CALL = 1, LIST_ENTRIES = 512;
/** Interruptibility: shadows of STI and MOV SS. */
const SHADOWS = 3;
const [RAX, RCX] = SWITCH_CELLS;

/** What the emitter knows of the place. */
export interface SwitchPlace {
  /** Number of the region. */
  readonly region: number;
  readonly mode: number;
  /** Behind the instruction. */
  readonly next: Address;
  /** Writes code that goes on at `next`, if that is in the region, where it lies in place. */
  readonly goOn: (() => void) | undefined;
  /** Each writes code that leaves: to where RIP is; by the event that has been raised. */
  leave(): void;
  leaveByEvent(): void;
  /** Number of the exit of a world call that does not know the way on. */
  readonly worldCallExit: number;
}

/** The whole instruction. It ends the block; flags are in their cells. */
export function emitVmfunc(e: Emitter, place: SwitchPlace): void {
  const { code } = e;
  const writer = new SwitchWriter(e, place);
  code.load(W.i32_load, SWITCHES_OBSERVED);
  code.op(W.i32_eqz);
  code.open(W.if, VOID);
  writer.eptpSwitching();
  if ((place.mode & Mode.CODE_SIZE) === 2) writer.worldCall();
  code.end();
  writer.slowPath();
}

class SwitchWriter {
  readonly #eax: number;
  readonly #rcx: number;
  /** Offset of the link that has been found. */
  readonly #link: number;

  constructor(readonly e: Emitter, readonly place: SwitchPlace) {
    this.#eax = e.scratch(I32);
    this.#rcx = e.cells.register(RCX)!;
    this.#link = e.scratch(I32);
  }

  slowPath(): void {
    const { code } = this.e, { next, leave, leaveByEvent } = this.place;
    const lo = this.e.scratch(I32), hi = this.e.scratch(I32);
    this.e.storeState();
    code.i32(VmxTransfer.VMFUNC);
    code.i32(next.lo);
    code.i32(next.hi);
    this.e.call("H_vmx_transfer", 3, true);
    code.set(lo);
    code.load(W.i32_load, RETURN_HI);
    code.set(hi);
    this.e.loadState();
    this.e.pushEvent();
    code.open(W.if, VOID);
    leaveByEvent();
    code.end();
    this.#storeWord(RIP, () => code.get(lo));
    this.#storeWord(RIP + 4, () => code.get(hi));
    leave();
  }

  eptpSwitching(): void {
    const { code } = this.e, { region, next, goOn, leave } = this.place;
    const entry = this.e.scratch(I32), eptp = this.e.scratch(I64);
    code.get(this.e.cells.register(RAX)!);
    code.op(W.i32_wrap_i64);
    code.tee(this.#eax);
    if (EPTP_SWITCHING !== 0) code.i32(EPTP_SWITCHING);
    code.op(W.i32_eqz);
    code.load(W.i32_load, EPTP_LIST);
    code.tee(entry);
    code.i32(0);
    code.op(W.i32_ne);
    code.op(W.i32_and);
    this.#index();
    code.i32(LIST_ENTRIES);
    code.op(W.i32_lt_u);
    code.op(W.i32_and);
    code.open(W.if, VOID);
    code.get(entry);
    code.i32(2);
    code.op(W.i32_shl);
    this.#index();
    code.i32(3);
    code.op(W.i32_shl);
    code.op(W.i32_add);
    code.memory(W.i64_load, 0);
    code.set(eptp);
    this.#findLink(() => {
      code.get(eptp);
      code.op(W.i32_wrap_i64);
    });
    this.#isLink(LinkKind.VMFUNC);
    this.#link64(Link.CHOICE);
    code.get(eptp);
    code.op(W.i64_eq);
    code.op(W.i32_and);
    code.open(W.if, VOID);
    this.#store64(EPTP, () => code.get(eptp));
    code.load(W.i32_load, VMCS_EPTP);
    code.i32(2);
    code.op(W.i32_shl);
    code.get(eptp);
    code.memory(W.i64_store, 0);
    code.load(W.i32_load, VMCS_EPTP_INDEX);
    code.i32(2);
    code.op(W.i32_shl);
    this.#index();
    code.memory(W.i32_store, 0);
    this.#enterSlot();
    this.#count(WorldSwitch.VMFUNC);
    if (goOn !== undefined) {
      // The code behind it may be another in the new world.
      code.get(this.e.slot);
      code.memory(W.i32_load, SLOT_REGIONS + 4 * (region & (REGION_ENTRIES - 1)));
      code.i32(region);
      code.op(W.i32_eq);
      code.open(W.if, VOID);
      goOn();
      code.end();
    }
    this.#store64(RIP, () => code.i64(next.lo, next.hi));
    leave();
    code.end();
    code.end();
  }

  worldCall(): void {
    const { code } = this.e;
    code.get(this.#eax);
    code.i32(WORLD_CALL);
    code.op(W.i32_eq);
    code.load(W.i32_load, WORLD_CALLS);
    code.op(W.i32_and);
    code.open(W.if, VOID);
    this.#findLink(() => this.#index());
    this.#isLink(LinkKind.WORLD_CALL);
    this.#link64(Link.CHOICE);
    code.get(this.#rcx);
    code.op(W.i64_eq);
    code.op(W.i32_and);
    this.#linkWord(Link.GENERATION);
    code.load(W.i32_load, WORLD_GENERATION);
    code.op(W.i32_eq);
    code.op(W.i32_and);
    code.open(W.if, VOID);
    this.e.storeState();
    this.#store64(RCX, () => this.#link64(Link.CALLER));
    code.load(W.i32_load, VMCS_EPTP);
    code.open(W.if, VOID);
    code.load(W.i32_load, VMCS_EPTP);
    code.i32(2);
    code.op(W.i32_shl);
    this.#link64(Link.EPTP);
    code.memory(W.i64_store, 0);
    this.#store64(EPTP, () => this.#link64(Link.EPTP));
    code.end();
    this.#store64(CR3, () => this.#link64(Link.CR3));
    this.#store64(RIP, () => this.#link64(Link.RIP));
    this.#storeWord(CPL, () => this.#linkWord(Link.CPL));
    this.#flatSegment(Segment.CS, Link.CS, Link.CS_ATTRIBUTES);
    this.#flatSegment(Segment.SS, Link.SS, Link.SS_ATTRIBUTES);
    this.#storeWord(RFLAGS_SYSTEM, () => {
      code.load(W.i32_load, RFLAGS_SYSTEM);
      this.#linkWord(Link.FLAGS);
      code.op(W.i32_and);
    });
    this.#storeWord(DF, () => code.i32(0));
    this.#storeWord(INTERRUPTIBILITY, () => {
      code.load(W.i32_load, INTERRUPTIBILITY);
      code.i32(~SHADOWS);
      code.op(W.i32_and);
    });
    this.#linkWord(Link.HAS_SYSTEM_CONTEXT);
    code.open(W.if, VOID);
    for (const [n, word] of SYSTEM_CONTEXT_WORDS.entries()) {
      this.#storeWord(4 * word, () => this.#linkWord(Link.SYSTEM_CONTEXT + n));
    }
    code.end();
    this.#enterSlot();
    for (const use of [Link.CALLER_USE, Link.CALLEE_USE]) {
      this.#linkWord(use);
      code.i32(2);
      code.op(W.i32_shl);
      code.load(W.i32_load, WORLD_TICK);
      code.memory(W.i32_store, 0);
    }
    this.#count(WorldSwitch.WORLD_CALL);
    this.e.storeBudget();
    this.#returnWay();
    code.end();
    code.end();
  }

  /** Returns the link's way if it leads to code that lies in place, else the exit: the state has been stored. */
  #returnWay(): void {
    const { code } = this.e, { mode, worldCallExit } = this.place, region = this.e.scratch(I32);
    this.#storeWord(WORLD_LINK_TAKEN, () => code.get(this.#link));
    this.#linkWord(Link.WAY);
    code.i32(worldCallExit);
    this.#linkWord(Link.WAY_REGION);
    code.tee(region);
    pushIsInPlace(this.e, region);
    this.#linkWord(Link.WAY_MODE);
    code.i32(mode);
    code.op(W.i32_eq);
    code.op(W.i32_and);
    code.load(W.i32_load, ATTENTION);
    code.op(W.i32_eqz);
    code.op(W.i32_and);
    code.op(W.select);
    code.op(W.return);
  }

  /** ECX. */
  #index(): void {
    this.e.code.get(this.#rcx);
    this.e.code.op(W.i32_wrap_i64);
  }

  /** Finds the link from the current slot for a choice, whose low half `push` leaves on the stack. */
  #findLink(push: () => void): void {
    const { code } = this.e;
    push();
    // Slots are word indices there: without the bits below their alignment.
    code.get(this.e.slot);
    code.i32(4);
    code.op(W.i32_shr_u);
    code.op(W.i32_xor);
    code.i32(LINK_HASH);
    code.op(W.i32_mul);
    code.i32(LINK_SHIFT);
    code.op(W.i32_shr_u);
    code.i32(4 * WORLD_LINK_WORDS);
    code.op(W.i32_mul);
    code.i32(4 * worldLinks);
    code.op(W.i32_add);
    code.set(this.#link);
  }

  /** Whether the link is one of the current slot and this kind. */
  #isLink(kind: number): void {
    const { code } = this.e;
    this.#linkWord(Link.KEY);
    code.get(this.e.slot);
    code.i32(2);
    code.op(W.i32_shr_u);
    code.i32(kind);
    code.op(W.i32_add);
    code.op(W.i32_eq);
  }

  #linkWord(word: number): void {
    this.e.code.get(this.#link);
    this.e.code.memory(W.i32_load, 4 * word);
  }
  #link64(word: number): void {
    this.e.code.get(this.#link);
    this.e.code.memory(W.i64_load, 4 * word);
  }
  #storeWord(offset: number, push: () => void): void {
    this.e.code.i32(0);
    push();
    this.e.code.memory(W.i32_store, offset);
  }
  #store64(offset: number, push: () => void): void {
    this.e.code.i32(0);
    push();
    this.e.code.memory(W.i64_store, offset);
  }

  /** Makes the link's slot the current one. */
  #enterSlot(): void {
    const { code, slot } = this.e;
    this.#linkWord(Link.SLOT);
    code.i32(2);
    code.op(W.i32_shl);
    code.set(slot);
    this.#storeWord(TLB_BASE, () => code.get(slot));
    this.#storeWord(WORLD_TICK, () => {
      code.load(W.i32_load, WORLD_TICK);
      code.i32(1);
      code.op(W.i32_add);
    });
    code.get(slot);
    code.load(W.i32_load, WORLD_TICK);
    code.memory(W.i32_store, SLOT_LAST_USE);
  }

  #count(kind: WorldSwitchKind): void {
    const { code, budget } = this.e;
    this.#storeWord(SWITCH_COUNTS + 4 * kind, () => {
      code.load(W.i32_load, SWITCH_COUNTS + 4 * kind);
      code.i32(1);
      code.op(W.i32_add);
    });
    code.get(budget);
    code.load(W.i32_load, SWITCH_COSTS + 4 * kind);
    code.op(W.i32_sub);
    code.set(budget);
  }

  /** Loads a flat segment, as SYSCALL does. */
  #flatSegment(n: number, selector: number, attributes: number): void {
    const { code } = this.e, cell = SEGMENT + SEGMENT_STRIDE * n;
    this.#storeWord(cell + SEG_SELECTOR, () => this.#linkWord(selector));
    this.#storeWord(cell + SEG_LIMIT, () => code.i32(-1));
    this.#storeWord(cell + SEG_ATTRIBUTES, () => this.#linkWord(attributes));
    this.#store64(cell + SEG_BASE, () => code.i64(0, 0));
  }
}
