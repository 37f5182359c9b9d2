/** Tells instructions that are not implemented from bytes that are none. */
import { RIP } from "../../cpu/state.ts";
import { decode } from "../../frontend/decode.ts";
import { SEMANTICS } from "../../frontend/semantics/mod.ts";
import type { Processor, Stop } from "../processor.ts";

const MAX_LENGTH = 15;
const VEX2 = 0xc5, VEX3 = 0xc4, EVEX = 0x62;
/** Prefixes that may stand before VEX and EVEX: segment overrides and the address size. */
const PREFIXES: readonly number[] = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67];

/**
 * What 64-bit code needs that is not implemented, if that is why these bytes raise #UD: a mnemonic, or the extension
 * and the bytes. Undefined for bytes that no processor executes.
 */
export function missingInstruction(bytes: Uint8Array): string | undefined {
  const decoded = decode(bytes, 0, bytes.length, 64);
  if (!("failure" in decoded)) {
    return SEMANTICS[decoded.mnemonic] === undefined ? decoded.mnemonic : undefined;
  }
  const first = bytes.find((byte) => !PREFIXES.includes(byte));
  const extension = first === VEX2 || first === VEX3 ? "AVX" : first === EVEX ? "AVX-512" : undefined;
  if (extension === undefined) return undefined;
  const shown = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${extension} (${shown} …)`;
}

/** A processor that remembers the last instruction not implemented that it met. */
export class WatchedProcessor implements Processor {
  readonly memory: Processor["memory"];
  readonly mmu: Processor["mmu"];
  /** As `missingInstruction` has it; undefined while there was none. */
  missing: string | undefined;

  constructor(readonly inner: Processor) {
    this.memory = inner.memory;
    this.mmu = inner.mmu;
  }

  get instructions(): number {
    return this.inner.instructions;
  }

  run(instructions: number): Stop {
    const stop = this.inner.run(instructions);
    if (stop.kind === "fault" && stop.vector === 6) {
      this.missing = missingInstruction(this.#bytesAtRip()) ?? this.missing;
    }
    return stop;
  }

  #bytesAtRip(): Uint8Array {
    const rip = this.memory.view.getBigUint64(RIP, true);
    const bytes: number[] = [];
    while (bytes.length < MAX_LENGTH) {
      const place = this.mmu.translate(rip + BigInt(bytes.length), "execute", true);
      if ("error" in place) break;
      bytes.push(this.memory.ram(place.hpa, 1)[0]!);
    }
    return Uint8Array.from(bytes);
  }
}
