/** Registers by name, for those who look at a processor from outside. */
import { readRflags, writeRflags } from "../../cpu/rflags.ts";
import {
  FCS,
  FCW,
  FDP,
  FDS,
  FIP,
  FOP,
  FSW,
  FTW,
  GPR,
  MXCSR,
  RIP,
  SEG_SELECTOR,
  SEGMENT,
  SEGMENT_STRIDE,
  segmentBase,
  X87,
  X87_EXPONENT,
  XMM,
} from "../../cpu/state.ts";

const GENERAL = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
] as const; // deno-fmt-ignore
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"] as const;
const SEGMENT_BASES = ["es_base", "cs_base", "ss_base", "ds_base", "fs_base", "gs_base"] as const;
const FPU = { fcw: FCW, fsw: FSW, ftw: FTW, fop: FOP, fcs: FCS, fds: FDS } as const;
const XMMS = [
  "xmm0",
  "xmm1",
  "xmm2",
  "xmm3",
  "xmm4",
  "xmm5",
  "xmm6",
  "xmm7",
  "xmm8",
  "xmm9",
  "xmm10",
  "xmm11",
  "xmm12",
  "xmm13",
  "xmm14",
  "xmm15",
] as const; // deno-fmt-ignore
const MMS = ["mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7"] as const;
const STS = ["st0", "st1", "st2", "st3", "st4", "st5", "st6", "st7"] as const;

/**
 * The name of a register.
 *
 * General registers, `rip`, `rflags` and the `_base`s of segments have 64 bits, segment registers 16 (the selector),
 * `mxcsr` 32, `xmm0` to `xmm15` 128, `mm0` to `mm7` 64 and `st0` to `st7` 80. `ftw` is the abridged tag word: bit n is
 * set if physical register n holds something.
 */
export type RegisterName =
  | typeof GENERAL[number]
  | "rip"
  | "rflags"
  | typeof SEGMENTS[number]
  | typeof SEGMENT_BASES[number]
  | "mxcsr"
  | typeof XMMS[number]
  | typeof MMS[number]
  | typeof STS[number]
  | keyof typeof FPU
  | "fip"
  | "fdp";

/** How a register is read from and written to the state. */
interface Access {
  readonly bits: number;
  read(state: DataView): bigint;
  write(state: DataView, value: bigint): void;
}

const quad = (offset: number): Access => ({
  bits: 64,
  read: (state) => state.getBigUint64(offset, true),
  write: (state, value) => state.setBigUint64(offset, value, true),
});

const narrow = (offset: number, bits: 16 | 32): Access => ({
  bits,
  read: (state) => BigInt(bits === 16 ? state.getUint16(offset, true) : state.getUint32(offset, true)),
  write: (state, value) => state.setUint32(offset, Number(value), true),
});

const RFLAGS: Access = {
  bits: 64,
  read: (state) => BigInt(readRflags(cells(state)) >>> 0),
  write: (state, value) => writeRflags(cells(state), Number(value & 0xffff_ffffn) | 0),
};

const cells = (state: DataView): Int32Array => new Int32Array(state.buffer, state.byteOffset);

const xmm = (n: number): Access => ({
  bits: 128,
  read: (state) =>
    state.getBigUint64(XMM + 16 * n, true) | (state.getBigUint64(XMM + 16 * n + 8, true) << 64n),
  write: (state, value) => {
    state.setBigUint64(XMM + 16 * n, value & 0xffff_ffff_ffff_ffffn, true);
    state.setBigUint64(XMM + 16 * n + 8, value >> 64n, true);
  },
});

/** ST(n): relative to TOP, bits 13:11 of the status word. */
const st = (n: number): Access => {
  const at = (state: DataView): number => X87 + 16 * (((state.getUint32(FSW, true) >> 11) + n) & 7);
  return {
    bits: 80,
    read: (state) =>
      state.getBigUint64(at(state), true) | (BigInt(state.getUint16(at(state) + X87_EXPONENT, true)) << 64n),
    write: (state, value) => {
      const offset = at(state);
      state.setBigUint64(offset, value & 0xffff_ffff_ffff_ffffn, true);
      state.setUint32(offset + X87_EXPONENT, Number(value >> 64n), true);
    },
  };
};

const ACCESS: ReadonlyMap<string, Access> = new Map<RegisterName, Access>([
  ...GENERAL.map((name, n) => [name, quad(GPR + 8 * n)] as const),
  ["rip", quad(RIP)],
  ["rflags", RFLAGS],
  ...SEGMENTS.map((name, n) => [name, narrow(SEGMENT + SEGMENT_STRIDE * n + SEG_SELECTOR, 16)] as const),
  ...SEGMENT_BASES.map((name, n) => [name, quad(segmentBase(n))] as const),
  ["mxcsr", narrow(MXCSR, 32)],
  ...XMMS.map((name, n) => [name, xmm(n)] as const),
  ...MMS.map((name, n) => [name, quad(X87 + 16 * n)] as const),
  ...Object.entries(FPU).map(([name, offset]) => [name as keyof typeof FPU, narrow(offset, 16)] as const),
  ["fip", quad(FIP)],
  ["fdp", quad(FDP)],
  // Last, since where ST(n) lies depends on `fsw`: those who restore all registers in this order restore them right.
  ...STS.map((name, n) => [name, st(n)] as const),
]);

/** All names, in the order in which they are best shown and restored. */
export const REGISTER_NAMES: readonly RegisterName[] = [...ACCESS.keys()] as RegisterName[];

/** Whether there is a register of this name. */
export function isRegisterName(name: string): name is RegisterName {
  return ACCESS.has(name);
}

/** Width of a register in bits. */
export function registerBits(name: RegisterName): number {
  return accessTo(name).bits;
}

/** Reads a register. */
export function readRegister(state: DataView, name: RegisterName): bigint {
  return accessTo(name).read(state);
}

/** Writes a register; a negative value as its two's complement. A value that does not fit is refused. */
export function writeRegister(state: DataView, name: RegisterName, value: bigint): void {
  const access = accessTo(name), held = asHeld(value, access.bits);
  if (held === undefined) {
    throw new RangeError(`Cannot set ${name} to ${hexOf(value)}: it has ${access.bits} bits`);
  }
  access.write(state, held);
}

/** What so many bits hold of a value, unsigned, if it fits into them either unsigned or as two's complement. */
export function asHeld(value: bigint, bits: number): bigint | undefined {
  const held = BigInt.asUintN(bits, value);
  return held === value || BigInt.asIntN(bits, value) === value ? held : undefined;
}

/** A number as people write it: -0x1. */
export function hexOf(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

function accessTo(name: string): Access {
  const access = ACCESS.get(name);
  if (access === undefined) {
    throw new RangeError(`There is no register ${name}: REGISTER_NAMES lists those that there are`);
  }
  return access;
}
