/** Gates of the interrupt-descriptor table. SDM vol. 3A, sections 6.11 and 6.14.1. */
import { Vector } from "../fault.ts";
import { IDTR_BASE, IDTR_LIMIT } from "../state.ts";
import type { SystemContext } from "./context.ts";
import { Attribute, SystemType } from "./descriptor.ts";

/** A task gate. */
export interface TaskGate {
  readonly kind: "task";
  readonly selector: number;
}

/** An interrupt or trap gate. */
export interface Gate {
  readonly kind: "interrupt";
  readonly selector: number;
  readonly lo: number;
  readonly hi: number;
  /** Interrupt-stack-table index, 0 for none. */
  readonly ist: number;
  /** Bytes of a slot that it pushes. */
  readonly size: 2 | 4 | 8;
  /** An interrupt gate clears IF. */
  readonly clearsIf: boolean;
}

/** Error-code bit: the index is one of the IDT. */
const IDT = 2;

/**
 * Reads the gate of a vector. `callerLevel` is the privilege that the gate's DPL must admit, or -1 for none.
 * Undefined after raising a fault.
 */
export function readGate(
  context: SystemContext,
  vector: number,
  callerLevel: number,
): Gate | TaskGate | undefined {
  const wide = context.isLong, bytes = wide ? 16 : 8, at = vector * bytes;
  const error = vector * 8 + IDT;
  const refuse = (exception: number): undefined => void context.raise(exception, error);
  if (at + bytes - 1 > context.m[IDTR_LIMIT >> 2]! >>> 0) return refuse(Vector.GP);
  const first = context.loadAt(IDTR_BASE, at, 4);
  if (context.failed) return undefined;
  const second = context.loadAt(IDTR_BASE, at + 4, 4);
  if (context.failed) return undefined;
  const hi = wide ? context.loadAt(IDTR_BASE, at + 8, 4) : 0;
  if (context.failed) return undefined;
  const attributes = second >>> 8, type = attributes & Attribute.FULL_TYPE;
  const is32 = type === SystemType.INTERRUPT_GATE || type === SystemType.TRAP_GATE;
  const is16 = type === SystemType.INTERRUPT_GATE16 || type === SystemType.TRAP_GATE16;
  const isTask = type === SystemType.TASK_GATE && !wide;
  if (!is32 && !isTask && (wide || !is16)) return refuse(Vector.GP);
  if (callerLevel > ((attributes >> Attribute.DPL_SHIFT) & 3)) return refuse(Vector.GP);
  if ((attributes & Attribute.P) === 0) return refuse(Vector.NP);
  if (isTask) return { kind: "task", selector: first >>> 16 };
  return {
    kind: "interrupt",
    selector: first >>> 16,
    lo: (first & 0xffff) | (is32 ? second & 0xffff_0000 : 0),
    hi,
    ist: wide ? second & 7 : 0,
    size: wide ? 8 : is32 ? 4 : 2,
    clearsIf: type === SystemType.INTERRUPT_GATE || type === SystemType.INTERRUPT_GATE16,
  };
}
