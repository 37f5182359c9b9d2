/** Random code, descriptor tables, task states and page tables at CPL 0: whatever they are, the guest is what fails. */
import {
  CPL,
  CR0,
  CR4,
  EVENT,
  GPR,
  RIP,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  VMX_MODE,
} from "../../../src/cpu/state.ts";
import { RandomNumbers } from "../../../src/cpu/random.ts";
import { CODE, everywhere, GDT, IDT, type SystemMachine, TSS } from "./_machine.ts";

/** Buffers in each configuration; CAUSEWAY_RANDOM_BUFFERS asks for more. */
const BUFFERS = Number(Deno.env.get("CAUSEWAY_RANDOM_BUFFERS") ?? 200);
const SEED = Number(Deno.env.get("CAUSEWAY_RANDOM_SEED") ?? 1);
const CODE_BYTES = 64, INSTRUCTIONS = 200;
/** RFLAGS.VM. */
const VM = 0x2_0000;
/** Buffers after which a new processor is made. */
const LIFETIME = 100;

/** Openings of instructions that only this unit executes, to have more of them than chance gives. */
const PRIVILEGED: readonly (readonly number[])[] = [
  [0x0f, 0x00],
  [0x0f, 0x01],
  [0x0f, 0x02],
  [0x0f, 0x03],
  [0x0f, 0x05],
  [0x48, 0x0f, 0x07],
  [0x0f, 0x20],
  [0x0f, 0x21],
  [0x0f, 0x22],
  [0x0f, 0x23],
  [0x0f, 0x30],
  [0x0f, 0x32],
  [0x0f, 0x34],
  [0x0f, 0x35],
  [0x66, 0x0f, 0x38, 0x82],
  [0xcf],
  [0x48, 0xcf],
  [0xcb],
  [0x48, 0xcb],
  [0xff],
  [0x8e],
  [0xcd],
  [0xcc],
  [0xf1],
  [0x6c],
  [0x6e],
  [0xec],
  [0xee],
  [0xfa],
  [0xfb],
  [0x9d],
  [0x0f, 0xb2],
  [0x0f, 0xb4],
  [0x0f, 0xa1],
  [0x0f, 0x06],
  [0x0f, 0x09],
  [0xf4],
  [0xea, 0, 0, 0, 0, 0x38, 0],
  [0x9a, 0, 0, 0, 0, 0x38, 0],
  [0x0f, 0x01, 0xee],
  [0x0f, 0x01, 0xef],
  [0x9c],
  [0xf3, 0xa5],
  [0xce],
]; // deno-fmt-ignore

/** Values with which registers are likely to mean something. */
const LIKELY = [0, 8, 0x10, 0x18, 0x23, 0x2b, 0x33, 0x38, 0x90, CODE, GDT, IDT, TSS, 0x8000, 0x9000, 0x1000, 0xc000_0080 | 0, 0xd01, 0x8001_0033 | 0, 0x33, 0x620] as const; // deno-fmt-ignore

class Chaos {
  readonly #numbers: RandomNumbers;
  constructor(seed: number) {
    this.#numbers = new RandomNumbers(seed);
  }
  below(limit: number): number {
    return (this.#numbers.next() >>> 0) % limit;
  }
  word(): number {
    return this.below(3) === 0 ? LIKELY[this.below(LIKELY.length)]! : this.#numbers.next();
  }

  code(): number[] {
    const bytes: number[] = [];
    while (bytes.length < CODE_BYTES) {
      if (this.below(3) !== 0) bytes.push(...PRIVILEGED[this.below(PRIVILEGED.length)]!);
      for (let n = this.below(6); n > 0; n--) bytes.push(this.below(256));
    }
    return bytes;
  }

  /** Changes some words of what the processor works with. */
  disturb(machine: SystemMachine): void {
    const places = [GDT, IDT, TSS, 0x1000, 0x2000, 0x3000, 0x4000, 0x8f00];
    for (let n = this.below(12); n > 0; n--) {
      const place = places[this.below(places.length)]!;
      // Bits of what is there, or anything.
      const at = place + 4 * this.below(place === IDT ? 128 : 64);
      machine.writeWords(at, [this.below(2) === 0 ? machine.word(at) ^ (1 << this.below(32)) : this.word()]);
    }
    machine.bare.processor.mmu.flushAll();
  }

  registers(machine: SystemMachine): void {
    for (let register = 0; register < 16; register++) {
      if (register !== 4 || this.below(4) === 0) {
        machine.setRegister(GPR + 8 * register, this.word(), this.below(2) === 0 ? 0 : this.word());
      }
    }
    machine.rflags = 2 | (this.below(8) === 0 ? this.word() & 0x4_7fd5 : 0);
    if (this.below(3) === 0) machine.enterUser();
    else if (this.below(6) === 0) this.#legacy(machine);
  }

  /** Protected, virtual-8086 or real-address mode, with segments that may have limits. */
  #legacy(machine: SystemMachine): void {
    machine.enterProtected();
    machine.m[CR4 >> 2]! |= this.below(4);
    const kind = this.below(4);
    if (kind === 0) {
      machine.rflags |= VM | (this.below(4) << 12);
      machine.m[CPL >> 2] = 3;
    } else if (kind === 1) {
      machine.m[CR0 >> 2]! &= ~1;
    }
    for (let n = 0; n < 6; n++) {
      if (this.below(3) !== 0) continue;
      const at = SEGMENT + SEGMENT_STRIDE * n, limit = this.below(2) === 0 ? 0xffff : this.word();
      const code = n === Segment.CS ? 0x4099 : 0x4091;
      machine.unit.segments.write(at, this.word() & 0xffff, limit, code | (this.word() & 0xf6), 0);
    }
    machine.bare.processor.mmu.enterWorld();
  }
}

everywhere("random code and tables at CPL 0 raise nothing in the host", (create) => {
  const chaos = new Chaos(SEED);
  let machine = create();
  for (let n = 0; n < BUFFERS; n++) {
    if (n % LIFETIME === 0) machine = create();
    const code = chaos.code();
    try {
      machine.write(CODE, code);
      chaos.registers(machine);
      chaos.disturb(machine);
      machine.run(CODE, INSTRUCTIONS);
    } catch (error) {
      const bytes = code.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
      throw new Error(`Buffer ${n} of seed ${SEED}: ${bytes}`, { cause: error });
    }
    if (machine.cpl > 3 || machine.m[VMX_MODE >> 2] !== 0) throw new Error(`Buffer ${n} left no valid state`);
    machine.m[EVENT >> 2] = 0;
    machine.setRegister(RIP, CODE, 0);
    if (chaos.below(20) === 0) machine = create();
    else machine.m[CPL >> 2] = machine.cpl;
  }
});
