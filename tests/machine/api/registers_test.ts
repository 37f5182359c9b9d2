import { assertEquals, assertThrows } from "@std/assert";
import { FSW, GPR, STATE_BYTES, X87, XMM } from "../../../src/cpu/state.ts";
import {
  isRegisterName,
  readRegister,
  REGISTER_NAMES,
  registerBits,
  writeRegister,
} from "../../../src/machine/api/registers.ts";

const newState = (): DataView => new DataView(new ArrayBuffer(STATE_BYTES));

Deno.test("writeRegister() and readRegister() carry every bit of every register", () => {
  const state = newState();
  for (const name of REGISTER_NAMES) {
    if (name === "rflags") continue;
    for (const value of [(1n << BigInt(registerBits(name))) - 1n, 0x1234n, 0n]) {
      writeRegister(state, name, value);
      assertEquals(readRegister(state, name), value, name);
    }
  }
});

Deno.test("writeRegister() keeps the reserved bits of RFLAGS as the processor does", () => {
  const state = newState();
  writeRegister(state, "rflags", (1n << 64n) - 1n);
  assertEquals(readRegister(state, "rflags"), 0x3f7fd7n);
  writeRegister(state, "rflags", 0n);
  assertEquals(readRegister(state, "rflags"), 2n);
});

Deno.test("registers lie where instructions find them", () => {
  const state = newState();
  writeRegister(state, "rsi", 0x1122334455667788n);
  assertEquals(state.getUint32(GPR + 8 * 6, true), 0x55667788);
  writeRegister(state, "xmm3", (7n << 64n) | 5n);
  assertEquals([state.getBigUint64(XMM + 48, true), state.getBigUint64(XMM + 56, true)], [5n, 7n]);
  state.setUint32(FSW, 6 << 11, true); // TOP = 6: ST(3) is physical register 1
  writeRegister(state, "st3", (0x3fffn << 64n) | (1n << 63n));
  assertEquals([state.getBigUint64(X87 + 16, true), readRegister(state, "mm1")], [1n << 63n, 1n << 63n]);
});

Deno.test("writeRegister() takes negative values as their two's complement", () => {
  const state = newState();
  for (const name of REGISTER_NAMES) {
    const bits = BigInt(registerBits(name));
    const written = (value: bigint): bigint => {
      writeRegister(state, name, value);
      return readRegister(state, name);
    };
    assertEquals(written(-2n), written((1n << bits) - 2n), name);
    assertEquals(written(-(1n << (bits - 1n))), written(1n << (bits - 1n)), name);
  }
});

Deno.test("writeRegister() refuses values that do not fit, and unknown names", () => {
  assertThrows(
    () => writeRegister(newState(), "cs", 0x10000n),
    RangeError,
    "Cannot set cs to 0x10000: it has 16 bits",
  );
  assertThrows(() => writeRegister(newState(), "rax", 1n << 64n), RangeError, "it has 64 bits");
  assertThrows(
    () => writeRegister(newState(), "rax", -(1n << 63n) - 1n),
    RangeError,
    "Cannot set rax to -0x8000000000000001: it has 64 bits",
  );
  assertEquals([isRegisterName("rax"), isRegisterName("eax"), isRegisterName("constructor")], [
    true,
    false,
    false,
  ]);
});
