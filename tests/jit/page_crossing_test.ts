/** Accesses over the end of a page, where the soft TLB has the entry of the page behind it only. */
import { assertEquals } from "@std/assert";
import { Gpr } from "../../src/cpu/state.ts";
import { everywhere, le32 } from "./_bare.ts";

const CODE = 0x1_0000, PAGE = 0x3_0000, NEXT = PAGE + 0x1000;
/** Frames that do not follow each other. */
const FRAME = 0x5_0000, NEXT_FRAME = 0x8_0000;
const INT3 = 0xcc, TURNS = 20;

everywhere("a load over the end of a page takes its bytes from both frames, each time", (bare) => {
  bare.mapPage(PAGE, FRAME);
  bare.mapPage(NEXT, NEXT_FRAME);
  bare.write(FRAME + 0xffe, [0x11, 0x22]);
  bare.write(NEXT_FRAME, [0x33, 0x44]);
  // What an access by the entry of the page behind would meet.
  bare.write(NEXT_FRAME - 2, [0xff, 0xff]);
  bare.write(CODE, [
    ...[0xb9, ...le32(TURNS)],
    // MOV EAX, [NEXT]; MOV EBX, [NEXT - 2]; ADD EDX, EBX; DEC ECX; JNZ back
    ...[0x8b, 0x04, 0x25, ...le32(NEXT), 0x8b, 0x1c, 0x25, ...le32(NEXT - 2)],
    ...[0x01, 0xda, 0xff, 0xc9, 0x75, -20 & 0xff, INT3],
  ]);
  bare.set(Gpr.RDX, 0);
  assertEquals(bare.run(CODE).kind, "interrupt");
  assertEquals(bare.get(Gpr.RBX), 0x4433_2211);
  assertEquals(bare.get(Gpr.RDX), Math.imul(0x4433_2211, TURNS));
});
