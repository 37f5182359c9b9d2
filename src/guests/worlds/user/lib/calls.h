/*
 * System calls as a table of functions: programs that make their calls through one work on the local kernel, or on that of
 * another machine, whatever the table leads to.
 */
#ifndef WORLDS_CALLS_H
#define WORLDS_CALLS_H
#include "user.h"

struct calls {
  i64 (*getpid)(const struct calls *);
  i64 (*read)(const struct calls *, u64 fd, void *buffer, u64 size);
  i64 (*write)(const struct calls *, u64 fd, const void *buffer, u64 size);
  i64 (*open)(const struct calls *, const char *path, u32 flags);
  i64 (*close)(const struct calls *, u64 fd);
  i64 (*stat)(const struct calls *, const char *path, struct stat *);
  i64 (*fstat)(const struct calls *, u64 fd, struct stat *);
  i64 (*pipe)(const struct calls *, i32 fds[2]);
  i64 (*uname)(const struct calls *, struct utsname *);
  i64 (*getdents64)(const struct calls *, u64 fd, void *buffer, u64 size);
  i64 (*clock_gettime)(const struct calls *, struct timespec *);
};

/* The calls of this machine's own kernel. */
extern const struct calls local_calls;

/*
 * The utilities. They write to a sink of their caller's, and give an exit code: 0, or 1 when something failed (grep: when
 * nothing was found).
 */
int utility_ps(const struct calls *, struct sink *);
int utility_ls(const struct calls *, struct sink *, const char *path);
int utility_uptime(const struct calls *, struct sink *);
int utility_grep(const struct calls *, struct sink *, const char *text, const char *path);
#endif
