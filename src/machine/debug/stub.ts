/** The stub that GDB talks to: answers packets about a target that is stopped. GDB manual, appendix E. */
import type { DebugHit } from "../../cpu/system/debug_points.ts";
import { runMonitorCommand } from "./monitor.ts";
import {
  bytesOfHex,
  bytesOfText,
  framePacket,
  hexOfBytes,
  hexOfText,
  numberOfHex,
  PacketReader,
  textOfBytes,
} from "./packets.ts";
import { FilePackets } from "./file_packets.ts";
import { answerMemory } from "./memory_packets.ts";
import { answerPoint } from "./point_packets.ts";
import { answerQuery } from "./queries.ts";
import {
  type DebugRegister,
  type DebugView,
  type DebugViewChoice,
  featuresOf,
  readBytes,
  viewOf,
  writeBytes,
} from "./registers.ts";
import { codeSize } from "./program_counter.ts";
import { Refusal } from "./refusal.ts";
import { parseResumption } from "./resume_packets.ts";
import { DebugSignal, type DebugTarget, type Resumption } from "./target.ts";

/** What the debugger's side is doing. */
export type StubState = "stopped" | "running" | "detached" | "killed";

/** Why the target stopped. */
export interface StopReason {
  readonly signal: number;
  readonly hit?: DebugHit | undefined;
}

/** One connection of a debugger. */
export class GdbStub {
  state: StubState = "stopped";
  /** How the target is to go on, while it runs. */
  resumption: Resumption = { step: undefined, range: undefined, signal: 0 };
  /** The debugger wants the target to stop. */
  interrupted = false;
  /** Memory packets have physical addresses, as with QEMU's PhyMemMode. */
  isPhysical = false;
  /** The thread that registers and memory are of. */
  thread: number;
  /** What the debugger was told of the last stop. */
  #lastStop: StopReason = { signal: DebugSignal.TRAP };
  #acknowledges = true;
  #lastPacket: Uint8Array = new Uint8Array(0);
  readonly #reader = new PacketReader();
  readonly #files: FilePackets | undefined;

  /** The view that this connection has been told of. */
  readonly shown: DebugView;

  /**
   * @param send gets the bytes for the debugger
   * @param view which processor debuggers are shown; a monitor command chooses another one for the next connection
   */
  constructor(
    readonly target: DebugTarget,
    readonly send: (bytes: Uint8Array) => void,
    readonly view: { choice: DebugViewChoice },
  ) {
    this.thread = target.current;
    this.#files = target.files && new FilePackets(target.files);
    const state = target.state(this.thread);
    this.shown = viewOf(view.choice, state === undefined ? 64 : codeSize(state));
  }

  /** Takes bytes from the debugger. */
  receive(bytes: Uint8Array): void {
    for (const incoming of this.#reader.read(bytes)) {
      switch (incoming.kind) {
        case "interrupt":
          this.interrupted = true;
          break;
        case "repeat":
          this.send(this.#lastPacket);
          break;
        case "damaged":
          if (this.#acknowledges) this.send(bytesOfText("-"));
          break;
        case "packet":
          if (this.#acknowledges) this.send(bytesOfText("+"));
          this.#take(incoming.data);
      }
    }
  }

  /** Tells that the target has stopped. */
  stopped(reason: StopReason, message?: string): void {
    this.state = "stopped";
    this.interrupted = false;
    this.thread = this.target.current;
    this.#lastStop = reason;
    if (message !== undefined) this.#reply(`O${hexOfText(`${message}\n`)}`);
    this.#reply(this.#stopReply());
  }

  /** Tells that the target has ended, with the packet that says how. */
  ended(packet: string): void {
    if (this.state === "running") this.#reply(packet);
    this.state = "detached";
  }

  /** The registers in the order in which the debugger knows them. */
  get registers(): readonly DebugRegister[] {
    return featuresOf(this.shown, this.target.isProgram).flatMap(({ registers }) => registers);
  }

  #take(data: Uint8Array): void {
    if (this.state === "stopped") {
      const reply = this.#answer(data);
      if (reply !== undefined) this.#reply(reply);
    } else if (this.state === "running" && textOfBytes(data) === "vCtrlC") {
      this.interrupted = true;
      this.#reply("OK");
    }
  }

  #reply(reply: string | Uint8Array): void {
    this.#lastPacket = framePacket(typeof reply === "string" ? bytesOfText(reply) : reply);
    this.send(this.#lastPacket);
  }

  /** The answer to a packet; empty: we do not know it; undefined: it comes with the next stop, or never. */
  #answer(data: Uint8Array): string | Uint8Array | undefined {
    const text = textOfBytes(data), rest = text.slice(1);
    switch (text[0]) {
      case "?":
        return this.#stopReply();
      case "g":
        return this.#readAll();
      case "G":
        return this.#writeAll(rest);
      case "p":
        return this.#readOne(rest);
      case "P":
        return this.#writeOne(rest);
      case "m":
      case "M":
      case "X":
        return answerMemory(this, text);
      case "Z":
      case "z":
        return answerPoint(this.target.points, text);
      case "H":
        return this.#chooseThread(rest);
      case "T":
        return this.target.threads.some(({ id }) => id === parseInt(rest, 16)) ? "OK" : Refusal.THREAD;
      case "D":
        this.target.points.clear();
        this.state = "detached";
        return "OK";
      case "k":
        this.state = "killed";
        return undefined;
      case "Q":
        if (text === "QStartNoAckMode") {
          // This answer is still acknowledged; nothing is after it.
          this.#acknowledges = false;
          return "OK";
        }
        return answerQuery(this, text);
      case "q":
        return text.startsWith("qRcmd,") ? this.#monitor(text.slice(6)) : answerQuery(this, text);
      case "v":
        if (text.startsWith("vKill;")) {
          this.state = "killed";
          return "OK";
        }
        if (text.startsWith("vFile:")) return this.#files?.answer(text) ?? "";
        if (text === "vCont?") return "vCont;c;C;s;S;r";
        if (!text.startsWith("vCont;")) return "";
        return this.#resume(text);
      case "c":
      case "C":
      case "s":
      case "S":
        return this.#resume(text);
      default:
        return "";
    }
  }

  #resume(text: string): string | undefined {
    const parsed = parseResumption(text, this.target.threads.map(({ id }) => id), this.thread);
    if (parsed === undefined) return Refusal.INVALID;
    if (parsed.address !== undefined) {
      const state = this.target.state(this.thread),
        counter = this.registers.find(({ type }) => type === "code_ptr")!;
      if (state === undefined) return Refusal.THREAD;
      counter.write!(state, BigInt.asUintN(counter.bits, parsed.address));
    }
    this.resumption = parsed.how;
    this.state = "running";
    return undefined;
  }

  #stopReply(): string {
    const { signal, hit } = this.#lastStop, { target } = this;
    let reply = `T${signal.toString(16).padStart(2, "0")}`;
    if (hit !== undefined) {
      const { kind, address } = hit.point;
      if (kind !== "execute") {
        reply += `${kind === "write" ? "watch" : kind === "read" ? "rwatch" : "awatch"}:${
          address.toString(16)
        };`;
      }
    }
    return `${reply}thread:${target.current.toString(16)};`;
  }

  #chooseThread(text: string): string {
    const operation = text[0], number = text.slice(1);
    if (operation !== "g" && operation !== "c") return Refusal.INVALID;
    // 0: any, -1: all.
    if (number === "0" || number === "-1") return "OK";
    const thread = numberOfHex(number);
    if (thread === undefined || !this.target.threads.some(({ id }) => BigInt(id) === thread)) {
      return Refusal.THREAD;
    }
    this.thread = Number(thread);
    return "OK";
  }

  #readAll(): string {
    const state = this.target.state(this.thread);
    if (state === undefined) return Refusal.THREAD;
    return this.registers.map((register) => hexOfBytes(readBytes(register, state))).join("");
  }

  #writeAll(text: string): string {
    const state = this.target.state(this.thread), bytes = bytesOfHex(text);
    if (state === undefined) return Refusal.THREAD;
    const { registers } = this, total = registers.reduce((sum, { bits }) => sum + bits / 8, 0);
    if (bytes === undefined || bytes.length !== total) return Refusal.INVALID;
    let at = 0, done = true;
    for (const register of registers) {
      const size = register.bits / 8;
      if (!writeBytes(register, state, bytes.subarray(at, at + size))) done = false;
      at += size;
    }
    return done ? "OK" : Refusal.INVALID;
  }

  #readOne(text: string): string {
    const number = numberOfHex(text), state = this.target.state(this.thread);
    const register = number === undefined ? undefined : this.registers[Number(number)];
    if (state === undefined) return Refusal.THREAD;
    return register === undefined ? Refusal.INVALID : hexOfBytes(readBytes(register, state));
  }

  #writeOne(text: string): string {
    const [number, value] = text.split("="), state = this.target.state(this.thread);
    const index = numberOfHex(number), bytes = value === undefined ? undefined : bytesOfHex(value);
    const register = index === undefined ? undefined : this.registers[Number(index)];
    if (state === undefined) return Refusal.THREAD;
    if (register === undefined || bytes === undefined) return Refusal.INVALID;
    return writeBytes(register, state, bytes) ? "OK" : Refusal.INVALID;
  }

  #monitor(hex: string): string {
    const bytes = bytesOfHex(hex);
    if (bytes === undefined) return Refusal.INVALID;
    return hexOfText(runMonitorCommand(this, new TextDecoder().decode(bytes)));
  }
}
