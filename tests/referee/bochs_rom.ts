/**
 * A ROM that replaces Bochs' BIOS: it puts a kernel into RAM and enters it as multiboot does. Nothing is searched for
 * and nothing is read from a disk, so a run starts at once and is the same each time.
 */
import { loadMultiboot } from "../../src/machine/loaders/multiboot1.ts";
import type { BootRequest } from "../../src/machine/loaders/boot_request.ts";

/** Bochs takes ROMs of at most this size, ending at 4 GB. */
const ROM_BYTES = 0x8_0000, ROM_BASE = 0x1_0000_0000 - ROM_BYTES;
/** The last page holds the loader; the processor starts 16 bytes before the end. SDM vol. 3A, 9.1.4. */
const LOADER = ROM_BYTES - 0x1000, RESET = ROM_BYTES - 0x10;
const GDT = ROM_BYTES - 0x100, GDT_POINTER = ROM_BYTES - 0xe0;
/** RAM goes into the ROM in pages. */
const PAGE = 0x1000;

const le16 = (value: number): number[] => [value & 0xff, (value >> 8) & 0xff];
const le32 = (value: number): number[] => [...le16(value), ...le16(value >>> 16)];
const linear = (offset: number): number[] => le32(ROM_BASE + offset);

/** What the ROM's 16-bit code segment, FFFF0000H, has at a place. */
const near = (offset: number): number[] => le16(offset);

/** Real mode to protected mode with flat segments. */
// deno-fmt-ignore
const REAL_MODE = [
  0xfa,                                           // CLI
  0x66, 0x2e, 0x0f, 0x01, 0x16, ...near(GDT_POINTER), // LGDT CS:[...]
  0x66, 0xb8, ...le32(0x11),                      // MOV EAX, PE | ET: caches on
  0x0f, 0x22, 0xc0,                               // MOV CR0, EAX
  0x66, 0xea, ...linear(LOADER + 0x20), 0x08, 0x00, // JMP 8:...
];

/** Copies the parts of the table, does what firmware has done on a real computer, and enters the kernel. */
// deno-fmt-ignore
const protectedMode = (eip: number, eax: number, ebx: number): number[] => [
  0xb8, ...le32(0x10),                            // MOV EAX, 10H
  0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0x8e, 0xe0, 0x8e, 0xe8, // DS, ES, SS, FS, GS
  0xbe, ...le32(ROM_BASE),                        // MOV ESI, table
  0xad, 0x97,                                     // next: LODSD; XCHG EDI, EAX
  0xad, 0x91,                                     // LODSD; XCHG ECX, EAX
  0xe3, 0x04,                                     // JECXZ done
  0xf3, 0xa4,                                     // REP MOVSB
  0xeb, 0xf6,                                     // JMP next
  0xb9, ...le32(0x3a), 0x31, 0xd2, 0xb8, ...le32(5), 0x0f, 0x30, // done: IA32_FEATURE_CONTROL: locked, VMX
  0xb0, 0xff, 0xe6, 0x21, 0xe6, 0xa1,             // the 8259s' masks
  0x66, 0xba, ...le16(0x3fb), 0xb0, 0x03, 0xee,   // COM1: 8 bits, no parity
  0x31, 0xc9, 0x31, 0xd2, 0x31, 0xf6, 0x31, 0xff, 0x31, 0xed, 0x31, 0xe4, // other registers: 0
  0xbb, ...le32(ebx), 0xb8, ...le32(eax),
  0xea, ...le32(eip), 0x08, 0x00,                 // JMP 8:EIP
];

/** No descriptor, flat code, flat data, as multiboot leaves them. */
const DESCRIPTORS = [0n, 0x00cf_9b00_0000_ffffn, 0x00cf_9300_0000_ffffn];

/** The ROM for a kernel, with the same contents of RAM that a Causeway machine of this size starts with. */
export function bochsRom(request: BootRequest, memory: number): Uint8Array {
  const ram = new Uint8Array(memory);
  const { eip, eax, ebx } = loadMultiboot(ram, request);
  const rom = new Uint8Array(ROM_BYTES), view = new DataView(rom.buffer);
  let at = 0;
  for (const { start, bytes } of nonZeroParts(ram)) {
    if (at + 16 + bytes.length > LOADER) throw new RangeError("The kernel does not fit into a ROM of 512 KB");
    view.setUint32(at, start, true);
    view.setUint32(at + 4, bytes.length, true);
    rom.set(bytes, at + 8);
    at += 8 + bytes.length;
  }
  rom.set(REAL_MODE, LOADER);
  rom.set(protectedMode(eip, eax, ebx), LOADER + 0x20);
  for (const [n, descriptor] of DESCRIPTORS.entries()) view.setBigUint64(GDT + 8 * n, descriptor, true);
  rom.set([...le16(8 * DESCRIPTORS.length - 1), ...linear(GDT)], GDT_POINTER);
  rom.set([0xe9, ...le16(LOADER - (RESET + 3))], RESET); // JMP
  return rom;
}

function* nonZeroParts(ram: Uint8Array): Generator<{ readonly start: number; readonly bytes: Uint8Array }> {
  const words = new Uint32Array(ram.buffer);
  for (let start = 0; start < ram.length; start += PAGE) {
    const page = words.subarray(start / 4, (start + PAGE) / 4);
    const last = page.findLastIndex((word) => word !== 0);
    if (last >= 0) yield { start, bytes: ram.subarray(start, start + 4 * (last + 1)) };
  }
}
