/* The library that dynamic_loading.c loads. */
#include <math.h>
#include <stdio.h>

int counter;
static __thread int own = 20;

__attribute__((constructor)) static void loaded(void) { puts("library loaded"); }
__attribute__((destructor)) static void unloaded(void) { puts("library unloaded"); }

int triple(int value) {
  counter++;
  return value * 3;
}
double root_of_sum(double value) { return sqrt(value + counter); }
int thread_local_value(void) { return ++own; }
