/**
 * S3, suspend to RAM: RAM, the real-time clock and the wake logic keep their power, and what lies outside the machine goes on;
 * all else starts anew when the clock wakes it. ACPI 6.4, sections 4.8.2.3 and 16.1.3.
 */
import type { StatefulParts } from "../snapshot/stateful.ts";
import type { AcpiPower } from "./devices/acpi_power.ts";
import type { RtcMC146818 } from "./devices/mc146818_rtc.ts";
import type { Processors } from "./processors.ts";

/** What takes part in it. */
export interface SuspensionWires {
  readonly power: AcpiPower;
  readonly clock: RtcMC146818;
  readonly processors: Processors;
  readonly parts: StatefulParts;
  /** Puts the machine, which starts anew, where it goes on. Returns whether there is such a place. */
  wakeUp(): boolean;
}

/** Whether the machine is awake; sleeps on; will not wake up; or has, with nowhere to go on. */
export type Sleep = "awake" | "asleep" | "forever" | "lost";

/** It is made of a machine that has not started yet. */
export class Suspension {
  readonly #wires: SuspensionWires;
  readonly #startAgain: () => void;

  constructor(wires: SuspensionWires) {
    this.#wires = wires;
    const { parts, processors } = wires, restoreParts = parts.remember(), state = processors.saveState();
    this.#startAgain = () => {
      restoreParts();
      processors.startAgain(state);
    };
  }

  /** Lets time pass while the machine sleeps, at most so many cycles. */
  pass(most: number): Sleep {
    const { power, clock: alarm, processors } = this.#wires, { clock } = processors.core;
    if (!power.isAsleep) return "awake";
    const end = clock.now() + most;
    while (!power.wakes) {
      const next = power.listens ? alarm.nextEvent() : Infinity;
      if (next === Infinity) return "forever";
      clock.skipTo(Math.min(next, end));
      if (next > end) return "asleep";
      alarm.advance();
    }
    return this.#wake() ? "awake" : "lost";
  }

  #wake(): boolean {
    const { power, processors } = this.#wires, { mmu } = processors.core.inner;
    this.#startAgain();
    mmu.dropTagged(() => true);
    const goesOn = this.#wires.wakeUp();
    mmu.enterWorld();
    power.wake();
    return goesOn;
  }
}
