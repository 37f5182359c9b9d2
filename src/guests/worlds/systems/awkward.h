/* What the awkward world does, by the first argument of a call. */
#ifndef AWKWARD_H
#define AWKWARD_H
#define AWKWARD_ANSWER 1 /* gives AWKWARD_VALUE */
#define AWKWARD_SPIN 2   /* never returns */
#define AWKWARD_DROP 3   /* drops its own world, then tries to answer */
#define AWKWARD_CRASH 4  /* executes an instruction that there is not: its kernel finds its first process dead */
#define AWKWARD_END 5    /* a request over the original path with this number: its machine ends */
#define AWKWARD_VALUE 42
#endif
