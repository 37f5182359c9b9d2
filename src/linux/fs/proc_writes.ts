/** What programs may write to the files in /proc. proc(5). */
import { Errno, fail } from "../abi/errno.ts";
import { bytesOfText } from "../memory/user_memory.ts";
import type { Task, ThreadGroup } from "../task.ts";

/** Longest name of a task, in bytes. */
const NAME_BYTES = 15;
/** Largest score, and smallest with the sign turned. */
const MOST_OOM_SCORE = 1000;

/** Who writes, and about whom. */
interface Write {
  readonly writer: Task;
  readonly group: ThreadGroup;
  readonly task: Task;
}

/** Files of a group, or of one of its tasks, by name. */
export const GROUP_WRITES: ReadonlyMap<string, (write: Write, text: string) => void> = new Map([
  ["comm", ({ task }: Write, text: string) => {
    task.name = new TextDecoder().decode(bytesOfText(text.replace(/\n$/, "")).subarray(0, NAME_BYTES));
  }],
  ["oom_score_adj", ({ writer, group }: Write, text: string) => {
    const score = Number(text.trim());
    if (!/^[+-]?\d+\s*$/.test(text) || Math.abs(score) > MOST_OOM_SCORE) fail(Errno.EINVAL);
    if (score < group.oomScore && writer.group.credentials.euid !== 0) fail(Errno.EACCES);
    group.oomScore = score;
  }],
]);
