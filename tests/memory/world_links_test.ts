/** Links of world calls: when what they lead to was used last. */
import { assertEquals } from "@std/assert";
import { TLB_BASE, WORLD_GENERATION, WORLD_TICK } from "../../src/cpu/state.ts";
import {
  CALL_LINK_BYTES,
  LinearMemory,
  SLOT_CALL_LINKS,
  SLOT_LAST_USE,
  slotOffset,
} from "../../src/memory/physical.ts";
import { CallLink, LINKED_SEGMENTS_BYTES, WorldLinks } from "../../src/memory/world_links.ts";

const FROM = slotOffset(1), TO = slotOffset(2);

/** A link from one slot to another, for the WID 3; translated code has called over it when the clock was at 100. */
function make(): { links: WorldLinks; m: Int32Array; uses: number; link: number } {
  const memory = new LinearMemory(1 << 16), links = new WorldLinks(memory), m = memory.i32;
  const uses = links.takeUses(3);
  links.renew();
  m[TLB_BASE >> 2] = TO;
  for (const place of [uses, uses + 1, uses + 2]) links.use(place);
  links.linkCall(FROM, {
    caller: 1n,
    callee: 3n,
    cr3: 0x1000n,
    rip: 0x2000n,
    cpl: 0,
    segments: new Int32Array(LINKED_SEGMENTS_BYTES / 4),
    flags: -1,
    callerUse: uses,
    calleeUse: uses + 1,
    systemContext: undefined,
  });
  const link = (FROM + SLOT_CALL_LINKS + 3 * CALL_LINK_BYTES) >> 2;
  assertEquals(m[link + (CallLink.GENERATION >> 2)], m[WORLD_GENERATION >> 2]);
  m[WORLD_TICK >> 2] = m[link + (CallLink.LAST_USE >> 2)] = 100;
  return { links, m, uses, link };
}

Deno.test("a call over a link is a use of its caller, its callee, and the callee's slot", () => {
  const { links, m, uses } = make();
  m[WORLD_TICK >> 2] = 110;
  assertEquals([uses, uses + 1, uses + 2].map((place) => links.age(place)), [10, 10, 107]);
  assertEquals(m[(TO + SLOT_LAST_USE) >> 2], 100);
});

Deno.test("renew() and clear() keep the uses of the links that they drop, and drop them", () => {
  for (const drop of ["renew", "clear"] as const) {
    const { links, m, uses, link } = make();
    links[drop]();
    assertEquals(m[link + (CallLink.GENERATION >> 2)], 0);
    // What the caches use later is later still.
    m[WORLD_TICK >> 2] = 110;
    links.use(uses + 1);
    assertEquals([uses, uses + 1, uses + 2].map((place) => links.age(place)), [11, 0, 108]);
    assertEquals(m[(TO + SLOT_LAST_USE) >> 2], 100);
  }
});

Deno.test("renew() leaves the links of other processors, which have a generation of their own", () => {
  const { links, m, link } = make(), generation = m[WORLD_GENERATION >> 2]!;
  m[WORLD_GENERATION >> 2] = 0;
  links.renew();
  assertEquals(m[link + (CallLink.GENERATION >> 2)], generation);
});
