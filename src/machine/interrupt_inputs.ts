/** Where a processor's maskable interrupts come from: its local APIC, and, as far as that lets it, the 8259 pair. */
import type { Pic8259 } from "./devices/8259_pic.ts";
import type { LocalApic } from "./devices/local_apic.ts";
import type { ProcessorBus } from "./processor_bus.ts";

/** Both of them. Where the local APIC is disabled, the 8259 pair is connected to the processor itself. */
export class InterruptInputs {
  readonly #bus: ProcessorBus;
  readonly #apic: LocalApic;
  readonly #pic: Pic8259;

  constructor(bus: ProcessorBus, apic: LocalApic, pic: Pic8259) {
    this.#bus = bus;
    this.#apic = apic;
    this.#pic = pic;
  }

  /** Whether an interrupt waits. */
  get isPending(): boolean {
    if (this.#isApicPending) return true;
    return this.#pic.pending && (!this.#bus.hasApic || this.#apic.acceptsExternal);
  }

  /** Takes the interrupt that waits. Returns its vector. */
  acknowledge(): number {
    return this.#isApicPending ? this.#apic.acknowledge() : this.#pic.acknowledge();
  }

  get #isApicPending(): boolean {
    return this.#bus.hasApic && this.#apic.pending() >= 0;
  }
}
