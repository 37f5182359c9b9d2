/** Where `--dump` goes. */
import { closeSync } from "node:fs";
import { type DumpStage, dumpStages } from "../machine/api/dump.ts";
import type { TranslationObserver } from "../machine/observer.ts";
import { usageError } from "./exit_codes.ts";
import { openOutput, writeAll } from "./output.ts";

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
  const fd = openOutput(path);
  return { observer: dumpStages(stages, (text) => writeAll(fd, text, path)), close: () => closeSync(fd) };
}
