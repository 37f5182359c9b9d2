/** Browsers of this host, run without a display. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** How a browser is started. */
export interface Browser {
  readonly name: string;
  /** Debian's packages that have it. */
  readonly packages: string;
  /** Names that its command may have, and arguments with which that does nothing but succeed. */
  readonly commands: readonly string[];
  readonly probe: readonly string[];
  /** What opens an address, with a profile of its own. */
  readonly args: (profile: string, address: string) => string[];
}

export const CHROMIUM: Browser = {
  name: "Chromium",
  packages: "chromium-headless-shell",
  commands: ["chromium-headless-shell", "chromium", "google-chrome"],
  probe: ["--version"],
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
  packages: "firefox-esr",
  commands: ["firefox-esr", "firefox"],
  probe: ["--version"],
  args: (profile, address) => ["--headless", "--no-remote", "--profile", profile, address],
};

/** The engine of Safari, in the small browser that comes with its GTK port. It needs a display: one in memory. */
const MINI_BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
export const WEBKIT: Browser = {
  name: "WebKit",
  packages: "libwebkit2gtk-4.1-0, xvfb and xauth",
  commands: ["xvfb-run"],
  probe: ["-a", MINI_BROWSER, "--version"],
  args: (_profile, address) => ["-a", MINI_BROWSER, "--private", address],
};

/** The command of a browser, if this host has one. */
export function commandOf({ commands, probe }: Browser): string | undefined {
  return commands.find((command) => spawnSync(command, probe, { timeout: 60_000 }).status === 0);
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
  // A group of processes of its own, which ends with it.
  const child = spawn(command, browser.args(profile, address), { stdio: "ignore", detached: true });
  const ended = once(child, "exit");
  try {
    return await Promise.race([
      finished,
      ended.then(([code]) => Promise.reject(new Error(`${command} ended by itself: ${code}`))),
    ]);
  } finally {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, "SIGKILL");
    await ended;
    // Processes of its own may still be writing there.
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}
