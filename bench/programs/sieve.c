/* The sieve of Eratosthenes over bytes. Argument: times it is run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 1000000
static unsigned char composite[LIMIT + 1];

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 1;
  unsigned long primes = 0, sum = 0;
  for (int r = 0; r < rounds; r++) {
    memset(composite, 0, sizeof composite);
    for (int i = 2; i * i <= LIMIT; i++)
      if (!composite[i])
        for (int j = i * i; j <= LIMIT; j += i) composite[j] = 1;
    for (int i = 2; i <= LIMIT; i++)
      if (!composite[i]) primes++, sum += i ^ r;
  }
  printf("%lu %lu\n", primes, sum);
  return 0;
}
