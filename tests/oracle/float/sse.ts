/** SSE vectors: generation, our answers, and the comparison with the processor's. */
import { FP_RAISED, MXCSR, RETURN_HI, STATE_BYTES } from "../../../src/cpu/state.ts";
import {
  createFloat,
  hasUnmasked,
  isPlain,
  RCPSS,
  RSQRTSS,
  type SseFloat,
} from "../../../src/cpu/float/mod.ts"; // deno-fmt-ignore
import { double, doubleNear, integer, Random, single, singleNear } from "./numbers.ts";

/** Bytes of a record to and from the runner (sse.c). */
export const IN_BYTES = 40, OUT_BYTES = 24;

type Kind = "d" | "s" | "i" | "x";
/** What the operands of an operation are. */
function kind(name: string): Kind {
  if (name.startsWith("CVTSI2")) return "i";
  if (/^(CVTSS2|CVTTSS2)/.test(name)) return "s";
  if (/^(CVTSD2|CVTTSD2|CVTPD)/.test(name)) return "d";
  if (name.startsWith("CMPSS") || name.startsWith("ROUNDSS")) return "s";
  return name.endsWith("SS") ? "s" : "d";
}

function mxcsr(random: Random): number {
  let value = 0x1f80 | (random.below(4) << 13);
  switch (random.below(6)) {
    case 0:
      return 0x1fa0 | random.below(0x40);
    case 1:
      return value;
    case 2:
      value |= random.pick([0x40, 0x8000, 0x8040]);
      break;
    case 3:
      value = (value & ~0x1f80) | (random.next() & 0xffff & ~0x6000);
      break;
    case 4:
      value &= ~(0x80 << random.below(6));
      value |= random.pick([0, 0, 0x40, 0x8000, 0x8040]);
      break;
    default:
      value |= random.next() & 0x803f;
  }
  return value & 0xffff;
}

/** Fills `count` records for operation `op`. */
export function generate(random: Random, name: string, op: number, view: DataView, at: number): void {
  const type = kind(name);
  view.setUint32(at, op, true);
  view.setUint32(at + 4, mxcsr(random), true);
  for (let lane = 0; lane < 2; lane++) {
    let a: bigint, b: bigint;
    if (type === "s") {
      a = single(random);
      b = random.below(2) === 0 ? single(random) : singleNear(random, a);
    } else if (type === "i") {
      a = integer(random);
      b = 0n;
    } else {
      a = double(random);
      b = random.below(2) === 0 ? double(random) : doubleNear(random, a);
    }
    view.setBigUint64(at + 8 + lane * 8, a, true);
    view.setBigUint64(at + 24 + lane * 8, b, true);
  }
}

/** What we say: up to two lanes of 64 bits as halves, MXCSR, and whether #XM is due. */
export interface Answer {
  readonly r: Int32Array;
  mxcsr: number;
  trapped: boolean;
}

const memory = new WebAssembly.Memory({ initial: Math.ceil(STATE_BYTES / 65536) });
const state = new Int32Array(memory.buffer);
const float = createFloat(memory);
/** The families that must agree with the processor: exact, plain in WebAssembly, plain in JavaScript. */
const FAMILIES = [float.exact, float.plain, createFloat(memory.buffer).plain];
const FAMILY_NAMES = ["exact", "plain", "plain (JavaScript)"];

type Evaluate = (f: SseFloat, a: Int32Array, b: Int32Array, r: Int32Array) => void;
const hi = (): number => state[RETURN_HI >> 2]!;

/** How an operation of the runner maps to our functions. */
function bind(name: string): Evaluate {
  const numbered = /^(CMPSD|CMPSS|ROUNDSD|ROUNDSS)(\d+)$/.exec(name);
  if (numbered) {
    const n = Number(numbered[2]);
    switch (numbered[1]) {
      case "CMPSD":
        return (f, a, b, r) => {
          r[0] = r[1] = f.CMPSD(a[0]!, a[1]!, b[0]!, b[1]!, n);
        };
      case "CMPSS":
        return (f, a, b, r) => {
          r[0] = f.CMPSS(a[0]!, b[0]!, n);
        };
      case "ROUNDSD":
        return (f, _, b, r) => {
          r[0] = f.ROUNDSD(b[0]!, b[1]!, n);
          r[1] = hi();
        };
      default:
        return (f, _, b, r) => {
          r[0] = f.ROUNDSS(b[0]!, n);
        };
    }
  }
  switch (name) {
    case "ADDSD":
    case "SUBSD":
    case "MULSD":
    case "DIVSD":
    case "MINSD":
    case "MAXSD": // deno-fmt-ignore
      return (f, a, b, r) => {
        r[0] = f[name](a[0]!, a[1]!, b[0]!, b[1]!);
        r[1] = hi();
      };
    case "ADDSS":
    case "SUBSS":
    case "MULSS":
    case "DIVSS":
    case "MINSS":
    case "MAXSS": // deno-fmt-ignore
      return (f, a, b, r) => {
        r[0] = f[name](a[0]!, b[0]!);
      };
    case "UCOMISD":
    case "COMISD": // deno-fmt-ignore
      return (f, a, b, r) => {
        r[0] = f[name](a[0]!, a[1]!, b[0]!, b[1]!);
      };
    case "UCOMISS":
    case "COMISS": // deno-fmt-ignore
      return (f, a, b, r) => {
        r[0] = f[name](a[0]!, b[0]!);
      };
    case "SQRTSD":
      return (f, _, b, r) => {
        r[0] = f.SQRTSD(b[0]!, b[1]!);
        r[1] = hi();
      };
    case "SQRTSS":
      return (f, _, b, r) => {
        r[0] = f.SQRTSS(b[0]!);
      };
    case "RCPSS":
      return (_f, _a, b, r) => {
        r[0] = RCPSS(b[0]!);
      };
    case "RSQRTSS":
      return (_f, _a, b, r) => {
        r[0] = RSQRTSS(b[0]!);
      };
    case "CVTSD2SS":
      return (f, _, b, r) => {
        r[0] = f.CVTSD2SS(b[0]!, b[1]!);
      };
    case "CVTSS2SD":
      return (f, _, b, r) => {
        r[0] = f.CVTSS2SD(b[0]!);
        r[1] = hi();
      };
    case "CVTSD2SI32":
    case "CVTTSD2SI32": // deno-fmt-ignore
      return (f, a, _, r) => {
        r[0] = f[name](a[0]!, a[1]!);
      };
    case "CVTSD2SI64":
    case "CVTTSD2SI64": // deno-fmt-ignore
      return (f, a, _, r) => {
        r[0] = f[name](a[0]!, a[1]!);
        r[1] = hi();
      };
    case "CVTSS2SI32":
    case "CVTTSS2SI32": // deno-fmt-ignore
      return (f, a, _, r) => {
        r[0] = f[name](a[0]!);
      };
    case "CVTSS2SI64":
    case "CVTTSS2SI64": // deno-fmt-ignore
      return (f, a, _, r) => {
        r[0] = f[name](a[0]!);
        r[1] = hi();
      };
    case "CVTSI2SD32":
      return (f, a, _, r) => {
        r[0] = f.CVTSI2SD32(a[0]!);
        r[1] = hi();
      };
    case "CVTSI2SD64":
      return (f, a, _, r) => {
        r[0] = f.CVTSI2SD64(a[0]!, a[1]!);
        r[1] = hi();
      };
    case "CVTSI2SS32":
      return (f, a, _, r) => {
        r[0] = f.CVTSI2SS32(a[0]!);
      };
    case "CVTSI2SS64":
      return (f, a, _, r) => {
        r[0] = f.CVTSI2SS64(a[0]!, a[1]!);
      };
    case "ADDPD":
    case "MULPD":
    case "DIVPD":
    case "MINPD": { // deno-fmt-ignore
      const op = ({ ADDPD: "ADDSD", MULPD: "MULSD", DIVPD: "DIVSD", MINPD: "MINSD" } as const)[name];
      return (f, a, b, r) => {
        for (let i = 0; i < 4; i += 2) {
          r[i] = f[op](a[i]!, a[i + 1]!, b[i]!, b[i + 1]!);
          r[i + 1] = hi();
        }
      };
    }
    case "SQRTPD":
      return (f, _, b, r) => {
        for (let i = 0; i < 4; i += 2) {
          r[i] = f.SQRTSD(b[i]!, b[i + 1]!);
          r[i + 1] = hi();
        }
      };
    case "CVTPD2PS":
      return (f, _, b, r) => {
        r[0] = f.CVTSD2SS(b[0]!, b[1]!);
        r[1] = f.CVTSD2SS(b[2]!, b[3]!);
      };
    default:
      throw new Error(`No function is bound to ${name}.`);
  }
}

/** Which halves of the result an operation defines. */
function width(name: string): number {
  if (/PD/.test(name)) return name === "CVTPD2PS" ? 2 : 4;
  if (/^(CVTT?S[SD]2SI64|CVTSI2SD|CVTSS2SD)/.test(name)) return 2;
  return kind(name) === "d" && !/COMIS|2SI|CVTSD2SS/.test(name) ? 2 : 1;
}

/** Compares our answers with the processor's; returns a line for each of the first mismatches. */
export function compare(
  names: readonly string[],
  input: Uint8Array,
  output: Uint8Array,
  limit = 10,
  leaveOut: ReadonlySet<string> = new Set(),
): { mismatches: number; lines: string[] } {
  const functions = names.map(bind), widths = names.map(width);
  const ins = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const outs = new DataView(output.buffer, output.byteOffset, output.byteLength);
  const a = new Int32Array(4), b = new Int32Array(4), r = new Int32Array(4);
  const lines: string[] = [];
  let mismatches = 0;
  const hex = (v: DataView, at: number): string => v.getBigUint64(at, true).toString(16).padStart(16, "0");
  for (let n = 0; n * IN_BYTES < input.byteLength; n++) {
    const at = n * IN_BYTES, to = n * OUT_BYTES;
    const op = ins.getUint32(at, true), control = ins.getUint32(at + 4, true);
    if (leaveOut.has(names[op]!)) continue;
    for (let i = 0; i < 4; i++) {
      a[i] = ins.getInt32(at + 8 + i * 4, true);
      b[i] = ins.getInt32(at + 24 + i * 4, true);
    }
    const status = outs.getUint32(to + 16, true), trapped = outs.getUint32(to + 20, true) !== 0;
    for (let family = 0; family < (isPlain(control) ? FAMILIES.length : 1); family++) {
      state[MXCSR >> 2] = control;
      state[FP_RAISED >> 2] = 0;
      r.fill(0);
      functions[op]!(FAMILIES[family]!, a, b, r);
      const raised = hasUnmasked(control) && float.check();
      let same = raised === trapped && state[MXCSR >> 2] === status;
      if (!trapped) {
        for (let i = 0; i < widths[op]!; i++) same &&= r[i] === outs.getInt32(to + i * 4, true);
      }
      if (same) continue;
      mismatches++;
      if (lines.length < limit) {
        const ours = [...r].reverse().map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
        lines.push(
          `${names[op]} ${FAMILY_NAMES[family]} mxcsr ${control.toString(16)} a ${hex(ins, at + 16)}${
            hex(ins, at + 8)
          } ` +
            `b ${hex(ins, at + 32)}${hex(ins, at + 24)}: ours ${ours} ${
              state[MXCSR >> 2]!.toString(16)
            } ${raised}, ` +
            `processor ${hex(outs, to + 8)}${hex(outs, to)} ${status.toString(16)} ${trapped}`,
        );
      }
    }
  }
  return { mismatches, lines };
}

/** `count` records for every operation of `names`. */
export function vectors(names: readonly string[], count: number, seed: number): Uint8Array {
  const random = new Random(seed);
  const bytes = new Uint8Array(names.length * count * IN_BYTES);
  const view = new DataView(bytes.buffer);
  for (let n = 0; n < names.length * count; n++) {
    const op = n % names.length;
    generate(random, names[op]!, op, view, n * IN_BYTES);
  }
  return bytes;
}
