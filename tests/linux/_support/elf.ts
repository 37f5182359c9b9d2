/** Builds small ELF files byte by byte. elf(5). */

/** A program header. */
export interface Header {
  readonly type?: number;
  readonly flags?: number;
  readonly offset?: bigint;
  readonly address?: bigint;
  readonly fileSize?: bigint;
  readonly memorySize?: bigint;
  readonly align?: bigint;
}

/** What to build; whatever is left out is as in a correct static program. */
export interface ElfOptions {
  readonly code?: Uint8Array;
  readonly elfClass?: number;
  readonly encoding?: number;
  readonly type?: number;
  readonly machine?: number;
  readonly entry?: bigint;
  readonly headerSize?: number;
  readonly headerCount?: number;
  readonly headerOffset?: bigint;
  /** Headers instead of the one that loads the whole file. */
  readonly headers?: readonly Header[];
  /** Bytes behind the code. */
  readonly tail?: Uint8Array;
}

export const BASE = 0x40_0000n;
const HEADERS = 64;
/** Where the code starts in the file: behind four program headers. */
export const CODE = HEADERS + 4 * 56;

/** mov edi, 42; mov eax, 60 (exit); syscall. */
export const EXIT_42 = Uint8Array.of(0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05);

/** The bytes of an ELF file. */
export function buildElf(options: ElfOptions = {}): Uint8Array {
  const { code = EXIT_42, tail = new Uint8Array(0), headers = [{}] } = options;
  const bytes = new Uint8Array(CODE + code.length + tail.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, options.elfClass ?? 2, options.encoding ?? 1, 1]);
  view.setUint16(16, options.type ?? 2, true);
  view.setUint16(18, options.machine ?? 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, options.entry ?? BASE + BigInt(CODE), true);
  view.setBigUint64(32, options.headerOffset ?? BigInt(HEADERS), true);
  view.setUint16(52, 64, true);
  view.setUint16(54, options.headerSize ?? 56, true);
  view.setUint16(56, options.headerCount ?? headers.length, true);
  headers.forEach((header, i) => {
    const at = HEADERS + 56 * i;
    view.setUint32(at, header.type ?? 1, true);
    view.setUint32(at + 4, header.flags ?? 5, true);
    view.setBigUint64(at + 8, header.offset ?? 0n, true);
    view.setBigUint64(at + 16, header.address ?? BASE, true);
    view.setBigUint64(at + 32, header.fileSize ?? BigInt(bytes.length), true);
    view.setBigUint64(at + 40, header.memorySize ?? header.fileSize ?? BigInt(bytes.length), true);
    view.setBigUint64(at + 48, header.align ?? 0x1000n, true);
  });
  bytes.set(code, CODE);
  bytes.set(tail, CODE + code.length);
  return bytes;
}
