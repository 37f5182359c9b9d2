/* qsort, bsearch and friends over numbers, strings and structures. */
#define _GNU_SOURCE
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record {
  char name[12];
  int number;
  double weight;
};

static unsigned state = 12345;
static unsigned next(void) { return state = state * 1664525u + 1013904223u; }
static int by_int(const void *a, const void *b) { return (*(int *)a > *(int *)b) - (*(int *)a < *(int *)b); }
static int by_double(const void *a, const void *b) { return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b); }
static int by_text(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static int by_entry(const void *a, const void *b) {
  const struct record *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  return order != 0 ? order : x->number - y->number;
}
static int by_context(const void *a, const void *b, void *sign) { return *(int *)sign * by_int(a, b); }

int main(void) {
  enum { N = 1300 };
  static int ints[N];
  static double doubles[N];
  static struct record entries[500];
  static char texts[500][8], *pointers[500];
  for (int i = 0; i < N; i++) ints[i] = (int)next() >> 8, doubles[i] = (double)(int)next() / 1024;
  for (int i = 0; i < 500; i++) {
    snprintf(texts[i], 8, "%c%c%u", 'a' + next() % 26, 'a' + (next() >> 9) % 26, next() % 1000);
    pointers[i] = texts[i];
    memcpy(entries[i].name, texts[i], 8);
    entries[i].name[1] = 0;
    entries[i].number = i;
    entries[i].weight = i * 0.5;
  }
  qsort(ints, N, sizeof *ints, by_int);
  qsort(doubles, N, sizeof *doubles, by_double);
  qsort(pointers, 500, sizeof *pointers, by_text);
  qsort(entries, 500, sizeof *entries, by_entry);
  int wrong = 0;
  for (int i = 1; i < N; i++) wrong += ints[i - 1] > ints[i] || doubles[i - 1] > doubles[i];
  for (int i = 1; i < 500; i++) wrong += strcmp(pointers[i - 1], pointers[i]) > 0 || by_entry(&entries[i - 1], &entries[i]) > 0;
  printf("wrong %d; %d %d %.3f %.3f %s %s %s/%d/%g\n", wrong, ints[0], ints[N - 1], doubles[0], doubles[N - 1], pointers[0],
         pointers[499], entries[250].name, entries[250].number, entries[250].weight);
  int sign = -1, wanted = ints[1234];
  qsort_r(ints, N, sizeof *ints, by_context, &sign);
  printf("%d %d\n", ints[0] >= ints[1], ints[0]);
  sign = 1;
  qsort_r(ints, N, sizeof *ints, by_context, &sign);
  int *found = bsearch(&wanted, ints, N, sizeof *ints, by_int);
  printf("found %d\n", found != NULL && *found == wanted);
  hcreate(100);
  ENTRY item = {pointers[3], "value"};
  hsearch(item, ENTER);
  printf("%s\n", (char *)hsearch(item, FIND)->data);
  void *root = NULL;
  for (int i = 0; i < 500; i++) tsearch(pointers[i], &root, (int (*)(const void *, const void *))strcmp);
  printf("tree has it: %d\n", tfind(pointers[77], &root, (int (*)(const void *, const void *))strcmp) != NULL);
  return 0;
}
