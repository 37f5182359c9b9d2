/* Mathematics in long double. Transcendental functions to 17 digits: two bits fewer than they have. */
#define _GNU_SOURCE
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdio.h>

#define SHOW(f) printf(#f " %.17Lg\n", f)
#define EXACT(f) printf(#f " %La\n", f)

int main(void) {
  volatile long double x = 0.7L, y = 2.3L, z = 1e10L, small = 1e-12L, large = 123456789.987654321L;
  SHOW(sinl(x));
  SHOW(cosl(y));
  SHOW(tanl(x));
  SHOW(asinl(x));
  SHOW(acosl(x));
  SHOW(atanl(y));
  SHOW(atan2l(x, -y));
  SHOW(expl(y));
  SHOW(exp2l(x));
  SHOW(expm1l(small));
  SHOW(logl(large));
  SHOW(log2l(y));
  SHOW(log10l(z));
  SHOW(log1pl(small));
  SHOW(powl(y, x));
  SHOW(powl(1.5L, 200));
  SHOW(sinhl(x));
  SHOW(coshl(y));
  SHOW(tanhl(x));
  SHOW(cbrtl(y));
  SHOW(hypotl(x, y));
  SHOW(erfl(x));
  SHOW(lgammal(y));
  EXACT(sqrtl(y));
  EXACT(sqrtl(large));
  EXACT(x + y);
  EXACT(x * y);
  EXACT(x / y);
  EXACT(x - z);
  EXACT(fmodl(large, y));
  EXACT(remainderl(large, y));
  EXACT(floorl(-large));
  EXACT(ceill(large));
  EXACT(roundl(2.5L));
  EXACT(rintl(2.5L));
  EXACT(nearbyintl(-3.5L));
  EXACT(truncl(-large));
  EXACT(fabsl(-x));
  EXACT(copysignl(x, -1));
  EXACT(nextafterl(1, 2));
  EXACT(ldexpl(x, 1000));
  EXACT(scalbnl(x, -16400));
  EXACT(logbl(large));
  EXACT(fmaxl(x, y));
  EXACT(fdiml(y, x));
  int exponent;
  EXACT(frexpl(large, &exponent));
  long double whole;
  EXACT(modfl(large, &whole));
  printf("%d %La %ld %lld %d\n", exponent, whole, lrintl(large), llroundl(-large), ilogbl(small));
  printf("%d %d %d %d\n", fpclassify(LDBL_MIN / 2), isinf(LDBL_MAX * 2), isnan(x - x) , signbit(-0.0L) != 0);
  int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  for (int i = 0; i < 4; i++) {
    fesetround(modes[i]);
    volatile long double third = 1.0L, three = 3.0L;
    third = third / three;
    volatile double d = 1.0, e = 3.0;
    volatile float f = 1.0f, g = 3.0f;
    printf("%La %La %a %a %ld %La\n", third, -third * large, d / e, (double)(f / g), lrintl(2.5L), sqrtl(large));
  }
  fesetround(FE_TONEAREST);
  long double sum = 0;
  for (int i = 1; i <= 1000; i++) sum += 1.0L / i;
  printf("%.20Lg\n", sum);
  volatile unsigned long long wide = 0xfffffffffffffffful;
  volatile long double converted = wide;
  printf("%.0Lf %llu %d %g %g\n", converted, (unsigned long long)converted, (int)(short)(int)y, (double)x, (double)(float)y);
  return 0;
}
