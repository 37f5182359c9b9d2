/** Registers as GDB wants them: names, sizes and order by its own target descriptions (gdb/features/i386/). */
import { FDP, FIP, FTW, MSR_KERNEL_GS_BASE, X87, X87_EXPONENT } from "../../cpu/state.ts";
import { readRegister, type RegisterName, writeRegister } from "../api/registers.ts";
import { readSystemRegister, type SystemRegisterName } from "../api/system_registers.ts";

/** A register in the order of a description. */
export interface DebugRegister {
  readonly name: string;
  readonly bits: number;
  /** Its type in the description. */
  readonly type: string;
  read(state: DataView): bigint;
  /** Sets it; without this it can only be read. */
  readonly write?: (state: DataView, value: bigint) => void;
}

/** RFLAGS bits that a debugger may set: the status flags, TF IF DF IOPL NT RF AC ID. */
const WRITABLE_FLAGS = 0x25_7fd5n;

function register(name: string, source: RegisterName, bits: number, type: string): DebugRegister {
  return {
    name,
    bits,
    type,
    read: (state) => BigInt.asUintN(bits, readRegister(state, source)),
    write: (state, value) => writeRegister(state, source, value),
  };
}

const readOnly = ({ name, bits, type, read }: DebugRegister): DebugRegister => ({ name, bits, type, read });

const EFLAGS: DebugRegister = {
  name: "eflags",
  bits: 32,
  type: "i386_eflags",
  read: (state) => readRegister(state, "rflags"),
  write: (state, value) => {
    const old = readRegister(state, "rflags");
    writeRegister(state, "rflags", (old & ~WRITABLE_FLAGS) | (value & WRITABLE_FLAGS));
  },
};

/** The tag word in full, of which the processor keeps what FXSAVE saves. SDM vol. 1, section 8.1.7. */
function fullTagWord(state: DataView): bigint {
  const abridged = state.getUint32(FTW, true);
  let word = 0n;
  for (let n = 0; n < 8; n++) {
    word |= BigInt(((abridged >> n) & 1) === 0 ? 3 : classOf(state, X87 + 16 * n)) << BigInt(2 * n);
  }
  return word;
}

/** 0: valid, 1: zero, 2: special. */
function classOf(state: DataView, at: number): number {
  const significand = state.getBigUint64(at, true),
    exponent = state.getUint16(at + X87_EXPONENT, true) & 0x7fff;
  if (exponent === 0 && significand === 0n) return 1;
  return exponent === 0 || exponent === 0x7fff || significand >> 63n === 0n ? 2 : 0;
}

const low32 = (name: string, offset: number): DebugRegister => ({
  name,
  bits: 32,
  type: "int",
  read: (state) => BigInt(state.getUint32(offset, true)),
  write: (state, value) => state.setUint32(offset, Number(value), true),
});

/** fctrl and those behind it have 32 bits in GDB, fewer in the processor. */
const control = (name: string, source: RegisterName): DebugRegister => ({
  ...register(name, source, 32, "int"),
  write: (state, value) => writeRegister(state, source, value & 0xffffn),
});

const FLOATING_POINT: readonly DebugRegister[] = [
  ...Array.from({ length: 8 }, (_, n) => register(`st${n}`, `st${n}` as RegisterName, 80, "i387_ext")),
  control("fctrl", "fcw"),
  control("fstat", "fsw"),
  {
    name: "ftag",
    bits: 32,
    type: "int",
    read: fullTagWord,
    write: (state, value) => {
      let abridged = 0;
      for (let n = 0; n < 8; n++) if (((value >> BigInt(2 * n)) & 3n) !== 3n) abridged |= 1 << n;
      state.setUint32(FTW, abridged, true);
    },
  },
  control("fiseg", "fcs"),
  low32("fioff", FIP),
  control("foseg", "fds"),
  low32("fooff", FDP),
  control("fop", "fop"),
];

const SEGMENTS = (["cs", "ss", "ds", "es", "fs", "gs"] as const)
  .map((name) => readOnly(register(name, name, 32, "int32")));

const MXCSR = register("mxcsr", "mxcsr", 32, "i386_mxcsr");
const xmm = (n: number): DebugRegister => register(`xmm${n}`, `xmm${n}` as RegisterName, 128, "vec128");

const system = (name: SystemRegisterName, bits: number): DebugRegister => ({
  name,
  bits,
  type: bits === 64 ? "uint64" : "uint32",
  read: (state) => readSystemRegister(state, name),
});

/** Registers of a feature, in order. */
export interface Feature {
  readonly name: string;
  readonly registers: readonly DebugRegister[];
}

const GENERAL64 = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp"] as const;
const GENERAL32 = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"] as const;
const isPointer = (name: string): boolean => /^[re][bs]p$/.test(name);

const SYSTEM: Feature = {
  name: "org.causeway.system",
  registers: [
    {
      name: "k_gs_base",
      bits: 64,
      type: "uint64",
      read: (state) => state.getBigUint64(MSR_KERNEL_GS_BASE, true),
      write: (state, value) => state.setBigUint64(MSR_KERNEL_GS_BASE, value, true),
    },
    ...(["cr0", "cr2", "cr3", "cr4", "efer", "dr6", "dr7", "gdtr_base", "idtr_base"] as const).map((name) =>
      system(name, 64)
    ),
    system("cpl", 32),
  ],
};

const CORE64: Feature = {
  name: "org.gnu.gdb.i386.core",
  registers: [
    ...GENERAL64.map((name) => register(name, name, 64, isPointer(name) ? "data_ptr" : "int64")),
    ...Array.from({ length: 8 }, (_, n) => register(`r${n + 8}`, `r${n + 8}` as RegisterName, 64, "int64")),
    register("rip", "rip", 64, "code_ptr"),
    EFLAGS,
    ...SEGMENTS,
    ...FLOATING_POINT,
  ],
};

/** The lower half of a general register; the upper one is cleared, as 32-bit code cannot see it. */
const CORE32: Feature = {
  name: "org.gnu.gdb.i386.core",
  registers: [
    ...GENERAL32.map((name) =>
      register(name, `r${name.slice(1)}` as RegisterName, 32, isPointer(name) ? "data_ptr" : "int32")
    ),
    register("eip", "rip", 32, "code_ptr"),
    EFLAGS,
    ...SEGMENTS,
    ...FLOATING_POINT,
  ],
};

const sse = (count: number): Feature => ({
  name: "org.gnu.gdb.i386.sse",
  registers: [...Array.from({ length: count }, (_, n) => xmm(n)), MXCSR],
});

const SEGMENT_BASES: Feature = {
  name: "org.gnu.gdb.i386.segments",
  registers: [register("fs_base", "fs_base", 64, "int"), register("gs_base", "gs_base", 64, "int")],
};

/** GDB's support for Linux programs wants the number of the system call that is being made: none ever is at a stop. */
const LINUX: Feature = {
  name: "org.gnu.gdb.i386.linux",
  registers: [{
    name: "orig_rax",
    bits: 64,
    type: "int",
    read: () => 0xffff_ffff_ffff_ffffn,
    write: () => {},
  }],
};

/** Which processor GDB is shown. */
export type DebugView = "x86-64" | "i386" | "i8086";

/** A view, or the one that fits the code that is executed when the debugger connects. */
export type DebugViewChoice = DebugView | "auto";

/** Names of the choices. */
export const DEBUG_VIEWS: readonly ["auto", "x86-64", "i386", "i8086"] = ["auto", "x86-64", "i386", "i8086"];

/** The view of code of so many bits. */
export function viewOf(choice: DebugViewChoice, codeSize: 16 | 32 | 64): DebugView {
  if (choice !== "auto") return choice;
  return codeSize === 64 ? "x86-64" : codeSize === 32 ? "i386" : "i8086";
}

/** Features of a view. */
export function featuresOf(view: DebugView, isProgram: boolean): readonly Feature[] {
  if (view !== "x86-64") return [CORE32, sse(8), SYSTEM];
  return isProgram ? [CORE64, sse(16), LINUX, SEGMENT_BASES] : [CORE64, sse(16), SEGMENT_BASES, SYSTEM];
}

/** Value of a register as the protocol has it: bytes, the lowest first. */
export function readBytes({ bits, read }: DebugRegister, state: DataView): Uint8Array {
  const value = read(state);
  return Uint8Array.from({ length: bits / 8 }, (_, n) => Number((value >> BigInt(8 * n)) & 0xffn));
}

/** Sets a register from bytes. Returns whether it has that value now: those that can only be read must have it. */
export function writeBytes(target: DebugRegister, state: DataView, bytes: Uint8Array): boolean {
  if (bytes.length !== target.bits / 8) return false;
  const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  if (target.write === undefined) return target.read(state) === value;
  target.write(state, value);
  return true;
}
