/* Mathematics in double and float, conversions, rounding, exceptions. Transcendental functions to 14 digits: libraries
   choose by what the processor has. */
#define _GNU_SOURCE
#include <complex.h>
#include <fenv.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void raised(const char *what) {
  printf("%s:%s%s%s%s%s\n", what, fetestexcept(FE_INVALID) ? " invalid" : "", fetestexcept(FE_DIVBYZERO) ? " divbyzero" : "",
         fetestexcept(FE_OVERFLOW) ? " overflow" : "", fetestexcept(FE_UNDERFLOW) ? " underflow" : "",
         fetestexcept(FE_INEXACT) ? " inexact" : "");
  feclearexcept(FE_ALL_EXCEPT);
}

int main(void) {
  volatile double values[] = {0.3, 1.7, 12.5, 1e5, 1e-5, 123.456};
  for (int i = 0; i < 6; i++) {
    double v = values[i];
    printf("%.14g %.14g %.14g %.14g %.14g %.14g %.14g %.14g\n", sin(v), cos(v), tan(v), exp(v / 100), log(v), pow(v, 1.3), atan(v), cbrt(v));
    printf("%.14g %.14g %.14g %.14g %.14g %.14g\n", sinh(v / 1e4), tanh(v), erf(v / 10), tgamma(v / 1e4 + 1), log1p(v), hypot(v, 3));
    printf("%a %a %a %a %a %a %a\n", sqrt(v), floor(-v), ceil(v), round(v), rint(v), trunc(v), fmod(v, 0.7));
    printf("%.6g %.6g %.6g %a\n", sinf((float)v), expf((float)v / 1e4f), logf((float)v), sqrtf((float)v));
  }
  feclearexcept(FE_ALL_EXCEPT);
  volatile double zero = 0, one = 1, big = DBL_MAX, tiny = DBL_MIN, third;
  third = one / 4;
  raised("exact");
  third = one / 3;
  raised("third");
  third = one / zero;
  raised("by zero");
  third = zero / zero;
  raised("invalid");
  third = big * big;
  raised("overflow");
  third = tiny * tiny;
  raised("underflow");
  third = tiny / 3;
  raised("denormal");
  third = sqrt(-one);
  raised("root of -1");
  volatile int integer = (int)big;
  raised("to int");
  printf("%x %x\n", (unsigned)integer, (unsigned)(int)(volatile double)-1e300);
  volatile float single = (float)big;
  raised("to float");
  printf("%g %d %d\n", single, one < third, third != third);
  int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  for (int i = 0; i < 4; i++) {
    fesetround(modes[i]);
    volatile double a = 0.1, b = 0.3, c = 1e16;
    volatile float f = 0.1f;
    printf("%a %a %a %a %a %ld %ld %a\n", a + b, a * b, a / b, c + one, sqrt(b), lrint(2.5), lrint(-2.5), (double)(f * f));
    printf("%a %.3f %.3f\n", strtod("0.1", NULL), 0.0005, 2.0005);
  }
  fesetround(FE_TONEAREST);
  volatile int64_t longs[] = {INT64_MAX, INT64_MIN, (1ll << 53) + 1, -3};
  for (int i = 0; i < 4; i++) {
    volatile double d = (double)longs[i];
    volatile float f = (float)longs[i];
    volatile double u = (double)(uint64_t)longs[i];
    printf("%a %a %a %lld\n", d, (double)f, u, (long long)(d / 2));
  }
  volatile double complex w = 3 + 4 * I;
  printf("%.14g %.14g %.14g\n", cabs(w), creal(w * w), cimag(csqrt(w)));
  volatile double sum = 0;
  for (int i = 1; i < 20000; i++) sum += 1.0 / ((double)i * i);
  printf("%a\n", sum);
  float dot = 0;
  static float xs[1000], ys[1000];
  for (int i = 0; i < 1000; i++) xs[i] = (float)i / 7, ys[i] = (float)(1000 - i) / 3;
  for (int i = 0; i < 1000; i++) dot += xs[i] * ys[i];
  printf("%a\n", (double)dot);
  for (double d = 1e-310; d > 0; d /= 1000) printf("%a ", d);
  puts("");
  printf("%d %a %a %a\n", ilogb(1e-310), nextafter(0, 1), ldexp(0.75, -1074), scalbn(1.5, 1023));
  return 0;
}
