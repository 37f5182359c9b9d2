/** Where `--dump` goes. */
import { closeSync, openSync } from "node:fs";
import { type DumpStage, dumpStages } from "../machine/api/dump.ts";
import type { TranslationObserver } from "../machine/observer.ts";
import { usageError } from "./exit_codes.ts";
import { cannotWrite, writeAll } from "./output.ts";

/** An open dump. */
export interface Dump {
  readonly observer: TranslationObserver;
  close(): void;
}

/** Opens what the options `--dump` and `--dump-file` ask for; undefined if they ask for nothing. */
export function openDump(
  stages: readonly DumpStage[] | undefined,
  path: string | undefined,
): Dump | undefined {
  if (stages === undefined) {
    if (path !== undefined) throw usageError("--dump-file needs --dump, which says what to write there");
    return undefined;
  }
  if (path === undefined) {
    return { observer: dumpStages(stages, (text) => writeAll(2, text)), close() {} };
  }
  let fd: number;
  try {
    fd = openSync(path, "w");
  } catch (error) {
    throw cannotWrite(path, error);
  }
  return { observer: dumpStages(stages, (text) => writeAll(fd, text, path)), close: () => closeSync(fd) };
}
