/** One random run at CPL 0 under VMX: code, page tables, descriptor tables, VMCS, worlds. */
import { Flag } from "../../src/cpu/rflags.ts";
import { GPR } from "../../src/cpu/state.ts";
import { ExitControl, Pin, Primary, Secondary } from "../../src/vmx/controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import type { Vmcs } from "../../src/vmx/vmcs.ts";
import { Choices, type Places, randomCode } from "./kernel_code.ts";
import * as at from "./kernel_machine.ts";
import type { KernelMachine } from "./kernel_machine.ts";

/** Guest instructions of a run. */
const INSTRUCTIONS = 60;
/** EPTP: accessed and dirty flags. */
const EPT_FLAGS = 0x40;
const FIELDS: readonly number[] = Object.values(Field);

const STRUCTURES = [
  at.PAGE_TABLES,
  at.GDT,
  at.IDT,
  at.TSS,
  at.EPTS,
  at.VMCS_REGION,
  at.EPTP_LIST,
  at.BITMAPS,
  at.MSR_AREA,
  at.VIRTUAL_APIC,
  at.WORLDS,
  at.POINTERS,
  at.HOST_CODE,
  at.GUEST_CODE,
]; // deno-fmt-ignore
// deno-fmt-ignore
const VALUES = [
  0, 1, 2, 3, 8, 0x10, 0x18, 0x23, 0x2b, 0x30, 0x33, 0x202, 0xd01, 0x620, 0x26a0, 0x2_26a0, 0x8001_0033 | 0, 0x33, -1,
  0x8000_0b0e | 0, 0x8000_0306 | 0, 0x8000_0030 | 0, 0x1_0000, 0xfee0_0000 | 0, ...STRUCTURES,
];
const PLACES: Places = {
  structures: [...STRUCTURES, 0xfee0_0300 | 0, 0x70_0000],
  regions: [0, 1, 2, 3, 4].map((n) => at.POINTERS + 16 * n),
  values: VALUES,
  fields: [...FIELDS, 0x6fff, 0x2001, 0x1000],
};
/** MOV EAX, 2; MOV EDX, entry; XOR ECX, ECX; VMFUNC: inserts a world. */
const insertWorld = (
  n: number,
): number[] => [0xb8, 2, 0, 0, 0, 0xba, ...le32(at.WORLDS + 64 * n), 0x31, 0xc9, 0x0f, 0x01, 0xd4]; // deno-fmt-ignore
/** MOV ECX, 4F00H; MOV EAX, 1; XOR EDX, EDX; WRMSR: enables world calls. */
const ENABLE_WORLDS = [0xb9, 0, 0x4f, 0, 0, 0xb8, 1, 0, 0, 0, 0x31, 0xd2, 0x0f, 0x30];
const VMLAUNCH = [0x0f, 0x01, 0xc2], VMRESUME = [0x0f, 0x01, 0xc3];

function le32(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
}

/** What a run came to. */
export interface RunEnd {
  readonly stop: "budget" | "halt" | "shutdown";
  /** Whether a guest ran. */
  readonly entered: boolean;
  readonly instructions: number;
}

/** Runs what the seed says. Whatever happens is the guest's affair: what this throws is a mistake of ours. */
export function runSeed(machine: KernelMachine, seed: number): RunEnd {
  const choices = new Choices(seed);
  machine.renew();
  disturb(machine, choices);
  const { processor } = machine, before = processor.inner.instructions;
  let entered = false;
  processor.vmx!.state.exitObserver = (exit) => {
    if (!exit.entryFailed) entered = true;
  };
  const end = before + INSTRUCTIONS;
  for (;;) {
    const left = end - processor.inner.instructions;
    const stop = left <= 0 ? "budget" : processor.run(left, Infinity);
    if (stop !== "yield") {
      return {
        stop: stop === "asked" ? "halt" : stop,
        entered: entered || processor.vmx!.inGuest,
        instructions: processor.inner.instructions - before,
      };
    }
  }
}

function disturb({ processor, ram, m }: KernelMachine, c: Choices): void {
  const write = (place: number, code: readonly number[]): void => {
    for (const [n, byte] of code.entries()) ram.setUint8(place + n, byte);
  };
  const start: number[] = [];
  if (!c.once(3)) start.push(...ENABLE_WORLDS, ...[0, 1, 2, 3].filter(() => !c.once(3)).flatMap(insertWorld));
  start.push(...randomCode(c, c.below(16), PLACES));
  if (!c.once(8)) start.push(...VMLAUNCH);
  write(at.HOST_CODE, [...start, ...randomCode(c, 40, PLACES)]);
  write(at.GUEST_CODE, randomCode(c, 64, PLACES));
  write(at.EXIT_CODE, [...randomCode(c, c.below(30), PLACES), ...VMRESUME, ...randomCode(c, 24, PLACES)]);
  for (let n = 0; n < 4; n++) write(at.WORLD_CODE + 0x100 * n, randomCode(c, 24, PLACES));
  for (let n = 0; n < 16; n++) if (n !== 4) m[(GPR >> 2) + 2 * n] = c.word(VALUES);
  // A few words of a few structures, or none.
  if (c.once(2)) return;
  for (let n = c.below(8); n > 0; n--) {
    const place = c.one(STRUCTURES) + 4 * c.below(c.once(2) ? 16 : 1024);
    if (place + 4 > at.RAM) continue;
    const old = ram.getInt32(place, true);
    ram.setInt32(place, c.once(2) ? old ^ (1 << c.below(32)) : c.word(VALUES), true);
  }
  const vmcs = processor.vmx!.state.vmcs!;
  for (let n = c.below(6); n > 0; n--) {
    const field = c.one(FIELDS), old = vmcs.read(field);
    if (c.once(2)) vmcs.write(field, old ^ (1n << BigInt(c.below(64))));
    else vmcs.write(field, BigInt.asUintN(64, BigInt(c.word(VALUES))));
  }
  if (!c.once(2)) virtualizeApic(vmcs, c);
}

/** Gives the guest a virtual APIC, in the place of some structure, and a log. */
function virtualizeApic(vmcs: Vmcs, c: Choices): void {
  const { APIC_ACCESSES, APIC_REGISTERS, INTERRUPT_DELIVERY, X2APIC, PML } = Secondary;
  const set = (field: number, bits: number): void => vmcs.write(field, (vmcs.word(field) | bits) >>> 0);
  const some = (bits: number): number => c.once(2) ? bits : 0;
  const delivers = some(INTERRUPT_DELIVERY), posts = delivers !== 0 && c.once(2);
  set(Field.PRIMARY_CONTROLS, Primary.TPR_SHADOW | some(Primary.MSR_BITMAPS));
  set(Field.SECONDARY_CONTROLS, c.one([APIC_ACCESSES, X2APIC]) | some(APIC_REGISTERS) | delivers | some(PML));
  if (delivers) set(Field.PIN_CONTROLS, Pin.EXTERNAL_INTERRUPT | (posts ? Pin.POSTED_INTERRUPTS : 0));
  if (posts) set(Field.EXIT_CONTROLS, ExitControl.ACKNOWLEDGE);
  set(Field.EPTP, some(EPT_FLAGS));
  set(Field.GUEST_RFLAGS, some(Flag.IF));
  vmcs.write(Field.APIC_ACCESS, c.one(STRUCTURES));
  vmcs.write(Field.PML_ADDRESS, at.MSR_AREA);
  vmcs.write(Field.PML_INDEX, c.one([0, 511, 0xffff]));
  vmcs.write(Field.POSTED_INTERRUPT_DESCRIPTOR, at.POINTERS);
  vmcs.write(Field.POSTED_INTERRUPT_VECTOR, 0x30);
  vmcs.write(Field.GUEST_INTERRUPT_STATUS, c.below(0x1_0000));
}
