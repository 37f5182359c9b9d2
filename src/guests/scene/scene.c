/*
 * The demonstration: a small ray tracer. Three mirroring spheres over a chessboard, seen by a camera that circles them.
 *
 * On a terminal: an animation in 24-bit colour, two pixels a character cell. Elsewhere: one picture in plain characters,
 * always the same bytes. Options: --color and --plain choose by hand, --frames N sets the length of the animation.
 */
#include <cpuid.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define COLUMNS 76
#define ROWS 28
#define BOUNCES 3
#define FAR 1e9

typedef struct { double x, y, z; } vec;

static vec v(double x, double y, double z) { return (vec){x, y, z}; }
static vec add(vec a, vec b) { return v(a.x + b.x, a.y + b.y, a.z + b.z); }
static vec sub(vec a, vec b) { return v(a.x - b.x, a.y - b.y, a.z - b.z); }
static vec scale(vec a, double k) { return v(a.x * k, a.y * k, a.z * k); }
static vec blend(vec a, vec b, double k) { return add(scale(a, 1 - k), scale(b, k)); }
static double dot(vec a, vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static vec cross(vec a, vec b) {
  return v(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}
static vec unit(vec a) { return scale(a, 1 / sqrt(dot(a, a))); }

static const struct { vec centre; double radius; vec color; double mirror; } spheres[] = {
  {{0, 1.1, 0}, 1.1, {0.75, 0.07, 0.04}, 0.3},
  {{-2.1, 0.75, 0.9}, 0.75, {0.04, 0.18, 0.75}, 0.3},
  {{1.5, 0.55, 1.9}, 0.55, {0.85, 0.5, 0.04}, 0.25},
};
#define SPHERES ((int)(sizeof spheres / sizeof *spheres))

/* Distance along the ray to sphere i, or FAR. */
static double sphere_hit(int i, vec from, vec towards) {
  vec offset = sub(from, spheres[i].centre);
  double b = dot(offset, towards);
  double c = dot(offset, offset) - spheres[i].radius * spheres[i].radius;
  double d = b * b - c;
  if (d < 0) return FAR;
  double t = -b - sqrt(d);
  return t > 1e-4 ? t : FAR;
}

#define HORIZON v(0.7, 0.3, 0.14)

static vec sky(vec towards, vec sun) {
  double height = towards.y < 0 ? 0 : towards.y;
  vec color = blend(HORIZON, v(0.01, 0.03, 0.16), sqrt(height));
  double glow = dot(towards, sun);
  if (glow > 0.9) color = add(color, scale(v(1, 0.7, 0.3), (glow - 0.9) * 6));
  return color;
}

static vec trace(vec from, vec towards, vec sun, int bounces) {
  double nearest = towards.y < -1e-6 ? -from.y / towards.y : FAR;
  int hit = -1;
  for (int i = 0; i < SPHERES; i++) {
    double t = sphere_hit(i, from, towards);
    if (t < nearest) { nearest = t; hit = i; }
  }
  if (nearest > 200) return sky(towards, sun);
  vec at = add(from, scale(towards, nearest));
  vec normal = v(0, 1, 0), color;
  double mirror = 0.12;
  if (hit >= 0) {
    normal = scale(sub(at, spheres[hit].centre), 1 / spheres[hit].radius);
    color = spheres[hit].color;
    mirror = spheres[hit].mirror;
  } else {
    int odd = ((int)floor(at.x) + (int)floor(at.z)) & 1;
    color = odd ? v(0.6, 0.58, 0.5) : v(0.02, 0.03, 0.05);
  }
  double light = dot(normal, sun);
  if (light < 0) light = 0;
  for (int i = 0; i < SPHERES && light > 0; i++) {
    if (i != hit && sphere_hit(i, at, sun) < FAR) light = 0;
  }
  vec result = scale(color, 0.15 + 0.85 * light);
  vec mirrored = sub(towards, scale(normal, 2 * dot(towards, normal)));
  if (hit >= 0 && light > 0) {
    double shine = dot(mirrored, sun);
    if (shine > 0) result = add(result, scale(v(1, 1, 1), 0.8 * pow(shine, 40)));
  }
  if (bounces > 0) result = blend(result, trace(at, mirrored, sun, bounces - 1), mirror);
  double haze = 1 - exp(-nearest * nearest * 0.004);
  return hit >= 0 ? result : blend(result, HORIZON, haze);
}

static vec eye, forwards, right, up, sun;

static void place_camera(double turn) {
  eye = v(6.5 * sin(turn), 2.4, 6.5 * cos(turn));
  forwards = unit(sub(v(0, 0.85, 0.4), eye));
  right = unit(cross(forwards, v(0, 1, 0)));
  up = cross(right, forwards);
  sun = unit(v(0.7, 0.75, 0.5));
}

/* The colour at a place of the picture: x and y from 0 to 1, y down. */
static vec pixel(double x, double y) {
  double sx = (x - 0.5) * 1.15, sy = (0.5 - y) * 1.15 * ROWS * 2 / COLUMNS;
  return trace(eye, unit(add(forwards, add(scale(right, sx), scale(up, sy)))), sun, BOUNCES);
}

static int level(double value) {
  if (value < 0) value = 0;
  if (value > 1) value = 1;
  return (int)(255 * sqrt(value) + 0.5);
}

/* One picture in colour: each cell shows two pixels, the upper one as the foreground of a half block. */
static void draw_color(void) {
  for (int row = 0; row < ROWS; row++) {
    for (int column = 0; column < COLUMNS; column++) {
      vec top = pixel((column + 0.5) / COLUMNS, (row + 0.25) / ROWS);
      vec bottom = pixel((column + 0.5) / COLUMNS, (row + 0.75) / ROWS);
      printf("\x1b[38;2;%d;%d;%d;48;2;%d;%d;%dm\xe2\x96\x80", level(top.x), level(top.y), level(top.z),
             level(bottom.x), level(bottom.y), level(bottom.z));
    }
    puts("\x1b[0m");
  }
}

/* One picture in plain characters, from dark to bright. */
static void draw_plain(void) {
  static const char shades[] = " .:-=+*#%@";
  for (int row = 0; row < ROWS; row++) {
    char line[COLUMNS + 1];
    for (int column = 0; column < COLUMNS; column++) {
      vec c = pixel((column + 0.5) / COLUMNS, (row + 0.5) / ROWS);
      int brightness = (level(c.x) * 3 + level(c.y) * 6 + level(c.z)) / 10;
      int shade = (brightness - 40) / 17;
      line[column] = shades[shade < 0 ? 0 : shade > 9 ? 9 : shade];
    }
    line[COLUMNS] = 0;
    puts(line);
  }
}

/* What this program sees of the computer it runs on. */
static void describe(void) {
  unsigned registers[3] = {0}, highest;
  char vendor[13] = {0};
  struct utsname system;
  __get_cpuid(0, &highest, &registers[0], &registers[2], &registers[1]);
  memcpy(vendor, registers, 12);
  uname(&system);
  printf("\nA ray tracer in C, compiled for x86-64 Linux. It asked CPUID, which says \"%s\",\n", vendor);
  printf("and uname(), which says \"%s %s\". No such processor ran it: each of its\n", system.sysname, system.machine);
  puts("instructions was decoded, translated and executed by Causeway.");
}

int main(int argc, char **argv) {
  int color = isatty(1), frames = 16;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--color")) color = 1;
    else if (!strcmp(argv[i], "--plain")) color = 0;
    else if (!strcmp(argv[i], "--frames") && i + 1 < argc) frames = atoi(argv[++i]);
    else return fprintf(stderr, "scene: %s is no option: --color, --plain, --frames N\n", argv[i]), 2;
  }
  static char buffer[1 << 17];
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  if (!color) frames = 1;
  for (int frame = 0; frame < frames; frame++) {
    /* The animation ends where the single picture is. */
    place_camera(0.35 - (frames - 1 - frame) * 0.07);
    if (frame > 0) printf("\x1b[%dA", ROWS);
    if (color) draw_color();
    else draw_plain();
    fflush(stdout);
  }
  describe();
  return 0;
}
