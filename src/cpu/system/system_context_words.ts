/** The state that a world's system context loads (docs/crossover.md), as word indices of the linear memory. */
import {
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  MSR_FMASK,
  MSR_KERNEL_GS_BASE,
  MSR_LSTAR,
  MSR_STAR,
  SEG_ATTRIBUTES,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  Segment,
  segmentBase,
  TR,
} from "../state.ts";

/** A field of a system context: its state cell, and whether it has 64 bits. */
export interface SystemContextField {
  readonly cell: number;
  readonly wide: boolean;
}

// deno-fmt-ignore
/** Fields in their order, one quadword each. */
export const SYSTEM_CONTEXT_FIELDS = [
  { cell: GDTR_BASE,               wide: true,  check: "canonical" },
  { cell: GDTR_LIMIT,              wide: false, check: "16 bits" },
  { cell: IDTR_BASE,               wide: true,  check: "canonical" },
  { cell: IDTR_LIMIT,              wide: false, check: "16 bits" },
  { cell: TR + SEG_SELECTOR,       wide: false, check: "TR selector" },
  { cell: TR + SEG_BASE,           wide: true,  check: "canonical" },
  { cell: TR + SEG_LIMIT,          wide: false, check: "32 bits" },
  { cell: segmentBase(Segment.FS), wide: true,  check: "canonical" },
  { cell: segmentBase(Segment.GS), wide: true,  check: "canonical" },
  { cell: MSR_KERNEL_GS_BASE,      wide: true,  check: "canonical" },
  { cell: MSR_LSTAR,               wide: true,  check: "canonical" },
  { cell: MSR_STAR,                wide: true,  check: "any" },
  { cell: MSR_FMASK,               wide: true,  check: "32 bits" },
] as const satisfies readonly (SystemContextField & { readonly check: string })[];

/** Words that loading one writes: TR's attributes, then the fields' halves in their order. */
export const SYSTEM_CONTEXT_WORDS: readonly number[] = [
  (TR + SEG_ATTRIBUTES) >> 2,
  ...SYSTEM_CONTEXT_FIELDS.flatMap(({ cell, wide }) => wide ? [cell >> 2, (cell >> 2) + 1] : [cell >> 2]),
];
