import { assert, assertEquals } from "@std/assert";
import { Address, GATEWAY_MAC, GUEST_MAC } from "../../../src/machine/net/addresses.ts";
import { EtherType, makeFrame, readFrame } from "../../../src/machine/net/ethernet.ts";
import type { HostConnector, HostPeer } from "../../../src/machine/net/host_connector.ts";
import { makePacket, readPacket } from "../../../src/machine/net/ipv4.ts";
import { makeSegment, readSegment, TcpFlag } from "../../../src/machine/net/tcp_segment.ts";
import { bootMachine, type Machine } from "../../../src/machine/machine.ts";
import { loadMachine } from "../../../src/machine/snapshot/load.ts";

const CODE = 0x1_0000, WRITES = 0x3_0000, RECEIVED = 0x4_0000, SENT = 0x5_0000;
/** Table, driver's and device's area of the two queues. */
const QUEUES = [[0x6_0000, 0x6_1000, 0x6_2000], [0x7_0000, 0x7_1000, 0x7_2000]] as const;
const BAR = 0xe000_0000, NOTIFY = BAR + 0x3000;
const HEADER = 12, WRITE = 2, PORT = 80;

/** Masks all lines, makes a list of 32-bit writes, lets interrupts in, and waits for ever. */
const PROGRAM = [
  ...[0xb0, 0xff, 0xe6, 0x21], //             mov al, 0xff; out 0x21, al
  ...[0xbe, 0x00, 0x00, 0x03, 0x00], //       mov esi, 0x30000
  ...[0x8b, 0x3e, 0x85, 0xff], //       next: mov edi, [esi]; test edi, edi
  ...[0x74, 0x0a, 0x8b, 0x46, 0x04], //       jz done; mov eax, [esi + 4]
  ...[0x89, 0x07, 0x83, 0xc6, 0x08], //       mov [edi], eax; add esi, 8
  ...[0xeb, 0xf0], //                         jmp next
  ...[0xfb, 0xf4, 0xeb, 0xfd], //       done: sti; wait: hlt; jmp wait
];

/** A host that is told of one connection, and answers when the test does. */
class SlowHost implements HostConnector {
  isWaiting = false;
  peer: HostPeer | undefined;

  connect(port: number, peer: HostPeer) {
    assertEquals(port, PORT);
    this.peer = peer;
    this.isWaiting = true;
    const close = (): void => {
      this.isWaiting = false;
    };
    return { unsent: 0, send: () => {}, end: () => {}, close, setFlowing: () => {} };
  }
}

/** A machine whose program connects to the host's port, with a buffer for the answer. */
function boot(hostConnector: HostConnector): Machine {
  const machine = bootMachine({
    kernel: new Uint8Array(PROGRAM),
    loadAddress: CODE,
    memory: 1 << 20,
    network: true,
    hostConnector,
  });
  const words = (at: number, ...values: readonly number[]): void =>
    machine.writePhysical(at, new Uint8Array(new Uint32Array(values).buffer));
  const syn = makeSegment(Address.GUEST, Address.GATEWAY, {
    sourcePort: 1025,
    destinationPort: PORT,
    sequence: 1,
    acknowledgment: 0,
    flags: TcpFlag.SYN,
    window: 1000,
    payload: new Uint8Array(0),
  });
  const frame = makeFrame({
    destination: GATEWAY_MAC,
    source: GUEST_MAC,
    type: EtherType.IPV4,
    payload: makePacket(syn),
  });
  machine.writePhysical(SENT + HEADER, frame);
  words(QUEUES[0][0], RECEIVED, 0, 2000, WRITE);
  words(QUEUES[1][0], SENT, 0, HEADER + frame.length, 0);
  for (const [, driver] of QUEUES) words(driver, 1 << 16, 0);
  words(
    WRITES,
    ...[BAR + 0x14, 3, BAR + 0x08, 1, BAR + 0x0c, 1, BAR + 0x14, 0xb],
    ...QUEUES.flatMap(([table, driver, device], n) => [
      ...[BAR + 0x16, n, BAR + 0x20, table, BAR + 0x28, driver, BAR + 0x30, device, BAR + 0x1c, 1],
    ]),
    ...[BAR + 0x14, 0xf, NOTIFY, 0, NOTIFY, 1, 0],
  );
  return machine;
}

/** Flags of the segment that the guest has received. */
function answer(machine: Machine): number | undefined {
  const frame = readFrame(machine.readPhysical(RECEIVED + HEADER, 100));
  const packet = frame && readPacket(frame.payload);
  return packet && readSegment(packet)?.flags;
}

Deno.test("Machine waits for input while a connection to the host is open, and goes on when something comes", async () => {
  const host = new SlowHost(), machine = boot(host);
  assertEquals([machine.run(), machine.waitsForHost], [{ kind: "halt", awaitsInput: true }, true]);
  assertEquals(answer(machine), undefined);
  const input = machine.input();
  host.peer!.opened();
  await input;
  assertEquals(answer(machine), TcpFlag.SYN | TcpFlag.ACK);
  host.peer!.failed();
  assertEquals([machine.waitsForHost, machine.run({ instructions: 100 })], [false, {
    kind: "halt",
    awaitsInput: false,
  }]);
});

Deno.test("Machine.live() lets the host's answers in", async () => {
  const host = new SlowHost(), machine = boot(host);
  setTimeout(() => host.peer!.opened(), 20);
  setTimeout(() => host.peer!.failed(), 40);
  assertEquals(await machine.live(), { kind: "halt", awaitsInput: false });
  assertEquals(answer(machine), TcpFlag.SYN | TcpFlag.ACK);
});

Deno.test("Machine.run() does not let the guest's time run ahead of the host's", () => {
  const host = new SlowHost(), machine = boot(host);
  machine.run();
  host.peer!.opened();
  // What was sent is not acknowledged: it is sent again in a second of virtual time.
  const before = machine.skippedTime;
  for (const n of [1, 2, 3]) {
    assertEquals(machine.run(), { kind: "budget" });
    assertEquals(machine.skippedTime - before, n * 1e7);
  }
  host.isWaiting = false;
  assertEquals(machine.run(), { kind: "halt", awaitsInput: false });
  assert(machine.skippedTime - before > 1e9);
});

Deno.test("loadMachine() restores the network's names, and tells the guest that its connection is gone", async () => {
  const host = new SlowHost(), machine = boot(host);
  machine.run();
  const resumed = await loadMachine(await machine.snapshot());
  assertEquals([resumed.configuration.network, resumed.waitsForHost], [[], false]);
  resumed.run({ instructions: 100 });
  assertEquals(answer(resumed), TcpFlag.RST | TcpFlag.ACK);
});

Deno.test("bootMachine() refuses names and addresses that are none", () => {
  for (const names of [{ "a b": "10.0.2.2" }, { a: "10.0.2" }]) {
    let error: unknown;
    try {
      bootMachine({
        kernel: new Uint8Array(PROGRAM),
        loadAddress: CODE,
        memory: 1 << 20,
        network: { names },
      });
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof RangeError);
  }
});
