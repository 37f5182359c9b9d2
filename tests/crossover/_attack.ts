/** What attacks have in common: a loop of calls, hot enough to be translated and linked, and secrets to be after. */
import { assert } from "@std/assert";
import type { MachineOptions } from "../../src/machine/machine.ts";
import { RAM_BASE } from "../../src/memory/physical.ts";
import { decrement, increment, load, NOP, STOP, VMFUNC } from "./_code.ts";
import { CODE, DATA, ENGINES, ENTRY, everywhere, type Party, type WorldMachine } from "./_machine.ts";

/** WIDs of the attacker's or caller's world, the victim's or callee's, and of a third party. */
export const CALLER = 0x0a_1111n, CALLEE = 0x0b_2222n, THIRD = 0x0c_3333n;
/** What the victim keeps at DATA. */
export const SECRET = 0x5ec2_e7ed_0000_0001n;
/** Where the loop ends. */
export const LOOP_END = CODE + 0x80;
/** The register that counts iterations down, and the one that the callee counts up. */
export const LEFT = 12, SERVED = 13;

/**
 * Writes a loop of calls from `caller` to `callee`, whose entry points are ENTRY. The callee adds 1 to SERVED and to its
 * memory at DATA + 8, and returns to whoever called: RCX.
 */
export function writeLoop(caller: Party, callee: Party, wid: bigint = CALLEE): void {
  const call = [...load(0, 1), ...load(1, wid), ...VMFUNC];
  // CODE: DEC LEFT; JZ LOOP_END; call. Calls return to ENTRY: JMP CODE.
  caller.write(CODE, decrement(LEFT), [0x0f, 0x84, LOOP_END - CODE - 9, 0, 0, 0], call, STOP);
  caller.write(LOOP_END, STOP);
  caller.write(ENTRY, NOP, [0xe9, ...little32(CODE - ENTRY - 6)]);
  // INC QWORD [DATA + 8]: the memory of both worlds is used at the same address.
  callee.write(
    ENTRY,
    increment(SERVED),
    [0x48, 0xff, 0x04, 0x25, ...little32(DATA + 8)],
    load(0, 1),
    VMFUNC,
    STOP,
  );
}
export const little32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >> shift) & 0xff);

/** Runs the loop from its beginning. `instructions`: at least so many as an iteration has. */
export function runLoop(machine: WorldMachine, iterations: number, instructions = 12): void {
  machine.set(LEFT, iterations + 1);
  machine.set(SERVED, 0);
  machine.run(CODE, instructions * iterations + 50);
}

/** Registers a caller in machine a and a callee in machine b, both at CPL 0, and puts the processor into a. */
export function standard(machine: WorldMachine): void {
  assert(machine.register({ wid: CALLER, party: machine.a }));
  assert(machine.register({ wid: CALLEE, party: machine.b }));
  machine.b.writeQuad(DATA, SECRET);
  machine.place(machine.a);
}

/** A party's pages of code and data as one number. */
export function fingerprint({ machine, base }: Party): number {
  let hash = 0x811c_9dc5;
  for (const page of [CODE, ENTRY, DATA]) {
    const start = (RAM_BASE + base + page) >>> 2;
    for (let word = start; word < start + 1024; word++) {
      hash = Math.imul(hash ^ machine.m[word]!, 0x0100_0193);
    }
  }
  return hash;
}

/** Engines that still have the code of a loop at its next iteration: others may look at its mapping anew at any time. */
export const KEEPING_CODE: typeof ENGINES = Object.fromEntries(
  Object.entries(ENGINES).filter(([, { tiers }]) => tiers?.codeCacheBlocks === undefined),
);

/**
 * Declares an attack twice on every engine: with the protection that it is stopped by, and in a control without it.
 *
 * @param control engines for the control, by default all
 * @param engines engines for the attack, by default all
 */
export function attack(
  name: string,
  run: (make: (options?: Partial<MachineOptions>) => WorldMachine, isProtected: boolean) => void,
  control: typeof ENGINES = ENGINES,
  engines: typeof ENGINES = ENGINES,
): void {
  everywhere(name, (make) => run(make, true), engines);
  everywhere(`control, unprotected: ${name}`, (make) => run(make, false), control);
}
