/** Prints system calls and signals as strace(1) does. */
import { errnoName, errnoText } from "../abi/errno.ts";
import { signalName } from "../abi/signals.ts";
import { syscallName } from "../abi/syscall_names.ts";
import { bytesOfText } from "../memory/user_memory.ts";
import { gpr } from "../registers.ts";
import { encodeInfo } from "../signals/frame.ts";
import type { SignalInfo } from "../signals/state.ts";
import type { SystemCall } from "../syscalls/table.ts";
import type { LinuxSystem } from "../system.ts";
import type { GroupEnd, Task, ThreadGroup } from "../task.ts";
import { describeSignal, printArgument, quote, signalSet } from "./formats.ts";

/** A call that has begun. */
interface Pending {
  readonly call: SystemCall;
  readonly args: readonly number[];
  /** Texts of arguments the call reads; undefined for those it fills. */
  readonly texts: readonly (string | undefined)[];
}

/** Formats whose memory the call fills: printed when it is over. */
const OUTPUT = /^(out|stat$|dirents$|status$|uname$|iov|pollfds|timeval$)/;
/** Results that are addresses. */
const ADDRESS_RESULT = new Set(["mmap", "brk", "mremap", "shmat"]);
/** Calls whose last argument is only there for files that are made. */
const OPENING = /^open(at)?$/;
/** Column of the result. */
const RESULT_COLUMN = 40;

/** The tracer. */
export class Strace {
  readonly #pending = new Map<Task, Pending>();
  readonly #missing = new Set<number>();

  constructor(readonly system: LinuxSystem, readonly print: (line: string) => void) {}

  /** The first program has been loaded. */
  started(task: Task, path: string, argv: readonly string[], environment: number): void {
    const words = [path, ...argv].map((word) => quote(bytesOfText(word), 256));
    const head = `execve(${words[0]}, [${words.slice(1).join(", ")}], ... /* ${environment} vars */)`;
    this.#line(task, head, "0");
  }

  /** A call begins. */
  enter(task: Task, call: SystemCall, args: readonly number[]): void {
    const texts = call.formats.map((format, i) =>
      OUTPUT.test(format) ? undefined : printArgument(task, format, args, i, undefined)
    );
    this.#pending.set(task, { call, args: [...args], texts });
    if (call.name === "exit" || call.name === "exit_group") {
      this.#line(task, `${this.#head(task, undefined)}`, "?");
    }
  }

  /** A call has its result. */
  leave(task: Task, result: number): void {
    if (!this.#pending.has(task)) return;
    const head = this.#head(task, result);
    const name = this.#pending.get(task)?.call.name ?? "";
    this.#line(task, head, this.#result(name, result));
  }

  /** A call is cut short by a signal. */
  interrupted(task: Task): void {
    if (!this.#pending.has(task)) return;
    this.#line(task, this.#head(task, -4), "? ERESTARTSYS (To be restarted if SA_RESTART is set)");
  }

  /** A call that is not implemented; each is named once. */
  missing(task: Task, number: number): void {
    const { registers } = task;
    const name = syscallName(number);
    const args = [7, 6, 2].map((n) => `0x${gpr(registers, n).toString(16)}`).join(", ");
    this.#line(task, `${name}(${args})`, this.#result(name, -38));
    if (this.#missing.has(number)) return;
    this.#missing.add(number);
    this.print(`causeway: system call ${name} (${number}) is not implemented`);
  }

  /** Something else worth a line. */
  note(task: Task, text: string): void {
    this.print(`${this.#prefix(task.tid)}causeway: ${text}`);
  }

  /** A signal is delivered. */
  signal(task: Task, info: SignalInfo): void {
    this.print(
      `${this.#prefix(task.tid)}--- ${signalName(info.signal)} ${describeSignal(info, encodeInfo(info))} ---`,
    );
  }

  /** A thread group has ended. */
  ended(group: ThreadGroup, end: GroupEnd): void {
    for (const task of this.#pending.keys()) if (task.group === group) this.#pending.delete(task);
    const text = end.kind === "exited" ? `exited with ${end.code}` : `killed by ${signalName(end.signal)}`;
    this.print(`${this.#prefix(group.pid)}+++ ${text} +++`);
  }

  #head(task: Task, result: number | undefined): string {
    const pending = this.#pending.get(task);
    if (pending === undefined) return "";
    const texts = pending.texts.map((text, i) =>
      text ?? printArgument(task, pending.call.formats[i]!, pending.args, i, result)
    );
    const { name } = pending.call;
    if (name === "clone") {
      const [flagText, stack, parentTid, childTid, tls] = texts;
      const rest = [[parentTid, "parent_tid"], [tls, "tls"], [childTid, "child_tidptr"]];
      const shown = rest.filter(([text]) => text !== "NULL").map(([text, label]) => `${label}=${text}`);
      return `clone(${[`child_stack=${stack}`, `flags=${flagText}`, ...shown].join(", ")})`;
    }
    if (name === "rt_sigreturn") return `${name}({mask=${signalSet(task.mask)}})`;
    const modeless = OPENING.test(name) && !texts.some((text) => /O_CREAT|O_TMPFILE/.test(text));
    return `${name}(${(modeless ? texts.slice(0, -1) : texts).join(", ")})`;
  }

  #line(task: Task, head: string, result: string): void {
    this.#pending.delete(task);
    this.print(`${this.#prefix(task.tid)}${head.padEnd(RESULT_COLUMN - 1)} = ${result}`);
  }

  #result(name: string, result: number): string {
    if (result < 0 && result > -4096) {
      return `-1 ${errnoName(-result)} (${errnoText(-result)})`;
    }
    return ADDRESS_RESULT.has(name) ? `0x${result.toString(16)}` : `${result}`;
  }

  #prefix(tid: number): string {
    return this.system.groups.size > 1 || this.system.tasks.length > 1 ? `[pid ${tid}] ` : "";
  }
}
