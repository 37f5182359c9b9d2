import { assert, assertEquals } from "@std/assert";
import { asModelled, CPU_MODEL_NAMES, reservedInCr4 } from "../../src/cpu/cpuid_models.ts";
import { machineCpuid } from "../../src/cpu/machine_cpuid.ts";
import { Cr4 } from "../../src/cpu/system/control_bits.ts";
import { bootMachine } from "../../src/machine/machine.ts";
import { bzImage } from "../machine/loaders/_bzimage.ts";

const whole = (leaf: number): readonly number[] =>
  machineCpuid(leaf, 0, { osxsave: false }, { apicId: 0, hasApic: true, hasVmx: true, hasMonitor: true });
const modelled = (name: (typeof CPU_MODEL_NAMES)[number], leaf: number): readonly number[] =>
  asModelled(name, leaf, 0, whole(leaf) as [number, number, number, number]);
const FEATURES = [[1, 2], [1, 3], [7, 1], [7, 2], [0x8000_0001, 2], [0x8000_0001, 3]] as const;
/** What x86-64-v2 must have, besides x86-64: leaf 1 ECX, and LAHF. System V ABI, section 3.1.1. */
const V2 = 1 | (1 << 9) | (1 << 13) | (1 << 19) | (1 << 20) | (1 << 23);

/** The models from most to least; the other one has 5-level paging instead of VMX. */
const LEVELS = CPU_MODEL_NAMES.filter((name) => name !== "causeway-la57");
const LA57 = 1 << 16, VMX = 1 << 5;

Deno.test("asModelled() reports nothing that is not implemented, each model less than the one before", () => {
  for (const [leaf, register] of FEATURES) {
    let more = whole(leaf)[register]!;
    for (const name of LEVELS) {
      const features = modelled(name, leaf)[register]!;
      assertEquals(features & ~more, 0, `${name}, leaf ${leaf.toString(16)}`);
      more = features;
    }
  }
});

Deno.test("asModelled() gives causeway everything, x86-64-v2 its level, x86-64 none of it", () => {
  for (const [leaf, register] of FEATURES) {
    const missing = leaf === 7 && register === 2 ? LA57 : 0;
    assertEquals(modelled("causeway", leaf)[register], whole(leaf)[register]! & ~missing);
  }
  assertEquals(modelled("x86-64-v2", 1)[2]! & V2, V2);
  assertEquals(modelled("x86-64-v2", 0x8000_0001)[2], 1);
  assertEquals(modelled("x86-64", 1)[2]! & V2, 0);
  assertEquals(modelled("x86-64", 0xd), [0, 0, 0, 0]);
});

Deno.test("reservedInCr4() names what enables features that a model lacks", () => {
  assertEquals(reservedInCr4("causeway"), Cr4.LA57);
  assertEquals(reservedInCr4("causeway-la57"), Cr4.VMXE);
  const reserved = reservedInCr4("x86-64-v2");
  for (const bit of [Cr4.OSXSAVE, Cr4.FSGSBASE, Cr4.UMIP, Cr4.LA57]) assert((reserved & bit) !== 0);
  for (const bit of [Cr4.PCIDE, Cr4.SMEP, Cr4.SMAP, Cr4.OSFXSR]) assertEquals(reserved & bit, 0);
});

Deno.test("MOV to CR4 raises #GP, here a triple fault, for OSXSAVE exactly in models without XSAVE", () => {
  // mov rax, cr4; bts eax, 18; mov cr4, rax; out 0f4h, al
  const kernel = bzImage([0x0f, 0x20, 0xe0, 0x0f, 0xba, 0xe8, 18, 0x0f, 0x22, 0xe0, 0xe6, 0xf4]);
  const stops = CPU_MODEL_NAMES.map((cpu) => bootMachine({ kernel, cpu, memory: 1 << 23 }).run().kind);
  assertEquals(stops, ["exit", "triple fault", "triple fault", "exit"]);
});

Deno.test("causeway-la57 has 5-level paging and 57-bit addresses instead of VMX, vol. 2A, CPUID", () => {
  assertEquals(modelled("causeway-la57", 7)[2]! & LA57, LA57);
  assertEquals([modelled("causeway-la57", 1)[2]! & VMX, modelled("causeway", 1)[2]! & VMX], [0, VMX]);
  assertEquals(modelled("causeway-la57", 0x8000_0008)[0], 0x3928);
  assertEquals(modelled("causeway", 0x8000_0008)[0], 0x3028);
});

Deno.test("every model says that there is a hypervisor, and leaf 40000000H its name, as QEMU's do", () => {
  for (const name of CPU_MODEL_NAMES) {
    assertEquals(modelled(name, 1)[2]! >>> 31, 1);
    const [last, ...words] = modelled(name, 0x4000_0000);
    assertEquals(last, 0x4000_0000);
    assertEquals(new TextDecoder().decode(Uint32Array.from(words)), "Causeway x86");
  }
});
