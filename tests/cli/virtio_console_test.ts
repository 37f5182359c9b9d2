import { assertEquals } from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { causeway, withFolder } from "./command_line.ts";

const CODE = 0x1_0000, LIST = 0x1_0100, BAR = 0xe000_0000, NOTIFY = BAR + 0x3000;
const RECEIVED = 0x4_0000, PRINTED = 0x5_0000, WRITE = 2;
const QUEUES = [[0x6_0000, 0x6_1000, 0x6_2000], [0x7_0000, 0x7_1000, 0x7_2000]] as const;

/** Makes a list of 32-bit writes, waits until something was typed, and ends with its first byte. */
const PROGRAM = [
  ...[0xbe, 0x00, 0x01, 0x01, 0x00], //                   mov esi, 0x10100
  ...[0x8b, 0x3e, 0x85, 0xff], //                   next: mov edi, [esi]; test edi, edi
  ...[0x74, 0x0a, 0x8b, 0x46, 0x04], //                   jz wait; mov eax, [esi + 4]
  ...[0x89, 0x07, 0x83, 0xc6, 0x08], //                   mov [edi], eax; add esi, 8
  ...[0xeb, 0xf0], //                                     jmp next
  ...[0x66, 0x83, 0x3d, 0x02, 0x20, 0x06, 0x00, 0x01], // wait: cmp word [0x62002], 1
  ...[0x75, 0xf6, 0xa0, 0x00, 0x00, 0x04, 0x00], //       jne wait; mov al, [0x40000]
  ...[0x66, 0xba, 0xf4, 0x00, 0xee], //                   mov dx, 0xf4; out dx, al
];
const WRITES = [
  ...[PRINTED, 0x0a_6b_6f, QUEUES[1][0], PRINTED, QUEUES[1][0] + 8, 3, QUEUES[1][1], 1 << 16],
  ...[QUEUES[0][0], RECEIVED, QUEUES[0][0] + 8, 16, QUEUES[0][0] + 12, WRITE, QUEUES[0][1], 1 << 16],
  ...[BAR + 0x14, 3, BAR + 0x08, 1, BAR + 0x0c, 1, BAR + 0x14, 0xb],
  ...QUEUES.flatMap(([table, driver, device], n) => [
    ...[BAR + 0x16, n, BAR + 0x20, table, BAR + 0x28, driver, BAR + 0x30, device, BAR + 0x1c, 1],
  ]),
  ...[BAR + 0x14, 0xf, NOTIFY, 0, NOTIFY, 1, 0],
];

Deno.test("boot --console virtio prints what the guest writes there, and types stdin", () => {
  withFolder((folder) => {
    const kernel = join(folder, "kernel"), image = new Uint8Array(0x1000);
    image.set(PROGRAM);
    image.set(new Uint8Array(new Uint32Array(WRITES).buffer), LIST - CODE);
    writeFileSync(kernel, image);
    const args = ["boot", "--kernel", kernel, "--load-address", "0x10000", "--memory", "1M"];
    assertEquals(causeway([...args, "--console", "virtio"], "A"), { code: 0x83, stdout: "ok\n", stderr: "" });
    const snapshot = join(folder, "snapshot"), save = ["--save", snapshot, "--save-at", "10", "--save-exit"];
    assertEquals(causeway([...args, ...save]).code, 0);
    const { code, stderr } = causeway(["boot", "--load", snapshot, "--console", "virtio"]);
    assertEquals([code, stderr], [
      2,
      "causeway boot: --console virtio: the snapshot's machine has no virtio console\n",
    ]);
  });
});
