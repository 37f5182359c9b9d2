/** Registers of operating systems by name, and a dump of everything that tells how a machine died. */
import {
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  DR6,
  DR7,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  LDTR,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  SEGMENT_STRIDE,
  TR,
} from "../../cpu/state.ts";
import { readRegister, type RegisterName } from "./registers.ts";

/** Where each register is in the state, and its width in bits. */
const CELLS = {
  cr0: [CR0, 64],
  cr2: [CR2, 64],
  cr3: [CR3, 64],
  cr4: [CR4, 64],
  efer: [EFER, 64],
  dr6: [DR6, 64],
  dr7: [DR7, 64],
  cpl: [CPL, 32],
  gdtr_base: [GDTR_BASE, 64],
  gdtr_limit: [GDTR_LIMIT, 32],
  idtr_base: [IDTR_BASE, 64],
  idtr_limit: [IDTR_LIMIT, 32],
} as const;

/** The name of a register that only operating systems use. */
export type SystemRegisterName = keyof typeof CELLS;

/** Whether there is such a register. */
export function isSystemRegisterName(name: string): name is SystemRegisterName {
  return Object.hasOwn(CELLS, name);
}

/** Reads a register. */
export function readSystemRegister(state: DataView, name: SystemRegisterName): bigint {
  const [offset, bits] = CELLS[name];
  return bits === 64 ? state.getBigUint64(offset, true) : BigInt(state.getUint32(offset, true));
}

const hex = (value: bigint | number, digits: number): string => value.toString(16).padStart(digits, "0");

/** General, segment, control and table registers as lines of text. */
export function dumpRegisters(state: DataView): string {
  const wide = (name: RegisterName): string =>
    `${name.toUpperCase().padEnd(3)} ${hex(readRegister(state, name), 16)}`;
  const system = (name: SystemRegisterName): string =>
    `${name.toUpperCase().padEnd(3)} ${hex(readSystemRegister(state, name), 16)}`;
  const segment = (name: string, at: number): string =>
    `${name.padEnd(4)} ${hex(state.getUint16(at + SEG_SELECTOR, true), 4)} base ${
      hex(state.getBigUint64(at + SEG_BASE, true), 16)
    } limit ${hex(state.getUint32(at + SEG_LIMIT, true), 8)} attributes ${
      hex(state.getUint32(at + SEG_ATTRIBUTES, true), 4)
    }`;
  const table = (name: string, base: number, limit: number): string =>
    `${name}      base ${hex(state.getBigUint64(base, true), 16)} limit ${
      hex(state.getUint32(limit, true), 8)
    }`;
  return [
    ["rax", "rbx", "rcx"] as const,
    ["rdx", "rsi", "rdi"] as const,
    ["rbp", "rsp", "r8"] as const,
    ["r9", "r10", "r11"] as const,
    ["r12", "r13", "r14"] as const,
    ["r15", "rip"] as const,
  ].map((row) => row.map(wide).join("  ")).concat(
    `RFLAGS ${hex(readRegister(state, "rflags"), 8)}  CPL ${readSystemRegister(state, "cpl")}`,
    ["es", "cs", "ss", "ds", "fs", "gs"].map((name, n) =>
      segment(name.toUpperCase(), SEGMENT + SEGMENT_STRIDE * n)
    ),
    [segment("LDTR", LDTR), segment("TR", TR)],
    [table("GDTR", GDTR_BASE, GDTR_LIMIT), table("IDTR", IDTR_BASE, IDTR_LIMIT)],
    [
      (["cr0", "cr2", "cr3"] as const).map(system).join("  "),
      (["cr4", "efer", "dr6"] as const).map(system).join("  "),
    ],
  ).join("\n");
}
