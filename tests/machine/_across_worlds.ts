/**
 * Random guests in which worlds share code: the same frame at the same and at other addresses, other code at the same
 * address, stores to code that another world executes, mappings that change under linked code.
 *
 * A linear page of the _arena_ leads through one of several page tables to a guest-physical page, and through one of
 * several EPTs to a frame. Frames hold slots of code, each at the same offset, so that whatever a world maps, a call
 * finds the beginning of a slot: each is `ADD, SUB or XOR R8, imm32` and then something that ends by RET or runs into
 * the next slot. A driver, mapped in all worlds, calls slots, switches, stores and remaps, and does the invalidations
 * that the manual asks for.
 */
import { RandomNumbers } from "../../src/cpu/random.ts";

/** Where the kernel expects things: see kernels/across_worlds.c. */
export const MAILBOX = 0x60_0000, EPTP_LIST = 0x60_1000, WORLDS = 0x60_2000;
const DRIVER = 0x61_0000, LOG = 0x63_0000, STACK = 0x64_0000, TABLES = 0x65_0000, EPTS = 0x68_0000;
const TEMPLATES = 0x70_0000, SHARED_TABLES = 0x71_0000, SHARED_EPTS = 0x72_0000;
export const FRAMES = 0x80_0000, FRAME_BYTES = 0x4000;
export const MEMORY = 0xa0_0000;
/** Parts of memory that must be the same after a run. Page tables are left out: processors may set accessed bits early. */
export const COMPARED: readonly (readonly [start: number, bytes: number])[] = [
  [MAILBOX, 64],
  [LOG, 0x1000],
  [FRAMES, FRAME_BYTES],
];

/** Linear addresses of the arena, and the guest-physical ones that they lead to. */
const ARENA = 0x200_0000, GUEST_ARENA = 0x100_0000;
/** Times that the driver does all its operations: the later ones find translated and linked code. */
const ROUNDS = 5;
const PAGES = 4, FRAME_COUNT = 4, ROOTS = 4, EPT_COUNT = 6, TEMPLATE_COUNT = 24;
const PAGE = 0x1000, LARGE = 0x20_0000, SLOT = 64;
/** Slots begin at 32, so that the last one of a page ends in the next: an instruction crosses there. */
const FIRST_SLOT = 32, WHOLE_SLOTS = 63;
/** Slots that are used often, so that what has been translated is executed, changed and executed again. */
const OFTEN = 4;
const IMMEDIATE = 3, MODRM = 2;
const OPCODES = [0xc0, 0xe8, 0xf0] as const; // ADD, SUB, XOR with R8
const PRESENT_WRITABLE = 3, ACCESSED_DIRTY = 0x60, LARGE_PAGE = 0x80;
const EXECUTE_DISABLE = 1n << 63n;
const VALID_WORLD = 1n;
const EPT_ALL = 7, WRITE_BACK = 0x30, FOUR_LEVELS = 0x18;
const CALL = { FLUSH_ONE: 1, FLUSH_ALL: 2, DONE: 3 } as const;

/** Recommended no-operations, by length. SDM vol. 2B, "NOP". */
const NOPS = [[], [0x90], [0x66, 0x90], [0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x40, 0], [0x0f, 0x1f, 0x44, 0, 0], [
  0x66,
  0x0f,
  0x1f,
  0x44,
  0,
  0,
], [0x0f, 0x1f, 0x80, 0, 0, 0, 0]] as const; // deno-fmt-ignore

const le32 = (
  value: number,
): number[] => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];

const le64 = (value: number | bigint): number[] => [
  ...le32(Number(BigInt.asIntN(32, BigInt(value)))),
  ...le32(Number(BigInt.asIntN(32, BigInt(value) >> 32n))),
];

/** No-operations of this many bytes. */
function filler(bytes: number): number[] {
  const code: number[] = [];
  for (let left = bytes; left > 0;) {
    const length = Math.min(left, NOPS.length - 1);
    code.push(...NOPS[length]!);
    left -= length;
  }
  return code;
}

const tableOf = (root: number, level: number): number => TABLES + (4 * root + level) * PAGE;
const eptOf = (ept: number, level: number): number => EPTS + (4 * ept + level) * PAGE;
const eptpOf = (ept: number): number => eptOf(ept, 0) | FOUR_LEVELS | 6;
const slotAddress = (page: number, slot: number): number => ARENA + page * PAGE + FIRST_SLOT + slot * SLOT;

/** A part of physical memory. */
export interface Part {
  readonly at: number;
  readonly bytes: readonly number[];
}

/** Makes the guest of a seed. */
export class AcrossWorlds {
  readonly #numbers: RandomNumbers;
  readonly #parts: Part[] = [];
  /** Whether the guest has a VPID. */
  readonly vpid: boolean;
  /** Of a single page table, only INVLPG drops what is cached. */
  readonly #roots: number;
  readonly #epts: number;
  /** Whether what all worlds share is mapped by large pages. */
  readonly #large: boolean;

  constructor(seed: number, readonly operations: number) {
    this.#numbers = new RandomNumbers(seed);
    this.vpid = this.#below(4) !== 0;
    this.#roots = this.#one([1, 2, ROOTS]);
    this.#epts = this.#one([2, 3, EPT_COUNT]);
    this.#large = this.#below(2) === 0;
  }

  /** What is in memory when the guest begins. */
  parts(): readonly Part[] {
    for (let frame = 0; frame < FRAME_COUNT; frame++) this.#put(FRAMES + frame * PAGE, this.#frame());
    for (let n = 0; n < TEMPLATE_COUNT; n++) {
      this.#put(TEMPLATES + n * SLOT, this.#slot(this.#below(PAGES), this.#below(WHOLE_SLOTS)));
    }
    for (let root = 0; root < ROOTS; root++) this.#pageTables(root);
    for (let ept = 0; ept < EPT_COUNT; ept++) this.#ept(ept);
    this.#quads(EPTP_LIST, Array.from({ length: EPT_COUNT }, (_, ept) => eptpOf(ept)));
    this.#quads(MAILBOX, [eptpOf(0), DRIVER, STACK, tableOf(0, 0), this.vpid ? 1 : 0, 0, 0, this.#worlds()]);
    this.#put(DRIVER, this.#driver());
    return this.#parts;
  }

  #below(limit: number): number {
    return (this.#numbers.next() >>> 0) % limit;
  }
  /** A slot that is whole. */
  #anySlot(): number {
    return this.#below(8) === 0 ? this.#below(WHOLE_SLOTS) : this.#below(OFTEN);
  }
  #one<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }
  #put(at: number, bytes: readonly number[]): void {
    this.#parts.push({ at, bytes });
  }
  #quads(at: number, values: readonly (number | bigint)[]): void {
    this.#put(at, values.flatMap(le64));
  }

  /** A world for each EPT and page table: they begin at slots. Returns how many there are. */
  #worlds(): number {
    let count = 0;
    for (let ept = 0; ept < this.#epts; ept++) {
      for (let root = 0; root < this.#roots; root++, count++) {
        const entry = slotAddress(this.#below(PAGES), this.#below(OFTEN));
        const selectors = (8n << 32n) | (0x10n << 48n);
        this.#quads(WORLDS + 64 * count, [
          count + 1,
          selectors | VALID_WORLD,
          eptpOf(ept),
          tableOf(root, 0),
          entry,
          0,
          0,
          0,
        ]);
      }
    }
    return count;
  }

  #pageTables(root: number): void {
    this.#quads(tableOf(root, 0), [tableOf(root, 1) | PRESENT_WRITABLE]);
    this.#quads(tableOf(root, 1), [tableOf(root, 2) | PRESENT_WRITABLE]);
    this.#quads(tableOf(root, 2), this.#identity(SHARED_TABLES, PRESENT_WRITABLE | ACCESSED_DIRTY));
    this.#quads(tableOf(root, 2) + (ARENA / LARGE) * 8, [tableOf(root, 3) | PRESENT_WRITABLE]);
    this.#quads(tableOf(root, 3), Array.from({ length: PAGES }, () => this.#pageEntry()));
  }
  /** Entries of a page directory that map all memory one to one, by large pages or by tables at `tables`. */
  #identity(tables: number, bits: number): number[] {
    return Array.from({ length: MEMORY / LARGE }, (_, n) => {
      if (this.#large) return n * LARGE | bits | LARGE_PAGE;
      const table = tables + n * PAGE;
      this.#quads(table, Array.from({ length: 512 }, (_, page) => (n * LARGE + page * PAGE) | bits));
      return table | 7;
    });
  }
  /** Mostly writable and executable; the rest faults now and then. */
  #pageEntry(): bigint {
    const page = GUEST_ARENA + this.#below(PAGES) * PAGE;
    const bits = this.#one([3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 1, 0]) |
      this.#one([ACCESSED_DIRTY, ACCESSED_DIRTY, 0]);
    return BigInt(page | bits) | (this.#below(24) === 0 ? EXECUTE_DISABLE : 0n);
  }

  #ept(ept: number): void {
    this.#quads(eptOf(ept, 0), [eptOf(ept, 1) | EPT_ALL]);
    this.#quads(eptOf(ept, 1), [eptOf(ept, 2) | EPT_ALL]);
    this.#quads(eptOf(ept, 2), this.#identity(SHARED_EPTS, EPT_ALL | WRITE_BACK));
    this.#quads(eptOf(ept, 2) + (GUEST_ARENA / LARGE) * 8, [eptOf(ept, 3) | EPT_ALL]);
    this.#quads(eptOf(ept, 3), Array.from({ length: PAGES }, () => this.#eptEntry()));
  }
  #eptEntry(): number {
    return (FRAMES + this.#below(FRAME_COUNT) * PAGE) | WRITE_BACK |
      this.#one([7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 5, 3, 4, 0]);
  }

  /** Bits of an entry to change: those of the page, now and then a permission too. */
  #otherPage(permission: number): number {
    return (1 + this.#below(PAGES - 1)) * PAGE | (this.#below(6) === 0 ? permission : 0);
  }

  /** A page of slots. Its first bytes end the page before it. */
  #frame(): number[] {
    const bytes = [...le32(this.#numbers.next()), 0xc3, ...filler(FIRST_SLOT - 5)];
    const page = this.#below(PAGES);
    for (let slot = 0; slot < WHOLE_SLOTS; slot++) bytes.push(...this.#slot(page, slot));
    const crossing = [0x49, 0x81, this.#one(OPCODES)];
    const start = this.#alu();
    bytes.push(...start, ...filler(PAGE - bytes.length - start.length - crossing.length), ...crossing);
    return bytes;
  }

  #alu(): number[] {
    return [0x49, 0x81, this.#one(OPCODES), ...le32(this.#numbers.next())];
  }

  /** The code of a slot. What it jumps to lies ahead, so that everything comes to an end. */
  #slot(page: number, slot: number): number[] {
    const code = this.#alu();
    const here = slotAddress(page, slot);
    const ahead = (from: number): number => {
      const target = slotAddress(
        page + this.#below(3),
        this.#anySlot(),
      );
      const distance = target - here;
      return (distance > 0 ? distance : SLOT * (1 + this.#below(4))) - from;
    };
    switch (this.#below(17)) {
      case 0: // a loop of LEA R8, [R8 + R8 + imm32]
        code.push(0xb9, ...le32(1 + this.#below(6)), 0x4f, 0x8d, 0x84, 0x00, ...le32(this.#numbers.next()));
        code.push(0xff, 0xc9, 0x75, 0xf4);
        break;
      case 1: // ADD R8, [RIP + ...]: the code as data
        code.push(0x4c, 0x03, 0x05, ...le32(-this.#below(64)));
        break;
      case 2:
      case 11:
      case 12:
        code.push(0xe8, ...le32(ahead(code.length + 5)));
        break;
      case 3:
      case 13:
      case 14:
        code.push(0xe9, ...le32(ahead(code.length + 5)));
        break;
      case 4:
      case 5: { // to another EPT; the next slot is that world's
        const ending = this.#vmfunc();
        return [...code, ...filler(SLOT - code.length - ending.length), ...ending];
      }
      case 16: // ADD R8, RCX: who has called
        code.push(0x49, 0x01, 0xc8);
        break;
      case 15: // to another world's slot
        code.push(...this.#worldCall());
        return [...code, ...filler(SLOT - code.length)];
      case 6: { // to another page table
        if (this.#roots === 1) break;
        const ending = [0xb8, ...le32(tableOf(this.#below(this.#roots), 0)), 0x0f, 0x22, 0xd8];
        return [...code, ...filler(SLOT - code.length - ending.length), ...ending];
      }
      case 7:
      case 8:
        code.push(...this.#patch());
        break;
      case 9: // TEST R8B, 1; JZ over an instruction
        code.push(0x41, 0xf6, 0xc0, 0x01, 0x74, 0x07, ...this.#alu());
        break;
      case 10: // ROL R8, imm8
        code.push(0x49, 0xc1, 0xc0, this.#below(64));
        break;
    }
    code.push(0xc3);
    return [...code, ...filler(SLOT - code.length)];
  }

  /** MOV ECX, index; XOR EAX, EAX; VMFUNC. */
  #vmfunc(ept = this.#below(this.#epts)): number[] {
    return [0xb9, ...le32(ept), 0x31, 0xc0, 0x0f, 0x01, 0xd4];
  }

  /** MOV ECX, WID; MOV EAX, 1; VMFUNC: goes on at the world's slot, whose RET is that of the one it leaves. */
  #worldCall(): number[] {
    return [0xb9, ...le32(1 + this.#below(this.#epts * this.#roots)), 0xb8, ...le32(1), 0x0f, 0x01, 0xd4];
  }

  /** MOV EAX, a slot of the page; CALL RAX. */
  #call(page: number): number[] {
    return [0xb8, ...le32(slotAddress(page, this.#anySlot())), 0xff, 0xd0];
  }

  /** A store to the first instruction of a slot: its immediate operand, or which operation it is. */
  #patch(base = ARENA + this.#below(PAGES) * PAGE): number[] {
    const at = base + FIRST_SLOT + this.#anySlot() * SLOT;
    if (this.#below(4) === 0) return [0xc6, 0x04, 0x25, ...le32(at + MODRM), this.#one(OPCODES)];
    // MOV [at], imm32 or R8D.
    if (this.#below(2) === 0) return [0x44, 0x89, 0x04, 0x25, ...le32(at + IMMEDIATE)];
    return [0xc7, 0x04, 0x25, ...le32(at + IMMEDIATE), ...le32(this.#numbers.next())];
  }

  #driver(): number[] {
    const code: number[] = [];
    let logged = 0;
    for (let n = 0; n < this.operations; n++) {
      const operation = this.#operation();
      // LEA R15, what follows; after a fault it goes on there.
      code.push(0x4c, 0x8d, 0x3d, ...le32(operation.length), ...operation);
      code.push(0x4c, 0x89, 0x04, 0x25, ...le32(LOG + 8 * (logged++ % 512))); // MOV [log], R8
    }
    // MOV R13D, rounds; the operations; DEC R13D; JNZ.
    const again = [0x41, 0xff, 0xcd, 0x0f, 0x85];
    return [
      ...[0x41, 0xbd, ...le32(ROUNDS)],
      ...code,
      ...again,
      ...le32(-(code.length + again.length + 4)),
      ...hypercall(CALL.DONE),
    ];
  }

  #operation(): number[] {
    switch (this.#below(18)) {
      case 0:
        return this.#vmfunc();
      case 1:
        if (this.#roots === 1) return this.#vmfunc();
        return [0xb8, ...le32(tableOf(this.#below(this.#roots), 0)), 0x0f, 0x22, 0xd8];
      case 2:
        return this.#patch(this.#below(2) === 0 ? FRAMES + this.#below(FRAME_COUNT) * PAGE : undefined);
      case 3: { // a whole slot, by REP MOVSB
        const base = this.#below(2) === 0
          ? FRAMES + this.#below(FRAME_COUNT) * PAGE
          : ARENA + this.#below(PAGES) * PAGE;
        const to = base + FIRST_SLOT + this.#anySlot() * SLOT;
        const from = TEMPLATES + this.#below(TEMPLATE_COUNT) * SLOT;
        return [0xbe, ...le32(from), 0xbf, ...le32(to), 0xb9, ...le32(SLOT), 0xf3, 0xa4];
      }
      case 4:
      case 5: { // another page, then INVLPG or MOV CR3; the slot is called before and after
        const page = this.#below(PAGES), root = this.#below(this.#roots), call = this.#call(page);
        const [here, there] = [this.#vmfunc(), this.#vmfunc()];
        const change = toggle(tableOf(root, 3) + 8 * page, this.#otherPage(2));
        const enter = this.#roots === 1 ? [] : [0xb8, ...le32(tableOf(root, 0)), 0x0f, 0x22, 0xd8];
        const flush = this.#below(3) !== 0
          ? [0x0f, 0x01, 0x3c, 0x25, ...le32(ARENA + page * PAGE)]
          : RELOAD_CR3;
        // What other EPTs lead to under the same CR3 is dropped, too: SDM vol. 3C, 29.4.3.1.
        return [
          ...enter,
          ...here,
          ...call,
          ...there,
          ...call,
          ...change,
          ...flush,
          ...call,
          ...here,
          ...call,
        ];
      }
      case 6:
      case 7: { // another frame, then INVEPT by the hypervisor, in another EPT or in the same
        const ept = this.#below(this.#epts), page = this.#below(PAGES), call = this.#call(page);
        const away = this.#below(2) === 0 ? [] : this.#vmfunc();
        const change = toggle(eptOf(ept, 3) + 8 * this.#below(PAGES), this.#otherPage(this.#one([2, 4])));
        const flush = this.#below(2) === 0
          ? [0xbb, ...le32(eptpOf(ept)), ...hypercall(CALL.FLUSH_ONE)]
          : hypercall(CALL.FLUSH_ALL);
        const calls = Array.from({ length: PAGES }, (_, n) => n === page ? call : this.#call(n)).flat();
        return [...this.#vmfunc(ept), ...calls, ...away, ...change, ...flush, ...this.#vmfunc(ept), ...calls];
      }
      case 8: { // a whole page table of another root
        if (this.#roots === 1) return this.#vmfunc();
        const bits = tableOf(0, 3) ^ tableOf(1 + this.#below(this.#roots - 1), 3);
        return [...toggle(tableOf(this.#below(this.#roots), 2) + (ARENA / LARGE) * 8, bits), ...RELOAD_CR3];
      }
      case 9: { // a slot called in a loop that switches there and back
        const body = [
          ...this.#vmfunc(),
          0xb8,
          ...le32(slotAddress(this.#below(PAGES), this.#anySlot())),
          0xff,
          0xd0,
          ...this.#vmfunc(),
          ...this.#patch(),
          0x41,
          0xff,
          0xce,
        ];
        return [0x41, 0xbe, ...le32(1 + this.#below(20)), ...body, 0x75, 0x100 - body.length - 2];
      }
      default: { // MOV R14D, times; MOV EAX, slot; CALL RAX; DEC R14D; JNZ
        const target = slotAddress(
          this.#below(PAGES),
          this.#below(8) === 0 ? WHOLE_SLOTS : this.#anySlot(),
        );
        const times = this.#below(3) === 0 ? 1 + this.#below(30) : 1 + this.#below(3);
        const loop = [0xb8, ...le32(target), 0xff, 0xd0, 0x41, 0xff, 0xce];
        return [0x41, 0xbe, ...le32(times), ...loop, 0x75, 0x100 - loop.length - 2];
      }
    }
  }
}

/** MOV RAX, CR3; MOV CR3, RAX. */
const RELOAD_CR3 = [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8];

const hypercall = (number: number): number[] => [0xb8, ...le32(number), 0x0f, 0x01, 0xc1];

/** XOR DWORD [at], bits: each time that the driver comes by, the entry becomes what it was before. */
const toggle = (at: number, bits: number): number[] => [0x81, 0x34, 0x25, ...le32(at), ...le32(bits)];
