/**
 * What tells how a machine died: registers, the code at RIP, the last events, and where execution came from. Of one that lives,
 * where it is.
 */
import { disassembleAll } from "../../frontend/disassemble.ts";
import { Vector } from "../../cpu/fault.ts";
import type { PastEvent } from "../../cpu/system/event_history.ts";
import { findLinear } from "../../memory/inspect.ts";
import type { LinearMemory } from "../../memory/physical.ts";
import { findRange, readRange } from "../../memory/ram_range.ts";
import { ElfSymbols } from "../loaders/elf_symbols.ts";
import { codeSize, linearRip, ripOf } from "../debug/program_counter.ts";
import type { SystemProcessor } from "../system_processor.ts";
import { dumpRegisters } from "./system_registers.ts";

/** Bytes of code and lines of it. */
const CODE_BYTES = 48, CODE_LINES = 5;
const PLACES = 16, PLACES_A_LINE = 4;

const VECTOR_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(Vector).map(([name, number]) => [number, `#${name}`]),
);

/** An address, with its name if it has one. */
type Shown = (address: bigint) => string;

function namedBy(symbols: ElfSymbols): Shown {
  return (address) => {
    const name = symbols.nameOf(address);
    return `0x${address.toString(16)}${name === undefined ? "" : ` <${name}>`}`;
  };
}

const symbolsOf = (file: Uint8Array | undefined): ElfSymbols => new ElfSymbols(file ?? new Uint8Array(0));

/**
 * A line for each processor: where it is, and whether it waits there.
 *
 * @param symbolFile an ELF file that has the names of addresses
 */
export function whereabouts(
  processors: readonly SystemProcessor[],
  symbolFile: Uint8Array | undefined,
): string {
  const shown = namedBy(symbolsOf(symbolFile));
  return processors.map(({ id, state, isHalted, isMonitoring, awaitsStartup }) => {
    if (awaitsStartup) return `  processor ${id} has not been started`;
    const address = linearRip(new DataView(state.buffer, state.byteOffset));
    return `  processor ${id} at ${shown(address)}${
      isHalted ? ", in HLT" : isMonitoring ? ", in MWAIT" : ""
    }`;
  }).join("\n");
}

/**
 * The report on the processor whose turn it is.
 *
 * @param symbolFile an ELF file that has the names of addresses
 */
export function postMortem(processor: SystemProcessor, symbolFile: Uint8Array | undefined): string {
  const symbols = symbolsOf(symbolFile), shown = namedBy(symbols);
  const { memory, inner } = processor.core, state = memory.view;
  const events = processor.unit.context.events.last;
  const places = inner.dispatcher.finder.history.last(PLACES);
  return [
    dumpRegisters(state),
    `code at RIP${symbols.isEmpty ? "" : `, ${shown(linearRip(state))}`}:`,
    ...codeAtRip(memory, state),
    ...(events.length === 0
      ? []
      : ["last events, each with RIP before it:", ...events.map((event) => eventLine(event, shown))]),
    "code that was entered last (not: by jumps within and between compiled code):",
    ...rows(places.map((place) => shown(BigInt(place))), symbols.isEmpty ? PLACES_A_LINE : 1),
  ].join("\n");
}

function codeAtRip(memory: LinearMemory, state: DataView): readonly string[] {
  const bytes = readCode(memory, state);
  if (bytes.length === 0) return ["  nothing is mapped there"];
  const lines: string[] = [];
  for (
    const { address, length, text } of disassembleAll(bytes, {
      address: ripOf(state),
      codeSize: codeSize(state),
    })
  ) {
    if (lines.length === CODE_LINES) break;
    const start = Number(address - ripOf(state));
    const digits = Array.from(
      bytes.subarray(start, start + length),
      (byte) => byte.toString(16).padStart(2, "0"),
    );
    lines.push(`  ${address.toString(16).padStart(16, "0")}  ${digits.join(" ").padEnd(24)} ${text}`);
  }
  return lines;
}

/** The bytes at RIP, as many as are mapped. */
function readCode(memory: LinearMemory, state: DataView): Uint8Array {
  const translate = (linear: bigint): number | undefined => findLinear(memory, state, linear);
  return readRange(memory, findRange(memory, linearRip(state), CODE_BYTES, translate));
}

function eventLine({ vector, error, lo, hi, addressLo, addressHi }: PastEvent, shown: Shown): string {
  const name = VECTOR_NAMES.get(vector) ?? `interrupt ${vector}`;
  const code = error === undefined ? "" : `, error code 0x${error.toString(16)}`;
  const address = vector === Vector.PF ? `, address 0x${wide(addressLo, addressHi).toString(16)}` : "";
  return `  ${name} at ${shown(wide(lo, hi))}${code}${address}`;
}

const wide = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

function rows(texts: readonly string[], aLine: number): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < texts.length; at += aLine) {
    lines.push(`  ${texts.slice(at, at + aLine).join(" ")}`);
  }
  return lines;
}
