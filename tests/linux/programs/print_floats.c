#include <math.h>
#include <stdio.h>
#include <float.h>
#include <stdlib.h>
int main(void) {
  double values[] = {0.0, -0.0, 1.0, 1.0 / 3, 1e308, 5e-324, DBL_MIN, 123456.789, -2.5, 1e21, NAN, INFINITY, -INFINITY};
  for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
    printf("%g %.17g %e %f %a\n", values[i], values[i], values[i], fabs(values[i]) < 1e30 ? values[i] : 0.0, values[i]);
  long double wide[] = {0.0L, 1.0L / 3, 1e4000L, LDBL_MIN, LDBL_EPSILON, -2.5L, 0.1L};
  for (unsigned i = 0; i < sizeof wide / sizeof *wide; i++) printf("%Lg %.21Lg %La\n", wide[i], wide[i], wide[i]);
  printf("%.3f %10.2e|%-12g|%+.1f|%05d|%x|%o|%s|%c|%p\n", M_PI, 12345.678, 1e-5, 2.25, 42, 255, 8, "text", 'c', (void *)0x1234);
  printf("%.15g %.15g %.15g %.15g\n", sin(1), cos(1), exp(1), log(10));
  printf("%.15g %.15g %.15g %.15g\n", pow(2, 0.5), atan2(1, 2), tanh(0.3), fmod(10, 3.3));
  printf("%.18Lg %.18Lg %.18Lg\n", sinl(1), expl(1), sqrtl(2));
  float f = 16777216.0f; f += 1.0f; printf("%.1f %d %ld\n", f, (int)-2.7, lrint(2.5));
  printf("%g %g %g %g\n", strtod("1.7976931348623157e308", 0), strtod("0x1.8p3", 0), strtod("inf", 0), atof("1e-310"));
  printf("%.10Lf\n", strtold("3.14159265358979323846264338327950288", 0));
  return 0;
}
