/**
 * The notation of opcode rows: the SDM's, so that a row can be compared with the manual (vol. 2A, section 3.1.1, and
 * vol. 2D, appendix A).
 *
 * `[encoding, mnemonic, operands, attributes]`. The encoding is a sequence of words, in this order:
 * - `np`, `66`, `f3`, `f2`, or several with `|`: the mandatory prefix there must be (`np`: none). Without such a word, the
 *   prefixes do not select the row and only do what they do elsewhere. Of several prefixes F2 and F3 count before 66,
 *   and of these two the last.
 * - `rex.w0`, `rex.w1`, `rex.b0`, `rex.b1`: the value of that bit of REX.
 * - `VEX.LZ.66.0F38.W0`: instead of all that, the VEX prefix as the manual writes it.
 * - the opcode's bytes. `+r` behind the last: its low three bits are a register.
 * - `/r`: a ModR/M byte follows. `/0` to `/7`: it does, and its reg field is the digit. Two hexadecimal digits: it has
 *   exactly this value; with `+i` behind them, its low three bits are free (ST(i) in x87).
 *
 * Operands are named as in appendix A (see ../operands.ts), implicit ones too. Whether ModR/M may or must name memory
 * follows from their letters: M memory only, R U N registers only.
 */
import type { Unit } from "../instruction.ts";
import type { Mnemonic } from "./mnemonics.ts";

/** What the SDM says about an encoding besides its bytes and operands. */
export interface Attributes {
  /** LOCK is allowed with a memory destination. */
  readonly lock?: true;
  /** F2 and F3 act as REPNE and REP. */
  readonly rep?: true;
  /** Operand size is 1. */
  readonly byte?: true;
  /** Operand size is at most 4: REX.W does not widen it. */
  readonly z?: true;
  /** Invalid in 64-bit mode (superscript i64). */
  readonly i64?: true;
  /** Only in 64-bit mode (superscript o64). */
  readonly o64?: true;
  /** 64-bit mode: operand size is 8 unless 66 makes it 2 (superscript d64). */
  readonly d64?: true;
  /** 64-bit mode: operand size is 8, 66 is ignored (superscript f64). */
  readonly f64?: true;
  /** ModR/M names a register whatever its mod field is. */
  readonly modIgnored?: true;
  /** Takes what no other row of the opcode takes. */
  readonly otherwise?: true;
  /** #GP(0) if CPL is not 0. */
  readonly cpl0?: true;
  /** #UD if CPL is not 0. */
  readonly cpl0Ud?: true;
  /** #UD in real-address and virtual-8086 mode. */
  readonly protectedOnly?: true;
  /** Ends its block. */
  readonly ends?: true;
  /** A memory operand of 16 bytes must be aligned: so it is in SSE rows without `unaligned`, and in rows with `aligned`. */
  readonly aligned?: true;
  readonly unaligned?: true;
  /** The unit, where the operands do not show it. */
  readonly unit?: Unit;
}

/** One encoding of one instruction. */
export type Row = readonly [encoding: string, mnemonic: Mnemonic, operands: string, attributes?: Attributes];

/** Opcode maps, as VEX numbers them. */
export const OpcodeMap = { ONE_BYTE: 0, MAP_0F: 1, MAP_0F38: 2, MAP_0F3A: 3 } as const;

/** Mandatory prefixes as VEX.pp numbers them. */
export const Prefix = { NONE: 0, P66: 1, F3: 2, F2: 3 } as const;

/** A field of the encoding that may tell rows of one opcode apart, with the number of its values. */
export const FIELDS = {
  /** Mandatory prefix (`Prefix`). */
  prefix: 4,
  /** REX.W or VEX.W. */
  w: 2,
  /** REX.B. */
  b: 2,
  /** VEX.L. */
  l: 2,
  /** 1 if ModR/M.mod is 3. */
  register: 2,
  /** ModR/M.reg. */
  reg: 8,
  /** ModR/M.rm. */
  rm: 8,
} as const;
/** Name of such a field. */
export type Field = keyof typeof FIELDS;

/** The encoding of a row, taken apart. */
export interface Encoding {
  readonly vex: boolean;
  readonly map: number;
  /** Opcode byte; with `+r`, the first of eight. */
  readonly opcode: number;
  readonly opcodeCount: 1 | 8;
  readonly modrm: boolean;
  /** The values a field must have, as a set of bits; a field that is not here does not matter. */
  readonly fields: Partial<Record<Field, number>>;
}

const PREFIX_BITS: Record<string, number> = { np: 1, "66": 2, f3: 4, f2: 8 };
const VEX_PREFIX_BITS: Record<string, number> = { "66": 2, F3: 4, F2: 8 };
const VEX_MAPS: Record<string, number> = { "0F": 1, "0F38": 2, "0F3A": 3 };

/** Takes the encoding of a row apart. */
export function parseEncoding(row: Row): Encoding {
  const [encoding, , operands, attributes] = row;
  const words = encoding.split(" ");
  const fields: Partial<Record<Field, number>> = {};
  let map: number = OpcodeMap.ONE_BYTE;
  let position = 0;
  const vex = encoding.startsWith("VEX.");
  if (vex) {
    map = parseVex(words[position++]!, fields);
  } else {
    // "66", "f2" and "f3" are prefixes and no opcodes here: no row of the maps has them as its first byte.
    const allowed = words[position]!.split("|").reduce((set, word) => set | (PREFIX_BITS[word] ?? 0), 0);
    if (allowed !== 0) {
      fields.prefix = allowed;
      position++;
    }
    for (; words[position]!.startsWith("rex."); position++) {
      const word = words[position]!;
      fields[word[4] as "w" | "b"] = 1 << Number(word[5]);
    }
    if (words[position] === "0f") {
      position++;
      map = OpcodeMap.MAP_0F;
      if ((words[position] === "38" || words[position] === "3a") && words.length > position + 1) {
        map = words[position++] === "38" ? OpcodeMap.MAP_0F38 : OpcodeMap.MAP_0F3A;
      }
    }
  }
  const opcode = words[position++]!;
  const modrm = words[position];
  if (modrm !== undefined) parseModrm(modrm, operands, fields);
  if (attributes?.modIgnored) delete fields.register;
  return {
    vex,
    map,
    opcode: parseInt(opcode, 16),
    opcodeCount: opcode.endsWith("+r") ? 8 : 1,
    modrm: modrm !== undefined,
    fields,
  };
}

/** Reads `VEX.LZ.66.0F38.W0`; returns the map. */
function parseVex(word: string, fields: Partial<Record<Field, number>>): number {
  let map = 0;
  fields.prefix = 1 << Prefix.NONE;
  for (const part of word.split(".").slice(1)) {
    if (part in VEX_MAPS) map = VEX_MAPS[part]!;
    else if (part in VEX_PREFIX_BITS) fields.prefix = VEX_PREFIX_BITS[part]!;
    else if (part === "LZ" || part === "L0" || part === "128") fields.l = 1;
    else if (part === "L1" || part === "256") fields.l = 2;
    else if (part === "W0" || part === "W1") fields.w = 1 << Number(part[1]);
    else if (part !== "LIG" && part !== "WIG") {
      throw new Error(`Cannot read "${part}" in the opcode row "${word}"`);
    }
  }
  return map;
}

function parseModrm(word: string, operands: string, fields: Partial<Record<Field, number>>): void {
  if (word[0] !== "/") {
    const value = parseInt(word, 16);
    fields.register = 2;
    fields.reg = 1 << ((value >> 3) & 7);
    if (!word.endsWith("+i")) fields.rm = 1 << (value & 7);
    return;
  }
  if (word !== "/r") fields.reg = 1 << Number(word[1]);
  const letters = operands.split(",").map((operand) => operand[0]!);
  if (letters.includes("M")) fields.register = 1;
  else if (/(^|,)[RUN][a-z]/.test(operands)) fields.register = 2;
}
