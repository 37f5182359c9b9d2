/**
 * The processor state: fixed byte offsets from the start of the linear memory.
 *
 * Every engine works on these bytes (ARCHITECTURE.md, "One linear memory"), so changing engine copies nothing.
 * This file is the only place that knows where a register lives. All offsets are multiples of the field's size.
 */

/** General registers in encoding order; `GPR + 8 * n` is the offset of register n. */
export const GPR = 0x000;
/** Numbers of the general registers, as instructions encode them. */
export const Gpr = {
  RAX: 0,
  RCX: 1,
  RDX: 2,
  RBX: 3,
  RSP: 4,
  RBP: 5,
  RSI: 6,
  RDI: 7,
  R8: 8,
  R9: 9,
  R10: 10,
  R11: 11,
  R12: 12,
  R13: 13,
  R14: 14,
  R15: 15,
} as const; // deno-fmt-ignore

/** RIP, 64 bits. Inside a block it is known statically and not stored; it is valid whenever a block has ended. */
export const RIP = 0x080;

/*
 * The status flags live apart, each in a 32-bit cell of an encoding that is cheap to write:
 * a flag that nobody reads costs one store at most, and the readers decode (see rflags.ts).
 */
/** CF cell: 0 or 1. */
export const CF = 0x088;
/** PF cell: PF = even parity of its low eight bits. */
export const PF = 0x08c;
/** AF cell: AF = its bit 4; other bits arbitrary. */
export const AF = 0x090;
/** ZF cell: ZF = (cell == 0). */
export const ZF = 0x094;
/** SF cell: SF = its bit 31. */
export const SF = 0x098;
/** OF cell: OF = its bit 31. */
export const OF = 0x09c;
/** DF cell: 0 or 1. */
export const DF = 0x0a0;
/** RFLAGS bits other than CF PF AF ZF SF OF DF, at their architectural positions (TF, IF, IOPL, NT, RF, VM, AC, VIF, VIP, ID). */
export const RFLAGS_SYSTEM = 0x0a4;

/** MXCSR, 32 bits. */
export const MXCSR = 0x0a8;
/** SSE exceptions (MXCSR bits 0-5) raised by the instruction that is executing; only kept in the exact floating-point modes. */
export const FP_RAISED = 0x0ac;

/** Segment registers in encoding order ES CS SS DS FS GS: `SEGMENT + SEGMENT_STRIDE * n`. */
export const SEGMENT = 0x0c0;
export const SEGMENT_STRIDE = 0x18;
/** Numbers of the segment registers, as instructions encode them. */
export const Segment = { ES: 0, CS: 1, SS: 2, DS: 3, FS: 4, GS: 5 } as const;
/** Offsets inside a segment register: selector, limit in bytes (expanded), attributes (descriptor bits 55:40 form), 64-bit base. */
export const SEG_SELECTOR = 0x00;
export const SEG_LIMIT = 0x04;
export const SEG_ATTRIBUTES = 0x08;
export const SEG_BASE = 0x10;
/** Offset of the base of segment register `n`. */
export const segmentBase = (n: number): number => SEGMENT + SEGMENT_STRIDE * n + SEG_BASE;

/** Control registers, 64 bits each. CR8 lives in the local APIC. */
export const CR0 = 0x150;
export const CR2 = 0x158;
export const CR3 = 0x160;
export const CR4 = 0x168;
export const XCR0 = 0x170;
export const EFER = 0x178;
/** Current privilege level, 0 to 3. */
export const CPL = 0x180;

/** Executed guest instructions, 64 bits. Valid outside blocks. */
export const INSTRUCTIONS = 0x188;
/**
 * Cycles left before the dispatcher must return (signed 32 bits): one for each instruction, and what world switches cost
 * in the cycle model. A block subtracts its length when it is entered.
 */
export const BUDGET = 0x190;

/**
 * What ended the running block early: 0, or an `Event` kind (fault.ts) with its details.
 * A slow path or helper sets it; compiled code tests it after the call and leaves by its side exit.
 */
export const EVENT = 0x194;
/** Vector of a fault (EVENT = Event.FAULT). */
export const EVENT_VECTOR = 0x198;
/** Error code of a fault, or -1 for none. */
export const EVENT_ERROR = 0x19c;
/** Linear address of a page fault (64 bits), or the operand of another event. */
export const EVENT_ADDRESS = 0x1a0;

/** High half of the 64-bit value a helper or slow path returned (the low half is the return value). */
export const RETURN_HI = 0x1a8;
/** A 128-bit value a helper or slow path returned. 16-byte aligned. */
export const RETURN_V128 = 0x1b0;

/** Byte offset in the linear memory of the current world's slot, which begins with its soft TLB (memory/physical.ts). */
export const TLB_BASE = 0x1c0;

/** x87 state. Physical register n (not ST(n)): `X87 + 16 * n`: 64-bit significand, then sign and exponent in 16 bits of a 32-bit cell. MMn is the significand. */
export const X87 = 0x200;
export const X87_EXPONENT = 8;
/** Control word, status word (TOP in bits 13:11) and abridged tag word (bit n: physical register n is not empty), 32-bit cells. */
export const FCW = 0x280;
export const FSW = 0x284;
export const FTW = 0x288;
/** Last opcode (11 bits), instruction pointer and operand pointer (64 bits each) with their selectors. */
export const FOP = 0x28c;
export const FIP = 0x290;
export const FDP = 0x298;
export const FCS = 0x2a0;
export const FDS = 0x2a4;

/** GDTR and IDTR: 64-bit base, 32-bit limit in bytes. */
export const GDTR_BASE = 0x2b0;
export const GDTR_LIMIT = 0x2b8;
export const IDTR_BASE = 0x2c0;
export const IDTR_LIMIT = 0x2c8;
/** LDTR and TR: fields as in a segment register (SEG_SELECTOR …). */
export const LDTR = 0x2d0;
export const TR = 0x2e8;
/** MSRs that instructions read: IA32_STAR, LSTAR, CSTAR, FMASK, KERNEL_GS_BASE, SYSENTER_CS, _ESP, _EIP, PAT, TSC_AUX; 64 bits each. */
export const MSR_STAR = 0x300;
export const MSR_LSTAR = 0x308;
export const MSR_CSTAR = 0x310;
export const MSR_FMASK = 0x318;
export const MSR_KERNEL_GS_BASE = 0x320;
export const MSR_SYSENTER_CS = 0x328;
export const MSR_SYSENTER_ESP = 0x330;
export const MSR_SYSENTER_EIP = 0x338;
export const MSR_PAT = 0x340;
export const MSR_TSC_AUX = 0x348;
/** Debug registers: DR0 to DR3, DR6, DR7; 64 bits each. */
export const DR = 0x350;
export const DR6 = 0x370;
export const DR7 = 0x378;
/** What interrupts are held back by, as the VMCS's interruptibility state has it: `Blocking`. SDM vol. 3C, table 25-3. */
export const INTERRUPTIBILITY = 0x380;
/** STI and MOV SS hold them back for one instruction; an NMI does NMIs until IRET. */
export const Blocking = { STI: 1, MOV_SS: 2, NMI: 8 } as const;
export const SHADOWS: number = Blocking.STI | Blocking.MOV_SS;
/**
 * Makes the dispatcher return with Event.ATTENTION before the next block that it looks up: always (`Attention.NOW`), or
 * as soon as RFLAGS.IF is set (`Attention.INTERRUPT`: one is pending).
 */
export const ATTENTION = 0x384;
export const Attention = { NOW: 1, INTERRUPT: 2 } as const;
/** VMX operation: a `VmxMode`. */
export const VMX_MODE = 0x388;
/** Outside VMX operation, in root and in non-root operation. */
export const VmxMode = { OUTSIDE: 0, ROOT: 1, GUEST: 2 } as const;
/**
 * Virtual time (32 low bits) at which the shadow of STI or MOV SS that INTERRUPTIBILITY tells of lies on the next
 * instruction: at any other time it is gone. `SHADOW_NOW`: when the processor is looked at next.
 */
export const SHADOW_AT = 0x38c;
export const SHADOW_NOW = -1;
/** EPTP in force in non-root operation with EPT, else 0; 64 bits. VPID in force, 32 bits. */
export const EPTP = 0x390;
export const VPID = 0x398;
/** Page-directory-pointer entries with PAE paging, 64 bits each; IA32_DEBUGCTL, 64 bits. */
export const PDPTE = 0x3c0;
export const DEBUGCTL = 0x3e0;
/**
 * What translated code must know to execute VM functions by itself (ARCHITECTURE.md, "Worlds"). Offset of the EPTP list
 * in the linear memory while function 0 is enabled, in non-root operation with a VPID, else 0.
 */
export const EPTP_LIST = 0x3a0;
/** The EPTP index, in non-root operation, else 0. As EPTP, it is in the VMCS again after the VM exit (src/vmx/exit.ts). */
export const EPTP_INDEX = 0x3a4;
/** A number that no earlier state of the processor's world caches had; and the same while function 1 is enabled, else 0. */
export const WORLD_GENERATION = 0x3b0;
export const WORLD_CALLS = 0x3ac;

/** PKRU: bits 2n and 2n + 1 disable accesses and writes to pages with protection key n. */
export const PKRU = 0x3b4;

/** XMMn: `XMM + 16 * n`, n < 32. */
export const XMM = 0x400;
/** Upper halves of YMMn: `YMM_HIGH + 16 * n`. */
export const YMM_HIGH = 0x600;

/** Bytes of the state that each processor has of its own; what follows is the machine's. */
export const PROCESSOR_BYTES = 0x800;

/** World switches by kind (system/world_switches.ts), 32 bits each; and what a switch of each kind costs, in cycles. */
export const SWITCH_COUNTS = 0x800;
export const SWITCH_COSTS = 0x840;
/** 1 while somebody is told of each world switch: then translated code leaves them to the helpers, which tell. */
export const SWITCHES_OBSERVED = 0x880;
/** Counts up with each switch of worlds (modulo 2^32): what was used when. */
export const WORLD_TICK = 0x884;

/** Where WebAssembly regions were left last (jit/wasm/driver.ts). */
export const REGION_LEFT = 0x888;
/** Byte offset of the link that the last WORLD_CALL in WebAssembly went over (memory/world_links.ts). */
export const WORLD_LINK_TAKEN = 0x88c;

/**
 * Where WebAssembly keeps a span that it has found (jit/wasm/locate.ts): start, and rooms for reads and writes, 64 bits each;
 * addend; whether it is shared (TlbFlag.SHARED), not 0 then.
 */
export const FOUND_START = 0;
export const FOUND_ROOM = 8;
export const FOUND_WRITE_ROOM = 16;
export const FOUND_ADDEND = 24;
export const FOUND_SHARED = 28;
export const FOUND_BYTES = 32;
/**
 * Such spans of groups of accesses in the regions of one class (jit/wasm/group_spans.ts): the slot that they are of, how many
 * were found since they were forgotten, and the offsets of those if they are few; the kind of that slot (SLOT_KIND), and the
 * number and offsets of those among them that are not shared by its kind; spans.
 */
export const GROUP_CLASSES = 4;
export const GROUP_SLOTS = 0x8d0;
export const GROUP_COUNTS = 0x8e0;
export const GROUP_KINDS = 0x8f0;
export const GROUP_OWN_COUNTS = 0x900;
export const GROUP_LISTS = 0x2000;
export const GROUP_OWN_LISTS = 0x2400;
export const GROUP_LIST_ENTRIES = 64;
/** Offset in the linear memory of the run that the access found last begins (jit/wasm/access_runs.ts); 0 if no span has it all. */
export const FOUND_RUN = 0x910;

/**
 * Flags that WebAssembly regions have left to be computed (jit/wasm/pending_flags.ts): place of the function that stores them in
 * their cells, 0 if those are as they should be; and its operands, 64 bits each. Outside regions none are pending.
 */
export const PENDING_FLAGS = 0xb00;
export const PENDING_OPERANDS = 0xb08;
export const MOST_PENDING_OPERANDS = 16;

/** 4 KB of scratch space for vector helpers. */
export const SCRATCH = 0x1000;
export const SCRATCH_BYTES = 0x1000;

/** Bytes the state takes. */
export const STATE_BYTES = 0x2800;
/** The spans, behind the state: as many for each class. What follows (TLBs, tables, guest RAM) is laid out by memory/physical.ts. */
export const GROUP_SPANS: number = STATE_BYTES;
export const GROUPS = 512;
export const GROUP_SPANS_BYTES: number = GROUP_CLASSES * GROUPS * FOUND_BYTES;
