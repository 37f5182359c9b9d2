/**
 * IRETQ again and again, so that compiled code makes it by itself, and then one that is special: every engine comes to the
 * state that the interpreter comes to. SDM vol. 2A, "IRET/IRETD/IRETQ".
 */
import { assertEquals } from "@std/assert";
import { Flag } from "../../../src/cpu/rflags.ts";
import {
  ATTENTION,
  Attention,
  CPL,
  CR4,
  DR,
  DR7,
  GDTR_BASE,
  GDTR_LIMIT,
  GPR,
  Gpr,
  INTERRUPTIBILITY,
  RFLAGS_SYSTEM,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  SWITCH_COSTS,
  SWITCH_COUNTS,
  TLB_BASE,
} from "../../../src/cpu/state.ts";
import { Cr4 } from "../../../src/cpu/system/control_bits.ts";
import { WORLD_SWITCH_KINDS, WorldSwitch } from "../../../src/cpu/system/world_switches.ts";
import { CONFIGURATIONS, TINY_TLB } from "../../jit/_bare.ts";
import { bytesOf, CODE, DATA, everywhere, GDT, Selector, SystemMachine, UNMAPPED } from "./_machine.ts";

const FRAMES = DATA,
  FRAME_BYTES = 0x40,
  KERNEL = CODE + 0x100,
  USER = 0x2_0000,
  SERVICE = CODE + 0x200,
  READER = CODE + 0x300;
const KERNEL_STACK = 0x8800,
  USER_STACK = 0xc800,
  SERVICE_GATE = 0x80,
  SUPERVISOR_PAGE = 3,
  ELSEWHERE = 0x7_0000;
const WARM = 12;

/** What IRETQ pops: RIP, CS, RFLAGS, RSP, SS. */
type Frame = readonly [rip: bigint, cs: number, flags: bigint, rsp: bigint, ss: number];

const KERNEL_FRAME: Frame = [BigInt(KERNEL), Selector.CODE64, 0x8d7n, BigInt(KERNEL_STACK), Selector.DATA];
const USER_FRAME: Frame = [
  BigInt(USER),
  Selector.USER_CODE64,
  0x202n,
  BigInt(USER_STACK),
  Selector.USER_DATA,
];

/** MOV RSP,RSI; ADD RSI,40H; IRETQ. */
const RETURN = "48 89 f4 48 83 c6 40 48 cf";
/** Sums up selectors, flags and RSP, which the frame says. */
const OBSERVE = "48 01 e7 9c 58 48 01 c7 48 c1 c7 05 8c d0 48 01 c7 8c c8 48 01 c7 8c d8 48 01 c7";

type Words = Partial<Record<0 | 1 | 2 | 3 | 4, number | bigint>>;

interface Case {
  readonly name: string;
  readonly frame?: Words;
  /** Instead of KERNEL_FRAME. */
  readonly toUser?: boolean;
  /** Before the special one, but behind those that warm up. */
  readonly prepare?: (machine: SystemMachine) => void;
  /** Where the special frame lies, if it is elsewhere. */
  readonly at?: number | bigint;
  readonly smap?: boolean;
}

const flags = (bits: number): Words => ({ 2: BigInt(bits >>> 0) });
const descriptor = (selector: number, value: bigint) => (machine: SystemMachine): void =>
  machine.setDescriptor(selector, value);
const loadData = (n: number, selector: number, hi: number) => ({ unit: { segments } }: SystemMachine): void =>
  hi === 0
    ? segments.write(SEGMENT + SEGMENT_STRIDE * n, selector, 0, 0, 0)
    : segments.writeFrom(n, selector, {
      lo: 0xffff,
      hi,
    });
const setFlags = (bits: number) => ({ m, bare }: SystemMachine): void => {
  m[RFLAGS_SYSTEM >> 2]! |= bits;
  bare.processor.mmu.enterWorld();
};

const SPECIAL: readonly Case[] = [
  { name: "nothing special" },
  { name: "the user's, nothing special", toUser: true },
  ...Object.entries(Flag).flatMap(([name, bit]): Case[] => [
    { name: `with ${name} alone`, frame: flags(bit) },
    { name: `to the user, with ${name} alone`, frame: flags(bit), toUser: true },
    { name: `with ${name} alone, and SMAP`, frame: flags(bit), smap: true },
  ]),
  { name: "flags that are not there, and upper halves", frame: { 2: 0xffff_ffff_ffc0_802an } },
  { name: "a selector with more bits than it has", frame: { 1: 0x7777_0000_0008n, 4: 0x7777_0000_0010n } },
  ...[Flag.NT, Flag.RF, Flag.IF, Flag.IOPL, Flag.ID].map((bits): Case => ({
    name: `where flags ${bits.toString(16)} were set`,
    prepare: setFlags(bits),
  })),
  { name: "while NMIs are blocked", prepare: ({ m }) => void (m[INTERRUPTIBILITY >> 2] = 8) },
  { name: "behind STI", prepare: ({ m }) => void (m[INTERRUPTIBILITY >> 2] = 1) },
  {
    name: "while an interrupt is pending, with IF",
    frame: flags(Flag.IF),
    prepare: ({ m }) => void (m[ATTENTION >> 2] = Attention.INTERRUPT),
  },
  { name: "RIP that is not canonical", frame: { 0: 0x8000_0000_0000n } },
  { name: "RIP at the top of the address space", frame: { 0: -0x1000n } },
  { name: "RSP that is not canonical", frame: { 3: 0x8000_0000_0000n } },
  ...Object.entries(Selector).flatMap(([name, selector]): Case[] => [
    { name: `CS of ${name}`, frame: { 1: selector } },
    { name: `SS of ${name}`, frame: { 4: selector } },
    { name: `to the user, CS of ${name}`, toUser: true, frame: { 1: selector | 3 } },
    { name: `to the user, SS of ${name}`, toUser: true, frame: { 4: selector | 3 } },
  ]),
  ...[0, 1, 2, 3, 4].flatMap((selector): Case[] => [
    { name: `CS ${selector}`, frame: { 1: selector } },
    { name: `SS ${selector}`, frame: { 4: selector } },
    { name: `to the user, SS ${selector}`, toUser: true, frame: { 4: selector } },
    { name: `to the user, CS ${selector}`, toUser: true, frame: { 1: selector } },
  ]),
  { name: "CS in the LDT", frame: { 1: Selector.CODE64 | 4 } },
  { name: "SS in the LDT", frame: { 4: Selector.DATA | 4 } },
  { name: "CS null, with code there", frame: { 1: 0 }, prepare: descriptor(0, 0x00af_9b00_0000_ffffn) },
  {
    name: "to the user, SS null with a level, and data there",
    toUser: true,
    frame: { 4: 3 },
    prepare: descriptor(0, 0x00cf_f300_0000_ffffn),
  },
  { name: "code of another base", prepare: descriptor(Selector.CODE64, 0x12af_9b34_5678_ffffn) },
  { name: "code of another limit", prepare: descriptor(Selector.CODE64, 0x00a1_9b00_0000_1234n) },
  { name: "code that has not been accessed", prepare: descriptor(Selector.CODE64, 0x00af_9a00_0000_ffffn) },
  { name: "code with the available bit", prepare: descriptor(Selector.CODE64, 0x00bf_9b00_0000_ffffn) },
  { name: "code that is not readable", prepare: descriptor(Selector.CODE64, 0x00af_9900_0000_ffffn) },
  { name: "code of both sizes", prepare: descriptor(Selector.CODE64, 0x00ef_9b00_0000_ffffn) },
  { name: "code of privilege level 3", prepare: descriptor(Selector.CODE64, 0x00af_fb00_0000_ffffn) },
  { name: "data of another base", prepare: descriptor(Selector.DATA, 0x12cf_9334_5678_ffffn) },
  { name: "data that has not been accessed", prepare: descriptor(Selector.DATA, 0x00cf_9200_0000_ffffn) },
  { name: "data of privilege level 3", prepare: descriptor(Selector.DATA, 0x00cf_f300_0000_ffffn) },
  { name: "data that is absent", prepare: descriptor(Selector.DATA, 0x00cf_1300_0000_ffffn) },
  ...[7, 0xe, 0xf, 0x16, 0x17].map((limit): Case => ({
    name: `a GDT with limit ${limit}`,
    prepare: ({ m }) => void (m[GDTR_LIMIT >> 2] = limit),
  })),
  { name: "a GDT that is not mapped", prepare: (to) => to.setRegister(GDTR_BASE, UNMAPPED, 0) },
  {
    name: "a GDT at an odd address",
    prepare: (to) => to.setRegister(GDTR_BASE, GDT + 8, 0),
    frame: { 1: 0x100, 4: 8 },
  },
  {
    name: "a GDT across pages that do not follow each other",
    prepare: (to) => {
      const base = 0x4_0ff4, code = [0xff, 0xff, 0, 0, 0, 0x9b, 0xaf, 0];
      to.bare.mapPage(0x4_1000, ELSEWHERE);
      to.setRegister(GDTR_BASE, base, 0);
      to.write(base + 8, [...code, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0]);
      // The code's upper half: it has not been accessed.
      to.write(ELSEWHERE, [0, 0x9a, 0xaf, 0, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0]);
    },
  },
  { name: "a frame at an odd address", at: FRAMES + 0x801 },
  { name: "a frame that just fits into its page", at: FRAMES + 0xfd8 },
  { name: "a frame across pages", at: FRAMES + 0xfe0 },
  { name: "a frame of which one byte is in the next page", at: FRAMES + 0xfd9 },
  {
    name: "a frame across pages that do not follow each other",
    at: FRAMES + 0xfe0,
    prepare: (machine) => {
      machine.bare.mapPage(FRAMES + 0x1000, ELSEWHERE);
      machine.write(ELSEWHERE, [Selector.CODE32, 0, 0, 0, 0, 0, 0, 0]);
    },
  },
  {
    name: "a frame with a data breakpoint",
    prepare: ({ m, bare }) => {
      m[DR >> 2] = FRAMES + WARM * FRAME_BYTES + 24;
      m[DR7 >> 2] = 0x000b_0401;
      bare.processor.mmu.breakpointsChanged();
    },
  },
  { name: "a frame that is not mapped", at: UNMAPPED },
  { name: "a frame that is not canonical", at: 0x8000_0000_0000n },
  { name: "a frame in a user's page under SMAP", at: 0x6_0000, smap: true },
  ...[Segment.ES, Segment.DS, Segment.FS, Segment.GS].flatMap((n): Case[] => [
    {
      name: `to the user, ${n} of the kernel`,
      toUser: true,
      prepare: loadData(n, Selector.DATA, 0x00cf_9300),
    },
    {
      name: `to the user, ${n} of the user`,
      toUser: true,
      prepare: loadData(n, Selector.USER_DATA, 0x00cf_f300),
    },
    { name: `to the user, ${n} null with a level`, toUser: true, prepare: loadData(n, 3, 0) },
    {
      name: `to the user, ${n} null with a level, and attributes of the user`,
      toUser: true,
      prepare: ({ unit }) => unit.segments.write(SEGMENT + SEGMENT_STRIDE * n, 3, 0, 0xf3, 0),
    },
    {
      name: `to the user, ${n} conforming code`,
      toUser: true,
      prepare: loadData(n, Selector.CONFORMING, 0x00af_9f00),
    },
  ]),
  // What is mapped for supervisors alone can be reached from there.
  ...[1, 2].map((level): Case => ({
    name: `to privilege level ${level}`,
    smap: true,
    toUser: true,
    frame: { 0: KERNEL, 1: 0x30 | level, 3: KERNEL_STACK, 4: 0x28 | level },
    prepare: (machine) => {
      const dpl = BigInt(level) << 45n;
      machine.setDescriptor(Selector.USER_CODE64, 0x00af_9b00_0000_ffffn | dpl);
      machine.setDescriptor(Selector.USER_DATA, 0x00cf_9300_0000_ffffn | dpl);
    },
  })),
  { name: "to the user, DS of the kernel and SMAP", toUser: true, smap: true },
  { name: "to the user, with AC set and SMAP", toUser: true, smap: true, frame: flags(Flag.AC) },
  {
    name: "with AC set under SMAP, to what reads a user's page",
    smap: true,
    frame: { 0: READER, 2: Flag.AC },
  },
  {
    name: "where AC was set under SMAP, to what reads a user's page",
    smap: true,
    prepare: setFlags(Flag.AC),
    frame: { 0: READER },
  },
  { name: "where AC was set under SMAP", smap: true, prepare: setFlags(Flag.AC) },
  { name: "to the user where AC was set under SMAP", toUser: true, smap: true, prepare: setFlags(Flag.AC) },
];

function writeFrame(machine: SystemMachine, at: number, frame: Frame): void {
  const words = frame.map(BigInt).flatMap((word) =>
    [word, word >> 32n].map((half) => Number(BigInt.asIntN(32, half)))
  );
  machine.writeWords(at, words);
}

/** The machine, with the loop in it; `smap`: what is not the user's is the supervisor's alone. */
function prepare(machine: SystemMachine, smap: boolean): void {
  machine.write(CODE, bytesOf(RETURN));
  // STAC; CLAC; DEC EBP; JZ; JMP to CODE, or HLT.
  machine.write(KERNEL, [
    ...bytesOf(`${OBSERVE} 0f 01 cb 0f 01 ca ff cd 74 05 e9`),
    ...relative(KERNEL + 42, CODE),
    0xf4,
  ]);
  // ADD RDI,[USER]; JMP to KERNEL.
  machine.write(READER, [...bytesOf("48 03 3c 25 00 00 02 00 e9"), ...relative(READER + 13, KERNEL)]);
  machine.write(USER, [...bytesOf(OBSERVE), 0xcd, SERVICE_GATE, 0x0f, 0x0b]);
  machine.write(SERVICE, [...bytesOf("ff cd 74 05 e9"), ...relative(SERVICE + 9, CODE), 0xf4]);
  machine.setGate(SERVICE_GATE, { type: 0xee, target: SERVICE });
  // Double faults, which some stacks lead to, have one of their own.
  machine.setGate(8, { ist: 1 });
  machine.m[(SWITCH_COSTS >> 2) + WorldSwitch.IRET] = 5;
  for (const n of [Segment.ES, Segment.DS, Segment.FS, Segment.GS]) loadData(n, 0, 0)(machine);
  if (!smap) return;
  for (const page of [0x5000, 0x6000, 0x7000, 0x8000, 0x9000, 0xa000, 0xb000, FRAMES]) {
    machine.bare.mapPage(page, page, SUPERVISOR_PAGE);
  }
  for (let page = CODE; page < CODE + 0x1_0000; page += 0x1000) {
    machine.bare.mapPage(page, page, SUPERVISOR_PAGE);
  }
  machine.m[CR4 >> 2]! |= Cr4.SMAP;
  machine.bare.processor.mmu.enterWorld();
}

const relative = (from: number, to: number): number[] =>
  [0, 8, 16, 24].map((by) => ((to - from) >> by) & 0xff);

/** What must be the same everywhere. */
function stateOf({ m, bare, unit }: SystemMachine): unknown {
  const words = (cell: number, count: number): number[] => [...m.subarray(cell >> 2, (cell >> 2) + count)];
  return {
    registers: words(GPR, 32),
    segments: words(SEGMENT, 6 * SEGMENT_STRIDE / 4),
    others: [m[CPL >> 2], m[INTERRUPTIBILITY >> 2]! & 8, m[RFLAGS_SYSTEM >> 2]],
    switches: words(SWITCH_COUNTS, WORLD_SWITCH_KINDS),
    instructions: bare.processor.instructions,
    events: unit.context.events.last,
  };
}

/** Warms up, and executes the special return and one behind it. Returns what has come of it. */
function execute(machine: SystemMachine, one: Case): unknown {
  const { toUser = false, smap = false, frame = {}, at = FRAMES + WARM * FRAME_BYTES } = one;
  const plain = toUser ? USER_FRAME : KERNEL_FRAME;
  prepare(machine, smap);
  for (let round = 0; round < WARM + 2; round++) {
    writeFrame(
      machine,
      FRAMES + round * FRAME_BYTES,
      round === WARM ? plain : round % 2 === 0 ? KERNEL_FRAME : plain,
    );
  }
  const special = plain.map((word, n) => frame[n as 0] ?? word) as unknown as Frame;
  if (typeof at === "number" && at < UNMAPPED) writeFrame(machine, at, special);
  machine.set(Gpr.RSI, FRAMES);
  machine.set(Gpr.RBP, WARM);
  assertEquals(machine.run(CODE), "halt");
  machine.set(Gpr.RBP, 2);
  machine.setRegister(GPR + 8 * Gpr.RSI, Number(BigInt.asIntN(32, BigInt(at))), Number(BigInt(at) >> 32n));
  one.prepare?.(machine);
  // It costs more than what is left for it: nothing is executed behind it in that run.
  const first = machine.run(CODE, 4), world = machine.m[TLB_BASE >> 2];
  machine.bare.processor.mmu.enterWorld();
  assertEquals(machine.m[TLB_BASE >> 2], world, "the slot is that of the world that the state describes");
  return [first, stateOf(machine), machine.resume(40), stateOf(machine)];
}

/** Where compiled code may make it by itself, and the engine without that. */
const COMPILING = Object.fromEntries(
  Object.entries({ ...CONFIGURATIONS, ...TINY_TLB }).filter(([label]) =>
    ["js", "wasm", "auto, threshold of five", "wasm, soft TLB of one entry"].includes(label)
  ),
);

for (const one of SPECIAL) {
  let expected: unknown;
  everywhere(`IRETQ, warm, then ${one.name}`, (create) => {
    expected ??= execute(new SystemMachine({ engine: "interpreter" }), one);
    assertEquals(execute(create(), one), expected);
  }, COMPILING);
}

for (const toUser of [false, true]) {
  Deno.test(`IRETQ${toUser ? " to the user" : ""}: compiled code makes it by itself`, () => {
    const machine = new SystemMachine({ engine: "wasm" }), { interruptReturn } = machine.unit;
    let calls = 0;
    const slowly = interruptReturn.return.bind(interruptReturn);
    interruptReturn.return = (size, next) => {
      calls++;
      return slowly(size, next);
    };
    execute(machine, { name: "", toUser, prepare: () => void (calls = 0) });
    assertEquals(calls, 0);
  });
}
