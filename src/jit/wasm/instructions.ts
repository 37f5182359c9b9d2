/**
 * WebAssembly's instructions, as far as regions use them: opcode numbers by name (core specification 2.0, section 5.4, and
 * the branch hinting proposal for what encoder.ts adds). Names are the text format's with `_` for `.` and `/`.
 */

/** Prefix of vector instructions; their numbers follow as LEB128. Saturating conversions have the prefix 0xfc. */
const SIMD = 0xfd00, MISC = 0xfc00;

/** Control, locals and memory. */
const CONTROL = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  br_if: 0x0d,
  br_table: 0x0e,
  return: 0x0f,
  call: 0x10,
  call_indirect: 0x11,
  drop: 0x1a,
  select: 0x1b,
  local_get: 0x20,
  local_set: 0x21,
  local_tee: 0x22,
  i32_load: 0x28,
  i64_load: 0x29,
  i32_load8_u: 0x2d,
  i32_load16_u: 0x2f,
  i32_store: 0x36,
  i64_store: 0x37,
  i32_store8: 0x3a,
  i32_store16: 0x3b,
  memory_copy: MISC | 0x0a,
  memory_fill: MISC | 0x0b,
} as const;

/** Numbers. */
const NUMERIC = {
  i32_const: 0x41,
  i64_const: 0x42,
  f32_const: 0x43,
  f64_const: 0x44,
  i32_eqz: 0x45,
  i32_eq: 0x46,
  i32_ne: 0x47,
  i32_lt_s: 0x48,
  i32_lt_u: 0x49,
  i32_gt_s: 0x4a,
  i32_gt_u: 0x4b,
  i32_le_s: 0x4c,
  i32_le_u: 0x4d,
  i32_ge_s: 0x4e,
  i32_ge_u: 0x4f,
  i64_eqz: 0x50,
  i64_eq: 0x51,
  i64_ne: 0x52,
  i64_lt_s: 0x53,
  i64_lt_u: 0x54,
  i64_gt_u: 0x56,
  i64_le_s: 0x57,
  i64_le_u: 0x58,
  f32_eq: 0x5b,
  f32_ne: 0x5c,
  f32_lt: 0x5d,
  f32_gt: 0x5e,
  f32_le: 0x5f,
  f32_ge: 0x60,
  f64_eq: 0x61,
  f64_ne: 0x62,
  f64_lt: 0x63,
  f64_gt: 0x64,
  f64_le: 0x65,
  f64_ge: 0x66,
  i32_clz: 0x67,
  i32_ctz: 0x68,
  i32_popcnt: 0x69,
  i32_add: 0x6a,
  i32_sub: 0x6b,
  i32_mul: 0x6c,
  i32_and: 0x71,
  i32_or: 0x72,
  i32_xor: 0x73,
  i32_shl: 0x74,
  i32_shr_s: 0x75,
  i32_shr_u: 0x76,
  i32_rotl: 0x77,
  i32_rotr: 0x78,
  i64_clz: 0x79,
  i64_ctz: 0x7a,
  i64_popcnt: 0x7b,
  i64_add: 0x7c,
  i64_sub: 0x7d,
  i64_mul: 0x7e,
  i64_div_s: 0x7f,
  i64_div_u: 0x80,
  i64_and: 0x83,
  i64_or: 0x84,
  i64_xor: 0x85,
  i64_shl: 0x86,
  i64_shr_s: 0x87,
  i64_shr_u: 0x88,
  i64_rotl: 0x89,
  i64_rotr: 0x8a,
  f32_abs: 0x8b,
  f32_ceil: 0x8d,
  f32_floor: 0x8e,
  f32_trunc: 0x8f,
  f32_nearest: 0x90,
  f32_sqrt: 0x91,
  f32_add: 0x92,
  f32_sub: 0x93,
  f32_mul: 0x94,
  f32_div: 0x95,
  f64_abs: 0x99,
  f64_ceil: 0x9b,
  f64_floor: 0x9c,
  f64_trunc: 0x9d,
  f64_nearest: 0x9e,
  f64_sqrt: 0x9f,
  f64_add: 0xa0,
  f64_sub: 0xa1,
  f64_mul: 0xa2,
  f64_div: 0xa3,
  i32_wrap_i64: 0xa7,
  i32_trunc_f32_s: 0xa8,
  i32_trunc_f64_s: 0xaa,
  i64_extend_i32_s: 0xac,
  i64_extend_i32_u: 0xad,
  i64_trunc_f32_s: 0xae,
  i64_trunc_f64_s: 0xb0,
  f32_convert_i32_s: 0xb2,
  f32_convert_i64_s: 0xb4,
  f32_demote_f64: 0xb6,
  f64_convert_i32_s: 0xb7,
  f64_convert_i64_s: 0xb9,
  f64_promote_f32: 0xbb,
  i32_reinterpret_f32: 0xbc,
  i64_reinterpret_f64: 0xbd,
  f32_reinterpret_i32: 0xbe,
  f64_reinterpret_i64: 0xbf,
  i32_extend8_s: 0xc0,
  i32_extend16_s: 0xc1,
  i64_extend8_s: 0xc2,
  i64_extend16_s: 0xc3,
  i64_extend32_s: 0xc4,
} as const;

/** Vectors. */
const VECTOR = {
  v128_load: SIMD | 0x00,
  v128_store: SIMD | 0x0b,
  v128_const: SIMD | 0x0c,
  i8x16_shuffle: SIMD | 0x0d,
  i8x16_swizzle: SIMD | 0x0e,
  i8x16_splat: SIMD | 0x0f,
  i16x8_splat: SIMD | 0x10,
  i32x4_splat: SIMD | 0x11,
  i64x2_splat: SIMD | 0x12,
  i8x16_extract_lane_u: SIMD | 0x16,
  i8x16_replace_lane: SIMD | 0x17,
  i16x8_extract_lane_u: SIMD | 0x19,
  i16x8_replace_lane: SIMD | 0x1a,
  i32x4_extract_lane: SIMD | 0x1b,
  i32x4_replace_lane: SIMD | 0x1c,
  i64x2_extract_lane: SIMD | 0x1d,
  i64x2_replace_lane: SIMD | 0x1e,
  f64x2_extract_lane: SIMD | 0x21,
  f64x2_replace_lane: SIMD | 0x22,
  i8x16_eq: SIMD | 0x23,
  i8x16_gt_s: SIMD | 0x27,
  i16x8_eq: SIMD | 0x2d,
  i16x8_gt_s: SIMD | 0x31,
  i32x4_eq: SIMD | 0x37,
  i32x4_gt_s: SIMD | 0x3b,
  v128_not: SIMD | 0x4d,
  v128_and: SIMD | 0x4e,
  v128_andnot: SIMD | 0x4f,
  v128_or: SIMD | 0x50,
  v128_xor: SIMD | 0x51,
  v128_bitselect: SIMD | 0x52,
  v128_any_true: SIMD | 0x53,
  i8x16_abs: SIMD | 0x60,
  i8x16_bitmask: SIMD | 0x64,
  i8x16_narrow_i16x8_s: SIMD | 0x65,
  i8x16_narrow_i16x8_u: SIMD | 0x66,
  i8x16_add: SIMD | 0x6e,
  i8x16_add_sat_s: SIMD | 0x6f,
  i8x16_add_sat_u: SIMD | 0x70,
  i8x16_sub: SIMD | 0x71,
  i8x16_sub_sat_s: SIMD | 0x72,
  i8x16_sub_sat_u: SIMD | 0x73,
  i8x16_min_s: SIMD | 0x76,
  i8x16_min_u: SIMD | 0x77,
  i8x16_max_s: SIMD | 0x78,
  i8x16_max_u: SIMD | 0x79,
  i8x16_avgr_u: SIMD | 0x7b,
  i16x8_abs: SIMD | 0x80,
  i16x8_q15mulr_sat_s: SIMD | 0x82,
  i16x8_narrow_i32x4_s: SIMD | 0x85,
  i16x8_narrow_i32x4_u: SIMD | 0x86,
  i16x8_extend_low_i8x16_s: SIMD | 0x87,
  i16x8_extend_low_i8x16_u: SIMD | 0x89,
  i16x8_shl: SIMD | 0x8b,
  i16x8_shr_s: SIMD | 0x8c,
  i16x8_shr_u: SIMD | 0x8d,
  i16x8_add: SIMD | 0x8e,
  i16x8_add_sat_s: SIMD | 0x8f,
  i16x8_add_sat_u: SIMD | 0x90,
  i16x8_sub: SIMD | 0x91,
  i16x8_sub_sat_s: SIMD | 0x92,
  i16x8_sub_sat_u: SIMD | 0x93,
  i16x8_mul: SIMD | 0x95,
  i16x8_min_s: SIMD | 0x96,
  i16x8_min_u: SIMD | 0x97,
  i16x8_max_s: SIMD | 0x98,
  i16x8_max_u: SIMD | 0x99,
  i16x8_avgr_u: SIMD | 0x9b,
  i32x4_abs: SIMD | 0xa0,
  i32x4_bitmask: SIMD | 0xa4,
  i32x4_extend_low_i16x8_s: SIMD | 0xa7,
  i32x4_extend_high_i16x8_s: SIMD | 0xa8,
  i32x4_extend_low_i16x8_u: SIMD | 0xa9,
  i32x4_extend_high_i16x8_u: SIMD | 0xaa,
  i32x4_shl: SIMD | 0xab,
  i32x4_shr_s: SIMD | 0xac,
  i32x4_shr_u: SIMD | 0xad,
  i32x4_add: SIMD | 0xae,
  i32x4_sub: SIMD | 0xb1,
  i32x4_mul: SIMD | 0xb5,
  i32x4_min_s: SIMD | 0xb6,
  i32x4_min_u: SIMD | 0xb7,
  i32x4_max_s: SIMD | 0xb8,
  i32x4_max_u: SIMD | 0xb9,
  i32x4_dot_i16x8_s: SIMD | 0xba,
  i32x4_extmul_low_i16x8_s: SIMD | 0xbc,
  i32x4_extmul_high_i16x8_s: SIMD | 0xbd,
  i32x4_extmul_low_i16x8_u: SIMD | 0xbe,
  i32x4_extmul_high_i16x8_u: SIMD | 0xbf,
  i64x2_bitmask: SIMD | 0xc4,
  i64x2_extend_low_i32x4_s: SIMD | 0xc7,
  i64x2_extend_low_i32x4_u: SIMD | 0xc9,
  i64x2_shl: SIMD | 0xcb,
  i64x2_shr_u: SIMD | 0xcd,
  i64x2_add: SIMD | 0xce,
  i64x2_sub: SIMD | 0xd1,
  i64x2_eq: SIMD | 0xd6,
  i64x2_gt_s: SIMD | 0xd9,
  i64x2_extmul_low_i32x4_s: SIMD | 0xdc,
  i64x2_extmul_low_i32x4_u: SIMD | 0xde,
} as const;

/**
 * Opcodes. Above 255: prefix and number. Not one literal: V8 makes those of 128 properties or more hash tables, which are
 * searched each time a name is mentioned.
 */
export const W = { ...CONTROL, ...NUMERIC, ...VECTOR } as const satisfies Record<string, number>;

/** Name of an instruction. */
export type InstructionName = keyof typeof W;

/** Value types; VOID is the type of a block that yields nothing. */
export const I32 = 0x7f, I64 = 0x7e, F32 = 0x7d, F64 = 0x7c, V128 = 0x7b, VOID = 0x40;

/** What follows an opcode. */
export type Immediates =
  | "none"
  | "type"
  | "index"
  | "table"
  | "call_indirect"
  | "memory"
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "lane"
  | "v128"
  | "byte"
  | "bytes";

/** What follows the opcode of an instruction. */
export function immediatesOf(name: InstructionName): Immediates {
  if (name === "block" || name === "loop" || name === "if") return "type";
  if (name === "br_table") return "table";
  if (name === "call_indirect") return "call_indirect";
  if (name === "br" || name === "br_if" || name === "call" || name.startsWith("local_")) return "index";
  if (name === "i32_const") return "i32";
  if (name === "i64_const") return "i64";
  if (name === "f32_const") return "f32";
  if (name === "f64_const") return "f64";
  if (name === "v128_const" || name === "i8x16_shuffle") return "v128";
  if (name === "memory_fill") return "byte";
  if (name === "memory_copy") return "bytes";
  if (name.includes("_lane")) return "lane";
  return /_(load|store)/.test(name) ? "memory" : "none";
}
