/** Page-modification logging, on every engine. SDM vol. 3C, section 29.3.6. */
import { assertEquals } from "@std/assert";
import { Gpr } from "../../src/cpu/state.ts";
import { Pin, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import {
  CODE,
  DATA,
  EPT,
  EPT_LEAF,
  EPT_PT,
  everywhere,
  type Guest,
  GUEST_STACK,
  Interruption,
} from "./_guest.ts";
import { pin, secondary, type Values } from "./_vmcs.ts";

const LOG = 0x1_e000, LAST = 511, FULL = 0xffff, PML_FULL = 62, VMCALL_EXIT = 18;
const ACCESSED = 0x100, DIRTY = 0x200;
/** The guest's page tables: with accessed and dirty flags, walks count as writes to them. */
const TABLES = [0x1000, 0x2000, 0x3000];
const VMCALL = "0f 01 c1", STORE = "c6 03 77", LOAD = "8a 03";
const NMI_BLOCKED = 8;

/** A guest whose first 2 MB are pages of 4 KB with flags, and a log. */
function logged(make: (...changes: Values) => Guest, index: number, ...changes: Values): Guest {
  const guest = make(
    ...secondary(Secondary.PML),
    [Field.EPTP, EPT | 0x5e],
    [Field.PML_ADDRESS, LOG],
    [Field.PML_INDEX, index],
    ...changes,
  );
  guest.setEptPage(DATA, BigInt(DATA | EPT_LEAF));
  guest.register(Gpr.RBX, BigInt(DATA + 0x123));
  return guest;
}

/** The log from entry `first` on, downwards, as far as it has been written. */
function entries(guest: Guest, first = LAST): number[] {
  const index = Number(guest.field(Field.PML_INDEX)), end = index === FULL ? -1 : index;
  return Array.from({ length: first - end }, (_, n) => Number(guest.quad(LOG + 8 * (first - n))));
}

const flags = (guest: Guest, page: number): number =>
  Number(guest.quad(EPT_PT + 8 * (page >> 12))) & (ACCESSED | DIRTY);

everywhere(
  "each page is logged when its dirty flag is set, and walks of the guest's tables are writes",
  (make) => {
    const guest = logged(make, LAST);
    assertEquals([guest.run(`${LOAD} ${VMCALL}`), entries(guest), flags(guest, DATA)], [
      "exit",
      TABLES,
      ACCESSED,
    ]);
    assertEquals([guest.run(`${STORE} ${STORE} ${VMCALL}`), guest.exit[0]], ["exit", VMCALL_EXIT]);
    assertEquals([entries(guest), flags(guest, DATA)], [[...TABLES, DATA], ACCESSED | DIRTY]);
  },
);

everywhere("a loop over pages logs each of them once", (make) => {
  const guest = logged(make, LAST), pages = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => 0x10_0000 + 0x1000 * n);
  // MOV EDX, 40; round: MOV ECX, 8; MOV EBX, 100000H; page: ADD [RBX], ECX; ADD EBX, 1000H; LOOP page; DEC EDX; JNZ round
  const code = "ba 28 00 00 00 b9 08 00 00 00 bb 00 00 10 00 01 0b 81 c3 00 10 00 00 e2 f6 ff ca 75 e8";
  assertEquals([guest.run(`${code} ${VMCALL}`), entries(guest)], ["exit", [...TABLES, ...pages]]);
  // Flags that software has cleared are set again when nothing is cached any more, section 29.3.5.
  guest.quad(EPT_PT + 8 * 0x102, BigInt(0x10_2000 | EPT_LEAF));
  guest.processor.inner.mmu.dropTagged(() => true);
  assertEquals([guest.run(`${code} ${VMCALL}`), entries(guest)], [
    "exit",
    [...TABLES, ...pages, 0x10_2000],
  ]);
});

everywhere("a log without room exits before the access, and before any flag is set", (make) => {
  for (const index of [FULL, 512]) {
    const guest = logged(make, LAST);
    guest.run(VMCALL);
    guest.set([Field.PML_INDEX, index]);
    assertEquals([guest.run(`90 ${STORE} ${VMCALL}`), guest.exit[0], guest.exit[1]], ["exit", PML_FULL, 0n]);
    assertEquals([guest.eventState[0], flags(guest, DATA), guest.quad(DATA + 0x120)], [
      BigInt(CODE + 1),
      0,
      0n,
    ]);
    // The same for an accessed flag; with it, reads pass.
    assertEquals([guest.run(`${LOAD} ${VMCALL}`), guest.exit[0]], ["exit", PML_FULL]);
    guest.quad(EPT_PT + 8 * (DATA >> 12), BigInt(DATA | EPT_LEAF | ACCESSED));
    assertEquals([guest.run(`${LOAD} ${VMCALL}`), guest.exit[0]], ["exit", VMCALL_EXIT]);
    guest.set([Field.PML_INDEX, 0], [Field.GUEST_RIP, CODE]);
    assertEquals([guest.run(`${STORE} ${VMCALL}`), guest.exit[0]], ["exit", VMCALL_EXIT]);
    assertEquals([entries(guest, 0), guest.field(Field.PML_INDEX)], [[DATA], BigInt(FULL)]);
    assertEquals([flags(guest, DATA), guest.quad(DATA + 0x120)], [ACCESSED | DIRTY, 0x7700_0000n]);
  }
});

everywhere("what is logged of a large page is the address of the access", (make) => {
  const guest = logged(make, LAST);
  guest.register(Gpr.RBX, 0x34_5678n);
  assertEquals([guest.run(`${STORE} ${VMCALL}`), entries(guest)], ["exit", [...TABLES, 0x34_5000]]);
});

everywhere("without accessed and dirty flags, or without the control, nothing is logged", (make) => {
  for (const changes of [[[Field.EPTP, EPT | 0x1e]], secondary(0)] as const satisfies readonly Values[]) {
    const guest = logged(make, FULL, ...changes);
    assertEquals([guest.run(`${STORE} ${VMCALL}`), guest.exit[0], guest.field(Field.PML_INDEX)], [
      "exit",
      VMCALL_EXIT,
      BigInt(FULL),
    ]);
  }
});

everywhere("the exit tells of the event in whose delivery it happens, and of IRET, section 28.2", (make) => {
  const { information, HARDWARE } = Interruption;
  const guest = logged(make, LAST);
  guest.setEptPage(GUEST_STACK - 0x1000, BigInt(GUEST_STACK - 0x1000 | EPT_LEAF));
  guest.run(VMCALL);
  // All pages but the stack's have been used.
  for (let page = 0; page < 0x20_0000; page += 0x1000) {
    if (page !== GUEST_STACK - 0x1000) {
      guest.quad(EPT_PT + 8 * (page >> 12), BigInt(page | EPT_LEAF | ACCESSED | DIRTY));
    }
  }
  guest.set([Field.PML_INDEX, FULL]);
  assertEquals([guest.run("0f 0b"), guest.exit[0], guest.field(Field.VECTORING)], [
    "exit",
    PML_FULL,
    BigInt(information(6 | HARDWARE)),
  ]);
  const returning = logged(make, LAST, ...pin(Pin.NMI | Pin.VIRTUAL_NMIS));
  returning.run(VMCALL);
  returning.set([Field.PML_INDEX, FULL], [Field.GUEST_INTERRUPTIBILITY, NMI_BLOCKED]);
  assertEquals([returning.run("48 cf"), returning.exit[0], returning.exit[1]], ["exit", PML_FULL, 0x1000n]);
});
