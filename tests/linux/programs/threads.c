#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static long total; static int turn; static __thread int mine; static sem_t sem; static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key; static int destroyed; static pthread_barrier_t barrier; static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static void init(void) { puts("once"); }
static void destroy(void *p) { (void)p; __sync_fetch_and_add(&destroyed, 1); }
static void *adder(void *arg) {
  mine = (int)(long)arg; pthread_once(&once, init); pthread_setspecific(key, arg ? arg : (void *)99);
  for (int i = 0; i < 5000; i++) { pthread_mutex_lock(&lock); total++; pthread_mutex_unlock(&lock); }
  pthread_barrier_wait(&barrier); pthread_rwlock_rdlock(&rw); pthread_rwlock_unlock(&rw);
  return (void *)(long)(mine * 2);
}
static void *player(void *arg) {
  int me = (int)(long)arg;
  for (int i = 0; i < 50; i++) {
    pthread_mutex_lock(&lock); while (turn % 2 != me) pthread_cond_wait(&ready, &lock);
    turn++; pthread_cond_broadcast(&ready); pthread_mutex_unlock(&lock);
  }
  return 0;
}
static void *poster(void *arg) { (void)arg; for (int i = 0; i < 3; i++) { usleep(1000); sem_post(&sem); } return 0; }
static void *sleeper(void *arg) { (void)arg; for (;;) pause(); return 0; }
int main(void) {
  pthread_t t[8]; pthread_key_create(&key, destroy); pthread_barrier_init(&barrier, 0, 8);
  for (long i = 0; i < 8; i++) pthread_create(&t[i], 0, adder, (void *)i);
  long sum = 0; for (int i = 0; i < 8; i++) { void *r; pthread_join(t[i], &r); sum += (long)r; }
  printf("total %ld sum %ld destroyed %d mine %d\n", total, sum, destroyed, mine);
  pthread_create(&t[0], 0, player, (void *)0); pthread_create(&t[1], 0, player, (void *)1);
  pthread_join(t[0], 0); pthread_join(t[1], 0); printf("turn %d\n", turn);
  sem_init(&sem, 0, 0); pthread_create(&t[0], 0, poster, 0); for (int i = 0; i < 3; i++) sem_wait(&sem); pthread_join(t[0], 0); puts("semaphore");
  struct timespec when; clock_gettime(CLOCK_REALTIME, &when); when.tv_nsec += 20000000; if (when.tv_nsec >= 1000000000) { when.tv_sec++; when.tv_nsec -= 1000000000; }
  pthread_mutex_lock(&lock); int e = pthread_cond_timedwait(&ready, &lock, &when); pthread_mutex_unlock(&lock); printf("timedwait %s\n", e == ETIMEDOUT ? "ETIMEDOUT" : "?");
  pthread_create(&t[0], 0, sleeper, 0); usleep(1000); pthread_cancel(t[0]); void *r; pthread_join(t[0], &r); printf("canceled %d\n", r == PTHREAD_CANCELED);
  pthread_mutexattr_t attr; pthread_mutex_t robust; pthread_mutexattr_init(&attr); pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST); pthread_mutex_init(&robust, &attr);
  pthread_create(&t[0], 0, (void *(*)(void *))pthread_mutex_lock, &robust); pthread_join(t[0], 0); printf("robust %s\n", pthread_mutex_lock(&robust) == EOWNERDEAD ? "EOWNERDEAD" : "?");
  return 0;
}
