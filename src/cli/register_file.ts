/** The JSON form of registers and memory that `causeway exec` reads and prints. */
import { inputError } from "./exit_codes.ts";
import type { BareProcessor, BareStop } from "../machine/api/bare_processor.ts";
import {
  asHeld,
  hexOf,
  isRegisterName,
  REGISTER_NAMES,
  registerBits,
  type RegisterName,
} from "../machine/api/registers.ts";
import type { AddressRange } from "./values.ts";

/** Names that stand in the object `fpu` rather than at the top. */
const isFpu = (name: string): boolean => /^(?:f[a-z]{2}|st\d)$/.test(name) && name !== "fs" && name !== "gs";

/** Parses a `--regs` file: registers by name, `fpu`, and memory; applies them to a processor. */
export function applyRegisterFile(cpu: BareProcessor, text: string, path: string): void {
  const wrong = (what: string): Error => inputError(`${path}: ${what}`);
  const file = parseObject(text, wrong);
  const registers = new Map<RegisterName, bigint>();
  const take = (name: string, given: unknown): void => {
    if (!isRegisterName(name)) throw wrong(`there is no register ${name}`);
    const number = readNumber(given);
    if (number === undefined) {
      const what = typeof given === "number"
        ? 'a whole number, as text ("0x…") from 2^53 on'
        : 'a number, "0x…", or ["0x…low", "0x…high"]';
      throw wrong(`${name} is ${JSON.stringify(given)}; it must be ${what}`);
    }
    const bits = registerBits(name), held = asHeld(number, bits);
    if (held === undefined) throw wrong(`${name} is ${hexOf(number)}; it has ${bits} bits`);
    registers.set(name, held);
  };
  for (const [name, given] of Object.entries(file)) {
    if (name === "memory" || name === "fault") continue;
    if (name !== "fpu") {
      take(name, given);
      continue;
    }
    if (!isObject(given)) throw wrong("fpu must be an object");
    for (const [part, inner] of Object.entries(given)) take(part, inner);
  }
  // In the order of all registers: where st0 to st7 lie depends on fsw.
  for (const name of REGISTER_NAMES) {
    const number = registers.get(name);
    if (number !== undefined) cpu.set(name, number);
  }
  if (file.memory === undefined) return;
  if (!isObject(file.memory)) throw wrong("memory must be an object of addresses and hexadecimal bytes");
  for (const [address, hex] of Object.entries(file.memory)) {
    const bytes = readHex(hex);
    const start = readNumber(address);
    if (start === undefined || start < 0n || bytes === undefined) {
      throw wrong(`memory at ${address} must be an address such as "0x20000" with hexadecimal bytes`);
    }
    if (bytes.length === 0) continue;
    try {
      cpu.map(start, bytes.length);
      cpu.write(start, bytes);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw wrong(error.message);
    }
  }
}

/** Registers, fault, and the memory asked for, as an object for JSON. */
export function registerFile(
  cpu: BareProcessor,
  stop: BareStop,
  ranges: readonly AddressRange[],
): Record<string, unknown> {
  const file: Record<string, unknown> = {};
  const fpu: Record<string, unknown> = {};
  const low = (number: bigint): string => hexOf(number & 0xffff_ffff_ffff_ffffn);
  for (const name of REGISTER_NAMES) {
    const number = cpu.get(name);
    if (name.startsWith("xmm")) file[name] = [low(number), hexOf(number >> 64n)];
    else (isFpu(name) ? fpu : file)[name] = hexOf(number);
  }
  file.fpu = fpu;
  file.fault = stop.kind !== "fault" ? null : {
    vector: stop.vector,
    error: stop.error < 0 ? null : hexOf(BigInt(stop.error)),
    address: stop.vector === 14 ? hexOf(stop.address) : null,
  };
  if (ranges.length > 0) {
    file.memory = Object.fromEntries(ranges.map(({ address, size }) => [
      hexOf(address),
      [...cpu.read(address, size)].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    ]));
  }
  return file;
}

function parseObject(text: string, wrong: (what: string) => Error): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw wrong(`it is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(parsed)) throw wrong('it must hold an object such as {"rax": "0x1"}');
  return parsed;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A number, text such as `0x1f`, `31` or `-1`, or the two halves of 128 bits. */
function readNumber(given: unknown): bigint | undefined {
  if (typeof given === "number") return Number.isSafeInteger(given) ? BigInt(given) : undefined;
  if (typeof given === "string") {
    const [, sign, digits] = /^(-?)(0x[\da-f]+|\d+)$/i.exec(given) ?? [];
    return digits === undefined ? undefined : sign === "" ? BigInt(digits) : -BigInt(digits);
  }
  if (!Array.isArray(given) || given.length !== 2) return undefined;
  const [low, high] = given.map(readNumber).map((half) => half === undefined ? undefined : asHeld(half, 64));
  return low === undefined || high === undefined ? undefined : low | (high << 64n);
}

function readHex(given: unknown): Uint8Array | undefined {
  if (typeof given !== "string") return undefined;
  const digits = given.replace(/\s+/g, "");
  if (!/^(?:[\da-f]{2})*$/i.test(digits)) return undefined;
  return new Uint8Array(digits.match(/../g)?.map((byte) => parseInt(byte, 16)) ?? []);
}
