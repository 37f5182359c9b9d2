/** What tells of world calls and enables them. docs/crossover.md, "Enumeration and enabling". */
import { assertEquals, assertThrows } from "@std/assert";
import { Event, Vector } from "../../src/cpu/fault.ts";
import { EVENT } from "../../src/cpu/state.ts";
import { Machine } from "../../src/machine/machine.ts";
import { controlsAreValid } from "../../src/vmx/entry_controls.ts";
import { Field } from "../../src/vmx/fields.ts";
import { STOP, VMFUNC, vmfunc } from "./_code.ts";
import { CODE, everywhere, image, type WorldMachine } from "./_machine.ts";

const CPUID = [0x0f, 0xa2], RDMSR = [0x0f, 0x32], WRMSR = [0x0f, 0x30];
const CONTROL = 0x4f00, VMX_VMFUNC = 0x491;

/** Executes an instruction in the host, with EAX, ECX and EDX. Returns EAX, EBX, ECX, EDX, or the vector raised. */
function execute(
  machine: WorldMachine,
  code: readonly number[],
  { eax = 0, ecx = 0, edx = 0 } = {},
): number[] | { vector: number } {
  machine.place(machine.host);
  machine.host.write(CODE, code, STOP);
  for (const [register, value] of [[0, eax], [1, ecx], [2, edx], [3, 0]] as const) {
    machine.set(register, value);
  }
  machine.run(CODE, 100);
  if (machine.vector >= 0) return { vector: machine.vector };
  return [0, 3, 1, 2].map((register) => Number(machine.get(register)));
}

everywhere("CPUID leaves 40000100H and 40000101H tell the signature and the sizes of the caches", (make) => {
  const machine = make({ crossover: { worldCacheEntries: 7, inverseWorldCacheEntries: 300 } });
  const [last, ...text] = execute(machine, CPUID, { eax: 0x4000_0100 }) as number[];
  assertEquals(last, 0x4000_0101);
  assertEquals(new TextDecoder().decode(new Uint32Array(text)), "CrossOverISA");
  assertEquals(execute(machine, CPUID, { eax: 0x4000_0101 }), [1, 7, 300, 0]);
});

everywhere(
  "IA32_CROSSOVER_CTL has one bit; IA32_VMX_VMFUNC tells of both functions and is read-only",
  (make) => {
    const machine = make();
    const gp = { vector: Vector.GP };
    for (const [low, high] of [[2, 0], [3, 0], [0x8000_0000, 0], [1, 1], [0, 0x8000_0000]] as const) {
      assertEquals(execute(machine, WRMSR, { ecx: CONTROL, eax: low, edx: high }), gp);
      assertEquals((execute(machine, RDMSR, { ecx: CONTROL }) as number[])[0], 1);
    }
    for (const value of [0, 1]) {
      execute(machine, WRMSR, { ecx: CONTROL, eax: value });
      assertEquals(execute(machine, RDMSR, { ecx: CONTROL, eax: 99, edx: 99 }), [value, 0, CONTROL, 0]);
    }
    assertEquals(execute(machine, RDMSR, { ecx: VMX_VMFUNC }), [3, 0, VMX_VMFUNC, 0]);
    assertEquals(execute(machine, WRMSR, { ecx: VMX_VMFUNC, eax: 3 }), gp);
  },
);

everywhere(
  "without `crossover` there are no leaves, no MSR, no functions in root, and control bit 1 is reserved",
  (make) => {
    const machine = make({ crossover: false });
    const known = execute(machine, CPUID, { eax: 0x15 }) as number[];
    assertEquals((execute(machine, CPUID, { eax: 0x4000_0100 }) as number[])[0], known[0]);
    assertEquals(execute(machine, RDMSR, { ecx: CONTROL }), { vector: Vector.GP });
    assertEquals(execute(machine, WRMSR, { ecx: CONTROL, eax: 1 }), { vector: Vector.GP });
    assertEquals((execute(machine, RDMSR, { ecx: VMX_VMFUNC }) as number[])[0], 1);
    for (const leaf of [0, 1, 2]) assertEquals(execute(machine, vmfunc(leaf, 1)), { vector: Vector.UD });
    assertEquals(controlsAreValid(machine.vmcs, machine.vmx.vmFunctions), false);
    machine.vmcs.write(Field.VMFUNC_CONTROLS, 1);
    assertEquals(controlsAreValid(machine.vmcs, machine.vmx.vmFunctions), true);
  },
);

/** EAX, and what happens in root with world calls enabled, in root without, in non-root with, in non-root without. */
const FUNCTIONS:
  readonly (readonly [eax: number, root: string, rootOff: string, guest: string, guestOff: string])[] = [
    [0, "#UD", "#UD", "switch", "switch"],
    [1, "#GP", "#UD", "exit 240", "exit 59"],
    [2, "done", "#UD", "exit 59", "exit 59"],
    [3, "#UD", "#UD", "exit 59", "exit 59"],
    [63, "#UD", "#UD", "exit 59", "exit 59"],
    [64, "#UD", "#UD", "#UD", "#UD"],
    [0x8000_0001, "#UD", "#UD", "#UD", "#UD"],
  ];

/** What VMFUNC with RCX = 2 (an operation, a WID that is not there, a slot) does: runs it and looks. */
function outcome(machine: WorldMachine, guest: boolean, eax: number): string {
  const party = guest ? machine.a : machine.host;
  machine.register({ wid: 1n, party });
  party.write(CODE, VMFUNC, STOP);
  machine.place(party);
  machine.set(0, eax);
  machine.set(1, 2);
  machine.run(CODE, 100);
  assertEquals(machine.m[EVENT >> 2], Event.BUDGET);
  if (machine.exit !== undefined) {
    assertEquals(machine.exit.length, 3);
    assertEquals([machine.get(0), machine.get(1)], [BigInt(eax), 2n]);
    return `exit ${machine.exit.reason}`;
  }
  if (machine.vector >= 0) {
    return machine.vector === Vector.UD ? "#UD" : machine.vector === Vector.GP ? "#GP" : "?";
  }
  return machine.rip !== CODE + 3 ? "?" : machine.isInGuest ? "switch" : "done";
}

for (const [eax, ...expected] of FUNCTIONS) {
  everywhere(
    `VMFUNC function ${eax}: ${expected.join(", ")} in root, root disabled, guest, guest disabled`,
    (make) => {
      const seen = [false, true].flatMap((guest) =>
        [1, 0].map((control) => {
          const machine = make();
          machine.host.writeQuad(0x5_3010, machine.a.eptp);
          machine.register({ wid: 1n, party: guest ? machine.a : machine.host });
          machine.crossover.writeControl(control, 0);
          return outcome(machine, guest, eax);
        })
      );
      assertEquals(seen, expected);
    },
  );
}

everywhere(
  "VMFUNC is undefined outside VMX operation and in a guest without the control, enabled or not",
  (make) => {
    for (const eax of [0, 1, 2, 64]) {
      const machine = make();
      machine.m[0x388 >> 2] = 0;
      machine.host.write(CODE, vmfunc(eax, 1), STOP);
      machine.run(CODE, 100);
      assertEquals(machine.vector, Vector.UD, `outside, ${eax}`);
      const guest = make();
      guest.vmcs.write(Field.SECONDARY_CONTROLS, 0x22);
      assertEquals(outcome(guest, true, eax), "#UD", `without the control, ${eax}`);
    }
  },
);

// deno-fmt-ignore
const CONTROLS: readonly { name: string; functions: number; ept: boolean; list: number; valid: boolean }[] = [
  { name: "none, without EPT",                        functions: 0, ept: false, list: 8,      valid: true },
  { name: "world calls",                              functions: 2, ept: true,  list: 0,      valid: true },
  { name: "world calls, the EPTP list does not count", functions: 2, ept: true,  list: 8,      valid: true },
  { name: "world calls without EPT",                  functions: 2, ept: false, list: 0,      valid: false },
  { name: "both",                                     functions: 3, ept: true,  list: 0x3000, valid: true },
  { name: "both, the EPTP list misaligned",           functions: 3, ept: true,  list: 8,      valid: false },
  { name: "function 2 is no guest's",                 functions: 4, ept: true,  list: 0,      valid: false },
];

for (const { name, functions, ept, list, valid } of CONTROLS) {
  everywhere(`VM entry checks VM-function controls: ${name}`, (make) => {
    const machine = make(), v = machine.vmcs;
    v.write(Field.VMFUNC_CONTROLS, functions);
    v.write(Field.SECONDARY_CONTROLS, ept ? 0x2022 : 0x2020);
    v.write(Field.EPTP_LIST_ADDRESS, list);
    v.write(Field.GUEST_RIP, CODE + 3);
    machine.a.write(CODE + 3, STOP);
    machine.host.write(CODE, [0x0f, 0x01, 0xc3], STOP); // VMRESUME
    machine.run(CODE, 100);
    assertEquals([machine.isInGuest, machine.rip], [valid, CODE + 3]);
    if (!valid) assertEquals(v.word(Field.INSTRUCTION_ERROR), 7);
  });
}

Deno.test("a machine with world calls must have VMX, and caches of sizes that can be", () => {
  const kernel = image();
  assertThrows(() => new Machine({ kernel, crossover: true }), TypeError, "without VMX");
  assertThrows(
    () => new Machine({ kernel, vmx: false, crossover: { worldCacheEntries: 1 } }),
    TypeError,
    "without VMX",
  );
  for (const entries of [0, 1, -1, 2.5, 65537]) {
    assertThrows(
      () => new Machine({ kernel, vmx: true, crossover: { worldCacheEntries: entries } }),
      RangeError,
    );
    assertThrows(
      () => new Machine({ kernel, vmx: true, crossover: { inverseWorldCacheEntries: entries } }),
      RangeError,
    );
  }
});
