import { assertEquals } from "@std/assert";
import { SyscallError } from "../../src/linux/abi/errno.ts";
import { AddressSpace, MemorySystem } from "../../src/linux/memory/address_space.ts";
import { ZERO_FRAME } from "../../src/linux/memory/frames.ts";
import { Pte } from "../../src/linux/memory/page_tables.ts";
import { bytesOfText, textOfBytes, UserMemory } from "../../src/linux/memory/user_memory.ts";
import { Prot, type Region, RegionList } from "../../src/linux/memory/vma.ts";
import { Mmu } from "../../src/memory/mmu.ts";
import { LinearMemory, PAGE_SIZE } from "../../src/memory/physical.ts";
import { enterUserMode } from "../../src/linux/registers.ts";

const RW = Prot.READ | Prot.WRITE;

function region(start: number, end: number, prot: number = RW): Region {
  return {
    start,
    end,
    prot,
    shared: false,
    growsDown: false,
    backing: undefined,
    offset: 0,
    name: "",
    mayWrite: true,
  };
}

function makeMemory(pages = 256): MemorySystem {
  const memory = new LinearMemory(1 << 22);
  enterUserMode(memory.i32);
  return new MemorySystem(new Mmu(memory), pages * PAGE_SIZE);
}

function spans(list: RegionList): [number, number, number][] {
  return list.list.map(({ start, end, prot }) => [start / PAGE_SIZE, end / PAGE_SIZE, prot]);
}

const P = PAGE_SIZE;

Deno.test("RegionList merges neighbours that are alike and keeps others apart", () => {
  const list = new RegionList();
  list.insert(region(2 * P, 3 * P));
  list.insert(region(4 * P, 5 * P));
  list.insert(region(3 * P, 4 * P));
  assertEquals(spans(list), [[2, 5, RW]]);
  list.insert(region(5 * P, 6 * P, Prot.READ));
  assertEquals(spans(list), [[2, 5, RW], [5, 6, Prot.READ]]);
});

Deno.test("RegionList.remove() cuts regions at both ends", () => {
  const list = new RegionList();
  list.insert(region(0, 10 * P));
  list.remove(3 * P, 5 * P);
  assertEquals(spans(list), [[0, 3, RW], [5, 10, RW]]);
  list.remove(0, P);
  list.remove(9 * P, 20 * P);
  assertEquals(spans(list), [[1, 3, RW], [5, 9, RW]]);
  assertEquals(list.covers(P, 3 * P), true);
  assertEquals(list.covers(2 * P, 6 * P), false);
  assertEquals(list.find(4 * P), undefined);
});

Deno.test("RegionList.gapBelow() finds the highest place and keeps away from the stack", () => {
  const list = new RegionList();
  assertEquals(list.gapBelow(2 * P, P, 100 * P), 98 * P);
  list.insert(region(90 * P, 95 * P));
  assertEquals(list.gapBelow(2 * P, P, 100 * P), 98 * P);
  assertEquals(list.gapBelow(6 * P, P, 100 * P), 84 * P);
  assertEquals(list.gapBelow(95 * P, P, 100 * P), -1);
  const withStack = new RegionList();
  withStack.insert({ ...region(1000 * P, 1100 * P), growsDown: true });
  assertEquals(withStack.gapBelow(P, P, 1100 * P), (1000 - 256 - 1) * P);
});

Deno.test("RegionList agrees with a plain list of pages over random operations", () => {
  const list = new RegionList();
  const pages = new Map<number, number>();
  let seed = 1;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % limit;
  };
  for (let i = 0; i < 3000; i++) {
    const start = random(60), end = start + 1 + random(8), prot = random(4);
    list.remove(start * P, end * P);
    for (let page = start; page < end; page++) pages.delete(page);
    if (random(3) > 0) {
      list.insert(region(start * P, end * P, prot));
      for (let page = start; page < end; page++) pages.set(page, prot);
    }
    for (let page = 0; page < 70; page++) assertEquals(list.find(page * P)?.prot, pages.get(page));
  }
});

Deno.test("AddressSpace: a page comes with its first access, zero frames for reads", () => {
  const memory = makeMemory();
  const space = new AddressSpace(memory);
  space.map(region(0x10000, 0x20000));
  const user = new UserMemory(space);
  assertEquals(user.u8(0x10000), 0);
  const at = space.tables.find(0x10000);
  const entry = memory.frames.memory.i32[at]!;
  assertEquals([entry >>> 12, entry & Pte.W, entry & Pte.P], [ZERO_FRAME, 0, Pte.P]);
  user.setU8(0x10000, 7);
  assertEquals([user.u8(0x10000), user.u8(0x11000)], [7, 0]);
  assertEquals(memory.frames.memory.i32[at]! & Pte.W, Pte.W);
});

Deno.test("AddressSpace.fault() tells unmapped from denied", () => {
  const space = new AddressSpace(makeMemory());
  space.map(region(0x10000, 0x12000, Prot.READ));
  space.map(region(0x12000, 0x13000, 0));
  assertEquals(space.fault(0x10000, "read"), "resolved");
  assertEquals(space.fault(0x10000, "write"), "denied");
  assertEquals(space.fault(0x10000, "execute"), "denied");
  assertEquals(space.fault(0x12000, "read"), "denied");
  assertEquals(space.fault(0x13000, "read"), "unmapped");
});

Deno.test("AddressSpace: the stack grows as far as its limit", () => {
  const space = new AddressSpace(makeMemory());
  space.stackLimit = 0x10000;
  space.map({ ...region(0x7f0000, 0x800000), growsDown: true });
  space.stackLimit = 0x20000;
  assertEquals(space.fault(0x7e0000, "write"), "resolved");
  assertEquals(space.regions.list[0]!.start, 0x7e0000);
  assertEquals(space.fault(0x7df000, "write"), "unmapped");
});

Deno.test("fork() shares pages until one side writes, and all frames come back", () => {
  const memory = makeMemory();
  const before = memory.frames.free;
  const parent = new AddressSpace(memory);
  parent.map(region(0x10000, 0x20000));
  new UserMemory(parent).write(0x10000, new Uint8Array(3 * P).fill(1));
  const used = memory.frames.free;
  const child = parent.fork();
  assertEquals(used - memory.frames.free, 4); // four levels of page tables, no pages
  new UserMemory(child).setU8(0x10000, 2);
  assertEquals([new UserMemory(parent).u8(0x10000), new UserMemory(child).u8(0x10000)], [1, 2]);
  new UserMemory(parent).setU8(0x11000, 3);
  assertEquals([new UserMemory(parent).u8(0x11000), new UserMemory(child).u8(0x11000)], [3, 1]);
  parent.release();
  assertEquals(new UserMemory(child).u8(0x12000), 1);
  child.release();
  assertEquals(memory.frames.free, before);
});

Deno.test("shared anonymous memory stays shared over fork()", () => {
  const memory = makeMemory();
  const before = memory.frames.free;
  const parent = new AddressSpace(memory);
  parent.map({ ...region(0x10000, 0x12000), shared: true, backing: memory.cache.anonymous() });
  const child = parent.fork();
  new UserMemory(child).setI32(0x10010, 1234);
  assertEquals(new UserMemory(parent).i32(0x10010), 1234);
  child.release();
  assertEquals(new UserMemory(parent).i32(0x10010), 1234);
  parent.release();
  assertEquals(memory.frames.free, before);
});

Deno.test("protect() takes rights away at once and gives them back by a fault", () => {
  const memory = makeMemory();
  const space = new AddressSpace(memory);
  space.map(region(0x10000, 0x14000));
  const user = new UserMemory(space);
  user.write(0x10000, new Uint8Array(4 * P).fill(9));
  space.protect(0x11000, 0x12000, Prot.READ);
  assertEquals(spans(space.regions).length, 3);
  assertEquals(space.fault(0x11000, "write"), "denied");
  space.protect(0x11000, 0x12000, 0);
  assertEquals(memory.frames.memory.i32[space.tables.find(0x11000)]! & (Pte.P | Pte.HELD), Pte.HELD);
  space.protect(0x11000, 0x12000, RW);
  assertEquals(spans(space.regions).length, 1);
  user.setU8(0x11000, 1);
  assertEquals([user.u8(0x11000), user.u8(0x11001)], [1, 9]);
});

Deno.test("movePages() carries the bytes to their new place", () => {
  const space = new AddressSpace(makeMemory());
  space.map(region(0x10000, 0x12000));
  const user = new UserMemory(space);
  user.setI32(0x10ffe, 0x01020304);
  space.regions.insert(region(0x40_0000, 0x40_2000));
  space.movePages(0x10000, 0x40_0000, 0x2000);
  space.unmap(0x10000, 0x12000);
  assertEquals(user.i32(0x40_0ffe), 0x01020304);
});

Deno.test("memory that has run out fails with ENOMEM and can be used again when it is free", () => {
  const memory = makeMemory(20);
  const space = new AddressSpace(memory);
  space.map(region(0x10000, 0x100000));
  const user = new UserMemory(space);
  let errno = 0;
  let page = 0x10000;
  try {
    for (; page < 0x100000; page += P) user.setU8(page, 1);
  } catch (error) {
    errno = error instanceof SyscallError ? error.errno : -1;
  }
  assertEquals(errno, 12);
  space.unmap(0x10000, page);
  user.setU8(0x80000, 1);
  assertEquals(user.u8(0x80000), 1);
});

Deno.test("a random history of maps, writes, forks and unmaps leaks no frame", () => {
  const memory = makeMemory(900);
  const before = memory.frames.free;
  const spaces = [new AddressSpace(memory)];
  let seed = 7;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % limit;
  };
  for (let i = 0; i < 4000; i++) {
    const space = spaces[random(spaces.length)]!;
    const start = 0x10000 + random(40) * P, end = start + (1 + random(10)) * P;
    const action = random(8);
    if (action === 0) space.unmap(start, end);
    else if (action === 1) space.releasePages(start, end);
    else if (action === 2 && space.regions.covers(start, end)) space.protect(start, end, random(2) * 2 + 1);
    else if (action === 3 && spaces.length < 5) spaces.push(space.fork());
    else if (action === 4 && spaces.length > 1) spaces.splice(spaces.indexOf(space), 1)[0]!.release();
    else if (action === 5) {
      const shared = random(3) === 0;
      const made = region(start, end);
      space.map(shared ? { ...made, shared, backing: memory.cache.anonymous() } : made);
    } else space.fault(start, random(2) === 0 ? "write" : "read");
  }
  for (const space of spaces) space.release();
  assertEquals(memory.frames.free, before);
});

Deno.test("UserMemory fails with EFAULT outside of what is mapped and reads across pages", () => {
  const space = new AddressSpace(makeMemory());
  space.map(region(0x10000, 0x12000));
  const user = new UserMemory(space);
  user.write(0x10ffa, new TextEncoder().encode("hello world\0"));
  assertEquals(user.string(0x10ffa), "hello world");
  user.setBig(0x10ffc, 0x8877665544332211n);
  assertEquals([user.big(0x10ffc), user.u16(0x10fff)], [0x8877665544332211n, 0x5544]);
  for (const address of [0, 0xfff0, 0x12000, 0x11fff, -1, 2 ** 47, 2 ** 63]) {
    let errno = 0;
    try {
      user.setI32(address, 1);
    } catch (error) {
      errno = error instanceof SyscallError ? error.errno : -1;
    }
    assertEquals(errno, 14, `0x${address.toString(16)}`);
  }
});

Deno.test("names that are no UTF-8 survive the way to text and back", () => {
  for (const bytes of [[0x61, 0xff, 0x62], [0xc3, 0x28], [0xe2, 0x82, 0xac], [0x80]]) {
    assertEquals([...bytesOfText(textOfBytes(Uint8Array.from(bytes)))], bytes);
  }
});
