/**
 * Bochs, QEMU and Causeway run many small cases of protected mode, and say the same of what ended each: descriptor loads,
 * segment limits, gates, interrupts, privilege, task switches, virtual-8086 mode, page faults.
 */
import { compareCases } from "./cases.ts";
import type { Deviation } from "./transcripts.ts";

/** What most lines end with: no task switch has happened. */
const SAME_TASK = "tr=28 busy=1 ts=0 link=0 page=7";
const OTHER_TASK = "flags=0 eax=7a5c tr=c0 busy=4 ts=1 link=0 page=7";
const VIRTUAL = "ss=3000 esp=1000";
const ORDER = "table 8-1 does not say in which order the checks are made; Bochs makes them in ours";
const NO_VME = "QEMU's translator has no virtual-8086 mode extensions: SDM vol. 3B, section 21.3";

/** Where QEMU 7.2 departs from the manual, or takes another of the ways that it leaves. */
const QEMU_DEVIATIONS: readonly Deviation[] = [
  {
    ours: `ltr null: #d error=0 cs=8 eip=20002 flags=0 eax=0 ${SAME_TASK}`,
    theirs: "ltr null: #6 error=0 cs=8 eip=20005 flags=0 eax=0 tr=0 busy=1 ts=0 link=0 page=7",
    because: "LTR of a null selector raises #GP(0): SDM vol. 2A, LTR",
  },
  {
    ours: "task of 16 bits: #6 error=0 cs=48 eip=2 flags=0 eax=ffff0000 tr=a8 busy=0 ts=1 link=0 page=7",
    theirs: "task of 16 bits: #6 error=0 cs=48 eip=2 flags=0 eax=0 tr=a8 busy=0 ts=1 link=0 page=7",
    because: "a 16-bit TSS holds no upper halves of registers; Bochs agrees: SDM vol. 3A, section 8.6",
  },
  {
    ours: `task trap: #1 error=0 cs=8 ${OTHER_TASK}`,
    theirs: `task trap: #6 error=0 cs=8 ${OTHER_TASK}`,
    because: "the T flag raises #DB: SDM vol. 3A, section 8.2.1",
  },
  {
    ours: `task null ss: #a error=0 cs=8 ${OTHER_TASK}`,
    theirs: `task null ss: #6 error=0 cs=8 ${OTHER_TASK}`,
    because: "SS must be a valid selector: SDM vol. 3A, table 8-1",
  },
  {
    ours: `task absent ss: #c error=78 cs=8 ${OTHER_TASK}`,
    theirs: `task absent ss: #6 error=0 cs=8 ${OTHER_TASK}`,
    because: "SS must be present: SDM vol. 3A, table 8-1",
  },
  {
    ours: "task data cs: #a error=10 cs=10 flags=0 eax=7a5c tr=c0 busy=4 ts=1 link=0 page=7",
    theirs: "task data cs: #a error=7ff8 cs=8 flags=0 eax=7a5c tr=c0 busy=4 ts=1 link=0 page=7",
    because: `SS is loaded when CS is found wrong, and the frame lies there: ${ORDER}`,
  },
  {
    ours: "task null cs: #a error=0 cs=0 flags=0 eax=7a5c tr=c0 busy=4 ts=1 link=0 page=7",
    theirs: "task null cs: #a error=7ff8 cs=8 flags=0 eax=7a5c tr=c0 busy=4 ts=1 link=0 page=7",
    because: `SS is loaded when CS is found wrong, and the frame lies there: ${ORDER}`,
  },
  {
    ours: `task bad ldt: #a error=10 cs=8 ${OTHER_TASK}`,
    theirs: `task bad ldt: #a error=7ff8 cs=8 ${OTHER_TASK}`,
    because: "the handler's stack comes from the new TSS, since SS is not loaded: SDM vol. 3A, section 8.3",
  },
  {
    ours: `vme cli: #6 error=0 cs=2000 eip=1 flags=20000 eax=1234 ${VIRTUAL} ${SAME_TASK}`,
    theirs: `vme cli: #d error=0 cs=2000 eip=0 flags=20000 eax=1234 ${VIRTUAL} ${SAME_TASK}`,
    because: NO_VME,
  },
  {
    ours: `vme sti: #6 error=0 cs=2000 eip=3 flags=a0000 eax=3202 ${VIRTUAL} ${SAME_TASK}`,
    theirs: `vme sti: #d error=0 cs=2000 eip=0 flags=20000 eax=1234 ${VIRTUAL} ${SAME_TASK}`,
    because: NO_VME,
  },
  {
    ours: `vme popf: #6 error=0 cs=2000 eip=6 flags=a0000 eax=3202 ${VIRTUAL} ${SAME_TASK}`,
    theirs: `vme popf: #d error=0 cs=2000 eip=3 flags=20000 eax=1234 ss=3000 esp=ffe ${SAME_TASK}`,
    because: NO_VME,
  },
  {
    ours: pageLocked(5),
    theirs: pageLocked(0x25),
    because: "whether an access that faults sets the accessed flag is left open: SDM vol. 3A, section 4.8",
  },
];

function pageLocked(entry: number): string {
  return "page locked: #e error=7 cs=1b eip=20000 flags=0 eax=1234 ss=23 esp=38000 cr2=50000 " +
    `tr=28 busy=1 ts=0 link=0 page=${entry.toString(16)}`;
}

compareCases({ name: "protection", limit: 1e7, withoutLimits: "nolimits", qemuDeviations: QEMU_DEVIATIONS });
