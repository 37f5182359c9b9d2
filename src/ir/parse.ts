/** Reads the text form of blocks (print.ts). For tests and tools: errors name the line. */
import { type Opcode, type OpcodeInfo, opcodeNumber, OPCODES } from "./opcodes.ts";
import { FLAG_NAMES, immediateForm, resultType } from "./print.ts";
import type { Terminal } from "./terminal.ts";
import { type Block, BYTES, Inst, type Type } from "./types.ts";

/** Numbers of the names in the text. */
export interface ParseNames {
  readonly cell?: (name: string) => number | undefined;
  readonly helper?: (name: string) => number | undefined;
}

/** Reads one block. Numbers of values in the text are labels: operations are numbered by position. */
export function parse(text: string, names: ParseNames = {}): Block {
  return new BlockReader(names).read(text);
}

class BlockReader {
  readonly #insts: Inst[] = [];
  readonly #values = new Map<string, Inst>();
  readonly #offsets: number[] = [];
  #line = 0;

  constructor(readonly names: ParseNames) {}

  read(text: string): Block {
    let pc = 0n, mode = 0, usesFloat = false;
    let terminal: Terminal | undefined;
    for (const raw of text.split("\n")) {
      this.#line++;
      const line = raw.trim();
      if (line === "") continue;
      if (terminal !== undefined) throw this.#error(`nothing may follow the block's end: ${line}`);
      const header = /^block pc=(0x[0-9a-f]+) mode=(0x[0-9a-f]+)( float)?$/.exec(line);
      const marker = /^; \+(\d+)$/.exec(line);
      if (header !== null) {
        pc = BigInt(header[1]!);
        mode = Number(header[2]);
        usesFloat = header[3] !== undefined;
      } else if (marker !== null) this.#offsets.push(Number(marker[1]));
      else if (!line.startsWith(";")) terminal = this.#terminal(line) ?? this.#operation(line);
    }
    if (terminal === undefined) throw this.#error("the block has no end");
    const offsets = this.#offsets.length > 0 ? this.#offsets : [0];
    return { pc, mode, offsets, length: offsets.at(-1)!, insts: this.#insts, terminal, usesFloat };
  }

  #error(problem: string): SyntaxError {
    return new SyntaxError(`Cannot read the IR, line ${this.#line}: ${problem}`);
  }

  #terminal(line: string): Terminal | undefined {
    const space = line.indexOf(" ");
    const kind = line.slice(0, space), fields = line.slice(space + 1).split(/,\s*/);
    switch (kind) {
      case "jump":
        return fields[1] === undefined
          ? { kind, target: BigInt(fields[0]!) }
          : { kind, target: BigInt(fields[0]!), returnTo: BigInt(fields[1]) };
      case "branch":
        return {
          kind,
          condition: this.#value(fields[0]!),
          taken: BigInt(fields[1]!),
          next: BigInt(fields[2]!),
        };
      case "indirect": {
        const hint = fields[1];
        if (hint !== "jump" && hint !== "call" && hint !== "return") {
          throw this.#error(`unknown hint ${hint}`);
        }
        const target = this.#value(fields[0]!);
        return fields[2] === undefined
          ? { kind, target, hint }
          : { kind, target, hint, returnTo: BigInt(fields[2]) };
      }
      case "event":
        return this.#event(fields);
      case "redispatch":
        return { kind, target: this.#value(fields[0]!) };
      case "vmfunc":
        return { kind, next: BigInt(fields[0]!) };
      default:
        return undefined;
    }
  }

  #event(fields: readonly string[]): Terminal {
    const pattern = /^(\d+), vector (-?\d+), error (-?\d+), rip (0x[0-9a-f]+)(, retired)?$/;
    const match = pattern.exec(fields.join(", "));
    if (match === null) throw this.#error(`not an event: ${fields.join(", ")}`);
    return {
      kind: "event",
      event: Number(match[1]),
      vector: Number(match[2]),
      error: Number(match[3]),
      rip: BigInt(match[4]!),
      retired: match[5] !== undefined,
    };
  }

  #operation(line: string): undefined {
    const match = /^(?:(%\w+)(?::(\w+))? = )?(\w+)(?: (.*))?$/.exec(line);
    if (match === null) throw this.#error(`not an operation: ${line}`);
    const [, label, typed, name, rest] = match;
    if (!Object.hasOwn(OPCODES, name!)) throw this.#error(`unknown opcode ${name}`);
    const op = name as Opcode;
    const fields = rest === undefined ? [] : rest.split(/,\s*/);
    const type = this.#type(op, typed, label !== undefined);
    const args: Inst[] = [];
    let imm = 0, imm2 = 0;
    const form = immediateForm(op);
    if (form === "const32") imm = Number(BigInt.asIntN(32, this.#integer(fields.shift())));
    else if (form === "const64") {
      const value = this.#integer(fields.shift());
      imm = Number(BigInt.asIntN(32, value));
      imm2 = Number(BigInt.asIntN(32, value >> 32n));
    } else if (form === "cell") imm = this.#named(fields.shift(), this.names.cell);
    else if (form === "helper") imm = this.#named(fields.shift(), this.names.helper);
    else if (form === "fault") imm2 = -1;
    let plain = 0;
    for (const field of fields) {
      if (field.startsWith("%")) args.push(this.#value(field));
      else if (form === "memory") imm |= this.#flag(field);
      else if (form === "fault" && field.startsWith("vector ")) imm = Number(field.slice(7));
      else if (form === "fault" && field.startsWith("error ")) imm2 = Number(field.slice(6));
      else if (form === "plain" && /^#-?\d+$/.test(field)) {
        if (plain++ === 0) imm = Number(field.slice(1));
        else imm2 = Number(field.slice(1));
      } else throw this.#error(`not an operand of ${op}: ${field}`);
    }
    this.#append(
      new Inst(opcodeNumber(op), type, args, imm, imm2, Math.max(0, this.#offsets.length - 1)),
      label,
    );
    return undefined;
  }

  #append(inst: Inst, label: string | undefined): void {
    inst.id = this.#insts.length;
    this.#insts.push(inst);
    if (label === undefined) return;
    if (this.#values.has(label)) throw this.#error(`${label} is defined twice`);
    this.#values.set(label, inst);
  }

  #type(op: Opcode, typed: string | undefined, yields: boolean): Type {
    const type = typed ?? resultType(OPCODES[op] as OpcodeInfo) ?? "void";
    if (!Object.hasOwn(BYTES, type)) throw this.#error(`unknown type ${type}`);
    if ((type !== "void") !== yields) {
      throw this.#error(yields ? `${op} yields no value` : `${op} yields a value`);
    }
    return type as Type;
  }

  #value(label: string): Inst {
    const value = this.#values.get(label);
    if (value === undefined) throw this.#error(`${label} is not defined`);
    return value;
  }

  #integer(field: string | undefined): bigint {
    if (field === undefined || !/^(-?\d+|0x[0-9a-f]+)$/.test(field)) {
      throw this.#error(`not a number: ${field}`);
    }
    return BigInt(field);
  }

  #named(field = "", find: ((name: string) => number | undefined) | undefined): number {
    const number = /^#?(0x[0-9a-f]+|\d+)$/.exec(field);
    const value = number !== null ? Number(number[1]) : find?.(field);
    if (value === undefined) throw this.#error(`unknown name ${field}`);
    return value;
  }

  #flag(field: string): number {
    if (!Object.hasOwn(FLAG_NAMES, field)) throw this.#error(`unknown memory flag ${field}`);
    return FLAG_NAMES[field as keyof typeof FLAG_NAMES];
  }
}
