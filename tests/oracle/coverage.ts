/** Which forms a fuzzing session has reached, and which never completed. */
import type { Case, Result } from "./case.ts";
import { type Form, nameOf } from "./forms.ts";
import type { Generator } from "./generate.ts";

/** Counts what a generator chooses, and runs each form alone now and then to see whether it can complete. */
export class Coverage {
  readonly #completed = new Map<Form, number>();
  readonly #asked = new Map<Case, Form>();
  #next = 0;

  constructor(readonly generator: Generator) {}

  /** A case of the next form alone. */
  probe(): Case {
    const form = this.generator.forms[this.#next++ % this.generator.forms.length]!;
    const one = this.generator.single(form, false);
    this.#asked.set(one, form);
    return one;
  }

  /** Takes the processor's result of a case. */
  seen(one: Case, { end }: Result): void {
    const form = this.#asked.get(one);
    if (form === undefined) return;
    this.#asked.delete(one);
    if (end === "completed") this.#completed.set(form, (this.#completed.get(form) ?? 0) + 1);
  }

  /** The printout. */
  report(): string {
    const { chosen, forms, codeSize } = this.generator;
    const counts = forms.map((form) => chosen.get(form) ?? 0).sort((a, b) => a - b);
    const never = forms.filter((form) => !this.#completed.has(form));
    return [
      `${forms.length} forms of ${codeSize}-bit code, each chosen ${counts[0]} to ${counts.at(-1)} times.`,
      `Never completed alone (they fault, or end the case otherwise): ${never.length}`,
      ...never.map((form) => `  ${nameOf(form)}`),
    ].join("\n");
  }
}
