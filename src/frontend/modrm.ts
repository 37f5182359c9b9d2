/** ModR/M, SIB and displacement. SDM vol. 2A, section 2.1.3 to 2.1.5 and 2.2.1. */
import { Gpr, Segment } from "../cpu/state.ts";
import type { DecodeState } from "./fetch.ts";

/** Reads the ModR/M byte. */
export function readModrm(d: DecodeState): void {
  const modrm = d.next8();
  d.modrm = modrm;
  d.mod = modrm >> 6;
  d.reg = (modrm >> 3) & 7;
  d.rm = modrm & 7;
}

/** Base and index registers of the 16-bit forms, by rm. SDM vol. 2A, table 2-1. */
const BASE_16 = [Gpr.RBX, Gpr.RBX, Gpr.RBP, Gpr.RBP, Gpr.RSI, Gpr.RDI, Gpr.RBP, Gpr.RBX] as const;
const INDEX_16 = [Gpr.RSI, Gpr.RDI, Gpr.RSI, Gpr.RDI, -1, -1, -1, -1] as const;

/** Reads what follows a ModR/M byte that names memory. */
export function readMemory(d: DecodeState): void {
  d.base = d.index = -1;
  d.scale = 1;
  d.displacement = 0;
  d.ripRelative = false;
  if (d.addressSize === 2) readMemory16(d);
  else readMemory32(d);
  if (d.segmentOverride >= 0) d.segment = d.segmentOverride;
  else d.segment = d.base === Gpr.RSP || d.base === Gpr.RBP ? Segment.SS : Segment.DS;
}

function readMemory16(d: DecodeState): void {
  if (d.mod === 0 && d.rm === 6) {
    d.displacement = d.next16();
    return;
  }
  d.base = BASE_16[d.rm]!;
  d.index = INDEX_16[d.rm]!;
  if (d.mod === 1) d.displacement = (d.next8() << 24) >> 24;
  else if (d.mod === 2) d.displacement = (d.next16() << 16) >> 16;
}

function readMemory32(d: DecodeState): void {
  if (d.rm === 4) {
    const sib = d.next8();
    const index = ((sib >> 3) & 7) | d.x;
    if (index !== 4) {
      d.index = index;
      d.scale = 1 << (sib >> 6) as 1 | 2 | 4 | 8;
    }
    if ((sib & 7) === 5 && d.mod === 0) d.displacement = d.next32();
    else d.base = (sib & 7) | d.b;
  } else if (d.rm === 5 && d.mod === 0) {
    d.displacement = d.next32();
    d.ripRelative = d.mode64;
  } else {
    d.base = d.rm | d.b;
  }
  if (d.mod === 1) d.displacement = (d.next8() << 24) >> 24;
  else if (d.mod === 2) d.displacement = d.next32();
}
