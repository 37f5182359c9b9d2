/**
 * Compares the decoder with the processor of this machine, in 64-bit mode: the same length, or the same refusal.
 * It needs Linux on an x86-64 processor, and a C compiler.
 *
 *     deno run -A tests/fuzz/decoder_native.ts --count 1000000 --seed 1
 */
import { Decoder, DecoderError, DecoderOptions } from "iced-x86";
import { scriptLine } from "../../_tools/script.ts";
import { value } from "../../src/cli/options.ts";
import { parseCount, parseSeed } from "../../src/cli/values.ts";
import { Segment } from "../../src/cpu/state.ts";
import { decode } from "../../src/frontend/decode.ts";
import type { DecodeFailure, Instruction } from "../../src/frontend/instruction.ts";
import { Random, randomCases, systematicCases } from "../frontend/decode_cases.ts";
import { SLOT } from "../frontend/decode_oracle.ts";

const BATCH = 65536;
const UD = 6, GP = 13, MAX_LENGTH = 15;

/** Instructions that a program cannot execute safely here: system calls, and what may change FS or a lot of state. */
// deno-fmt-ignore
const UNSAFE: ReadonlySet<string> = new Set([
  "SYSCALL", "SYSENTER", "INT", "WRFSBASE", "WRGSBASE", "LFS", "LGS", "LSS", "XRSTOR", "FXRSTOR", "CPUID",
]);

/** Instructions that raise #UD because of the state a program runs in, and not because of their bytes. */
// deno-fmt-ignore
const UD_BY_STATE: ReadonlySet<string> = new Set([
  "UD0", "UD1", "UD2", "VMCALL", "VMLAUNCH", "VMRESUME", "VMXOFF", "VMXON", "VMPTRLD", "VMPTRST", "VMCLEAR", "VMREAD",
  "VMWRITE", "INVEPT", "INVVPID", "VMFUNC", "MONITOR", "MWAIT", "CLAC", "STAC", "INVPCID", "XSETBV", "RDPMC", "RDRAND",
  "RDSEED", "RDPID",
]);

/** Whether the slot at `offset` must not run. */
function unsafe(bytes: Uint8Array, offset: number): boolean {
  let at = offset;
  for (; at < offset + SLOT - 2; at++) {
    const byte = bytes[at]!;
    if (byte === 0x64 || byte === 0x65) return true;
    if ((byte & 0xf0) !== 0x40 && ![0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e].includes(byte)) {
      break;
    }
  }
  // What VMCALL does in a virtual machine, the hypervisor decides. (After 66, F2 and F3 it is #UD: vol. 3C, "VMCALL".)
  if (bytes[at] === 0x0f && bytes[at + 1] === 0x01 && bytes[at + 2] === 0xc1) return true;
  if (bytes[at] === 0xcd || (bytes[at] === 0x0f && (bytes[at + 1] === 0x05 || bytes[at + 1] === 0x34))) {
    return true;
  }
  const decoded = decode(bytes, offset, SLOT, 64);
  if ("failure" in decoded) return false;
  const [first] = decoded.operands;
  return UNSAFE.has(decoded.mnemonic) || (first?.kind === "segment" && decoded.mnemonic !== "PUSH") ||
    decoded.operands.some((operand) => operand.kind === "mem" && operand.segment >= Segment.FS);
}

/** Runs the slots on the processor; two bytes each: length, vector. */
async function runNative(program: string, slots: Uint8Array): Promise<Uint8Array> {
  const child = new Deno.Command(program, { stdin: "piped", stdout: "piped" }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(slots);
  await writer.close();
  return (await output).stdout;
}

/** Whether the bytes are an instruction for iced: one of a feature that this processor may have and we have not. */
function knownToIced(slot: Uint8Array): boolean {
  const decoder = new Decoder(64, slot, DecoderOptions.None);
  decoder.decode().free();
  const known = decoder.lastError === DecoderError.None;
  decoder.free();
  return known;
}

function compare(
  ours: Instruction | DecodeFailure,
  length: number,
  vector: number,
  slot: Uint8Array,
): string | undefined {
  // Reserved encodings that do not fit in 15 bytes: we do not know how long they would be.
  const tooLong = length === MAX_LENGTH && vector === GP;
  if ("failure" in ours) {
    if (tooLong || (ours.failure === "UD" && vector === UD) || knownToIced(slot)) return undefined;
    return `we refuse (${ours.failure}); native: ${length} bytes, vector ${vector}`;
  }
  if (vector === UD && !UD_BY_STATE.has(ours.mnemonic)) return `${ours.mnemonic}; native: #UD`;
  return ours.length === length ? undefined : `${ours.mnemonic} of ${ours.length} bytes; native: ${length}`;
}

const { values: { count = 1_000_000, seed = Date.now() % 1_000_000 } } = scriptLine({
  call: "deno run -A tests/fuzz/decoder_native.ts",
  description:
    "Compares the decoder with the processor of this machine, in 64-bit mode, on systematic and random bytes.",
  options: {
    count: value("N", "Instructions, systematic ones in any case (1000000).", parseCount),
    seed: value("S", "Of everything random (by the time of day).", parseSeed),
  },
});
const random = new Random(seed);
const program = await Deno.makeTempFile();
const source = new URL("decoder_native.c", import.meta.url).pathname;
const compiled = await new Deno.Command("cc", {
  args: ["-O1", "-fno-stack-protector", "-o", program, source],
}).output();
if (!compiled.success) {
  throw new Error(`Cannot compile ${source}: ${new TextDecoder().decode(compiled.stderr)}`);
}

let compared = 0;
const found = new Map<string, string>();

async function check(bytes: Uint8Array): Promise<void> {
  const offsets: number[] = [];
  for (let offset = 0; offset < bytes.length; offset += SLOT) {
    if (!unsafe(bytes, offset)) offsets.push(offset);
  }
  const slots = new Uint8Array(offsets.length * SLOT);
  offsets.forEach((offset, i) => slots.set(bytes.subarray(offset, offset + SLOT), i * SLOT));
  const results = await runNative(program, slots);
  if (results.length < offsets.length * 2) {
    throw new Error(`The native runner died at slot ${results.length / 2}`);
  }
  for (let i = 0; i < offsets.length; i++, compared++) {
    const slot = slots.subarray(i * SLOT, (i + 1) * SLOT);
    const reason = compare(decode(slot, 0, SLOT, 64), results[2 * i]!, results[2 * i + 1]!, slot);
    const hex = [...slot].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    if (reason !== undefined && !found.has(reason)) found.set(reason, hex);
  }
}

for (const bytes of systematicCases(64, random, false)) await check(bytes);
while (compared < count) await check(randomCases(BATCH, random));
await Deno.remove(program);
for (const [reason, bytes] of found) console.log(`${bytes}: ${reason}`);
console.log(`seed ${seed}: ${compared} compared with the processor, ${found.size} kinds of disagreement`);
if (found.size > 0) Deno.exit(1);
