/* Double-precision arithmetic: planets, a spectral norm, the Mandelbrot set. Argument: rounds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct body { double x[3], v[3], mass; };
static struct body bodies[] = {
    {{0, 0, 0}, {0, 0, 0}, 39.47841760435743},
    {{4.84143144246472, -1.16032004402743, -0.10362204447112}, {0.60632639299583, 2.81198684491626, -0.02521836165989}, 0.03769367487039},
    {{8.34336671824458, 4.12479856412431, -0.40352341711432}, {-1.01077434617880, 1.82566237123041, 0.00841576137658}, 0.01128632613196},
    {{12.8943695621391, -15.1111514016986, -0.22330757889266}, {1.08279100644154, 0.86871301816961, -0.01083263740137}, 0.00172372405705},
    {{15.3796971148509, -25.9193146099879, 0.17925877295037}, {0.97909073224390, 0.59469899864767, -0.03475595551592}, 0.00203368686992},
};
#define BODIES 5

static void advance(double dt) {
  for (int i = 0; i < BODIES; i++)
    for (int j = i + 1; j < BODIES; j++) {
      double d[3], square = 0;
      for (int k = 0; k < 3; k++) d[k] = bodies[i].x[k] - bodies[j].x[k], square += d[k] * d[k];
      double magnitude = dt / (square * sqrt(square));
      for (int k = 0; k < 3; k++) {
        bodies[i].v[k] -= d[k] * bodies[j].mass * magnitude;
        bodies[j].v[k] += d[k] * bodies[i].mass * magnitude;
      }
    }
  for (int i = 0; i < BODIES; i++)
    for (int k = 0; k < 3; k++) bodies[i].x[k] += dt * bodies[i].v[k];
}

#define N 60
static double element(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }
static double spectral(void) {
  double u[N], v[N], w[N], uv = 0, vv = 0;
  for (int i = 0; i < N; i++) u[i] = 1;
  for (int r = 0; r < 4; r++) {
    for (int half = 0; half < 2; half++) {
      double *from = half ? v : u, *to = half ? u : v;
      for (int i = 0; i < N; i++) { w[i] = 0; for (int j = 0; j < N; j++) w[i] += element(i, j) * from[j]; }
      for (int i = 0; i < N; i++) { to[i] = 0; for (int j = 0; j < N; j++) to[i] += element(j, i) * w[j]; }
    }
  }
  for (int i = 0; i < N; i++) uv += u[i] * v[i], vv += v[i] * v[i];
  return sqrt(uv / vv);
}

static int mandelbrot(int size) {
  int inside = 0;
  for (int row = 0; row < size; row++)
    for (int column = 0; column < size; column++) {
      double cr = 2.0 * column / size - 1.5, ci = 2.0 * row / size - 1.0, r = 0, i = 0;
      int n = 0;
      for (; n < 50 && r * r + i * i < 4; n++) {
        double next = r * r - i * i + cr;
        i = 2 * r * i + ci;
        r = next;
      }
      inside += n;
    }
  return inside;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 1;
  double sum = 0;
  long inside = 0;
  for (int r = 0; r < rounds; r++) {
    for (int i = 0; i < 1000; i++) advance(0.001);
    sum += spectral();
    inside += mandelbrot(48 + (r & 7));
  }
  printf("%.9f %.9f %.9f %ld\n", bodies[0].x[0], bodies[4].v[1], sum, inside);
  return 0;
}
