/** Browsers of this host, run without a display. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How a browser is started. */
export interface Browser {
  readonly name: string;
  /** Names that its command may have; Debian's package is called as the first. */
  readonly commands: readonly [string, ...string[]];
  /** What opens an address, with a profile of its own. */
  readonly args: (profile: string, address: string) => string[];
}

export const CHROMIUM: Browser = {
  name: "Chromium",
  commands: ["chromium-headless-shell", "chromium", "google-chrome"],
  // Its sandbox wants namespaces that containers do not have; the pages are ours.
  args: (profile, address) => [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0", // stays until it is ended
    `--user-data-dir=${profile}`,
    address,
  ],
};

export const FIREFOX: Browser = {
  name: "Firefox",
  commands: ["firefox-esr", "firefox"],
  args: (profile, address) => ["--headless", "--no-remote", "--profile", profile, address],
};

/** The command of a browser, if this host has one. */
export function commandOf({ commands }: Browser): string | undefined {
  return commands.find((command) => spawnSync(command, ["--version"], { timeout: 60_000 }).status === 0);
}

/** Has a browser open an address, and ends it when `finished` is settled. */
export async function withBrowser<T>(
  { browser, command, address }: {
    readonly browser: Browser;
    readonly command: string;
    readonly address: string;
  },
  finished: Promise<T>,
): Promise<T> {
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  const child = spawn(command, browser.args(profile, address), { stdio: "ignore" });
  const ended = once(child, "exit");
  try {
    return await Promise.race([
      finished,
      ended.then(([code]) => Promise.reject(new Error(`${command} ended by itself: ${code}`))),
    ]);
  } finally {
    child.kill("SIGKILL");
    await ended;
    // Processes of its own may still be writing there.
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
