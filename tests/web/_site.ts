/** A server for the pages that browsers open in tests. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };
const PAGE =
  '<!DOCTYPE html><meta charset="utf-8"><body><script type="module" src="/site/pages.js"></script>';

/** What lies under a path, without its first `/`; undefined: nothing. */
export type Contents = (path: string) => Uint8Array | string | undefined;

/** A server on this host's loopback interface. */
export interface Site {
  /** The address of a page of pages.js. */
  address(page: string): string;
  /** What the page posts. Rejects where it failed, or after so many milliseconds. */
  result(patience: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Opens one. `policy` is the content security policy of everything on it. */
export async function openSite(contents: Contents, policy?: string): Promise<Site> {
  let settle: { resolve(value: unknown): void; reject(reason: Error): void } | undefined;
  const server = createServer(async (request, response) => {
    const path = new URL(request.url!, "http://localhost").pathname.slice(1);
    if (request.method === "POST") {
      const value = JSON.parse(await bodyOf(request)) as unknown;
      response.end();
      if (path === "done") settle?.resolve(value);
      else settle?.reject(new Error(`The page failed: ${value}`));
      return;
    }
    const content = path === "" ? PAGE : contents(path);
    if (content === undefined) return void response.writeHead(404).end();
    if (policy !== undefined) response.setHeader("content-security-policy", policy);
    response.setHeader("content-type", TYPES[extname(path) || ".html"] ?? "application/octet-stream");
    response.end(content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: (page) => `http://127.0.0.1:${port}/#${page}`,
    async result(patience) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      settle = { resolve, reject };
      const timer = setTimeout(() => reject(new Error(`No answer in ${patience} ms`)), patience);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return new TextDecoder().decode(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}
