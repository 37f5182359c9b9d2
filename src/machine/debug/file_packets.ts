/** Packets that read the files that a program sees: itself and its libraries. GDB manual, appendix E.7. */
import { bytesOfHex, bytesOfText, numberOfHex, PACKET_BYTES } from "./packets.ts";
import type { DebugFiles } from "./target.ts";

/** Most bytes of an answer: each may need an escape. */
const MOST_BYTES = PACKET_BYTES / 2 - 16;
/** Error numbers and modes of the protocol (File-I/O: errno values, mode_t values). */
const NO_ENTRY = 2, BAD_FILE = 9, INVALID = 22, READ_ONLY = 30;
const REGULAR_FILE = 0o100444;
/** `struct stat` of the protocol: numbers of 32 bits, big-endian, but for three of 64. */
const STAT_BYTES = 64, STAT_MODE = 8, STAT_LINKS = 12, STAT_SIZE = 28, STAT_BLOCK_SIZE = 36, STAT_BLOCKS = 44;
const BLOCK = 512, PREFERRED_BLOCK = 4096;

/** The files that a debugger has opened. They are read as a whole when they are. */
export class FilePackets {
  readonly #open = new Map<number, Uint8Array>();
  #last = 0;

  constructor(readonly files: DebugFiles) {}

  /** Answers a `vFile:` packet; empty: unknown. */
  answer(text: string): string | Uint8Array {
    const [, operation, parameters = ""] = text.split(":");
    switch (operation) {
      case "setfs":
        return "F0";
      case "open":
        return this.#openFile(parameters);
      case "close":
        return this.#open.delete(parseInt(parameters, 16)) ? "F0" : failure(BAD_FILE);
      case "pread":
        return this.#read(parameters);
      case "fstat": {
        const bytes = this.#open.get(parseInt(parameters, 16));
        return bytes === undefined ? failure(BAD_FILE) : success(STAT_BYTES, statusOf(bytes));
      }
      default:
        return "";
    }
  }

  /** `PATH,FLAGS,MODE`. */
  #openFile(parameters: string): string {
    const [path = "", flags = ""] = parameters.split(","), name = bytesOfHex(path);
    if (name === undefined) return failure(INVALID);
    if (parseInt(flags, 16) !== 0) return failure(READ_ONLY);
    const bytes = this.files.read(new TextDecoder().decode(name));
    if (bytes === undefined) return failure(NO_ENTRY);
    this.#open.set(++this.#last, bytes);
    return `F${this.#last.toString(16)}`;
  }

  /** `FILE,COUNT,OFFSET`. */
  #read(parameters: string): string | Uint8Array {
    const [file, count, offset] = parameters.split(",").map(numberOfHex);
    if (file === undefined || count === undefined || offset === undefined) return failure(INVALID);
    const bytes = this.#open.get(Number(file));
    if (bytes === undefined) return failure(BAD_FILE);
    const start = Number(offset), part = bytes.subarray(start, start + Math.min(Number(count), MOST_BYTES));
    return success(part.length, part);
  }
}

const failure = (error: number): string => `F-1,${error.toString(16)}`;

/** A result, and what belongs to it. */
function success(result: number, attachment: Uint8Array): Uint8Array {
  return Uint8Array.from([...bytesOfText(`F${result.toString(16)};`), ...attachment]);
}

function statusOf({ length }: Uint8Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(STAT_BYTES));
  view.setUint32(STAT_MODE, REGULAR_FILE);
  view.setUint32(STAT_LINKS, 1);
  view.setBigUint64(STAT_SIZE, BigInt(length));
  view.setBigUint64(STAT_BLOCK_SIZE, BigInt(PREFERRED_BLOCK));
  view.setBigUint64(STAT_BLOCKS, BigInt(Math.ceil(length / BLOCK)));
  return new Uint8Array(view.buffer);
}
