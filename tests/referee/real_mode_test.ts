/**
 * Bochs, QEMU and Causeway run many small cases of real-address mode, and say the same of what ended each: segments, limits
 * and those that protected mode leaves behind, transfers, interrupts, what is not recognized, operand and address sizes.
 */
import { compareCases } from "./cases.ts";
import type { Deviation } from "./transcripts.ts";

/** What most lines end with. */
const SAME_PLACES = "esi=100 edi=140 ebp=180 ds=4000 es=4000 ss=3000 sp=1000";

/** Where QEMU 7.2 departs from the manual. */
const QEMU_DEVIATIONS: readonly Deviation[] = [
  {
    ours: `int 1: #1 cs=2000 ip=1 flags=2 eax=1234 ebx=50 ecx=2 edx=80 ${SAME_PLACES} sum=ba85f681`,
    theirs: `int 1: #6 cs=2000 ip=0 flags=2 eax=1234 ebx=50 ecx=2 edx=80 ${SAME_PLACES} sum=ba85f681`,
    because: "F1 is INT1, which raises #DB: SDM vol. 2A, INT n",
  },
  {
    ours: `cmpxchg8b: #6 cs=2000 ip=1f flags=46 eax=0 ebx=50 ecx=9 edx=0 ${SAME_PLACES} sum=1cd6e62f`,
    theirs: `cmpxchg8b: #6 cs=2000 ip=1f flags=42 eax=0 ebx=50 ecx=9 edx=0 ${SAME_PLACES} sum=1cd6e62f`,
    because: "PF is unaffected: SDM vol. 2A, CMPXCHG8B",
  },
];

compareCases({ name: "real_mode", limit: 2e7, withoutLimits: "nolimits", qemuDeviations: QEMU_DEVIATIONS });
