/** What the parts of the system unit share: state, memory as the supervisor sees it, faults. */
import { MemoryFlag } from "../../ir/types.ts";
import type { GuestMemory, StateMemory } from "../guest_memory.ts";
import { isCanonicalIn } from "../address_widths.ts";
import { Flag } from "../rflags.ts";
import {
  Blocking,
  CPL,
  CR0,
  CR4,
  EFER,
  EVENT,
  INTERRUPTIBILITY,
  RETURN_HI,
  RFLAGS_SYSTEM,
  SEG_ATTRIBUTES,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  SHADOW_AT,
  SHADOWS,
} from "../state.ts";
import { Attribute } from "./descriptor.ts";
import { EventHistory } from "./event_history.ts";
import type { Intercepts, SystemBus } from "./bus.ts";
import { Cr0, Cr4, Efer } from "./control_bits.ts";
import type { WorldControl } from "./world_control.ts";
import { WorldSwitches } from "./world_switches.ts";

/** Guest memory that can also store to translated code. */
export interface SystemAccess extends GuestMemory {
  /** While it is set, stores to translated code happen (and drop it) instead of raising CODE_WRITE. */
  allowCodeWrites: boolean;
  /** Whether a store there would happen now; raises the event if not. */
  prepareStore(lo: number, hi: number, size: number): boolean;
}

/** State and surroundings of one processor. */
export class SystemContext {
  readonly m: Int32Array;
  readonly switches: WorldSwitches;
  /** An exception or interrupt is being delivered. */
  delivering = false;
  /** The last events that were delivered. */
  readonly events: EventHistory = new EventHistory();
  /** VMX, while the processor is in non-root operation. */
  intercepts: Intercepts | undefined;

  constructor(
    memory: StateMemory,
    readonly access: SystemAccess,
    readonly world: WorldControl,
    readonly bus: SystemBus,
  ) {
    this.m = memory.i32;
    this.switches = new WorldSwitches(memory);
  }

  get cpl(): number {
    return this.m[CPL >> 2]!;
  }
  /** Virtual-8086 mode. */
  get isVirtual8086(): boolean {
    return (this.m[RFLAGS_SYSTEM >> 2]! & Flag.VM) !== 0;
  }
  /** Real-address mode. */
  get isRealAddress(): boolean {
    return (this.m[CR0 >> 2]! & Cr0.PE) === 0;
  }
  /** IA-32e mode: 64-bit or compatibility mode. */
  get isLong(): boolean {
    return (this.m[EFER >> 2]! & Efer.LMA) !== 0;
  }
  /** 64-bit mode. */
  get is64(): boolean {
    return (this.m[(SEGMENT + SEGMENT_STRIDE * Segment.CS + SEG_ATTRIBUTES) >> 2]! & Attribute.L) !== 0;
  }
  get linearBits(): 48 | 57 {
    return this.isLong && (this.m[CR4 >> 2]! & Cr4.LA57) !== 0 ? 57 : 48;
  }

  /** Raises a fault; false, so that a check can return it. */
  raise(vector: number, error = -1): false {
    this.access.raise(vector, error);
    return false;
  }
  /** Whether something has been raised. */
  get failed(): boolean {
    return this.m[EVENT >> 2] !== 0;
  }

  /** Whether a 64-bit address with this upper half is canonical. */
  isCanonical(hi: number): boolean {
    return isCanonicalIn(this.linearBits, hi);
  }

  /** Holds interrupts back for the instruction behind this one, which must be a block of its own. */
  holdInterrupts(by: number): void {
    const { m } = this;
    m[INTERRUPTIBILITY >> 2] = (m[INTERRUPTIBILITY >> 2]! & ~SHADOWS) | by;
    m[SHADOW_AT >> 2] = this.bus.now();
  }

  /** Which of STI and MOV SS hold interrupts back before this instruction, which must be a block of its own. */
  get shadows(): number {
    const { m } = this;
    return m[SHADOW_AT >> 2] === ((this.bus.now() - 1) | 0) ? m[INTERRUPTIBILITY >> 2]! & SHADOWS : 0;
  }

  /** Whether the instruction just executed was MOV SS or POP SS: debug exceptions wait for one more. */
  get followsStackLoad(): boolean {
    const { m } = this;
    return (m[INTERRUPTIBILITY >> 2]! & Blocking.MOV_SS) !== 0 && m[SHADOW_AT >> 2] === (this.bus.now() | 0);
  }

  /** Asks VMX whether the instruction causes a VM exit. */
  mayExit(reason: number, qualification = 0, lo = 0, hi = 0): boolean {
    return this.intercepts !== undefined && this.intercepts.exit(reason, qualification, lo, hi);
  }

  /** Runs `body` with implicit supervisor accesses, whatever CPL is. SDM vol. 3A, section 4.6. */
  asSupervisor<T>(body: () => T): T {
    const { m } = this, cpl = this.cpl;
    if (cpl !== 3) return body();
    m[CPL >> 2] = 0;
    this.world.enterWorld();
    const result = body();
    m[CPL >> 2] = cpl;
    this.world.enterWorld();
    return result;
  }

  /** Loads from `offset` bytes behind the 64-bit base that a state cell holds. `size` is 1, 2 or 4. */
  loadAt(base: number, offset: number, size: 1 | 2 | 4): number {
    const lo = (this.m[base >> 2]! + offset) | 0, hi = this.#carry(base, lo);
    if (size === 4) return this.access.load32(lo, hi, MemoryFlag.SYSTEM);
    return size === 2
      ? this.access.load16(lo, hi, MemoryFlag.SYSTEM)
      : this.access.load8(lo, hi, MemoryFlag.SYSTEM);
  }
  /** Stores a byte there. */
  storeByteAt(base: number, offset: number, value: number): void {
    const lo = (this.m[base >> 2]! + offset) | 0;
    this.access.store8(lo, this.#carry(base, lo), value, MemoryFlag.SYSTEM);
  }

  /** Returns a 64-bit value to translated code. */
  wide(lo: number, hi: number): number {
    this.m[RETURN_HI >> 2] = hi;
    return lo;
  }

  #carry(base: number, lo: number): number {
    if (!this.isLong) return 0;
    const { m } = this;
    return (m[(base >> 2) + 1]! + (lo >>> 0 < m[base >> 2]! >>> 0 ? 1 : 0)) | 0;
  }
}
