/* Threads: mutexes, condition variables, barriers, read-write locks, once, thread-local storage, keys, cancellation. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <errno.h>

enum { THREADS = 6, ROUNDS = 400, QUEUE = 8 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER, drained = PTHREAD_COND_INITIALIZER;
static int queue[QUEUE], head, tail, used;
static long counter, consumed;
static atomic_long atomic_counter;
static __thread long own = 7;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static atomic_int destroyed, initialised;

static void make_once(void) { atomic_fetch_add(&initialised, 1); }
static void destroy(void *value) { atomic_fetch_add(&destroyed, (int)(long)value); }

static void *count(void *argument) {
  long number = (long)argument;
  pthread_once(&once, make_once);
  pthread_setspecific(key, (void *)number);
  own += number;
  for (int i = 0; i < ROUNDS; i++) {
    pthread_mutex_lock(&lock);
    counter++;
    pthread_mutex_unlock(&lock);
    atomic_fetch_add(&atomic_counter, number);
    if (i % 100 == 0) sched_yield();
  }
  return (void *)(own * 1000);
}

static void *produce(void *argument) {
  for (int i = 0; i < 300; i++) {
    pthread_mutex_lock(&lock);
    while (used == QUEUE) pthread_cond_wait(&drained, &lock);
    queue[head++ % QUEUE] = (int)(long)argument * 1000 + i;
    used++;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

static void *consume(void *unused) {
  (void)unused;
  for (int i = 0; i < 300; i++) {
    pthread_mutex_lock(&lock);
    while (used == 0) pthread_cond_wait(&filled, &lock);
    consumed += queue[tail++ % QUEUE];
    used--;
    pthread_cond_broadcast(&drained);
    pthread_mutex_unlock(&lock);
  }
  return NULL;
}

static pthread_barrier_t barrier;
static atomic_int phase[4];
static void *march(void *argument) {
  for (int i = 0; i < 4; i++) {
    atomic_fetch_add(&phase[i], 1);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) atomic_fetch_add(&phase[i], 100);
    if (atomic_load(&phase[i]) % 100 != THREADS) return (void *)1;
  }
  return argument == NULL ? NULL : NULL;
}

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static long table[2];
static void *readwrite(void *argument) {
  long bad = 0;
  for (int i = 0; i < 200; i++) {
    if ((long)argument == 0) {
      pthread_rwlock_wrlock(&rw);
      table[0]++;
      sched_yield();
      table[1]++;
      pthread_rwlock_unlock(&rw);
    } else {
      pthread_rwlock_rdlock(&rw);
      bad += table[0] != table[1];
      pthread_rwlock_unlock(&rw);
    }
  }
  return (void *)bad;
}

static void cleanup(void *text) { printf("cleanup %s\n", (char *)text); }
static void *forever(void *unused) {
  pthread_cleanup_push(cleanup, "of the cancelled");
  for (;;) usleep(1000);
  pthread_cleanup_pop(0);
  return unused;
}

int main(void) {
  pthread_t thread[THREADS];
  void *result;
  pthread_key_create(&key, destroy);
  for (long i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, count, (void *)(i + 1));
  long sum = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(thread[i], &result);
    sum += (long)result;
  }
  printf("counter %ld %ld, results %ld, own %ld, once %d, destroyed %d\n", counter, atomic_counter, sum, own, initialised, destroyed);
  for (long i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, i % 2 == 0 ? produce : consume, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
  printf("consumed %ld, left %d\n", consumed, used);
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (long i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, march, NULL);
  sum = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(thread[i], &result);
    sum += (long)result;
  }
  printf("barrier %ld: %d %d\n", sum, phase[0], phase[3]);
  for (long i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, readwrite, (void *)i);
  sum = 0;
  for (int i = 0; i < THREADS; i++) {
    pthread_join(thread[i], &result);
    sum += (long)result;
  }
  printf("torn reads %ld, writes %ld\n", sum, table[0]);
  pthread_create(&thread[0], NULL, forever, NULL);
  usleep(2000);
  pthread_cancel(thread[0]);
  pthread_join(thread[0], &result);
  printf("cancelled %d\n", result == PTHREAD_CANCELED);
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 2000000;
  if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
  pthread_mutex_lock(&lock);
  printf("timed wait %d\n", pthread_cond_timedwait(&filled, &lock, &soon) == ETIMEDOUT);
  sem_t semaphore;
  sem_init(&semaphore, 0, 2);
  printf("semaphore %d %d %d\n", sem_trywait(&semaphore), sem_wait(&semaphore), sem_trywait(&semaphore));
  pthread_mutexattr_t attributes;
  pthread_mutex_t recursive;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&recursive, &attributes);
  printf("recursive %d %d\n", pthread_mutex_lock(&recursive), pthread_mutex_lock(&recursive));
  return 0;
}
