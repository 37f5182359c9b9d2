import { assertEquals } from "@std/assert";
import { Gpr } from "../../src/cpu/state.ts";
import { type Bare, everywhere, le32 } from "../jit/_bare.ts";

/** A page of registers outside RAM, mapped at linear 1F0000H; the page below is RAM. */
const DEVICE = 0xfee0_0000, LINEAR = 0x1f_0000, CODE = 0x1000 * 16;

interface Seen {
  readonly kind: "read" | "write";
  readonly offset: number;
  readonly size: number;
  readonly value: number;
}

function withDevice(bare: Bare): Seen[] {
  const seen: Seen[] = [];
  bare.mapPage(LINEAR, DEVICE);
  bare.processor.dispatcher.bindings.access.mmio = {
    read(hpa, size) {
      const value = 0x4030_2010 + seen.length;
      seen.push({ kind: "read", offset: hpa - DEVICE, size, value });
      return value;
    },
    write: (hpa, size, value) =>
      void seen.push({ kind: "write", offset: hpa - DEVICE, size, value: value >>> 0 }),
  };
  return seen;
}

const HLT = 0xf4;

everywhere("MMIO: each access reaches the device once, with its size", (bare) => {
  const seen = withDevice(bare);
  bare.write(CODE, [
    0xbb,
    ...le32(LINEAR), // MOV EBX,LINEAR
    0x8b,
    0x43,
    0x10, // MOV EAX,[RBX+10H]
    0x0f,
    0xb6,
    0x4b,
    0x21, // MOVZX ECX,BYTE [RBX+21H]
    0x66,
    0xc7,
    0x43,
    0x30,
    0x34,
    0x12, // MOV WORD [RBX+30H],1234H
    0xff,
    0x43,
    0x40, // INC DWORD [RBX+40H]
    0x48,
    0x89,
    0x43,
    0x50, // MOV [RBX+50H],RAX
    HLT,
  ]); // deno-fmt-ignore
  bare.run(CODE);
  assertEquals(seen.map(({ kind, offset, size, value }) => [kind, offset, size, value]), [
    ["read", 0x10, 4, 0x4030_2010],
    ["read", 0x21, 1, 0x4030_2011],
    ["write", 0x30, 2, 0x1234],
    ["read", 0x40, 4, 0x4030_2013],
    ["write", 0x40, 4, 0x4030_2014],
    ["write", 0x50, 4, 0x4030_2010],
    ["write", 0x54, 4, 0],
  ]);
  assertEquals([bare.get(Gpr.RAX), bare.get(Gpr.RCX)], [0x4030_2010, 0x11]);
});

everywhere("MMIO: an access that crosses into the device's page goes bytewise", (bare) => {
  const seen = withDevice(bare);
  bare.write(LINEAR - 2, [0xaa, 0xbb]);
  bare.write(CODE, [
    0xbb,
    ...le32(LINEAR - 2), // MOV EBX,LINEAR-2
    0x8b,
    0x03, // MOV EAX,[RBX]
    0xc7,
    0x03,
    ...le32(0x0403_0201), // MOV DWORD [RBX],4030201H
    HLT,
  ]); // deno-fmt-ignore
  bare.run(CODE);
  assertEquals(seen.map(({ kind, offset, size }) => [kind, offset, size]), [
    ["read", 0, 1],
    ["read", 1, 1],
    ["write", 0, 1],
    ["write", 1, 1],
  ]);
  assertEquals(bare.get(Gpr.RAX), 0x1110_bbaa);
  assertEquals(seen.slice(2).map(({ value }) => value), [3, 4]);
  assertEquals([...bare.memory.ram(LINEAR - 2, 2)], [1, 2]);
});

everywhere("MMIO: REP MOVSD from a device reads each element once", (bare) => {
  const seen = withDevice(bare);
  bare.write(CODE, [
    0xbe,
    ...le32(LINEAR), // MOV ESI,LINEAR
    0xbf,
    ...le32(0x2_0000), // MOV EDI,20000H
    0xb9,
    ...le32(3), // MOV ECX,3
    0xf3,
    0xa5, // REP MOVSD
    HLT,
  ]); // deno-fmt-ignore
  bare.run(CODE);
  assertEquals(seen.map(({ offset, size }) => [offset, size]), [[0, 4], [4, 4], [8, 4]]);
  assertEquals([...new Int32Array(bare.memory.ram(0x2_0000, 12).slice().buffer)], [
    0x4030_2010,
    0x4030_2011,
    0x4030_2012,
  ]);
});
