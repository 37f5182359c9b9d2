/**
 * What a BIOS leaves when it has started a boot loader: in low memory the interrupt vector table and its data area, in the
 * chips the timer that counts the time of day. Kernels read the data area, and some go back to real mode to ask the BIOS. This
 * one has no services: INT 13H and INT 15H say so, the others return. IBM PS/2 and PC BIOS Interface Technical Reference,
 * sections 2 and 3; that kernels find the chips so: Multiboot Specification 0.6.96, section 3.2.
 */
import { LOW_END } from "./memory_map.ts";

const VECTORS = 0x100, SEGMENT = 0xf000;
/** The dummy handler's offset in IBM's BIOS; ours lie there, one behind the other. */
const HANDLERS = 0xff53;
const Vector = { TIMER: 0x08, MASTER_LINES: 0x08, DISK: 0x13, SYSTEM: 0x15, SLAVE_LINES: 0x70 } as const;
const LINES = 8;

// deno-fmt-ignore
const CODE = {
  /** IRET */
  return: [0xcf],
  /** PUSH BP; MOV BP, SP; OR BYTE [BP+6], 1 (the caller's CF); POP BP; MOV AH, 86H; IRET */
  refuse: [0x55, 0x89, 0xe5, 0x80, 0x4e, 6, 1, 0x5d, 0xb4, 0x86, 0xcf],
  /** The time of day, then INT 1CH; its end as below. */
  tick: [
    0x50, 0x1e, 0xb8, 0x40, 0, 0x8e, 0xd8, // PUSH AX; PUSH DS; MOV AX, 40H; MOV DS, AX
    0x66, 0xff, 0x06, 0x6c, 0, // INC DWORD [6CH]
    0x66, 0x81, 0x3e, 0x6c, 0, 0xb0, 0, 0x18, 0, // CMP DWORD [6CH], 1800B0H: ticks of a day
    0x72, 11, // JB behind
    0x66, 0x83, 0x26, 0x6c, 0, 0, // AND DWORD [6CH], 0
    0xc6, 0x06, 0x70, 0, 1, // MOV BYTE [70H], 1: midnight has passed
    0xcd, 0x1c, 0xb0, 0x20, 0xe6, 0x20, 0x1f, 0x58, 0xcf, // INT 1CH; MOV AL, 20H; OUT 20H, AL; POP DS; POP AX; IRET
  ],
  /** PUSH AX; MOV AL, 20H (end of interrupt); OUT 20H, AL; POP AX; IRET */
  endMaster: [0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf],
  /** The same, with OUT A0H, AL before. */
  endSlave: [0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf],
} as const satisfies Record<string, readonly number[]>;
type Handler = keyof typeof CODE;

/** Fields of the BIOS data area, by physical address. */
const Data = {
  COM1: 0x400,
  COM2: 0x402,
  EBDA_SEGMENT: 0x40e,
  EQUIPMENT: 0x410,
  MEMORY_KB: 0x413,
  VIDEO_MODE: 0x449,
  COLUMNS: 0x44a,
  PAGE_BYTES: 0x44c,
  CURSOR_SHAPE: 0x460,
  CRTC_PORT: 0x463,
  LAST_ROW: 0x484,
  CHARACTER_HEIGHT: 0x485,
} as const;
/** An x87, a color display of 80 columns, two serial ports. */
const EQUIPMENT = 0x0002 | 0x0020 | 0x0400;
const COM1 = 0x3f8, COM2 = 0x2f8, CRTC = 0x3d4;
/** How the display is left: characters in 25 lines of 80, 16 dots high. */
export const TEXT_MODE = { mode: 3, columns: 80, rows: 25, height: 16 } as const;
const PAGE_BYTES = 0x1000, CURSOR_SHAPE = 0x0d0e;

/**
 * Ports, and what is written there, in this order: vectors of the 8259 pair, with the lines open that a BIOS serves (timer,
 * keyboard, the second chip, diskette; clock, mouse, x87, disk); the timer's counter 0 in mode 2, 65536 long; the keyboard
 * enabled, with interrupts and translated scan codes.
 */
// deno-fmt-ignore
const PROGRAM = [
  [0x20, 0x11], [0x21, Vector.MASTER_LINES], [0x21, 4], [0x21, 1], [0x21, 0xb8],
  [0xa0, 0x11], [0xa1, Vector.SLAVE_LINES], [0xa1, 2], [0xa1, 1], [0xa1, 0x8e],
  [0x43, 0x34], [0x40, 0], [0x40, 0],
  [0x64, 0x60], [0x60, 0x61], [0x64, 0xae],
] as const;

/** Programs the chips. */
export function leaveBiosChips(out: (port: number, value: number) => void): void {
  for (const [port, value] of PROGRAM) out(port, value);
}

/** Puts vectors, handlers and data into RAM. */
export function leaveBiosRemains(ram: Uint8Array): void {
  const view = new DataView(ram.buffer, ram.byteOffset, ram.length);
  const offsets: Partial<Record<Handler, number>> = {};
  let offset = HANDLERS;
  for (const [name, bytes] of Object.entries(CODE)) {
    ram.set(bytes, SEGMENT * 16 + offset);
    offsets[name as Handler] = offset;
    offset += bytes.length;
  }
  for (let vector = 0; vector < VECTORS; vector++) {
    view.setUint16(4 * vector, offsets[handlerOf(vector)]!, true);
    view.setUint16(4 * vector + 2, SEGMENT, true);
  }
  view.setUint16(Data.COM1, COM1, true);
  view.setUint16(Data.COM2, COM2, true);
  view.setUint16(Data.EBDA_SEGMENT, LOW_END / 16, true);
  view.setUint16(Data.EQUIPMENT, EQUIPMENT, true);
  view.setUint16(Data.MEMORY_KB, LOW_END / 1024, true);
  view.setUint8(Data.VIDEO_MODE, TEXT_MODE.mode);
  view.setUint16(Data.COLUMNS, TEXT_MODE.columns, true);
  view.setUint16(Data.PAGE_BYTES, PAGE_BYTES, true);
  view.setUint16(Data.CURSOR_SHAPE, CURSOR_SHAPE, true);
  view.setUint16(Data.CRTC_PORT, CRTC, true);
  view.setUint8(Data.LAST_ROW, TEXT_MODE.rows - 1);
  view.setUint8(Data.CHARACTER_HEIGHT, TEXT_MODE.height);
  // The extended data area begins with its size in kilobytes.
  view.setUint8(LOW_END, 1);
}

function handlerOf(vector: number): Handler {
  const isLine = (first: number): boolean => vector >= first && vector < first + LINES;
  if (vector === Vector.TIMER) return "tick";
  if (isLine(Vector.MASTER_LINES)) return "endMaster";
  if (isLine(Vector.SLAVE_LINES)) return "endSlave";
  return vector === Vector.DISK || vector === Vector.SYSTEM ? "refuse" : "return";
}
