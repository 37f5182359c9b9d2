/** What a terminal does between the keyboard, the program and the screen: editing, echo, signals. termios(3); Linux: n_tty.c. */
import { Signal } from "../abi/signals.ts";

// deno-fmt-ignore
const Iflag = { ISTRIP: 0o40, INLCR: 0o100, IGNCR: 0o200, ICRNL: 0o400, IXON: 0o2000, IUTF8: 0o40000 } as const;
const Oflag = { OPOST: 1, ONLCR: 4, OCRNL: 8, ONOCR: 0x10, ONLRET: 0x20 } as const;
// deno-fmt-ignore
const Lflag = {
  ISIG: 1, ICANON: 2, ECHO: 0o10, ECHOE: 0o20, ECHOK: 0o40, ECHONL: 0o100, NOFLSH: 0o200, TOSTOP: 0o400,
  ECHOCTL: 0o1000, ECHOKE: 0o4000, IEXTEN: 0o100000,
} as const;
// deno-fmt-ignore
const Cc = {
  VINTR: 0, VQUIT: 1, VERASE: 2, VKILL: 3, VEOF: 4, VTIME: 5, VMIN: 6, VSTART: 8, VSTOP: 9, VSUSP: 10, VEOL: 11,
  VREPRINT: 12, VWERASE: 14, VLNEXT: 15, VEOL2: 16,
} as const;

/** Offset of the control characters in the kernel's `struct termios`. */
const CC_OFFSET = 17;
const NEWLINE = 10, RETURN = 13, TAB = 9, BACKSPACE = 8, SPACE = 32, DELETE = 127, CARET = 94;
/** Longest line that can be edited. */
const MAX_LINE = 4095;
/** Bytes on the way to the screen that a program may be ahead. */
const MAX_OUTPUT = 8192;

/** The state of one terminal. */
export class LineDiscipline {
  /** Complete lines; without ICANON what was there before. */
  readonly #lines: number[][] = [];
  /** The line being edited; without ICANON all that was typed. */
  #line: number[] = [];
  /** Bytes for the screen. */
  #output: number[] = [];
  #column = 0;
  #startColumn = 0;
  #quotesNext = false;
  #isStopped = false;
  /** Counts what has come for the program, and for the screen. */
  typed = 0;
  shown = 0;

  /**
   * @param termios the kernel's `struct termios`
   * @param signal sends a signal to the group in the foreground
   */
  constructor(readonly termios: Uint8Array, readonly signal: (signal: number) => void) {}

  #flags(offset: number): number {
    return new DataView(this.termios.buffer, this.termios.byteOffset).getUint32(offset, true);
  }

  get #iflag(): number {
    return this.#flags(0);
  }

  get #oflag(): number {
    return this.#flags(4);
  }

  get #lflag(): number {
    return this.#flags(12);
  }

  #cc(index: number): number {
    return this.termios[CC_OFFSET + index]!;
  }

  /** True if `byte` is this control character, which 0 turns off. */
  #is(byte: number, index: number): boolean {
    return byte !== 0 && byte === this.#cc(index);
  }

  get isCanonical(): boolean {
    return (this.#lflag & Lflag.ICANON) !== 0;
  }

  /** Groups in the background may not write. */
  get stopsWriters(): boolean {
    return (this.#lflag & Lflag.TOSTOP) !== 0;
  }

  /** Least bytes, and tenths of a second, that a read without ICANON waits for. */
  get minimum(): number {
    return this.#cc(Cc.VMIN);
  }

  get timeout(): number {
    return this.#cc(Cc.VTIME);
  }

  /** New settings. */
  configure(settings: Uint8Array): void {
    const wasCanonical = this.isCanonical;
    this.termios.set(settings);
    if (this.isCanonical && !wasCanonical && this.#line.length > 0) this.#finishLine();
    if ((this.#iflag & Iflag.IXON) === 0) this.#isStopped = false;
  }

  /** Bytes that reads would get. */
  get available(): number {
    return this.#lines.reduce((sum, line) => sum + line.length, this.isCanonical ? 0 : this.#line.length);
  }

  /** True if a read would not wait. */
  get isReadable(): boolean {
    if (this.isCanonical) return this.#lines.length > 0;
    return this.available >= Math.max(1, this.timeout > 0 ? 1 : this.minimum);
  }

  /** Takes what a read gets: bytes taken. Call it when there is something. */
  take(target: Uint8Array): number {
    let done = 0;
    while (done < target.length) {
      const line = this.#lines[0] ?? (this.isCanonical ? undefined : this.#line);
      if (line === undefined) break;
      const part = line.splice(0, target.length - done);
      target.set(part, done);
      done += part.length;
      const isDone = line.length === 0;
      if (isDone && line === this.#lines[0]) this.#lines.shift();
      if (this.isCanonical || line === this.#line) break;
    }
    return done;
  }

  /** Forgets what was typed. */
  flushInput(): void {
    this.#lines.length = 0;
    this.#line = [];
  }

  /** Forgets what was not shown yet. */
  flushOutput(): void {
    this.#output = [];
  }

  /** Bytes for the screen that nobody has fetched. */
  get pending(): number {
    return this.#output.length;
  }

  /** Fetches bytes for the screen. */
  show(target: Uint8Array): number {
    const part = this.#output.splice(0, target.length);
    target.set(part);
    return part.length;
  }

  /** True if the program must wait before it writes. */
  get isFull(): boolean {
    return this.#isStopped || this.#output.length >= MAX_OUTPUT;
  }

  /** The program writes: bytes taken. */
  write(bytes: Uint8Array): number {
    let done = 0;
    while (done < bytes.length && !this.isFull) this.#print(bytes[done++]!);
    return done;
  }

  /** One byte to the screen, as OPOST has it. */
  #print(byte: number): void {
    const flags = this.#oflag;
    let out = byte;
    if ((flags & Oflag.OPOST) !== 0) {
      if (byte === NEWLINE) {
        if ((flags & Oflag.ONLRET) !== 0) this.#column = 0;
        if ((flags & Oflag.ONLCR) !== 0) {
          this.#put(RETURN);
          this.#column = 0;
        }
      } else if (byte === RETURN) {
        if ((flags & Oflag.ONOCR) !== 0 && this.#column === 0) return;
        if ((flags & Oflag.OCRNL) !== 0) out = NEWLINE;
        else this.#column = 0;
      } else if (byte === TAB) this.#column = (this.#column | 7) + 1;
      else if (byte === BACKSPACE) this.#column = Math.max(0, this.#column - 1);
      else if (byte >= SPACE && byte !== DELETE && !this.#continues(byte)) this.#column++;
    }
    this.#put(out);
  }

  #put(byte: number): void {
    this.#output.push(byte);
    this.shown++;
  }

  /** True for the later bytes of a character of UTF-8. */
  #continues(byte: number): boolean {
    return (this.#iflag & Iflag.IUTF8) !== 0 && (byte & 0xc0) === 0x80;
  }

  /** Somebody types. */
  type(bytes: Uint8Array): void {
    for (const byte of bytes) this.#typeByte(byte);
  }

  #typeByte(given: number): void {
    const iflag = this.#iflag, lflag = this.#lflag;
    let byte = (iflag & Iflag.ISTRIP) !== 0 ? given & 0x7f : given;
    if (this.#quotesNext) {
      this.#quotesNext = false;
      this.#keep(byte);
      return;
    }
    if ((iflag & Iflag.IXON) !== 0) {
      if (this.#is(byte, Cc.VSTOP) || this.#is(byte, Cc.VSTART)) {
        this.#isStopped = this.#is(byte, Cc.VSTOP);
        return;
      }
    }
    if ((lflag & Lflag.ISIG) !== 0) {
      const signal = this.#is(byte, Cc.VINTR)
        ? Signal.INT
        : this.#is(byte, Cc.VQUIT)
        ? Signal.QUIT
        : this.#is(byte, Cc.VSUSP)
        ? Signal.TSTP
        : 0;
      if (signal !== 0) return this.#interrupt(byte, signal);
    }
    if (byte === RETURN) {
      if ((iflag & Iflag.IGNCR) !== 0) return;
      if ((iflag & Iflag.ICRNL) !== 0) byte = NEWLINE;
    } else if (byte === NEWLINE && (iflag & Iflag.INLCR) !== 0) byte = RETURN;
    if (this.isCanonical && this.#edit(byte)) return;
    this.#keep(byte);
  }

  #interrupt(byte: number, signal: number): void {
    if ((this.#lflag & Lflag.NOFLSH) === 0) this.flushInput();
    this.#isStopped = false;
    if ((this.#lflag & Lflag.ECHO) !== 0) this.#echo(byte);
    this.signal(signal);
  }

  /** Editing and the ends of lines. True if the byte has done its work. */
  #edit(byte: number): boolean {
    const lflag = this.#lflag, extended = (lflag & Lflag.IEXTEN) !== 0;
    if (this.#is(byte, Cc.VERASE)) {
      this.#erase();
      return true;
    }
    if (this.#is(byte, Cc.VKILL)) {
      this.#kill(byte);
      return true;
    }
    if (extended && this.#is(byte, Cc.VWERASE)) {
      while (this.#line.length > 0 && !isWord(this.#line.at(-1)!)) this.#erase();
      while (this.#line.length > 0 && isWord(this.#line.at(-1)!)) this.#erase();
      return true;
    }
    if (extended && this.#is(byte, Cc.VLNEXT)) {
      this.#quotesNext = true;
      if ((lflag & Lflag.ECHO) !== 0 && (lflag & Lflag.ECHOCTL) !== 0) {
        for (const out of [CARET, BACKSPACE]) {
          this.#print(out);
        }
      }
      return true;
    }
    if (extended && this.#is(byte, Cc.VREPRINT) && (lflag & Lflag.ECHO) !== 0) {
      this.#echo(byte);
      this.#print(NEWLINE);
      for (const each of this.#line) this.#echo(each);
      return true;
    }
    if (byte === NEWLINE) {
      if ((lflag & (Lflag.ECHO | Lflag.ECHONL)) !== 0) this.#print(NEWLINE);
      this.#line.push(byte);
      this.#finishLine();
      return true;
    }
    if (this.#is(byte, Cc.VEOF)) {
      this.#finishLine();
      return true;
    }
    if (this.#is(byte, Cc.VEOL) || (extended && this.#is(byte, Cc.VEOL2))) {
      if ((lflag & Lflag.ECHO) !== 0) this.#echo(byte);
      this.#line.push(byte);
      this.#finishLine();
      return true;
    }
    return false;
  }

  #finishLine(): void {
    this.#lines.push(this.#line);
    this.#line = [];
    this.typed++;
  }

  #keep(byte: number): void {
    if (this.#line.length >= MAX_LINE) return;
    if (this.#line.length === 0) this.#startColumn = this.#column;
    this.#line.push(byte);
    if (!this.isCanonical) this.typed++;
    if ((this.#lflag & Lflag.ECHO) !== 0) this.#echo(byte);
  }

  #isShownWithCaret(byte: number): boolean {
    const isControl = byte < SPACE || byte === DELETE;
    return isControl && byte !== TAB && byte !== NEWLINE && (this.#lflag & Lflag.ECHOCTL) !== 0;
  }

  #echo(byte: number): void {
    if (this.#isShownWithCaret(byte)) {
      this.#print(CARET);
      this.#print(byte ^ 0x40);
    } else this.#print(byte);
  }

  /** Takes the last character back. */
  #erase(): void {
    if (this.#line.length === 0) return;
    let byte = this.#line.pop()!;
    while (this.#continues(byte) && this.#line.length > 0) byte = this.#line.pop()!;
    if ((this.#lflag & Lflag.ECHO) === 0) return;
    if ((this.#lflag & Lflag.ECHOE) === 0) return this.#echo(this.#cc(Cc.VERASE));
    if (byte === TAB) {
      const wanted = this.#widthOfLine();
      while (this.#column > wanted) this.#print(BACKSPACE);
      return;
    }
    const width = this.#isShownWithCaret(byte) ? 2 : byte < SPACE || byte === DELETE ? 0 : 1;
    for (let i = 0; i < width; i++) for (const out of [BACKSPACE, SPACE, BACKSPACE]) this.#print(out);
  }

  #widthOfLine(): number {
    let column = this.#startColumn;
    for (const byte of this.#line) {
      if (byte === TAB) column = (column | 7) + 1;
      else if (this.#isShownWithCaret(byte)) column += 2;
      else if (byte >= SPACE && byte !== DELETE && !this.#continues(byte)) column++;
    }
    return column;
  }

  #kill(byte: number): void {
    const lflag = this.#lflag;
    if ((lflag & Lflag.ECHO) !== 0 && (lflag & Lflag.ECHOKE) !== 0 && (lflag & Lflag.ECHOE) !== 0) {
      while (this.#line.length > 0) this.#erase();
      return;
    }
    this.#line = [];
    if ((lflag & Lflag.ECHO) === 0) return;
    this.#echo(byte);
    if ((lflag & Lflag.ECHOK) !== 0) this.#print(NEWLINE);
  }
}

/** Letters, digits, underscores, and what is not ASCII. */
function isWord(byte: number): boolean {
  return byte >= 0x80 || byte === 95 || (byte >= 48 && byte <= 57) ||
    ((byte | 32) >= 97 && (byte | 32) <= 122);
}
