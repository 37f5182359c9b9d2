/**
 * Rows of the three-byte opcode map 0F 3A. SDM vol. 2D, table A-5. Notation: row.ts.
 */
import type { Row } from "./row.ts";

// deno-fmt-ignore
export const MAP_0F3A: readonly Row[] = [
  ["66 0f 3a 08 /r",        "ROUNDPS",         "Vps,Wps,Ib"],
  ["66 0f 3a 09 /r",        "ROUNDPD",         "Vpd,Wpd,Ib"],
  ["66 0f 3a 0a /r",        "ROUNDSS",         "Vss,Wss,Ib"],
  ["66 0f 3a 0b /r",        "ROUNDSD",         "Vsd,Wsd,Ib"],
  ["66 0f 3a 0c /r",        "BLENDPS",         "Vps,Wps,Ib"],
  ["66 0f 3a 0d /r",        "BLENDPD",         "Vpd,Wpd,Ib"],
  ["66 0f 3a 0e /r",        "PBLENDW",         "Vdq,Wdq,Ib"],
  ["np 0f 3a 0f /r",        "PALIGNR",         "Pq,Qq,Ib"],
  ["66 0f 3a 0f /r",        "PALIGNR",         "Vdq,Wdq,Ib"],
  ["66 0f 3a 14 /r",        "PEXTRB",          "Ry,Vdq,Ib"],
  ["66 0f 3a 14 /r",        "PEXTRB",          "Mb,Vdq,Ib"],
  ["66 0f 3a 15 /r",        "PEXTRW",          "Ry,Vdq,Ib"],
  ["66 0f 3a 15 /r",        "PEXTRW",          "Mw,Vdq,Ib"],
  ["66 rex.w0 0f 3a 16 /r", "PEXTRD",          "Ed,Vdq,Ib"],
  ["66 rex.w1 0f 3a 16 /r", "PEXTRQ",          "Eq,Vdq,Ib"],
  ["66 0f 3a 17 /r",        "EXTRACTPS",       "Ry,Vdq,Ib"],
  ["66 0f 3a 17 /r",        "EXTRACTPS",       "Md,Vdq,Ib"],
  ["66 0f 3a 20 /r",        "PINSRB",          "Vdq,Ry,Ib"],
  ["66 0f 3a 20 /r",        "PINSRB",          "Vdq,Mb,Ib"],
  ["66 0f 3a 21 /r",        "INSERTPS",        "Vdq,Wss,Ib"],
  ["66 rex.w0 0f 3a 22 /r", "PINSRD",          "Vdq,Ed,Ib"],
  ["66 rex.w1 0f 3a 22 /r", "PINSRQ",          "Vdq,Eq,Ib"],
  ["66 0f 3a 40 /r",        "DPPS",            "Vps,Wps,Ib"],
  ["66 0f 3a 41 /r",        "DPPD",            "Vpd,Wpd,Ib"],
  ["66 0f 3a 42 /r",        "MPSADBW",         "Vdq,Wdq,Ib"],
  ["66 0f 3a 44 /r",        "PCLMULQDQ",       "Vdq,Wdq,Ib"],
  ["66 0f 3a 60 /r",        "PCMPESTRM",       "Vdq,Wdq,Ib", { unaligned: true }],
  ["66 0f 3a 61 /r",        "PCMPESTRI",       "Vdq,Wdq,Ib", { unaligned: true }],
  ["66 0f 3a 62 /r",        "PCMPISTRM",       "Vdq,Wdq,Ib", { unaligned: true }],
  ["66 0f 3a 63 /r",        "PCMPISTRI",       "Vdq,Wdq,Ib", { unaligned: true }],
  ["np 0f 3a cc /r",        "SHA1RNDS4",       "Vdq,Wdq,Ib"],
  ["66 0f 3a df /r",        "AESKEYGENASSIST", "Vdq,Wdq,Ib"],
];
