/* Runs x87 instructions on the processor: "x87 list" prints their names in order;
 * without arguments it reads records of 80 bytes and writes records of 160 bytes:
 * in:  u32 operation, u16 FCW, u16 FSW, u16 abridged tags, u16 RFLAGS, u32 0, 3 × 16 bytes ST(0)..ST(2), 16 bytes memory
 * out: u16 FCW, u16 FSW, u16 tags, u16 AX, u32 RFLAGS, u32 0, 8 × 16 bytes ST(0)..ST(7), 16 bytes memory
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct in { uint32_t op; uint16_t fcw, fsw, ftw, rflags; uint32_t zero; uint8_t st[3][16]; uint8_t mem[16]; };
struct out { uint16_t fcw, fsw, ftw, ax; uint32_t rflags, zero; uint8_t st[8][16]; uint8_t mem[16]; };

static uint8_t image[512] __attribute__((aligned(16)));
static uint8_t after[512] __attribute__((aligned(16)));
static uint8_t memory[512] __attribute__((aligned(16)));

#define OP(name, insn) static void do_##name(struct in *i, struct out *o) { \
  uint64_t flags = (i->rflags & 0x8d5) | 0x202; uint64_t rax = 0; \
  __asm__ volatile("fxrstor64 %[img]\n\tpushq %[f]\n\tpopfq\n\t" insn "\n\tpushfq\n\tpopq %[f]\n\tfxsave64 %[out]\n\tfninit" \
    : [f] "+r"(flags), [out] "=m"(after), [m] "+m"(memory), "+a"(rax) : [img] "m"(image) : "cc", "memory"); \
  o->rflags = flags & 0x8d5; o->ax = rax; }

#define ARITH(X, op) X(op##_M32, #op "s %[m]") X(op##_M64, #op "l %[m]") X(op##_0_1, #op " %%st(1), %%st") \
  X(op##_0_0, #op " %%st, %%st")
#define INTEGER(X, op) X(op##_M16, #op "s %[m]") X(op##_M32, #op "l %[m]")
#define ALL(X) \
  ARITH(X, fadd) ARITH(X, fsub) ARITH(X, fsubr) ARITH(X, fmul) ARITH(X, fdiv) ARITH(X, fdivr) \
  X(fadd_1_0, ".byte 0xdc,0xc1") X(fmul_1_0, ".byte 0xdc,0xc9") X(fsubr_1_0, ".byte 0xdc,0xe1") \
  X(fsub_1_0, ".byte 0xdc,0xe9") X(fdivr_1_0, ".byte 0xdc,0xf1") X(fdiv_1_0, ".byte 0xdc,0xf9") \
  X(faddp_1_0, ".byte 0xde,0xc1") X(fmulp_1_0, ".byte 0xde,0xc9") X(fsubrp_1_0, ".byte 0xde,0xe1") \
  X(fsubp_1_0, ".byte 0xde,0xe9") X(fdivrp_1_0, ".byte 0xde,0xf1") X(fdivp_1_0, ".byte 0xde,0xf9") \
  INTEGER(X, fiadd) INTEGER(X, fisub) INTEGER(X, fisubr) INTEGER(X, fimul) INTEGER(X, fidiv) INTEGER(X, fidivr) \
  INTEGER(X, ficom) INTEGER(X, ficomp) \
  X(fld_M32, "flds %[m]") X(fld_M64, "fldl %[m]") X(fld_M80, "fldt %[m]") X(fld_1, "fld %%st(1)") \
  X(fild_M16, "filds %[m]") X(fild_M32, "fildl %[m]") X(fild_M64, "fildll %[m]") X(fbld, "fbld %[m]") \
  X(fld1, "fld1") X(fldz, "fldz") X(fldpi, "fldpi") X(fldl2e, "fldl2e") X(fldl2t, "fldl2t") X(fldlg2, "fldlg2") X(fldln2, "fldln2") \
  X(fst_M32, "fsts %[m]") X(fst_M64, "fstl %[m]") X(fstp_M32, "fstps %[m]") X(fstp_M64, "fstpl %[m]") X(fstp_M80, "fstpt %[m]") \
  X(fst_1, "fst %%st(1)") X(fstp_1, "fstp %%st(1)") X(fstp_0, "fstp %%st") \
  X(fist_M16, "fists %[m]") X(fist_M32, "fistl %[m]") X(fistp_M16, "fistps %[m]") X(fistp_M32, "fistpl %[m]") X(fistp_M64, "fistpll %[m]") \
  X(fisttp_M16, "fisttps %[m]") X(fisttp_M32, "fisttpl %[m]") X(fisttp_M64, "fisttpll %[m]") X(fbstp, "fbstp %[m]") \
  X(fsqrt, "fsqrt") X(fabs, "fabs") X(fchs, "fchs") X(frndint, "frndint") X(fscale, "fscale") X(fprem, "fprem") X(fprem1, "fprem1") \
  X(fxtract, "fxtract") X(fcom_M32, "fcoms %[m]") X(fcom_M64, "fcoml %[m]") X(fcomp_M32, "fcomps %[m]") X(fcomp_M64, "fcompl %[m]") \
  X(fcom_1, "fcom %%st(1)") X(fcomp_1, "fcomp %%st(1)") X(fcompp, "fcompp") X(fucom_1, "fucom %%st(1)") X(fucomp_1, "fucomp %%st(1)") \
  X(fucompp, "fucompp") X(fcomi_1, "fcomi %%st(1)") X(fcomip_1, "fcomip %%st(1)") X(fucomi_1, "fucomi %%st(1)") X(fucomip_1, "fucomip %%st(1)") \
  X(ftst, "ftst") X(fxam, "fxam") X(fxch_1, "fxch %%st(1)") \
  X(fcmovb_1, "fcmovb %%st(1), %%st") X(fcmove_1, "fcmove %%st(1), %%st") X(fcmovbe_1, "fcmovbe %%st(1), %%st") X(fcmovu_1, "fcmovu %%st(1), %%st") \
  X(fcmovnb_1, "fcmovnb %%st(1), %%st") X(fcmovne_1, "fcmovne %%st(1), %%st") X(fcmovnbe_1, "fcmovnbe %%st(1), %%st") X(fcmovnu_1, "fcmovnu %%st(1), %%st") \
  X(ffree_1, "ffree %%st(1)") X(ffreep_1, ".byte 0xdf,0xc1") X(fincstp, "fincstp") X(fdecstp, "fdecstp") X(fninit, "fninit") X(fnclex, "fnclex") \
  X(fldcw, "fldcw %[m]") X(fnstcw, "fnstcw %[m]") X(fnstsw, "fnstsw %%ax") X(fnstenv, "fnstenv %[m]") X(fldenv, "fldenv %[m]") \
  X(fnsave, "fnsave %[m]") \
  X(f2xm1, "f2xm1") X(fyl2x, "fyl2x") X(fyl2xp1, "fyl2xp1") X(fptan, "fptan") X(fpatan, "fpatan") X(fsin, "fsin") X(fcos, "fcos") X(fsincos, "fsincos")

ALL(OP)
#define ROW(name, insn) {#name, do_##name},
static const struct { const char *name; void (*run)(struct in *, struct out *); } table[] = { ALL(ROW) };
#define COUNT (sizeof table / sizeof table[0])

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "list") == 0) {
    for (unsigned n = 0; n < COUNT; n++) puts(table[n].name);
    return 0;
  }
  struct in i;
  struct out o;
  while (fread(&i, sizeof i, 1, stdin) == 1) {
    if (i.op >= COUNT) return 2;
    memset(&o, 0, sizeof o);
    memset(image, 0, sizeof image);
    memcpy(image, &i.fcw, 2);
    memcpy(image + 2, &i.fsw, 2);
    image[4] = (uint8_t)i.ftw;
    image[24] = 0x80; image[25] = 0x1f;
    for (int n = 0; n < 8; n++) {
      if (n < 3) memcpy(image + 32 + 16 * n, i.st[n], 10);
      else { image[32 + 16 * n] = (uint8_t)n; image[32 + 16 * n + 7] = 0x90; image[32 + 16 * n + 8] = 0xff; image[32 + 16 * n + 9] = 0x3f; }
    }
    memset(memory, 0, sizeof memory);
    memcpy(memory, i.mem, 16);
    memset(after, 0, sizeof after);
    table[i.op].run(&i, &o);
    memcpy(&o.fcw, after, 2);
    memcpy(&o.fsw, after + 2, 2);
    o.ftw = after[4];
    for (int n = 0; n < 8; n++) memcpy(o.st[n], after + 32 + 16 * n, 10);
    memcpy(o.mem, memory, 16);
    if (fwrite(&o, sizeof o, 1, stdout) != 1) return 3;
  }
  return 0;
}
