/** Helpers of the system instructions. Rows: see ../helpers.ts. */
import type { HelperInfo } from "../helpers.ts";

// deno-fmt-ignore
/** Helpers of the instructions that only an operating system may execute, or for which it needs its own tables. */
export const PRIVILEGED_HELPERS = {
  /** MOV from a control or debug register: its number, that of the general register. */
  read_control:       { signature: "ww:q",   state: "all", exits: true },
  read_debug:         { signature: "ww:q",   state: "all", exits: true },
  /** MOV to one: its number, the value, the number of the general register. */
  write_control:      { signature: "wqw:.",  state: "all", exits: true },
  write_debug:        { signature: "wqw:.",  state: "all", exits: true },
  /** LMSW of a value; CLTS. */
  load_status_word:   { signature: "w:.",    state: "all", exits: true },
  clear_task_switched: { signature: ":.",    state: "all", exits: true },
  /** RDMSR and WRMSR: registers as the instructions have them. */
  read_msr:           { signature: ":.",     state: "all", exits: true },
  write_msr:          { signature: ":.",     state: "all", exits: true },
  /** LGDT (0) and LIDT (1): table, linear address, operand size, memory flags. */
  load_table:         { signature: "wqww:.", state: "all", exits: true },
  /** LLDT and LTR of a selector. */
  load_ldt:           { signature: "w:.",    state: "all", exits: true },
  load_task:          { signature: "w:.",    state: "all", exits: true },
  /** INVLPG of a linear address. */
  invalidate_page:    { signature: "q:.",    state: "all", exits: true },
  /** INVPCID: type, linear address of the descriptor, memory flags. */
  invalidate_pcid:    { signature: "qqw:.",  state: "all", exits: true },
  /** INVD (0) and WBINVD (1). */
  invalidate_caches:  { signature: "w:.",    state: "all", exits: true },
  /** SYSRET and SYSEXIT of an operand size, SYSENTER: the new RIP. */
  sysret:             { signature: "w:q",    state: "all", exits: true },
  sysexit:            { signature: "w:q",    state: "all", exits: true },
  sysenter:           { signature: ":q",     state: "all", exits: true },
  /** XSETBV. */
  set_extended_control: { signature: ":.",   state: "all", exits: true },
  swap_gs:            { signature: ":.",     state: "all", exits: true },
  /** CLAC (0) and STAC (1). */
  set_alignment_check: { signature: "w:.",   state: "all", exits: true },
  /** MONITOR of a linear address: memory flags. MWAIT. */
  monitor:            { signature: "qw:.",   state: "all", exits: true },
  monitor_wait:       { signature: ":.",     state: "all", exits: true },
  /** SGDT and SIDT: table, linear address, memory flags. */
  store_table:        { signature: "wqw:.",  state: "all", exits: true },
  /** SLDT (2) and STR (3). */
  table_selector:     { signature: "w:w",    state: "all", exits: true },
  /** An element of INS or OUTS: form (repeat_form.ts), whether it is repeated, segment base. 1 if iterations are left. */
  port_ins:           { signature: "wwq:w",  state: "all", exits: true },
  port_outs:          { signature: "wwq:w",  state: "all", exits: true },
} as const satisfies Record<string, HelperInfo>;

// deno-fmt-ignore
/** Helpers of VMX (system/vmx_instructions.ts). */
export const VMX_HELPERS = {
  /** VMXON, VMPTRLD, VMPTRST, VMCLEAR: which, linear address of the pointer, memory flags. */
  vmx_pointer:        { signature: "wqw:.",  state: "all", exits: true },
  /** VMXOFF, VMCALL, VMLAUNCH, VMRESUME, VMFUNC: which, the next address. The new RIP. */
  vmx_transfer:       { signature: "wq:q",   state: "all", exits: true },
  /** VMREAD and VMWRITE: field, number of the general register or IN_MEMORY, linear address, memory flags. */
  vmx_read:           { signature: "qwqw:.", state: "all", exits: true },
  vmx_write:          { signature: "qwqw:.", state: "all", exits: true },
  /** INVEPT and INVVPID: which, type, linear address of the descriptor, memory flags. */
  vmx_invalidate:     { signature: "wqqw:.", state: "all", exits: true },
  /** Whether HLT may go on: raises a VM exit if not. */
  may_halt:           { signature: ":.",     state: "all", exits: true },
} as const satisfies Record<string, HelperInfo>;

// deno-fmt-ignore
/** Helpers of the system instructions: also those that programs use. */
export const SYSTEM_HELPERS = {
  /** CPUID of EAX and ECX into EAX, EBX, ECX, EDX. */
  cpuid:              { signature: ":.",     state: "all", exits: true },
  /** Time-stamp counter, for RDTSC (0) or RDTSCP (1). */
  read_tsc:           { signature: "w:q",    state: "all", exits: true },
  /** RDPID: raises #UD where a guest has no RDTSCP. */
  may_read_id:        { signature: ":.",     state: "all", exits: true },
  /** RDPMC: raises what it raises. */
  read_pmc:           { signature: ":.",     state: "all", exits: true },
  /** 64 random bits, for RDRAND (0) or RDSEED (1). */
  random:             { signature: "w:q",    state: "all", exits: true },
  /** STI (1) and MOV SS (2) hold interrupts back for one instruction. */
  hold_interrupts:    { signature: "w:.",    state: "all" },
  /** Loads a data segment register: number, selector. */
  load_segment:       { signature: "ww:.",   state: "all", exits: true },
  /** Access rights of a descriptor as LAR gives them, or 0 if CPL and RPL may not see it. */
  access_rights:      { signature: "w:w",    state: "all", exits: true },
  /** Limit of a segment, and in the upper half whether it is visible. */
  segment_limit:      { signature: "w:q",    state: "all", exits: true },
  /** Whether a segment can be read (0) or written (1). */
  verify_segment:     { signature: "ww:w",   state: "all", exits: true },
  /** JMP far: selector, offset, address behind it (its low half). The new RIP. */
  far_jump:           { signature: "wqw:q",  state: "all", exits: true },
  /** CALL far: selector, offset, operand size, address behind it. The new RIP. */
  far_call:           { signature: "wqwq:q", state: "all", exits: true },
  /** RET far: operand size, bytes of parameters. The new RIP. */
  far_return:         { signature: "ww:q",   state: "all", exits: true },
  /** IRET of an operand size: and the low half of the address behind it. The new RIP. */
  interrupt_return:   { signature: "ww:q",   state: "all", exits: true },
  /** CLI (0) and STI (1) at CPL 3. */
  user_interrupts:    { signature: "w:.",    state: "all", exits: true },
  /** What PUSHF of an operand size pushes in virtual-8086 mode; POPF of an image and an operand size there. */
  virtual_flags:      { signature: "w:w",    state: "all", exits: true },
  set_virtual_flags:  { signature: "ww:.",   state: "all", exits: true },
  /** WRPKRU of a value. */
  write_pkru:         { signature: "w:.",    state: "all" },
  /** IN: port, size. */
  port_in:            { signature: "ww:w",   state: "all", exits: true },
  /** OUT: port, size, value. */
  port_out:           { signature: "www:.",  state: "all", exits: true },
  /** What SMSW reads of CR0; raises what it raises. */
  check_status_word:  { signature: ":w",     state: "all", exits: true },
  /** PAUSE. */
  pause:              { signature: ":.",     state: "all", exits: true },
  /** RFLAGS have been written at CPL 0: AC decides about SMAP. */
  flags_written:      { signature: ":.",     state: "all" },
  ...PRIVILEGED_HELPERS,
  ...VMX_HELPERS,
} as const satisfies Record<string, HelperInfo>;
