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
  EPTP_LIST,
  INTERRUPTIBILITY,
  RETURN_HI,
  RFLAGS_SYSTEM,
  RIP,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEGMENT,
  Segment,
  SEGMENT_STRIDE,
  SWITCH_COSTS,
  SWITCH_COUNTS,
  SWITCHES_OBSERVED,
  TLB_BASE,
  VMCS_EPTP,
  VMCS_EPTP_INDEX,
  WORLD_CALLS,
  WORLD_GENERATION,
  WORLD_TICK,
} from "../../cpu/state.ts";
import { SYSTEM_CONTEXT_WORDS } from "../../cpu/system/system_context_words.ts";
import { VmxTransfer } from "../../cpu/system/vmx_instructions.ts";
import { WorldSwitch, type WorldSwitchKind } from "../../cpu/system/world_switches.ts";
import {
  REGION_ENTRIES,
  SLOT_LAST_USE,
  SLOT_REGIONS,
  SLOT_TLB_MASK,
  WORLD_LINK_WORDS,
  worldLinks,
} from "../../memory/physical.ts";
import { Link, LINK_HASH, LINK_SHIFT, LinkKind } from "../../memory/world_links.ts";
import type { Address } from "../interpreter/program.ts";
import { highName, lowName, SWITCH_CELLS } from "./registers.ts";

/** VM functions, as EAX names them; entries of an EPTP list. */
const EPTP_SWITCHING = 0, WORLD_CALL = 1, LIST_ENTRIES = 512;
/** Interruptibility: shadows of STI and MOV SS. */
const SHADOWS = 3;

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
const RCX = SWITCH_CELLS[1] >> 2;

const m = (offset: number, word = 0): string => `M[${(offset >> 2) + word}]`;
/** Word of the link that the variable `w` finds. */
const link = (word: number): string => `M[w+${word}]`;

/** The whole instruction. It ends the block. */
export function emitVmfunc(place: SwitchPlace): string {
  const { next, exit, store, load, check } = place;
  return `if(${m(SWITCHES_OBSERVED)}===0){${emitEptpSwitching(place)}` +
    `${(place.mode & Mode.CODE_SIZE) === 2 ? emitWorldCall(place) : ""}}` +
    `${store}${m(BUDGET)}=n;` +
    `{const r=H_vmx_transfer(${VmxTransfer.VMFUNC},${next.lo},${next.hi}),s=${m(RETURN_HI)};` +
    `n=${m(BUDGET)};${load}${check}${setRip("r", "s")}}x=${exit};break L;`;
}

/** Statement that declares the link from the current slot for a choice. */
const findLink = (choice: string): string =>
  `const w=${worldLinks}+Math.imul((Math.imul(${choice}^(T>>>2),${LINK_HASH})>>>${LINK_SHIFT}),${WORLD_LINK_WORDS});`;

const count = (kind: WorldSwitchKind): string =>
  `${m(SWITCH_COUNTS, kind)}=(${m(SWITCH_COUNTS, kind)}+1)|0;n=n-${m(SWITCH_COSTS, kind)}|0;`;

/** Makes the link's slot the current one. */
const ENTER_SLOT = `T=${link(Link.SLOT)};K=M[T+${SLOT_TLB_MASK >> 2}]>>2;${m(TLB_BASE)}=T<<2;` +
  `e=${m(WORLD_TICK)}=(${m(WORLD_TICK)}+1)|0;M[T+${SLOT_LAST_USE >> 2}]=e;`;

const setRip = (lo: string, hi: string): string => `${m(RIP)}=${lo};${m(RIP, 1)}=${hi};`;

function emitEptpSwitching({ region, next, goOn, exit }: SwitchPlace): string {
  return `if(${EAX}===${EPTP_SWITCHING}&&(e=${m(EPTP_LIST)})!==0&&(${ECX}>>>0)<${LIST_ENTRIES}){` +
    `e=e+(${ECX}<<1)|0;const a=M[e],h=M[e+1];${findLink("a")}` +
    `if(${link(Link.KEY)}===(T+${LinkKind.VMFUNC})&&${link(Link.CHOICE)}===a&&${
      link(Link.CHOICE + 1)
    }===h){` +
    `${m(EPTP)}=a;${m(EPTP, 1)}=h;e=${m(VMCS_EPTP)};M[e]=a;M[e+1]=h;` +
    `M[${m(VMCS_EPTP_INDEX)}]=${ECX};` +
    `${ENTER_SLOT}${count(WorldSwitch.VMFUNC)}` +
    // The code behind it may be another in the new world.
    `if(M[T+${(SLOT_REGIONS >> 2) + (region & (REGION_ENTRIES - 1))}]===${region}){${goOn}}` +
    `${setRip(`${next.lo}`, `${next.hi}`)}x=${exit};break L;}}`;
}

function emitWorldCall({ exit, store }: SwitchPlace): string {
  const low = ECX, high = highName(SWITCH_CELLS[1]);
  return `if(${EAX}===${WORLD_CALL}&&${m(WORLD_CALLS)}!==0){${findLink(low)}` +
    `if(${link(Link.KEY)}===(T+${LinkKind.WORLD_CALL})&&${link(Link.CHOICE)}===${low}` +
    `&&${link(Link.CHOICE + 1)}===${high}&&${link(Link.GENERATION)}===${m(WORLD_GENERATION)}){` +
    `${store}M[${RCX}]=${link(Link.CALLER)};M[${RCX + 1}]=${link(Link.CALLER + 1)};` +
    `e=${m(VMCS_EPTP)};if(e!==0){M[e]=${m(EPTP)}=${link(Link.EPTP)};` +
    `M[e+1]=${m(EPTP, 1)}=${link(Link.EPTP + 1)};}` +
    `${m(CR3)}=${link(Link.CR3)};${m(CR3, 1)}=${link(Link.CR3 + 1)};` +
    `${setRip(link(Link.RIP), link(Link.RIP + 1))}${m(CPL)}=${link(Link.CPL)};` +
    flatSegment(Segment.CS, Link.CS, Link.CS_ATTRIBUTES) +
    flatSegment(Segment.SS, Link.SS, Link.SS_ATTRIBUTES) +
    `${m(RFLAGS_SYSTEM)}&=${link(Link.FLAGS)};${m(DF)}=0;${m(INTERRUPTIBILITY)}&=~${SHADOWS};` +
    `if(${link(Link.HAS_SYSTEM_CONTEXT)}!==0){` +
    SYSTEM_CONTEXT_WORDS.map((word, n) => `M[${word}]=${link(Link.SYSTEM_CONTEXT + n)};`).join("") + "}" +
    `${ENTER_SLOT}M[${link(Link.CALLER_USE)}]=e;M[${link(Link.CALLEE_USE)}]=e;` +
    `${count(WorldSwitch.WORLD_CALL)}${m(BUDGET)}=n;return ${exit};}}`;
}

/** Loads a flat segment, as SYSCALL does. */
function flatSegment(n: number, selector: number, attributes: number): string {
  const cell = SEGMENT + SEGMENT_STRIDE * n;
  return `${m(cell + SEG_SELECTOR)}=${link(selector)};${m(cell + SEG_LIMIT)}=-1;` +
    `${m(cell + SEG_ATTRIBUTES)}=${link(attributes)};${m(cell + SEG_BASE)}=0;${m(cell + SEG_BASE, 1)}=0;`;
}
