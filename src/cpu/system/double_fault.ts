/** What becomes of an exception while another is being delivered. SDM vol. 3A, section 6.15, table 6-5. */
import { Vector } from "../fault.ts";

/** Class of an exception for that question. */
type ExceptionClass = "benign" | "contributory" | "page fault" | "double fault";

function classOf(vector: number): ExceptionClass {
  switch (vector) {
    case Vector.DE:
    case Vector.TS:
    case Vector.NP:
    case Vector.SS:
    case Vector.GP:
    case Vector.CP:
      return "contributory";
    case Vector.PF:
    case Vector.VE:
      return "page fault";
    case Vector.DF:
      return "double fault";
    default:
      return "benign";
  }
}

/** How the second exception is treated: on its own, as a double fault, or by shutting the processor down. */
export type Combination = "serial" | "double fault" | "shutdown";

/**
 * @param first vector of the exception being delivered; undefined for interrupts, which are benign
 * @param second vector of the exception that arose
 */
export function combine(first: number | undefined, second: number): Combination {
  // Tables that lie where there is no memory: nothing could be delivered, and a benign exception would go on for ever.
  if (second === Vector.MC) return "shutdown";
  const before = first === undefined ? "benign" : classOf(first), after = classOf(second);
  if (after === "benign" || before === "benign") return "serial";
  if (before === "double fault") return "shutdown";
  return before === "contributory" && after === "page fault" ? "serial" : "double fault";
}
