/** VMX instructions of the host: operands and error numbers, on every engine. SDM vol. 3C, sections 31.3 and 31.4. */
import { assertEquals } from "@std/assert";
import { Gpr } from "../../src/cpu/state.ts";
import { REVISION } from "../../src/vmx/capabilities.ts";
import { bytesOf, DATA as AREA, everywhere, HOST_CODE, PAGE_TABLES, VMCS, VMXON } from "./_guest.ts";

everywhere("VMPTRLD and VMCLEAR check their pointer in the manual's order, section 31.3", (make) => {
  const POINTER = AREA + 0x80, TOO_HIGH = 1n << 40n, OUTSIDE_RAM = 1n << 32n;
  const VMPTRLD = [0x0f, 0xc7, 0x33], VMCLEAR = [0x66, 0x0f, 0xc7, 0x33];
  for (
    const [code, pointer, error] of [
      [VMPTRLD, 0x8n, 9],
      [VMPTRLD, TOO_HIGH, 9],
      [VMPTRLD, BigInt(VMXON), 10],
      [VMPTRLD, OUTSIDE_RAM, 11],
      [VMPTRLD, BigInt(AREA), 11],
      [VMPTRLD, BigInt(VMCS), 0],
      [VMCLEAR, 0x8n, 2],
      [VMCLEAR, TOO_HIGH, 2],
      [VMCLEAR, BigInt(VMXON), 3],
      [VMCLEAR, OUTSIDE_RAM, 0],
    ] as const
  ) {
    const guest = make();
    guest.register(Gpr.RBX, BigInt(POINTER));
    guest.quad(POINTER, pointer);
    guest.write(HOST_CODE, [...code, 0xe6, 0x71]);
    assertEquals(guest.runHost(HOST_CODE), { error }, `${code} ${pointer}`);
  }
});

everywhere("INVEPT and INVVPID check their type and descriptor, section 31.3", (make) => {
  const DESCRIPTOR = AREA + 0x80;
  const cases:
    readonly (readonly [opcode: number, type: bigint, first: bigint, second: bigint, fine: boolean])[] = [
      [0x80, 0n, 0x401en, 0n, false],
      [0x80, 1n, 0x401en, 0n, true],
      [0x80, 1n, 0x4000n, 0n, false], // no EPTP
      [0x80, 2n, 0n, 0n, true],
      [0x80, 2n, 0n, 1n, false], // reserved
      [0x80, 3n, 0x401en, 0n, false],
      [0x80, 1n << 32n | 1n, 0x401en, 0n, false],
      [0x81, 0n, 1n, 0x1234n, true],
      [0x81, 0n, 1n, 0x8000_0000_0000n, false], // not canonical
      [0x81, 0n, 0n, 0n, false], // VPID 0
      [0x81, 1n, 1n, 0n, true],
      [0x81, 1n, 0n, 0n, false],
      [0x81, 2n, 0n, 0n, true],
      [0x81, 3n, 1n, 0n, true],
      [0x81, 3n, 0x1_0001n, 0n, false], // reserved
      [0x81, 4n, 1n, 0n, false],
    ];
  for (const [opcode, type, first, second, fine] of cases) {
    const guest = make();
    guest.register(Gpr.RAX, type);
    guest.register(Gpr.RBX, BigInt(DESCRIPTOR));
    guest.quad(DESCRIPTOR, first);
    guest.quad(DESCRIPTOR + 8, second);
    guest.write(HOST_CODE, [0x66, 0x0f, 0x38, opcode, 0x03, 0xe6, 0x71]);
    assertEquals(guest.runHost(HOST_CODE), { error: fine ? 0 : 28 }, `${opcode} ${type} ${first} ${second}`);
  }
});

everywhere(
  "root operation and the time outside VMX operation share VPID 0: what one drops is dropped in the other, section 29.1",
  (make) => {
    const LINEAR = 0x60_0000, OTHER = 0x20_0000, LARGE_PAGE = 0x87n, ENTRY = PAGE_TABLES + 0x2018;
    const ON = "f3 0f c7 36", OFF = "0f 01 c4", LOAD = "8b 01", STORE_ENTRY = "48 89 13";
    const INVLPG = "0f 01 39", MOV_CR3 = "0f 20 d8 0f 22 d8";
    for (const drop of [INVLPG, MOV_CR3]) {
      for (
        const parts of [[LOAD, OFF, STORE_ENTRY, drop, ON, LOAD], [
          OFF,
          LOAD,
          ON,
          STORE_ENTRY,
          drop,
          OFF,
          LOAD,
        ]]
      ) {
        const guest = make();
        guest.quad(LINEAR, 1n);
        guest.quad(OTHER, 2n);
        guest.quad(AREA, BigInt(VMXON));
        guest.quad(VMXON, BigInt(REVISION));
        guest.register(Gpr.RBX, BigInt(ENTRY));
        guest.register(Gpr.RDX, BigInt(OTHER) | LARGE_PAGE);
        guest.register(Gpr.RCX, BigInt(LINEAR));
        guest.register(Gpr.RSI, BigInt(AREA));
        guest.write(HOST_CODE, bytesOf([...parts, "e6 71"].join(" ")));
        guest.runHost(HOST_CODE);
        assertEquals(guest.register(Gpr.RAX), 2n, parts.join("; "));
      }
    }
  },
);
