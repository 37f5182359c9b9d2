/** Prints the code of a function in WebAssembly's text format, an instruction a line. */
import { F32, F64, I32, I64, immediatesOf, type InstructionName, V128, VOID, W } from "./instructions.ts";

const NAMES: ReadonlyMap<number, InstructionName> = new Map(
  (Object.entries(W) as [InstructionName, number][]).map(([name, code]) => [code, name]),
);
const TYPES: Readonly<Record<number, string>> = {
  [I32]: "i32",
  [I64]: "i64",
  [F32]: "f32",
  [F64]: "f64",
  [V128]: "v128",
};

/** The text format's spelling. */
function spelled(name: InstructionName): string {
  return name.replace(/^(v128|[if]\d+(?:x\d+)?|local|memory)_/, "$1.");
}

/** Prints code (without the function's last `end`). `call` names imported functions by index. */
export function printCode(code: Uint8Array, call: (index: number) => string): string {
  const reader = new Reader(code);
  const lines: string[] = [];
  let indent = 1;
  while (!reader.done) {
    const name = reader.instruction();
    if (name === "end" || name === "else") indent--;
    lines.push("  ".repeat(indent) + spelled(name) + reader.immediates(name, call));
    if (name === "else" || immediatesOf(name) === "type") indent++;
  }
  return lines.join("\n");
}

/** Counts instructions by name. */
export function countInstructions(code: Uint8Array): Map<InstructionName, number> {
  const reader = new Reader(code);
  const counts = new Map<InstructionName, number>();
  while (!reader.done) {
    const name = reader.instruction();
    reader.immediates(name, String);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

class Reader {
  #at = 0;
  readonly #view: DataView;
  constructor(readonly code: Uint8Array) {
    this.#view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  }

  get done(): boolean {
    return this.#at >= this.code.length;
  }
  instruction(): InstructionName {
    const first = this.#u8();
    const code = first === 0xfd || first === 0xfc ? (first << 8) | Number(this.#leb(false)) : first;
    const name = NAMES.get(code);
    if (name === undefined) throw new Error(`no instruction has the opcode 0x${code.toString(16)}`);
    return name;
  }
  immediates(name: InstructionName, call: (index: number) => string): string {
    switch (immediatesOf(name)) {
      case "none":
        return "";
      case "type": {
        const type = this.#u8();
        return type === VOID ? "" : ` (result ${TYPES[type]})`;
      }
      case "index": {
        const index = Number(this.#leb(false));
        return ` ${name === "call" ? call(index) : index}`;
      }
      case "table": {
        const count = Number(this.#leb(false));
        return ` ${Array.from({ length: count + 1 }, () => this.#leb(false)).join(" ")}`;
      }
      case "call_indirect":
        return ` (type ${this.#leb(false)}) ${this.#leb(false)}`;
      case "memory": {
        const align = this.#leb(false), offset = this.#leb(false);
        return ` offset=${offset} align=${1n << align}`;
      }
      case "i32":
      case "i64":
        return ` ${this.#leb(true)}`;
      case "f32": {
        this.#at += 4;
        return ` ${this.#view.getFloat32(this.#at - 4, true)}`;
      }
      case "f64": {
        this.#at += 8;
        return ` ${this.#view.getFloat64(this.#at - 8, true)}`;
      }
      case "lane":
      case "byte":
        return ` ${this.#u8()}`;
      case "bytes":
        return ` ${this.#u8()} ${this.#u8()}`;
      case "v128": {
        this.#at += 16;
        return ` ${[...this.code.subarray(this.#at - 16, this.#at)].join(" ")}`;
      }
    }
  }

  #u8(): number {
    return this.code[this.#at++]!;
  }
  #leb(signed: boolean): bigint {
    let value = 0n, shift = 0n;
    for (;;) {
      const byte = this.#u8();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return signed && (byte & 0x40) !== 0 ? value - (1n << shift) : value;
    }
  }
}
