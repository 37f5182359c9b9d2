/* The parts of the browser operating system. */
#ifndef TAHOMA_OS_H
#define TAHOMA_OS_H
#include "../../fs/fs.h"

/* memory.c: pieces of the memory that mmap gives. */
extern const struct memory_source program_memory;

/* files.c: its file system, filled, and the descriptors of the browser instance. */
i64 files_init(void);
extern struct fs files;
extern struct fd_table instance_fds;

/* calls.c: executes the request in a window, if the instance's manifest allows it. */
i64 serve_instance(u64 window);
#endif
