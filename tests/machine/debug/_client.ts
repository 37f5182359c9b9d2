/** A debugger in this process: speaks the protocol with a session, without a socket. */
import { assert } from "@std/assert";
import {
  bootMachine,
  type Machine,
  type MachineOptions,
  type MachineStop,
} from "../../../src/machine/machine.ts";
import { MachineTarget } from "../../../src/machine/debug/machine_target.ts";
import {
  bytesOfHex,
  bytesOfText,
  framePacket,
  hexOfText,
  PacketReader,
  textOfBytes,
} from "../../../src/machine/debug/packets.ts";
import { type DebugConnection, DebugSession, type SessionRun } from "../../../src/machine/debug/session.ts";
import type { DebugViewChoice } from "../../../src/machine/debug/registers.ts";
import type { Debuggee } from "../../../src/machine/debug/target.ts";

/** Instructions of a slice: few, so that slices end everywhere. */
const SLICE = 1009;

/** A debugger that is connected to a session. */
export class Client<End> {
  readonly session: DebugSession<End>;
  readonly connection: DebugConnection;
  readonly replies: string[] = [];
  /** What the last run came to. */
  outcome: SessionRun<End> | undefined;
  readonly #reader = new PacketReader();

  constructor(target: Debuggee<End> | DebugSession<End>, view: DebugViewChoice = "auto") {
    this.session = target instanceof DebugSession ? target : new DebugSession(target, view);
    this.connection = this.session.connect((bytes) => {
      for (const incoming of this.#reader.read(bytes)) {
        if (incoming.kind === "packet") this.replies.push(textOfBytes(incoming.data));
      }
    })!;
    this.ask("QStartNoAckMode");
  }

  /** Sends a packet. Returns the answer, or undefined if there was none at once. */
  ask(packet: string | Uint8Array): string | undefined {
    this.replies.length = 0;
    this.connection.receive(framePacket(typeof packet === "string" ? bytesOfText(packet) : packet));
    return this.replies.shift();
  }

  /** Sends a packet that lets the target go on, and runs it until it stops. Returns why it did. */
  async go(packet: string, interruptAfter = Infinity): Promise<string> {
    const refusal = this.ask(packet);
    assert(refusal === undefined, `${packet}: ${refusal}`);
    for (let slices = 0;; slices++) {
      if (slices === interruptAfter) this.connection.receive(Uint8Array.of(3));
      this.outcome = await this.session.run(SLICE);
      if (this.outcome.kind === "idle") await this.session.idle(Promise.resolve(false));
      const stop = this.replies.find((reply) => /^[TWX]/.test(reply));
      if (stop !== undefined) return stop;
    }
  }

  /** Value of register `n`. */
  register(n: number): bigint {
    const bytes = bytesOfHex(this.ask(`p${n.toString(16)}`)!)!;
    return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }

  /** What a monitor command prints. */
  monitor(command: string): string {
    return new TextDecoder().decode(bytesOfHex(this.ask(`qRcmd,${hexOfText(command)}`)!));
  }
}

/** A machine, and a debugger connected to it. */
export function debugged(
  options: MachineOptions,
  view?: DebugViewChoice,
): { machine: Machine; client: Client<MachineStop> } {
  const machine = bootMachine({ memory: 1 << 24, ...options });
  return { machine, client: new Client(new MachineTarget(machine), view) };
}

/** Where `kernelOf` puts code. */
export const CODE = 0x10_0040;

/** A multiboot kernel of 32-bit code, loaded at 1 MB. SDM terms do not help here: Multiboot 1 specification, 3.1. */
export function kernelOf(code: readonly number[]): Uint8Array {
  const LOAD = 0x10_0000, magic = 0x1bad_b002, addresses = 0x1_0000;
  const header = [magic, addresses, -(magic + addresses), LOAD, LOAD, 0, 0, CODE];
  const image = new Uint8Array(0x40 + code.length), view = new DataView(image.buffer);
  for (const [n, word] of header.entries()) view.setUint32(4 * n, word >>> 0, true);
  image.set(code, 0x40);
  return image;
}
