/** The host that the guest's script /network finds behind its gateway: everything it says follows from what it is sent. */
import type { HostConnection, HostConnector, HostPeer } from "../../../src/machine/net/host_connector.ts";

const HTTP = 80, ECHO = 7;
const LARGE_LINES = 100_000;
const PAGES: Readonly<Record<string, string>> = {
  "/hello": "hello from the host\n",
  "/large": Array.from({ length: LARGE_LINES }, (_, n) => `${n + 1}\n`).join(""),
};

/** Answers one request, and ends. */
function answerRequest(peer: HostPeer): (bytes: Uint8Array) => void {
  let request = "";
  return (bytes) => {
    request += new TextDecoder().decode(bytes);
    const [, path] = /^GET (\S+) .*\r\n\r\n$/s.exec(request) ?? [];
    if (path === undefined) return;
    const body = PAGES[path], status = body === undefined ? "404 Not Found" : "200 OK";
    const head = `HTTP/1.0 ${status}\r\nContent-Length: ${(body ?? "").length}\r\n\r\n`;
    peer.received(new TextEncoder().encode(head + (body ?? "")));
    peer.ended();
  };
}

/** What answers at which port. */
const SERVICES: Readonly<Record<number, (peer: HostPeer) => (bytes: Uint8Array) => void>> = {
  [HTTP]: answerRequest,
  [ECHO]: (peer) => (bytes) => peer.received(bytes),
};

/** Its connections. Nothing comes by itself, so runs are repeatable. */
export const SCRIPTED_HOST: HostConnector = {
  isWaiting: false,
  connect(port, peer): HostConnection | undefined {
    const service = SERVICES[port];
    if (service === undefined) return undefined;
    peer.opened();
    return {
      unsent: 0,
      send: service(peer),
      end: () => peer.ended(),
      close: () => {},
      setFlowing: () => {},
    };
  },
};
