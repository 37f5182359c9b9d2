/* printf of doubles and long doubles in every format. */
#include <float.h>
#include <math.h>
#include <stdio.h>

int main(void) {
  volatile double d[] = {0.0, -0.0, 1.0, -1.5, 0.1, 1.0 / 3, 2.5, 3.5, 1e21, 123456789.123456789, 1e-5, 9.9999995, 1e100,
                         DBL_MAX, DBL_MIN, 5e-324, INFINITY, -INFINITY, M_PI, 0.5e-10, 99999.5, 1e15, 1e16};
  volatile long double l[] = {0.0L, 1.0L / 3, 1e4000L, LDBL_MAX, LDBL_MIN, 3.6e-4951L, 0.1L, 18446744073709551615.0L, -1e-18L,
                              2.718281828459045235360287471352662498L};
  for (unsigned i = 0; i < sizeof d / sizeof *d; i++) {
    printf("%f|%.0f|%.3f|%e|%.17g|%g|%a|%12.4f|%-12.2e|%+g|%#.0f\n", d[i], d[i], d[i], d[i], d[i], d[i], d[i], d[i], d[i],
           d[i], d[i]);
  }
  for (unsigned i = 0; i < sizeof l / sizeof *l; i++) {
    printf("%.5Lf|%.20Le|%Lg|%.21Lg|%La\n", l[i] > 1e30L ? 1.0L : l[i], l[i], l[i], l[i], l[i]);
  }
  printf("%.60f\n%.30Lf\n%.400f\n", 0.1, 0.1L, 1e-300);
  printf("%d %i %u %x %X %#x %o %#o %c %5d|%-5d|%05d|%+d|% d|%ld|%lld|%zu|%hhd|%hd|%jd|%%|%p\n", 42, -42, 42u, 48879u,
         48879u, 255u, 8u, 8u, 'c', 42, 42, 42, 42, 42, 1L << 40, -1LL << 50, sizeof d, (signed char)200, (short)70000,
         (long)1e15, (void *)0x1234);
  printf("%s|%10s|%-10s|%.3s|%*d|%.*f\n", "text", "right", "left", "truncated", 6, 7, 2, 3.14159);
  char small[8];
  int wanted = snprintf(small, sizeof small, "%f", 12345.678);
  printf("%s %d\n", small, wanted);
  return 0;
}
