/**
 * Linux kernels in the format bzImage, entered by the 64-bit boot protocol, or by the 32-bit one where they have no more. Linux,
 * Documentation/arch/x86/boot.rst ("The Linux/x86 Boot Protocol") and zero-page.rst.
 */
import { bootDescriptors } from "./boot_descriptors.ts";
import { TEXT_MODE } from "./bios_remains.ts";
import { CannotBootError } from "./boot_error.ts";
import type { BootEntry, BootRequest } from "./boot_request.ts";
import { LowMemory } from "./low_memory.ts";
import { identityMap } from "./identity_map.ts";
import { HIGH, memoryMap, requireRam } from "./memory_map.ts";

/** Fields of the setup header, by their offset in the file, which is that in the zero page too. */
const Header = {
  SETUP_SECTORS: 0x1f1,
  SYSTEM_SIZE: 0x1f4,
  BOOT_FLAG: 0x1fe,
  JUMP_DISTANCE: 0x201,
  MAGIC: 0x202,
  VERSION: 0x206,
  LOADER: 0x210,
  LOAD_FLAGS: 0x211,
  RAMDISK: 0x218,
  RAMDISK_SIZE: 0x21c,
  COMMAND_LINE: 0x228,
  INITRD_MAX: 0x22c,
  EXTENDED_LOAD_FLAGS: 0x236,
  COMMAND_LINE_SIZE: 0x238,
  PREFERRED_ADDRESS: 0x258,
  INIT_SIZE: 0x260,
} as const;
/** Other fields of the zero page. */
const ZeroPage = {
  VIDEO_MODE: 6,
  VIDEO_COLUMNS: 7,
  VIDEO_EGA: 0xa,
  VIDEO_ROWS: 0xe,
  VIDEO_IS_VGA: 0xf,
  VIDEO_POINTS: 0x10,
  E820_COUNT: 0x1e8,
  HEADER: 0x1f1,
  E820: 0x2d0,
  SIZE: 0x1000,
} as const;
/** What INT 10H says of the display (AH = 12H, BL = 10H): color, 256 KB. */
const VGA_MEMORY = 3;

const BOOT_FLAG = 0xaa55, MAGIC = 0x5372_6448; // "HdrS"
/** The header ends this far behind the byte that tells it, which is the distance of a jump. */
const JUMP_END = 0x202;
/** The first protocols with PREFERRED_ADDRESS and INIT_SIZE, and with EXTENDED_LOAD_FLAGS. */
const OLDEST_VERSION = 0x20a, OLDEST_WITH_64 = 0x20c;
/** XLF_KERNEL_64: the 64-bit entry point is there, so far behind the kernel's beginning, where the 32-bit one is. */
const HAS_64 = 1, ENTRY_64 = 0x200;
/** LOADED_HIGH in LOAD_FLAGS. */
const LOADED_HIGH = 1;
/** A loader without a number of its own. */
const UNKNOWN_LOADER = 0xff;
const SECTOR = 512, PAGE = 0x1000;
/** Unit of SYSTEM_SIZE, the bytes behind the setup code. */
const PARAGRAPH = 16;
/** A kernel with 0 there means this many. */
const DEFAULT_SETUP_SECTORS = 4;
const E820_ENTRY = 20;

/** Whether a file has Linux's setup header. */
export function isLinux(file: Uint8Array): boolean {
  if (file.length < Header.INIT_SIZE + 4) return false;
  const view = viewOf(file);
  return view.getUint16(Header.BOOT_FLAG, true) === BOOT_FLAG &&
    view.getUint32(Header.MAGIC, true) === MAGIC;
}

/** Puts the kernel, its initrd and the zero page into RAM. Modules are one initrd, one after the other. */
export function loadLinux(ram: Uint8Array, { kernel, modules, commandLine }: BootRequest): BootEntry {
  const header = viewOf(kernel);
  const version = header.getUint16(Header.VERSION, true);
  if (version < OLDEST_VERSION) {
    throw new CannotBootError(
      `the Linux kernel has boot protocol ${version >> 8}.${
        version & 0xff
      }: 2.10, of Linux 2.6.31, is the oldest`,
    );
  }
  const flags = version < OLDEST_WITH_64 ? 0 : header.getUint16(Header.EXTENDED_LOAD_FLAGS, true);
  const has64 = (flags & HAS_64) !== 0;
  const line = new TextEncoder().encode(commandLine);
  const longest = header.getUint32(Header.COMMAND_LINE_SIZE, true);
  if (line.length > longest) {
    throw new CannotBootError(`the command line has ${line.length} bytes, the kernel takes ${longest}`);
  }
  const start = loadAddress(header), end = start + header.getUint32(Header.INIT_SIZE, true);
  const setup = (kernel[Header.SETUP_SECTORS]! || DEFAULT_SETUP_SECTORS) + 1;
  const image = kernel.subarray(setup * SECTOR);
  if (image.length === 0) throw new CannotBootError("the Linux kernel ends in its setup code");
  const wanted = header.getUint32(Header.SYSTEM_SIZE, true);
  if (Math.ceil(image.length / PARAGRAPH) < wanted) {
    throw new CannotBootError(
      `the Linux kernel has been cut off: of ${
        wanted * PARAGRAPH
      } bytes behind its setup code ${image.length} are there`,
    );
  }
  // The kernel clears what it needs cleared of the room that it decompresses itself in.
  requireRam(ram, start, Math.max(end - start, image.length));
  ram.set(image, start);
  const initrd = placeInitrd(ram, modules.map(({ bytes }) => bytes), {
    from: Math.max(end, start + image.length),
    to: header.getUint32(Header.INITRD_MAX, true) + 1,
  });

  const low = new LowMemory(ram, []);
  const paging = has64 ? { cr3: identityMap(low) } : undefined;
  const descriptors = bootDescriptors(low, has64 ? 64 : 32);
  const zeroPage = low.reserve(ZeroPage.SIZE, PAGE);
  const headerEnd = JUMP_END + kernel[Header.JUMP_DISTANCE]!;
  ram.fill(0, zeroPage, zeroPage + ZeroPage.SIZE);
  ram.set(kernel.subarray(ZeroPage.HEADER, headerEnd), zeroPage + ZeroPage.HEADER);
  const view = new DataView(ram.buffer, ram.byteOffset + zeroPage, ZeroPage.SIZE);
  view.setUint8(Header.LOADER, UNKNOWN_LOADER);
  view.setUint8(Header.LOAD_FLAGS, view.getUint8(Header.LOAD_FLAGS) | LOADED_HIGH);
  view.setUint32(Header.RAMDISK, initrd.start, true);
  view.setUint32(Header.RAMDISK_SIZE, initrd.size, true);
  view.setUint32(Header.COMMAND_LINE, low.text(commandLine), true);
  // The display is as firmware would have left it: kernels that find nothing here do without.
  view.setUint8(ZeroPage.VIDEO_MODE, TEXT_MODE.mode);
  view.setUint8(ZeroPage.VIDEO_COLUMNS, TEXT_MODE.columns);
  view.setUint16(ZeroPage.VIDEO_EGA, VGA_MEMORY, true);
  view.setUint8(ZeroPage.VIDEO_ROWS, TEXT_MODE.rows);
  view.setUint8(ZeroPage.VIDEO_IS_VGA, 1);
  view.setUint16(ZeroPage.VIDEO_POINTS, TEXT_MODE.height, true);
  const map = memoryMap(ram.length);
  view.setUint8(ZeroPage.E820_COUNT, map.length);
  for (const [n, range] of map.entries()) {
    const at = ZeroPage.E820 + E820_ENTRY * n;
    view.setBigUint64(at, BigInt(range.start), true);
    view.setBigUint64(at + 8, BigInt(range.size), true);
    view.setUint32(at + 16, range.type, true);
  }
  return paging === undefined
    ? { mode: "protected", eip: start, eax: 0, ebx: 0, esi: zeroPage, descriptors }
    : { mode: "long", rip: start + ENTRY_64, rsi: zeroPage, ...paging, descriptors };
}

/** Where the kernel would decompress itself in place. */
function loadAddress(header: DataView): number {
  const preferred = Number(header.getBigUint64(Header.PREFERRED_ADDRESS, true));
  if (preferred < HIGH) {
    throw new CannotBootError(`the Linux kernel wants to lie at 0x${preferred.toString(16)}, below 1 MB`);
  }
  return preferred;
}

/** Puts the parts of an initrd as high as it may be. */
function placeInitrd(
  ram: Uint8Array,
  parts: readonly Uint8Array[],
  { from, to }: { readonly from: number; readonly to: number },
): { readonly start: number; readonly size: number } {
  // Parts are archives, each of which begins at a multiple of four.
  const size = parts.reduce((sum, { length }) => Math.ceil(sum / 4) * 4 + length, 0);
  if (size === 0) return { start: 0, size: 0 };
  const start = Math.floor((Math.min(to, ram.length) - size) / PAGE) * PAGE;
  if (start < from) {
    throw new CannotBootError(
      `an initrd of ${size} bytes does not fit between the kernel's end, 0x${from.toString(16)}, and 0x${
        Math.min(to, ram.length).toString(16)
      }; more memory may help`,
    );
  }
  ram.fill(0, start, start + size);
  let at = start;
  for (const part of parts) {
    ram.set(part, at);
    at = start + Math.ceil((at + part.length - start) / 4) * 4;
  }
  return { start, size };
}

function viewOf(file: Uint8Array): DataView {
  return new DataView(file.buffer, file.byteOffset, file.length);
}
