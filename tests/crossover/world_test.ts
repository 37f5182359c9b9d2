/** World entries: every field's rules. docs/crossover.md, "The world entry", "The system context". */
import { assert, assertEquals } from "@std/assert";
import { EntryField, parseWorld } from "../../src/crossover/world.ts";
import { contextKey } from "../../src/crossover/world_context.ts";
import { LinearMemory, RAM_BASE } from "../../src/memory/physical.ts";

const memory = new LinearMemory(0x1_0000);
const CONTEXT = 0x2000n, EPTP = 0x1_801en, RIP = 0xffff_8000_0000_1000n;
type Change = readonly [offset: number, value: bigint];

/** A valid entry of a guest world with a system context, and these quadwords changed: of the entry, of the context. */
function entry(changes: readonly Change[] = [], context: readonly Change[] = []): DataView {
  const ram = memory.ram(Number(CONTEXT), 128).fill(0);
  const contextView = new DataView(memory.buffer, RAM_BASE + Number(CONTEXT), ram.length);
  const fields = [
    0x1000n,
    0x7fn,
    0x2000n,
    0xfffn,
    0x28n,
    0x3000n,
    0x67n,
    0x4000n,
    0x5000n,
    0x6000n,
    RIP,
    ~0n,
    0x700n,
  ];
  for (const [n, value] of fields.entries()) contextView.setBigUint64(8 * n, value, true);
  for (const [offset, value] of context) contextView.setBigUint64(offset, value, true);
  const view = new DataView(new ArrayBuffer(64));
  const valid: readonly Change[] = [
    [EntryField.WID, 7n],
    [EntryField.FLAGS, 0x0010_0008_0000_0001n],
    [EntryField.EPTP, EPTP],
    [EntryField.CR3, 0x3000n],
    [EntryField.RIP, RIP],
    [EntryField.SYSTEM_CONTEXT, CONTEXT],
  ];
  for (const [offset, value] of [...valid, ...changes]) view.setBigUint64(offset, value, true);
  return view;
}

const FLAGS = (flags: bigint): Change => [EntryField.FLAGS, 0x0010_0008_0000_0000n | flags];

/** What makes an entry malformed. */
const MALFORMED: Readonly<Record<string, readonly Change[]>> = {
  "WID 0": [[EntryField.WID, 0n]],
  "CPL 1": [FLAGS(0x5n)],
  "CPL 2": [FLAGS(0x9n)],
  "reserved flag 5": [FLAGS(0x21n)],
  "reserved flag 31": [FLAGS(0x8000_0001n)],
  "EPTP 0 in a guest world": [[EntryField.EPTP, 0n]],
  "EPTP in a host world": [FLAGS(3n)],
  "EPTP of another walk length": [[EntryField.EPTP, 0x1_8026n]],
  "EPTP of another memory type": [[EntryField.EPTP, 0x1_8019n]],
  "EPTP with reserved bit 7": [[EntryField.EPTP, 0x1_809en]],
  "EPTP beyond physical addresses": [[EntryField.EPTP, 1n << 40n | EPTP]],
  "CR3 beyond physical addresses": [[EntryField.CR3, 1n << 40n]],
  "CR3 bit 63": [[EntryField.CR3, 1n << 63n | 0x3000n]],
  "RIP not canonical": [[EntryField.RIP, 0x8000_0000_0000n]],
  "RIP canonical with 57 bits only": [[EntryField.RIP, 0x80_0000_0000_0000n]],
  "system context misaligned": [[EntryField.SYSTEM_CONTEXT, CONTEXT + 8n]],
  "system context at the end of RAM": [[EntryField.SYSTEM_CONTEXT, 0xff90n]],
  "system context far outside RAM": [[EntryField.SYSTEM_CONTEXT, 0xffff_ffff_ffff_fff0n]],
  "reserved quadword 6": [[EntryField.RESERVED, 1n]],
  "reserved quadword 7": [[EntryField.RESERVED + 8, 1n << 63n]],
};

/** What makes a system context malformed. */
const MALFORMED_CONTEXTS: Readonly<Record<string, Change>> = {
  "GDTR base": [0, 0x8000_0000_0000n],
  "GDTR limit": [8, 0x1_0000n],
  "IDTR base": [16, 0x7fff_ffff_ffff_ffffn],
  "IDTR limit": [24, 0x1_0000n],
  "TR selector 0": [32, 0n],
  "TR selector in the LDT": [32, 0x2cn],
  "TR selector of 17 bits": [32, 0x1_0028n],
  "TR base": [40, 0x8000_0000_0000n],
  "TR limit": [48, 0x1_0000_0000n],
  "FS base": [56, 0x8000_0000_0000n],
  "GS base": [64, 0x8000_0000_0000n],
  "KERNEL_GS_BASE": [72, 0x8000_0000_0000n],
  "LSTAR": [80, 0x8000_0000_0000n],
  "FMASK": [96, 0x1_0000_0000n],
  "reserved quadword 13": [104, 1n],
  "reserved quadword 15": [120, 1n],
};

Deno.test("parseWorld() takes what an entry says, with selectors of the privilege level", () => {
  const world = parseWorld(entry(), memory)!;
  assertEquals({ ...world, systemContext: world.systemContext?.length }, {
    wid: 7n,
    valid: true,
    host: false,
    cpl: 0,
    keepsInterrupts: false,
    cs: 8,
    ss: 16,
    eptp: EPTP,
    cr3: 0x3000n,
    rip: RIP,
    systemContext: 23,
  });
  const user = parseWorld(
    entry([FLAGS(0x1en), [EntryField.EPTP, 0n], [EntryField.SYSTEM_CONTEXT, 0n]]),
    memory,
  )!;
  assertEquals(
    [user.valid, user.host, user.cpl, user.keepsInterrupts, user.cs, user.ss, user.systemContext],
    [
      false,
      true,
      3,
      true,
      11,
      19,
      undefined,
    ],
  );
});

for (const [name, changes] of Object.entries(MALFORMED)) {
  Deno.test(`parseWorld() refuses an entry: ${name}`, () => {
    assertEquals(parseWorld(entry(changes), memory), undefined);
  });
}

for (const [name, change] of Object.entries(MALFORMED_CONTEXTS)) {
  Deno.test(`parseWorld() refuses an entry whose system context is malformed: ${name}`, () => {
    assertEquals(parseWorld(entry([], [change]), memory), undefined);
    assert(parseWorld(entry([[EntryField.SYSTEM_CONTEXT, 0n]], [change]), memory) !== undefined);
  });
}

Deno.test("contextKey() tells worlds apart by mode, privilege level, EP4TA and CR3[51:12], and by nothing else", () => {
  const base = { host: false, cpl: 0, eptp: 0x1_801en, cr3: 0x3000n };
  const key = contextKey(base);
  const others = [
    { ...base, cpl: 3 },
    { ...base, eptp: 0x1_901en },
    { ...base, cr3: 0x4000n },
    { ...base, cr3: 0x3000n | 1n << 39n },
    { ...base, eptp: 0x1_801en | 1n << 39n },
    { ...base, host: true, eptp: 0n },
    { ...base, eptp: 0x301en, cr3: 0x1_8000n },
  ];
  assertEquals(new Set([key, ...others.map(contextKey)]).size, others.length + 1);
  assertEquals(contextKey({ ...base, eptp: 0x1_805en, cr3: 0x3fffn }), key);
});
