/* Vector instructions by intrinsics up to SSE4.2, AES, PCLMULQDQ; and code that the compiler makes vectors of. */
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t hash = 2166136261u;
static void mix(__m128i value) {
  uint8_t bytes[16];
  _mm_storeu_si128((__m128i *)bytes, value);
  for (int i = 0; i < 16; i++) hash = (hash ^ bytes[i]) * 16777619u;
}
static void show(const char *what, __m128i value) {
  uint32_t words[4];
  _mm_storeu_si128((__m128i *)words, value);
  printf("%s %08x %08x %08x %08x\n", what, words[3], words[2], words[1], words[0]);
}

__attribute__((target("sse4.2,aes,pclmul"))) static void intrinsics(__m128i a, __m128i b) {
  mix(_mm_add_epi8(a, b)), mix(_mm_adds_epi16(a, b)), mix(_mm_subs_epu8(a, b)), mix(_mm_avg_epu8(a, b));
  mix(_mm_mullo_epi16(a, b)), mix(_mm_mulhi_epi16(a, b)), mix(_mm_mulhi_epu16(a, b)), mix(_mm_madd_epi16(a, b));
  mix(_mm_mul_epu32(a, b)), mix(_mm_mullo_epi32(a, b)), mix(_mm_mul_epi32(a, b)), mix(_mm_sad_epu8(a, b));
  mix(_mm_packs_epi32(a, b)), mix(_mm_packus_epi16(a, b)), mix(_mm_packus_epi32(a, b));
  mix(_mm_unpacklo_epi8(a, b)), mix(_mm_unpackhi_epi64(a, b)), mix(_mm_shuffle_epi32(a, 0x1b)), mix(_mm_shufflelo_epi16(a, 0x39));
  mix(_mm_shuffle_epi8(a, b)), mix(_mm_alignr_epi8(a, b, 5)), mix(_mm_hadd_epi16(a, b)), mix(_mm_maddubs_epi16(a, b));
  mix(_mm_sign_epi16(a, b)), mix(_mm_abs_epi8(a)), mix(_mm_mulhrs_epi16(a, b));
  mix(_mm_cmpeq_epi8(a, b)), mix(_mm_cmpgt_epi16(a, b)), mix(_mm_cmpgt_epi64(a, b)), mix(_mm_cmpeq_epi64(a, a));
  mix(_mm_slli_epi32(a, 7)), mix(_mm_sra_epi16(a, _mm_cvtsi32_si128(3))), mix(_mm_srli_si128(a, 3)), mix(_mm_sll_epi64(a, _mm_cvtsi32_si128(11)));
  mix(_mm_min_epi8(a, b)), mix(_mm_max_epu16(a, b)), mix(_mm_min_epu32(a, b)), mix(_mm_max_epi32(a, b));
  mix(_mm_blendv_epi8(a, b, _mm_slli_epi16(a, 3))), mix(_mm_blend_epi16(a, b, 0x5a)), mix(_mm_insert_epi8(a, 99, 7)), mix(_mm_insert_epi64(a, 99, 1));
  mix(_mm_cvtepi8_epi32(a)), mix(_mm_cvtepu16_epi64(b)), mix(_mm_mpsadbw_epu8(a, b, 5)), mix(_mm_minpos_epu16(a));
  mix(_mm_aesenc_si128(a, b)), mix(_mm_aesdeclast_si128(a, b)), mix(_mm_aeskeygenassist_si128(a, 0x1b)), mix(_mm_aesimc_si128(b));
  mix(_mm_clmulepi64_si128(a, b, 0x10)), mix(_mm_andnot_si128(a, b));
  mix(_mm_cmpestrm(a, 9, b, 13, _SIDD_UBYTE_OPS | _SIDD_CMP_EQUAL_ANY)), mix(_mm_cmpistrm(a, b, _SIDD_UWORD_OPS | _SIDD_CMP_EQUAL_EACH | _SIDD_UNIT_MASK));
  hash += _mm_movemask_epi8(a) + _mm_extract_epi16(b, 3) + _mm_extract_epi32(a, 2) + (unsigned)_mm_extract_epi64(a, 1);
  hash += _mm_cmpestri(a, 7, b, 12, _SIDD_CMP_RANGES) * 31 + _mm_cmpistri(a, b, _SIDD_CMP_EQUAL_ORDERED) * 7;
  hash += _mm_testz_si128(a, b) + 2 * _mm_testc_si128(a, b) + 4 * _mm_testnzc_si128(a, b);
  hash += _mm_crc32_u64(hash, (uint64_t)_mm_cvtsi128_si64(a)) + _mm_crc32_u8(hash, 77) + (unsigned)_mm_popcnt_u64(hash * 0x9e3779b97f4a7c15ull);
}

__attribute__((target("sse4.1"))) static void floats(float x, double y) {
  __m128 a = _mm_set_ps(x, -x * 3, 1 / x, 100.5f), b = _mm_set_ps(2.5f, x, -0.0f, 7);
  __m128d c = _mm_set_pd(y, -2.25), d = _mm_set_pd(0.1, y * y);
  mix(_mm_castps_si128(_mm_add_ps(a, b))), mix(_mm_castps_si128(_mm_mul_ps(a, b))), mix(_mm_castps_si128(_mm_div_ps(a, _mm_add_ps(b, a))));
  mix(_mm_castps_si128(_mm_sqrt_ps(_mm_mul_ps(a, a)))), mix(_mm_castps_si128(_mm_min_ps(a, b))), mix(_mm_castps_si128(_mm_max_ss(a, b)));
  mix(_mm_castps_si128(_mm_cmplt_ps(a, b))), mix(_mm_castps_si128(_mm_shuffle_ps(a, b, 0x72))), mix(_mm_castps_si128(_mm_hadd_ps(a, b)));
  mix(_mm_castps_si128(_mm_dp_ps(a, b, 0xf5))), mix(_mm_castps_si128(_mm_round_ps(a, 3))), mix(_mm_castps_si128(_mm_floor_ps(a)));
  mix(_mm_castpd_si128(_mm_add_pd(c, d))), mix(_mm_castpd_si128(_mm_sub_sd(c, d))), mix(_mm_castpd_si128(_mm_mul_pd(c, d)));
  mix(_mm_castpd_si128(_mm_div_pd(c, d))), mix(_mm_castpd_si128(_mm_sqrt_sd(c, d))), mix(_mm_castpd_si128(_mm_addsub_pd(c, d)));
  mix(_mm_castpd_si128(_mm_dp_pd(c, d, 0x31))), mix(_mm_castpd_si128(_mm_ceil_pd(c))), mix(_mm_castpd_si128(_mm_cmpnle_pd(c, d)));
  mix(_mm_cvtps_epi32(a)), mix(_mm_cvttps_epi32(b)), mix(_mm_cvtpd_epi32(d)), mix(_mm_castps_si128(_mm_cvtepi32_ps(_mm_cvtps_epi32(a))));
  mix(_mm_castpd_si128(_mm_cvtps_pd(a))), mix(_mm_castps_si128(_mm_cvtpd_ps(d))), mix(_mm_castps_si128(_mm_insert_ps(a, b, 0x9c)));
  hash += _mm_movemask_ps(a) + _mm_comilt_ss(a, b) + 2 * _mm_ucomieq_sd(c, d) + (unsigned)_mm_cvtsd_si64(c) + (unsigned)_mm_cvttss_si32(a);
}

int main(void) {
  uint64_t seed = 3;
  for (int i = 0; i < 150; i++) {
    uint64_t words[4];
    for (int k = 0; k < 4; k++) seed = seed * 6364136223846793005u + 1442695040888963407u, words[k] = seed ^ seed >> 29;
    if (i % 3 == 0) words[2] = words[0];
    __m128i a = _mm_set_epi64x((long long)words[0], (long long)words[1]), b = _mm_set_epi64x((long long)words[2], (long long)words[3]);
    intrinsics(a, b);
    floats((float)(int)words[0] / 1000, (double)(long)words[1] / 1e9);
    if (i == 7) show("a", a), show("b", b);
  }
  printf("hash %08x\n", hash);
  static int from[777], to[777];
  static unsigned char bytes[1000];
  for (int i = 0; i < 777; i++) from[i] = i * 31 - 5000;
  for (int i = 0; i < 777; i++) to[i] = from[i] > 0 ? from[i] * 3 : -from[i];
  long sum = 0;
  for (int i = 0; i < 777; i++) sum += to[i];
  for (int i = 0; i < 1000; i++) bytes[i] = (unsigned char)(i * 3 + 1);
  unsigned total = 0;
  for (int i = 0; i < 1000; i++) total += bytes[i] * (unsigned)bytes[999 - i];
  printf("%ld %u\n", sum, total);
  return 0;
}
