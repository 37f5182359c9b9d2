/**
 * VMFUNC in a WebAssembly region: what js/world_switch.ts does in JavaScript. What it did once is remembered in a link
 * (memory/world_links.ts); with a link the switch is a few loads and stores here. SDM vol. 3C, section 26.5.5;
 * docs/crossover.md.
 */
import { Mode } from "../../cpu/mode.ts";
import {
  CPL,
  CR3,
  DF,
  EPTP,
  EPTP_INDEX,
  EPTP_LIST,
  INTERRUPTIBILITY,
  RETURN_HI,
  RFLAGS_SYSTEM,
  RIP,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  SHADOWS,
  SWITCHES_OBSERVED,
  TLB_BASE,
  WORLD_CALLS,
  WORLD_LINK_TAKEN,
  WORLD_TICK,
} from "../../cpu/state.ts";
import { SYSTEM_CONTEXT_WORDS } from "../../cpu/system/system_context_words.ts";
import { VmxTransfer } from "../../cpu/system/vmx_instructions.ts";
import { WorldSwitch, type WorldSwitchKind } from "../../cpu/system/world_switches.ts";
import {
  CALL_LINK_BYTES,
  CALL_LINKS,
  EPTP_LINK_BYTES,
  EPTP_LINKS,
  SLOT_CALL_LINKS,
  SLOT_EPTP_LINKS,
} from "../../memory/physical.ts";
import { CallLink, EptpLink, LINKED_SEGMENTS_BYTES } from "../../memory/world_links.ts";
import type { Address } from "../address.ts";
import { SWITCH_CELLS } from "../js/registers.ts";
import type { Emitter } from "./emitter.ts";
import type { Label } from "./encoder.ts";
import { I32, I64, VOID, W } from "./instructions.ts";
import { pushIsInPlace } from "./find_way.ts";
import { leaveIfScarce, leaveUnlessInPlace } from "./jumps.ts";
import { countSwitch, payForSwitch, pushIsAttentive, pushMasked, storeCell } from "./state_cells.ts";

/** VM functions, as EAX names them. EPTP switching is the first. */
const WORLD_CALL = 1;
/** Bits of the mode that a world call changes, if they are set; the one privilege level besides 0 that a world may have. */
const CHANGED_MODE = Mode.TRAP | Mode.ALIGN | Mode.MIDDLE, USER_CPL = 3;
const [RAX, RCX] = SWITCH_CELLS;

/** What the emitter knows of the place. */
export interface SwitchPlace {
  readonly mode: number;
  /** Behind the instruction. */
  readonly next: Address;
  /** The block there, if the region has it. */
  readonly behind: SwitchTarget | undefined;
  /** Each writes code that leaves: to where RIP is; by the event that has been raised. */
  leave(): void;
  leaveByEvent(): void;
  /** Number of the exit of a world call that does not know the way on. */
  readonly worldCallExit: number;
  /** Blocks of the region that world calls from here have led to. */
  readonly callees: readonly SwitchTarget[];
  /** Keeps the flags for them. */
  noteFlags(): void;
}

/** A block that a switch leads to. */
export interface SwitchTarget {
  readonly pc: Address;
  /** What the budget must have left: 0 where the block looks at it itself. */
  readonly demand: number;
  /** Writes code that goes on there. */
  goOn(): void;
}

/** The whole instruction. It ends the block. */
export function emitVmfunc(e: Emitter, place: SwitchPlace): void {
  const { code } = e, writer = new SwitchWriter(e, place);
  const slow = code.open(W.block, VOID);
  code.load(W.i32_load, SWITCHES_OBSERVED);
  code.brIfRarely(slow);
  writer.eptpSwitching(slow);
  if ((place.mode & Mode.CODE_SIZE) === 2) writer.worldCall(slow);
  code.end();
  writer.slowPath();
}

class SwitchWriter {
  readonly #eax: number;
  readonly #rcx: number;
  /** Offset of the link from the current slot, less that of the table. */
  readonly #link: number;

  constructor(readonly e: Emitter, readonly place: SwitchPlace) {
    this.#eax = e.scratch(I32);
    this.#rcx = e.cells.register(RCX)!;
    this.#link = e.scratch(I32);
    e.code.get(e.cells.register(RAX)!);
    e.code.op(W.i32_wrap_i64);
    e.code.set(this.#eax);
  }

  slowPath(): void {
    const { code } = this.e, { next, leave, leaveByEvent } = this.place;
    const lo = this.e.scratch(I32), hi = this.e.scratch(I32);
    this.e.settleFlags();
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
    this.#store(W.i32_store, RIP, () => code.get(lo));
    this.#store(W.i32_store, RIP + 4, () => code.get(hi));
    leave();
  }

  /** Function 0, where EAX asks for it. Else, or `slow`ly, it goes on behind. */
  eptpSwitching(slow: Label): void {
    const { code } = this.e, { next, behind, leave } = this.place;
    const list = this.e.scratch(I32), target = this.e.scratch(I32), eptp = this.e.scratch(I64);
    const other = code.open(W.block, VOID);
    code.get(this.#eax);
    code.brIf(other);
    code.load(W.i32_load, EPTP_LIST);
    code.tee(list);
    code.op(W.i32_eqz);
    code.brIfRarely(slow);
    this.#index();
    code.opWith(W.i32_ge_u, EPTP_LINKS);
    code.brIfRarely(slow);
    this.#findLink(() => this.#index(), EPTP_LINK_BYTES);
    code.get(list);
    this.#index();
    code.opWith(W.i32_shl, 3);
    code.op(W.i32_add);
    code.memory(W.i64_load, 0);
    code.tee(eptp);
    this.#linked(W.i64_load, SLOT_EPTP_LINKS + EptpLink.EPTP);
    code.op(W.i64_ne);
    code.brIfRarely(slow);
    this.#linked(W.i32_load, SLOT_EPTP_LINKS + EptpLink.SLOT);
    code.tee(target);
    code.op(W.i32_eqz);
    code.brIfRarely(slow);
    this.#store(W.i64_store, EPTP, () => code.get(eptp));
    this.#store(W.i32_store, EPTP_INDEX, () => this.#index());
    this.#enterSlot(() => code.get(target));
    this.#count(WorldSwitch.VMFUNC);
    if (behind !== undefined) {
      const elsewhere = code.open(W.block, VOID);
      leaveUnlessInPlace(this.e, elsewhere);
      leaveIfScarce(this.e, behind.demand, elsewhere);
      behind.goOn();
      code.end();
    }
    this.e.settleFlags();
    this.#store(W.i64_store, RIP, () => code.i64(next.lo, next.hi));
    leave();
    code.end();
  }

  /** Function 1, the same way. */
  worldCall(slow: Label): void {
    const { code, cells } = this.e, calls = this.e.scratch(I32), tick = this.e.scratch(I32);
    code.get(this.#eax);
    code.opWith(W.i32_ne, WORLD_CALL);
    code.brIf(slow);
    code.load(W.i32_load, WORLD_CALLS);
    code.tee(calls);
    code.op(W.i32_eqz);
    code.brIfRarely(slow);
    this.#findLink(() => {
      this.#index();
      code.opWith(W.i32_and, CALL_LINKS - 1);
    }, CALL_LINK_BYTES);
    this.#call(W.i32_load, CallLink.GENERATION);
    code.get(calls);
    code.op(W.i32_ne);
    code.brIfRarely(slow);
    this.#call(W.i64_load, CallLink.CALLEE);
    code.get(this.#rcx);
    code.op(W.i64_ne);
    code.brIfRarely(slow);
    this.#copy(W.i64_load, W.i64_store, CallLink.EPTP, EPTP);
    this.#copy(W.i64_load, W.i64_store, CallLink.CR3, CR3);
    this.#copy(W.i32_load, W.i32_store, CallLink.CPL, CPL);
    for (let at = 0; at < LINKED_SEGMENTS_BYTES; at += 16) {
      const cell = SEGMENT + SEGMENT_STRIDE * Segment.CS + at;
      this.#copy(W.v128_load, W.v128_store, CallLink.SEGMENTS + at, cell);
    }
    this.#store(W.i32_store, RFLAGS_SYSTEM, () => {
      code.load(W.i32_load, RFLAGS_SYSTEM);
      this.#call(W.i32_load, CallLink.FLAGS);
      code.op(W.i32_and);
    });
    this.#store(W.i32_store, INTERRUPTIBILITY, () => {
      pushMasked(code, INTERRUPTIBILITY, ~SHADOWS);
    });
    this.#enterSlot(() => this.#call(W.i32_load, CallLink.SLOT));
    this.#store(W.i32_store, WORLD_TICK, () => {
      code.load(W.i32_load, WORLD_TICK);
      code.opWith(W.i32_add, 1);
      code.tee(tick);
    });
    code.get(this.#link);
    code.get(tick);
    code.memory(W.i32_store, SLOT_CALL_LINKS + CallLink.LAST_USE);
    this.#count(WorldSwitch.WORLD_CALL);
    this.#goOnAtCallee();
    this.e.settleFlags();
    cells.store(code);
    this.#copy(W.i64_load, W.i64_store, CallLink.CALLER, RCX);
    this.#store(W.i32_store, DF, () => code.i32(0));
    this.#call(W.i32_load, CallLink.HAS_SYSTEM_CONTEXT);
    code.openHinted(VOID, 0);
    for (const [n, word] of SYSTEM_CONTEXT_WORDS.entries()) {
      this.#copy(W.i32_load, W.i32_store, CallLink.SYSTEM_CONTEXT + 4 * n, 4 * word);
    }
    code.end();
    this.e.storeBudget();
    this.#returnWay();
  }

  /**
   * Goes on in the region where it has the callee's entry point and lies in place there too. What the call leaves of the
   * mode is the same then, but for the privilege level.
   */
  #goOnAtCallee(): void {
    const { code, cells } = this.e, { mode, callees } = this.place;
    if (callees.length === 0 || (mode & CHANGED_MODE) !== 0) return;
    const elsewhere = code.open(W.block, VOID), directionFlag = cells.register(DF);
    leaveUnlessInPlace(this.e, elsewhere);
    pushIsAttentive(code);
    code.brIfRarely(elsewhere);
    this.#call(W.i32_load, CallLink.CPL_ALONE);
    code.opWith(W.i32_ne, (mode & Mode.USER) !== 0 ? USER_CPL : 0);
    code.brIfRarely(elsewhere);
    for (const callee of callees) {
      const other = code.open(W.block, VOID);
      this.#call(W.i64_load, CallLink.RIP);
      code.i64(callee.pc.lo, callee.pc.hi);
      code.op(W.i64_ne);
      code.brIf(other);
      leaveIfScarce(this.e, callee.demand, elsewhere);
      this.place.noteFlags();
      this.#call(W.i64_load, CallLink.CALLER);
      code.set(this.#rcx);
      if (directionFlag !== undefined) {
        code.i32(0);
        code.set(directionFlag);
      }
      callee.goOn();
      code.end();
    }
    code.end();
  }

  /** Returns the link's way if it leads to code that lies in place, else the exit: the state has been stored. */
  #returnWay(): void {
    const { code } = this.e, { mode, worldCallExit } = this.place, region = this.e.scratch(I32);
    const unknown = code.open(W.block, VOID);
    this.#call(W.i32_load, CallLink.WAY_REGION);
    code.tee(region);
    pushIsInPlace(this.e.code, region, this.e.slot);
    code.op(W.i32_eqz);
    code.brIfRarely(unknown);
    this.#call(W.i32_load, CallLink.WAY_MODE);
    code.opWith(W.i32_ne, mode);
    code.brIfRarely(unknown);
    pushIsAttentive(code);
    code.brIfRarely(unknown);
    this.#call(W.i32_load, CallLink.WAY);
    code.op(W.return);
    code.end();
    this.#copy(W.i64_load, W.i64_store, CallLink.RIP, RIP);
    this.#store(W.i32_store, WORLD_LINK_TAKEN, () => {
      code.get(this.#link);
      code.opWith(W.i32_add, SLOT_CALL_LINKS);
    });
    code.i32(worldCallExit);
    code.op(W.return);
  }

  /** ECX. */
  #index(): void {
    this.e.code.get(this.#rcx);
    this.e.code.op(W.i32_wrap_i64);
  }

  /** Finds the link from the current slot with the index in its table that `push` leaves on the stack. */
  #findLink(push: () => void, bytes: number): void {
    const { code } = this.e;
    push();
    code.opWith(W.i32_shl, Math.log2(bytes));
    code.get(this.e.slot);
    code.op(W.i32_add);
    code.set(this.#link);
  }

  /** Leaves what the link has at an offset from its place without the table's offset. */
  #linked(load: number, offset: number): void {
    this.e.code.get(this.#link);
    this.e.code.memory(load, offset);
  }
  /** Leaves a field of a world call's link. */
  #call(load: number, field: number): void {
    this.#linked(load, SLOT_CALL_LINKS + field);
  }
  /** Copies one to a cell of the state. */
  #copy(load: number, store: number, field: number, cell: number): void {
    this.#store(store, cell, () => this.#call(load, field));
  }
  #store(store: number, offset: number, push: () => void): void {
    storeCell(this.e.code, store, offset, push);
  }

  /** Makes the slot whose offset `push` leaves on the stack the current one. */
  #enterSlot(push: () => void): void {
    this.#store(W.i32_store, TLB_BASE, () => {
      push();
      this.e.code.tee(this.e.slot);
    });
  }

  #count(kind: WorldSwitchKind): void {
    const { code, budget } = this.e;
    countSwitch(code, kind);
    code.get(budget);
    payForSwitch(code, kind);
    code.set(budget);
  }
}
