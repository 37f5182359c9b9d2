/** The IDE function of the 82371SB: configuration space, ports, and its bus masters. 290550-002. */
import { assertEquals } from "@std/assert";
import {
  type Board,
  board,
  content,
  CONTROL,
  ERROR,
  LBA_LOW,
  MASTER,
  MASTER_STATUS,
  MASTER_TABLE,
  RAM_BYTES,
  sectorsIn,
  STATUS,
} from "./_board.ts";

const READ_DMA = 0xc8, WRITE_DMA = 0xca, READ_DMA_EXT = 0x25, WRITE_DMA_EXT = 0x35;
const START = 1, TO_MEMORY = 8, ACTIVE = 1, FAULT = 2, INTERRUPT = 4;
const READY = 0x50, DRQ = 0x58, FAILED = 0x51, IDNF = 0x10;
const TABLE = 0x1000;

/** Writes a table of regions, and tells where it is. */
function describe(
  { bus, view }: Board,
  ...regions: readonly (readonly [at: number, length: number])[]
): void {
  for (const [n, [at, length]] of regions.entries()) {
    view.setUint32(TABLE + 8 * n, at, true);
    view.setUint32(TABLE + 8 * n + 4, (length & 0xffff) | (n === regions.length - 1 ? 0x8000_0000 : 0), true);
  }
  bus.out(MASTER_TABLE, 4, TABLE);
}

for (
  const [name, code, isExt] of [["READ DMA", READ_DMA, false], ["READ DMA EXT", READ_DMA_EXT, true]] as const
) {
  Deno.test(`BusMaster moves what ${name} reads into the regions of its table`, () => {
    const driver = board([{}]), { in: read, out, ram, levels } = driver;
    describe(driver, [0x2000, 512], [0x3000, 1024], [0x4002, 1024]);
    if (isExt) driver.commandExt(code, 5, 5);
    else driver.command(code, 5, 5);
    assertEquals([read(CONTROL), levels, read(MASTER_STATUS)], [DRQ, [], 0]);
    out(MASTER, START | TO_MEMORY);
    assertEquals([read(MASTER_STATUS), levels], [INTERRUPT, [true]]);
    assertEquals(sectorsIn(ram.subarray(0x2000, 0x2200)), [5]);
    assertEquals(sectorsIn(ram.subarray(0x3000, 0x3400)), [6, 7]);
    assertEquals(sectorsIn(ram.subarray(0x4002, 0x4402)), [8, 9]);
    assertEquals(driver.wrote, [[0x2000, 512], [0x3000, 1024], [0x4002, 1024]]);
    assertEquals([read(STATUS), levels], [READY, [true, false]]);
    out(MASTER_STATUS, INTERRUPT);
    assertEquals([read(MASTER_STATUS), read(MASTER)], [0, START | TO_MEMORY]);
  });
}

for (
  const [name, code, isExt] of [["WRITE DMA", WRITE_DMA, false], [
    "WRITE DMA EXT",
    WRITE_DMA_EXT,
    true,
  ]] as const
) {
  Deno.test(`BusMaster moves what ${name} writes out of the regions of its table`, () => {
    const driver = board([{}]), { out, ram } = driver;
    ram.fill(0x77, 0x2000, 0x2300).fill(0x77, 0x3000, 0x3100);
    describe(driver, [0x2000, 0x300], [0x3000, 0x100]);
    out(MASTER, START);
    if (isExt) driver.commandExt(code, 5, 2);
    else driver.command(code, 5, 2);
    assertEquals([driver.in(MASTER_STATUS), driver.in(STATUS)], [INTERRUPT, READY]);
    assertEquals(content(driver.disks[0]!, 4, 4), [4, 0x77, 0x77, 7]);
    assertEquals(driver.wrote, []);
  });
}

Deno.test("BusMaster stays active where the table has more than the drive, until it is stopped", () => {
  const driver = board([{}]), { in: read, out } = driver;
  describe(driver, [0x2000, 0]);
  driver.command(READ_DMA, 5, 1);
  out(MASTER, START | TO_MEMORY);
  assertEquals(read(MASTER_STATUS), ACTIVE | INTERRUPT);
  assertEquals(driver.wrote, [[0x2000, 512]]);
  out(MASTER, 0);
  assertEquals(read(MASTER_STATUS), INTERRUPT);
});

Deno.test("BusMaster ends without an interrupt where the drive has more than the table; another table goes on", () => {
  const driver = board([{}]), { in: read, out, levels } = driver;
  describe(driver, [0x2000, 512]);
  driver.command(READ_DMA, 5, 2);
  out(MASTER, START | TO_MEMORY);
  assertEquals([read(MASTER_STATUS), read(CONTROL), levels], [0, DRQ, []]);
  out(MASTER, 0);
  describe(driver, [0x3000, 512]);
  out(MASTER, START | TO_MEMORY);
  assertEquals([read(MASTER_STATUS), read(STATUS)], [INTERRUPT, READY]);
  assertEquals(sectorsIn(driver.ram.subarray(0x3000, 0x3200)), [6]);
});

Deno.test("BusMaster fails where the table or a region is not RAM", () => {
  for (
    const [table, region] of [[TABLE, RAM_BYTES - 256], [TABLE, 0xffff_fff0], [RAM_BYTES, 0], [
      0xffff_fffc,
      0,
    ]] as const
  ) {
    const driver = board([{}]), { in: read, out, bus } = driver;
    describe(driver, [region, 512]);
    bus.out(MASTER_TABLE, 4, table);
    driver.command(READ_DMA, 5, 1);
    out(MASTER, START | TO_MEMORY);
    assertEquals([read(MASTER_STATUS), read(CONTROL)], [FAULT, DRQ], `${table}, ${region}`);
    out(MASTER, 0);
    out(MASTER_STATUS, FAULT);
    assertEquals(read(MASTER_STATUS), 0);
  }
});

Deno.test("BusMaster moves nothing in the other direction, and nothing before it may master the bus", () => {
  const driver = board([{}]), { in: read, out } = driver;
  describe(driver, [0x2000, 512]);
  driver.command(READ_DMA, 5, 1);
  out(MASTER, START);
  assertEquals([read(MASTER_STATUS), driver.wrote], [ACTIVE, []]);
  out(MASTER, 0);
  driver.configure(0x04, 2, 1);
  out(MASTER, START | TO_MEMORY);
  assertEquals([read(MASTER_STATUS), driver.wrote], [ACTIVE, []]);
  driver.configure(0x04, 2, 5);
  assertEquals([read(MASTER_STATUS), driver.wrote], [INTERRUPT, [[0x2000, 512]]]);
});

Deno.test("AtaDisk reads by DMA up to its end, then tells where that was", () => {
  const driver = board([{}]), { in: read, out } = driver;
  describe(driver, [0x2000, 2048]);
  driver.command(READ_DMA, 254, 4);
  out(MASTER, START | TO_MEMORY);
  assertEquals(read(MASTER_STATUS), ACTIVE | INTERRUPT);
  assertEquals([read(STATUS), read(ERROR), read(LBA_LOW)], [FAILED, IDNF, 0]);
  assertEquals(sectorsIn(driver.ram.subarray(0x2000, 0x2600)), [254, 255, 0]);
});

Deno.test("A software reset ends what waits for the bus master", () => {
  const driver = board([{}]), { in: read, out } = driver;
  describe(driver, [0x2000, 512]);
  driver.command(READ_DMA, 5, 1);
  out(CONTROL, 4);
  out(CONTROL, 0);
  out(MASTER, START | TO_MEMORY);
  assertEquals([read(STATUS), read(MASTER_STATUS), driver.wrote], [READY, ACTIVE, []]);
});

Deno.test("BMIS keeps what firmware notes of the drives, and its table's address is a multiple of 4", () => {
  const { in: read, out, bus } = board([{}]);
  out(MASTER_STATUS, 0xff);
  assertEquals(read(MASTER_STATUS), 0x60);
  bus.out(MASTER_TABLE, 4, 0x1234_5677);
  assertEquals([bus.in(MASTER_TABLE, 4), bus.in(MASTER_TABLE + 8, 4)], [0x1234_5674, 0]);
  out(MASTER, 0xff);
  assertEquals([read(MASTER), read(MASTER + 1), read(MASTER + 3)], [9, 0, 0]);
});

Deno.test("BMIS tells of interrupts by PIO, too, and of those only that nIEN lets through", () => {
  const driver = board([{}]), { in: read, out } = driver;
  out(CONTROL, 2);
  driver.command(0x40);
  assertEquals([read(MASTER_STATUS), read(MASTER_STATUS + 8)], [0, 0]);
  out(CONTROL, 0);
  assertEquals([read(MASTER_STATUS), read(MASTER_STATUS + 8)], [INTERRUPT, 0]);
});

Deno.test("Ide82371SB's identity, and what of its configuration can be written", () => {
  const driver = board([{}], true), { configuration, configure } = driver;
  const all = (): number[] => [0, 4, 8, 0xc, 0x10, 0x20, 0x3c, 0x40, 0x44].map(configuration);
  assertEquals(all(), [0x7010_8086, 0x0280_0000, 0x0101_8000, 0, 0, 1, 0, 0, 0]);
  for (let register = 0; register < 0x100; register += 4) configure(register, 4, -1);
  assertEquals(all(), [
    ...[0x7010_8086, 0x0280_0005, 0x0101_8000, 0xf000],
    ...[0, 0xffff_fff1, 0, 0xffff_ffff, 0xff],
  ]);
});

Deno.test("Ide82371SB answers at the ports that firmware enables: those of each channel, and of the bus masters", () => {
  const { in: read, configure } = board([{}, undefined, {}], true);
  const ports = (): number[] => [0x1f7, 0x3f6, 0x177, 0x376, 0xd002].map(read);
  const none = [0xff, 0xff, 0xff, 0xff, 0xff];
  assertEquals(ports(), none);
  configure(0x20, 4, 0xd000);
  configure(0x40, 2, 0x8000);
  assertEquals(ports(), none, "no I/O space");
  configure(0x04, 2, 1);
  assertEquals(ports(), [READY, READY, 0xff, 0xff, 0]);
  configure(0x42, 2, 0x8000);
  assertEquals(ports(), [READY, READY, READY, READY, 0]);
  configure(0x20, 4, 0xe000);
  assertEquals([read(0xd002), read(0xe002)], [0xff, 0]);
});
