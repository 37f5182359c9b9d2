/** Machines with an IDE controller: code that DMA overwrites, snapshots in the middle of a transfer, what options ask for. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ENGINE_NAMES, type EngineName } from "../../../src/machine/engines.ts";
import { bootMachine, type Machine, type MachineOptions } from "../../../src/machine/machine.ts";
import { loadMachine } from "../../../src/machine/snapshot/load.ts";
import { forced } from "../../_support/forced.ts";
import { numbered } from "./_board.ts";

const CODE = 0x1_0000, SUBROUTINE = 0x1_1000, WRITES = 0x3_0000, TABLE = 0x4_0000, BUFFER = 0x5_0000;
const MASTER = 0xc000;

/** Calls a subroutine three times, makes a list of byte-wide OUTs, calls it again, and ends with what it leaves in AL. */
const DMA_PROGRAM = [
  ...[0xbc, 0x00, 0x00, 0x09, 0x00], //       mov esp, 0x90000
  ...[0xb9, 0x03, 0x00, 0x00, 0x00], //       mov ecx, 3
  ...[0xe8, 0xf1, 0x0f, 0x00, 0x00], // some: call 0x11000
  ...[0x49, 0x75, 0xf8], //                   dec ecx; jnz some
  ...[0xbe, 0x00, 0x00, 0x03, 0x00], //       mov esi, 0x30000
  ...[0x8b, 0x16, 0x85, 0xd2], //       next: mov edx, [esi]; test edx, edx
  ...[0x74, 0x09, 0x8b, 0x46, 0x04], //       jz done; mov eax, [esi + 4]
  ...[0xee, 0x83, 0xc6, 0x08], //             out dx, al; add esi, 8
  ...[0xeb, 0xf1], //                         jmp next
  ...[0xe8, 0xd5, 0x0f, 0x00, 0x00], // done: call 0x11000
  ...[0x66, 0xba, 0xf4, 0x00, 0xee], //       mov dx, 0xf4; out dx, al
];
/** mov al, 1; ret. On the disk AL becomes 5. */
const OLD = [0xb0, 0x01, 0xc3], NEW = [0xb0, 0x05, 0xc3];

/** A machine whose program reads the disk's second sector over its own subroutine. */
function bootDma(engine: EngineName): Machine {
  const kernel = new Uint8Array(SUBROUTINE - CODE + 0x200), image = new Uint8Array(0x1_0000);
  kernel.set(DMA_PROGRAM);
  kernel.set(OLD, SUBROUTINE - CODE);
  image.set(NEW, 512);
  const ide = { primarySlave: { image } };
  const machine = bootMachine({ kernel, loadAddress: CODE, memory: 1 << 20, ...forced(engine), ide });
  const words = (at: number, ...values: readonly number[]): void =>
    machine.writePhysical(at, new Uint8Array(new Uint32Array(values).buffer));
  words(TABLE, SUBROUTINE, 0x8000_0200);
  words(
    WRITES,
    ...[0, 1, 2, 3].flatMap((n) => [MASTER + 4 + n, (TABLE >> (8 * n)) & 0xff]),
    ...[0x1f6, 0xf0, 0x1f2, 1, 0x1f3, 1, 0x1f4, 0, 0x1f5, 0, 0x1f7, 0xc8, MASTER, 9, 0],
  );
  return machine;
}

for (const engine of ENGINE_NAMES) {
  Deno.test(`Ide82371SB reads over code that was translated, which is forgotten (${engine})`, () => {
    assertEquals(bootDma(engine).run(), { kind: "exit", code: 0x0b });
  });
}

Deno.test("loadMachine() goes on with an IDE disk in the middle of DMA's set-up, without the image", async () => {
  const whole = bootDma("interpreter");
  whole.run();
  for (let at = 10; at < whole.instructions; at += 9) {
    const machine = bootDma("interpreter");
    machine.run({ instructions: at });
    const resumed = await loadMachine(await machine.snapshot());
    assertEquals([resumed.run(), resumed.instructions], [{ kind: "exit", code: 0x0b }, whole.instructions]);
  }
});

/** READ SECTORS of two, by REP INSD; WRITE SECTORS of them behind these, by REP OUTSW; HLT. */
const PIO_PROGRAM = [
  ...[0xbe, 0x00, 0x00, 0x03, 0x00], //       mov esi, 0x30000
  ...[0x8b, 0x16, 0x85, 0xd2], //       next: mov edx, [esi]; test edx, edx
  ...[0x74, 0x09, 0x8b, 0x46, 0x04], //       jz done; mov eax, [esi + 4]
  ...[0xee, 0x83, 0xc6, 0x08, 0xeb, 0xf1], // out dx, al; add esi, 8; jmp next
  ...[0x83, 0xc6, 0x08], //             done: add esi, 8
  ...[0x66, 0xba, 0xf0, 0x01], //             mov dx, 0x1f0
  ...[0xbf, 0x00, 0x00, 0x05, 0x00], //       mov edi, 0x50000
  ...[0xb9, 0x00, 0x01, 0x00, 0x00], //       mov ecx, 256
  ...[0xf3, 0x6d], //                         rep insd
  ...[0x8b, 0x16, 0x85, 0xd2], //      again: mov edx, [esi]; test edx, edx
  ...[0x74, 0x09, 0x8b, 0x46, 0x04], //       jz write; mov eax, [esi + 4]
  ...[0xee, 0x83, 0xc6, 0x08, 0xeb, 0xf1], // out dx, al; add esi, 8; jmp again
  ...[0x66, 0xba, 0xf0, 0x01], //      write: mov dx, 0x1f0
  ...[0xbe, 0x00, 0x00, 0x05, 0x00], //       mov esi, 0x50000
  ...[0xb9, 0x00, 0x02, 0x00, 0x00], //       mov ecx, 512
  ...[0x66, 0xf3, 0x6f], //                   rep outsw
  ...[0x66, 0xba, 0xf7, 0x01, 0xec], //       mov dx, 0x1f7; in al, dx
  ...[0x66, 0xba, 0xf4, 0x00, 0xee], //       mov dx, 0xf4; out dx, al
];
const READY_CODE = (0x50 << 1) | 1;

function bootPio(options: Partial<MachineOptions> = {}): { machine: Machine; image: Uint8Array } {
  const kernel = new Uint8Array(0x400), image = numbered(100);
  kernel.set(PIO_PROGRAM);
  const machine = bootMachine({
    kernel,
    loadAddress: CODE,
    memory: 1 << 20,
    ide: { primaryMaster: { image } },
    ...options,
  });
  const registers = (lba: number, command: number): number[] => [
    ...[0x3f6, 2, 0x1f6, 0xe0, 0x1f2, 2, 0x1f3, lba, 0x1f4, 0, 0x1f5, 0, 0x1f7, command],
    ...[0, 0],
  ];
  const writes = [...registers(7, 0x20), ...registers(50, 0x30)];
  machine.writePhysical(WRITES, new Uint8Array(new Uint32Array(writes).buffer));
  return { machine, image };
}

/** Instructions of a run, the same on every engine. */
let count: number | undefined;

for (const engine of ENGINE_NAMES) {
  Deno.test(`REP INSD and REP OUTSW move sectors (${engine})`, () => {
    const { machine, image } = bootPio(forced(engine));
    assertEquals(machine.run(), { kind: "exit", code: READY_CODE });
    assertEquals([49, 50, 51, 52].map((n) => image[n * 512]), [49, 7, 8, 52]);
    assertEquals(machine.instructions, count ??= machine.instructions);
  });
}

Deno.test("loadMachine() goes on in the middle of PIO, to the same end", async () => {
  const { machine: whole } = bootPio({ engine: "interpreter" });
  whole.run();
  const end = [whole.instructions, [...whole.readPhysical(BUFFER, 1024)]];
  for (let at = 7; at < whole.instructions; at += 67) {
    const { machine } = bootPio({ engine: "interpreter" });
    machine.run({ instructions: at });
    const resumed = await loadMachine(await machine.snapshot());
    assertEquals(resumed.run(), { kind: "exit", code: READY_CODE }, `saved at ${at}`);
    machine.run();
    for (const each of [machine, resumed]) {
      assertEquals([each.instructions, [...each.readPhysical(BUFFER, 1024)]], end);
    }
    assertEquals(await resumed.snapshot(), await machine.snapshot());
  }
  assert(whole.instructions > 768);
});

Deno.test("bootMachine() gives a machine the controller only where it has drives", () => {
  // MOV EAX, 80004800H; MOV DX, CF8H; OUT DX, EAX; MOV DX, CFCH; IN EAX, DX; MOV DX, F4H; OUT DX, AL
  const kernel = Uint8Array.fromHex("b80048008066baf80cef66bafc0ced66baf400ee");
  const vendor = (ide: MachineOptions["ide"] & object): number => {
    const end = bootMachine({ kernel, loadAddress: CODE, ide }).run();
    return end.kind === "exit" ? end.code : -1;
  };
  assertEquals(vendor({}), 0xff);
  assertEquals(vendor({ secondarySlave: { image: 2048, cdrom: true } }), (0x86 << 1 | 1) & 0xff);
});

Deno.test("bootMachine() refuses images that are no disks or CD-ROMs", () => {
  const refused = (ide: MachineOptions["ide"] & object): string =>
    assertThrows(() => bootMachine({ kernel: new Uint8Array(1), loadAddress: CODE, ide }), RangeError)
      .message;
  assertEquals(
    refused({ primaryMaster: { image: 1000 } }),
    "Cannot make a disk: the image has 1000 bytes, which is no multiple of 512",
  );
  assertEquals(
    refused({ primaryMaster: { image: 512, cdrom: true } }),
    "Cannot make a disk: the image has 512 bytes, which is no multiple of 2048",
  );
});

Deno.test("A drive's snapshot option keeps what the guest writes from its image", () => {
  const image = numbered(100);
  const { machine } = bootPio({ ide: { primaryMaster: { image, snapshot: true } } });
  machine.run();
  assertEquals([image[50 * 512], image[51 * 512]], [50, 51]);
});
