/**
 * VMFUNC in compiled code. What it did once is remembered in a link (memory/world_links.ts); with a link the switch is a
 * few loads and stores here: no helper is called, nothing is flushed. SDM vol. 3C, section 26.5.5; docs/crossover.md.
 */
import { Mode } from "../../cpu/mode.ts";
import {
  BUDGET,
  CPL,
  CR3,
  DF,
  EPTP,
  EPTP_INDEX,
  EPTP_LIST,
  INTERRUPTIBILITY,
  RETURN_HI,
  RFLAGS_SYSTEM,
  RIP,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  SHADOWS,
  SWITCH_COSTS,
  SWITCH_COUNTS,
  SWITCHES_OBSERVED,
  TLB_BASE,
  WORLD_CALLS,
  WORLD_TICK,
} from "../../cpu/state.ts";
import { SYSTEM_CONTEXT_WORDS } from "../../cpu/system/system_context_words.ts";
import { VmxTransfer } from "../../cpu/system/vmx_instructions.ts";
import { WorldSwitch, type WorldSwitchKind } from "../../cpu/system/world_switches.ts";
import {
  CALL_LINK_BYTES,
  CALL_LINKS,
  EPTP_LINK_BYTES,
  EPTP_LINKS,
  REGION_ENTRIES,
  SLOT_CALL_LINKS,
  SLOT_EPTP_LINKS,
  SLOT_REGIONS,
  SLOT_TLB_MASK,
} from "../../memory/physical.ts";
import { CallLink, EptpLink, LINKED_SEGMENTS_BYTES } from "../../memory/world_links.ts";
import type { Address } from "../address.ts";
import { highName, lowName, SWITCH_CELLS } from "./registers.ts";

/** VM functions, as EAX names them; entries of an EPTP list. */
const EPTP_SWITCHING = 0, WORLD_CALL = 1;

/** What the emitter knows of the place. */
export interface SwitchPlace {
  /** Number of the region. */
  readonly region: number;
  readonly mode: number;
  /** Behind the instruction. */
  readonly next: Address;
  /** Statements that go on at `next`, where the region lies in place. */
  readonly goOn: string;
  /** Number of an exit to where RIP is. */
  readonly exit: number;
  /** Statements that store the variables of registers, and that load them. */
  readonly store: string;
  readonly load: string;
  /** Statements that leave if an event has been raised. */
  readonly check: string;
}

const EAX = lowName(SWITCH_CELLS[0]), ECX = lowName(SWITCH_CELLS[1]);

const m = (offset: number, word = 0): string => `M[${(offset >> 2) + word}]`;
/** Word of the link that the variable `w` finds, by its offset there. */
const link = (offset: number, word = 0): string => `M[w+${(offset >> 2) + word}]`;

/** The whole instruction. It ends the block. */
export function emitVmfunc(place: SwitchPlace): string {
  const { next, exit, store, load, check } = place;
  return `if(${m(SWITCHES_OBSERVED)}===0){${emitEptpSwitching(place)}` +
    `${(place.mode & Mode.CODE_SIZE) === 2 ? emitWorldCall(place) : ""}}` +
    `${store}${m(BUDGET)}=n;` +
    `{const r=H_vmx_transfer(${VmxTransfer.VMFUNC},${next.lo},${next.hi}),s=${m(RETURN_HI)};` +
    `n=${m(BUDGET)};${load}${check}${setRip("r", "s")}}x=${exit};break L;`;
}

/** Statement that declares the link from the current slot with an index in its table. */
const findLink = (index: string, table: number, bytes: number): string =>
  `const w=T+${table >> 2}+Math.imul(${index},${bytes >> 2})|0;`;

const count = (kind: WorldSwitchKind): string =>
  `${m(SWITCH_COUNTS, kind)}=(${m(SWITCH_COUNTS, kind)}+1)|0;n=n-${m(SWITCH_COSTS, kind)}|0;`;

/** Makes a slot the current one. */
const enterSlot = (offset: string): string =>
  `T=${offset}>>2;K=M[T+${SLOT_TLB_MASK >> 2}]>>2;${m(TLB_BASE)}=T<<2;`;

const setRip = (lo: string, hi: string): string => `${m(RIP)}=${lo};${m(RIP, 1)}=${hi};`;

function emitEptpSwitching({ region, next, goOn, exit }: SwitchPlace): string {
  const slot = link(EptpLink.SLOT);
  return `if(${EAX}===${EPTP_SWITCHING}&&(e=${m(EPTP_LIST)})!==0&&(${ECX}>>>0)<${EPTP_LINKS}){` +
    `e=(e>>>2)+(${ECX}<<1);const a=M[e],h=M[e+1];${findLink(ECX, SLOT_EPTP_LINKS, EPTP_LINK_BYTES)}` +
    `if(${slot}!==0&&${link(EptpLink.EPTP)}===a&&${link(EptpLink.EPTP, 1)}===h){` +
    `${m(EPTP)}=a;${m(EPTP, 1)}=h;${m(EPTP_INDEX)}=${ECX};` +
    `${enterSlot(slot)}${count(WorldSwitch.VMFUNC)}` +
    // The code behind it may be another in the new world.
    `if(M[T+${(SLOT_REGIONS >> 2) + (region & (REGION_ENTRIES - 1))}]===${region}){${goOn}}` +
    `${setRip(`${next.lo}`, `${next.hi}`)}x=${exit};break L;}}`;
}

function emitWorldCall({ exit, store }: SwitchPlace): string {
  const low = ECX, high = highName(SWITCH_CELLS[1]);
  const copy = (cell: number, field: number, bytes: number): string => {
    let text = "";
    for (let word = 0; word < bytes >> 2; word++) text += `${m(cell, word)}=${link(field, word)};`;
    return text;
  };
  return `if(${EAX}===${WORLD_CALL}&&${m(WORLD_CALLS)}!==0){` +
    findLink(`${low}&${CALL_LINKS - 1}`, SLOT_CALL_LINKS, CALL_LINK_BYTES) +
    `if(${link(CallLink.GENERATION)}===${m(WORLD_CALLS)}&&${link(CallLink.CALLEE)}===${low}` +
    `&&${link(CallLink.CALLEE, 1)}===${high}){` +
    `${store}${copy(SWITCH_CELLS[1], CallLink.CALLER, 8)}` +
    `${copy(EPTP, CallLink.EPTP, 8)}${copy(CR3, CallLink.CR3, 8)}${copy(RIP, CallLink.RIP, 8)}${
      copy(CPL, CallLink.CPL, 4)
    }` +
    copy(SEGMENT + SEGMENT_STRIDE * Segment.CS, CallLink.SEGMENTS, LINKED_SEGMENTS_BYTES) +
    `${m(RFLAGS_SYSTEM)}&=${link(CallLink.FLAGS)};${m(DF)}=0;${m(INTERRUPTIBILITY)}&=~${SHADOWS};` +
    `if(${link(CallLink.HAS_SYSTEM_CONTEXT)}!==0){` +
    SYSTEM_CONTEXT_WORDS.map((word, n) => `M[${word}]=${link(CallLink.SYSTEM_CONTEXT, n)};`).join("") + "}" +
    `${enterSlot(link(CallLink.SLOT))}${link(CallLink.LAST_USE)}=${m(WORLD_TICK)}=(${m(WORLD_TICK)}+1)|0;` +
    `${count(WorldSwitch.WORLD_CALL)}${m(BUDGET)}=n;return ${exit};}}`;
}
