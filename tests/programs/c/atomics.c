/* C11 atomics of all sizes between threads; compare-and-swap of 16 bytes; a lock of one's own. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

enum { THREADS = 4, ROUNDS = 1500 };
static _Atomic uint8_t a8;
static _Atomic uint16_t a16;
static _Atomic uint32_t a32, bits;
static _Atomic uint64_t a64;
static atomic_flag spin = ATOMIC_FLAG_INIT;
static long guarded;
static struct { uint64_t low, high; } wide __attribute__((aligned(16)));
static _Atomic long ticket, serving;

static int swap16(uint64_t old_low, uint64_t old_high, uint64_t low, uint64_t high) {
  unsigned char done;
  __asm__ volatile("lock cmpxchg16b %1; sete %0" : "=q"(done), "+m"(wide), "+a"(old_low), "+d"(old_high) : "b"(low), "c"(high) : "cc", "memory");
  return done;
}

static void *work(void *argument) {
  long number = (long)argument;
  for (int i = 0; i < ROUNDS; i++) {
    atomic_fetch_add(&a8, 1);
    atomic_fetch_sub(&a16, 3);
    atomic_fetch_xor(&bits, 1u << (number * 4 + i % 4));
    uint32_t seen = atomic_load(&a32);
    while (!atomic_compare_exchange_weak(&a32, &seen, seen * 3 + 1)) {}
    atomic_exchange(&a64, atomic_load(&a64));
    while (atomic_flag_test_and_set(&spin)) sched_yield();
    guarded++;
    atomic_flag_clear(&spin);
    uint64_t low, high;
    do {
      low = ((volatile uint64_t *)&wide)[0];
      high = ((volatile uint64_t *)&wide)[1];
    } while (!swap16(low, high, low + 1, high + 2));
    if (i % 50 == 0) {
      long mine = atomic_fetch_add(&ticket, 1);
      while (atomic_load(&serving) != mine) sched_yield();
      atomic_fetch_add(&serving, 1);
    }
  }
  return NULL;
}

int main(void) {
  pthread_t thread[THREADS];
  for (long i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, work, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
  uint32_t expected = 0;
  for (int i = 0; i < THREADS * ROUNDS; i++) expected = expected * 3 + 1;
  printf("%u %u %d %x %ld\n", a8, a16, a32 == expected, bits, guarded);
  printf("%lu %lu %ld\n", (unsigned long)wide.low, (unsigned long)wide.high, serving);
  _Atomic int64_t number = 5;
  int64_t other = 6;
  printf("%d %ld", atomic_compare_exchange_strong(&number, &other, 9), (long)other);
  printf(" %d %ld\n", atomic_compare_exchange_strong(&number, &other, 9), (long)number);
  printf("%ld %ld %ld\n", (long)atomic_fetch_or(&number, 0x30), (long)atomic_fetch_and(&number, 0xf1), (long)number);
  return 0;
}
