/* What is measured: the same for all systems and paths. */
#ifndef WORKLOADS_H
#define WORKLOADS_H
#include "../user/lib/calls.h"

/* Runs each workload, marked for who measures, and prints its result. */
void run_workloads(const struct calls *calls, u64 iterations);

/* Decimal number; 0 if it is none. */
u64 number(const char *text);
#endif
