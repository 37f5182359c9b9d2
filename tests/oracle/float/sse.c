/* Runs SSE floating-point instructions on the processor: "sse list" prints their names in order;
 * without arguments it reads records of 40 bytes and writes records of 24 bytes:
 * in:  u32 operation, u32 MXCSR, u64 a[2], u64 b[2]
 * out: u64 result[2], u32 MXCSR afterwards, u32 trapped (#XM arrived: 1, the result is what the destination held)
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <immintrin.h>

struct in { uint32_t op, mxcsr; uint64_t a[2], b[2]; };
struct out { uint64_t r[2]; uint32_t mxcsr, trapped; };

static sigjmp_buf escape;
static volatile uint32_t trap_mxcsr;

static void on_fpe(int sig, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  (void)sig; (void)info;
  trap_mxcsr = uc->uc_mcontext.fpregs->mxcsr;
  siglongjmp(escape, 1);
}

static uint32_t default_mxcsr = 0x1f80;

#define XMM(name, insn) static void name(struct in *i, struct out *o) { \
  __m128i x, y; memcpy(&x, i->a, 16); memcpy(&y, i->b, 16); \
  __asm__ volatile("ldmxcsr %[c]\n\t" insn " %[y], %[x]\n\tstmxcsr %[s]\n\tldmxcsr %[d]" \
    : [x] "+x"(x), [s] "=m"(o->mxcsr) : [y] "x"(y), [c] "m"(i->mxcsr), [d] "m"(default_mxcsr)); \
  memcpy(o->r, &x, 16); }
#define XMMIMM(name, insn, imm) XMM(name, insn " $" #imm ",")
#define GPR(name, insn, mod) static void name(struct in *i, struct out *o) { \
  __m128i x; uint64_t r = 0; memcpy(&x, i->a, 16); \
  __asm__ volatile("ldmxcsr %[c]\n\t" insn " %[x], %" mod "[r]\n\tstmxcsr %[s]\n\tldmxcsr %[d]" \
    : [r] "+r"(r), [s] "=m"(o->mxcsr) : [x] "x"(x), [c] "m"(i->mxcsr), [d] "m"(default_mxcsr)); \
  o->r[0] = r; o->r[1] = 0; }
#define INT(name, insn, mod) static void name(struct in *i, struct out *o) { \
  __m128i x = _mm_setzero_si128(); uint64_t r = i->a[0]; \
  __asm__ volatile("ldmxcsr %[c]\n\t" insn " %" mod "[r], %[x]\n\tstmxcsr %[s]\n\tldmxcsr %[d]" \
    : [x] "+x"(x), [s] "=m"(o->mxcsr) : [r] "r"(r), [c] "m"(i->mxcsr), [d] "m"(default_mxcsr)); \
  memcpy(o->r, &x, 16); }
#define FLAGS(name, insn) static void name(struct in *i, struct out *o) { \
  __m128i x, y; uint64_t f; memcpy(&x, i->a, 16); memcpy(&y, i->b, 16); \
  __asm__ volatile("ldmxcsr %[c]\n\t" insn " %[y], %[x]\n\tpushfq\n\tpop %[f]\n\tstmxcsr %[s]\n\tldmxcsr %[d]" \
    : [f] "=r"(f), [s] "=m"(o->mxcsr) : [x] "x"(x), [y] "x"(y), [c] "m"(i->mxcsr), [d] "m"(default_mxcsr) : "cc", "memory"); \
  o->r[0] = f & 0x8d5; o->r[1] = 0; }

#define ALL(X) \
  X(ADDSD, XMM, "addsd") X(SUBSD, XMM, "subsd") X(MULSD, XMM, "mulsd") X(DIVSD, XMM, "divsd") \
  X(MINSD, XMM, "minsd") X(MAXSD, XMM, "maxsd") X(SQRTSD, XMM, "sqrtsd") \
  X(ADDSS, XMM, "addss") X(SUBSS, XMM, "subss") X(MULSS, XMM, "mulss") X(DIVSS, XMM, "divss") \
  X(MINSS, XMM, "minss") X(MAXSS, XMM, "maxss") X(SQRTSS, XMM, "sqrtss") \
  X(UCOMISD, FLAGS, "ucomisd") X(COMISD, FLAGS, "comisd") X(UCOMISS, FLAGS, "ucomiss") X(COMISS, FLAGS, "comiss") \
  X(CMPSD0, XMM, "cmpsd $0,") X(CMPSD1, XMM, "cmpsd $1,") X(CMPSD2, XMM, "cmpsd $2,") X(CMPSD3, XMM, "cmpsd $3,") \
  X(CMPSD4, XMM, "cmpsd $4,") X(CMPSD5, XMM, "cmpsd $5,") X(CMPSD6, XMM, "cmpsd $6,") X(CMPSD7, XMM, "cmpsd $7,") \
  X(CMPSS0, XMM, "cmpss $0,") X(CMPSS1, XMM, "cmpss $1,") X(CMPSS2, XMM, "cmpss $2,") X(CMPSS3, XMM, "cmpss $3,") \
  X(CMPSS4, XMM, "cmpss $4,") X(CMPSS5, XMM, "cmpss $5,") X(CMPSS6, XMM, "cmpss $6,") X(CMPSS7, XMM, "cmpss $7,") \
  X(CVTSD2SS, XMM, "cvtsd2ss") X(CVTSS2SD, XMM, "cvtss2sd") \
  X(ROUNDSD0, XMM, "roundsd $0,") X(ROUNDSD1, XMM, "roundsd $1,") X(ROUNDSD2, XMM, "roundsd $2,") \
  X(ROUNDSD3, XMM, "roundsd $3,") X(ROUNDSD4, XMM, "roundsd $4,") X(ROUNDSD8, XMM, "roundsd $8,") \
  X(ROUNDSD11, XMM, "roundsd $11,") X(ROUNDSD12, XMM, "roundsd $12,") \
  X(ROUNDSS0, XMM, "roundss $0,") X(ROUNDSS1, XMM, "roundss $1,") X(ROUNDSS2, XMM, "roundss $2,") \
  X(ROUNDSS3, XMM, "roundss $3,") X(ROUNDSS4, XMM, "roundss $4,") X(ROUNDSS8, XMM, "roundss $8,") \
  X(ROUNDSS11, XMM, "roundss $11,") X(ROUNDSS12, XMM, "roundss $12,") \
  X(RCPSS, XMM, "rcpss") X(RSQRTSS, XMM, "rsqrtss") \
  X(CVTSD2SI32, GPR32, "cvtsd2si") X(CVTTSD2SI32, GPR32, "cvttsd2si") \
  X(CVTSD2SI64, GPR64, "cvtsd2si") X(CVTTSD2SI64, GPR64, "cvttsd2si") \
  X(CVTSS2SI32, GPR32, "cvtss2si") X(CVTTSS2SI32, GPR32, "cvttss2si") \
  X(CVTSS2SI64, GPR64, "cvtss2si") X(CVTTSS2SI64, GPR64, "cvttss2si") \
  X(CVTSI2SD32, INT32, "cvtsi2sdl") X(CVTSI2SD64, INT64, "cvtsi2sdq") \
  X(CVTSI2SS32, INT32, "cvtsi2ssl") X(CVTSI2SS64, INT64, "cvtsi2ssq") \
  X(ADDPD, XMM, "addpd") X(MULPD, XMM, "mulpd") X(DIVPD, XMM, "divpd") X(SQRTPD, XMM, "sqrtpd") \
  X(MINPD, XMM, "minpd") X(CVTPD2PS, XMM, "cvtpd2ps")

#define GPR32(name, insn) GPR(name, insn, "k")
#define GPR64(name, insn) GPR(name, insn, "q")
#define INT32(name, insn) INT(name, insn, "k")
#define INT64(name, insn) INT(name, insn, "q")

#define DEFINE(name, kind, insn) kind(do_##name, insn)
ALL(DEFINE)
#define ROW(name, kind, insn) {#name, do_##name},
static const struct { const char *name; void (*run)(struct in *, struct out *); } table[] = { ALL(ROW) };
#define COUNT (sizeof table / sizeof table[0])

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "list") == 0) {
    for (unsigned n = 0; n < COUNT; n++) puts(table[n].name);
    return 0;
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fpe;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGFPE, &action, 0);
  struct in i;
  struct out o;
  while (fread(&i, sizeof i, 1, stdin) == 1) {
    memset(&o, 0, sizeof o);
    if (i.op >= COUNT) return 2;
    if (sigsetjmp(escape, 0) == 0) {
      table[i.op].run(&i, &o);
    } else {
      __asm__ volatile("ldmxcsr %0" : : "m"(default_mxcsr));
      o.trapped = 1;
      o.mxcsr = trap_mxcsr;
    }
    if (fwrite(&o, sizeof o, 1, stdout) != 1) return 3;
  }
  return 0;
}
