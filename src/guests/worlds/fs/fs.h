/*
 * A file system: a tree of nodes, open files, pipes. It knows no kernel: memory comes from functions that it is given,
 * and calls take the table of file descriptors that they work on. So it also serves inside a user program.
 *
 * Every operation ends at once. What would have to wait gives -EAGAIN, and the caller waits and tries again.
 */
#ifndef WORLDS_FS_H
#define WORLDS_FS_H
#include "../lib/string.h"

/* Largest piece of memory that is asked for. */
#define BLOCK_SIZE 4096
#define NAME_SIZE 28
#define MAX_FDS 16

/* Where memory comes from: zeroed, at most BLOCK_SIZE bytes at a time; NULL when there is none. */
struct memory_source {
  void *(*allocate)(u64 size);
  void (*release)(void *, u64 size);
};

struct node;
struct fs {
  const struct memory_source *memory;
  struct node *root;
  u64 last_number;
};

/* An entry of a directory. */
struct entry {
  u64 number;
  u32 mode;
  char name[NAME_SIZE];
};

/* What a kind of node can do. NULL where it cannot. */
struct operations {
  /* Bytes read or written, or -errno. */
  i64 (*read)(struct node *, u64 offset, void *buffer, u64 size);
  i64 (*write)(struct node *, u64 offset, const void *buffer, u64 size);
  void (*truncate)(struct node *);
  /* Of directories. The node is given with a reference that the caller releases; NULL: not there. */
  struct node *(*lookup)(struct node *, const char *name, u64 length);
  struct node *(*create)(struct node *, const char *name, u64 length, u32 mode);
  /* The entry number `index`, or -ENOENT after the last. */
  i64 (*entry)(struct node *, u64 index, struct entry *);
  /* An open file of it, with these flags, has gone away. */
  void (*closed)(struct node *, u32 flags);
  /* Nobody refers to the node any more: it frees its memory. */
  void (*destroy)(struct node *);
};

/* A file, directory, pipe or device. */
struct node {
  const struct operations *operations;
  struct fs *fs;
  u64 number;
  u32 mode, references;
  u64 size;
  char name[NAME_SIZE];
  struct node *parent;
  struct node *children, *next; /* ram.c */
  u8 **blocks;                  /* ram.c */
  u64 value;                    /* proc.c: the process */
  const void *context;          /* proc.c: where the facts come from */
};

/* An open file; several descriptors may share it, and with it the offset. */
struct file {
  struct node *node;
  u64 offset;
  u32 flags, references;
};

struct fd_table {
  struct file *files[MAX_FDS];
};

/* node.c */
void fs_init(struct fs *, const struct memory_source *);
struct node *node_new(struct fs *, const struct operations *, const char *name, u64 length, u32 mode);
void node_release(struct node *);
/* Finds a path, from the root; gives a reference. */
i64 fs_resolve(struct fs *, const char *path, struct node **);
/* Creates what a path names in its directory; gives a reference. */
i64 fs_create(struct fs *, const char *path, u32 mode, struct node **);

/* file.c: the system calls. */
i64 fs_open(struct fs *, struct fd_table *, const char *path, u32 flags);
i64 fs_close(struct fd_table *, u64 fd);
i64 fs_read(struct fd_table *, u64 fd, void *buffer, u64 size);
i64 fs_write(struct fd_table *, u64 fd, const void *buffer, u64 size);
i64 fs_stat(struct fs *, const char *path, struct stat *);
i64 fs_fstat(struct fd_table *, u64 fd, struct stat *);
i64 fs_getdents64(struct fd_table *, u64 fd, void *buffer, u64 size);
i64 fs_pipe(struct fs *, struct fd_table *, i32 fds[2]);
/* Lets `to` share what descriptor `from_fd` of another table has open. */
i64 fs_share(const struct fd_table *from, u64 from_fd, struct fd_table *to, u64 to_fd);
void fs_close_all(struct fd_table *);
/* What a descriptor has open; NULL: nothing. */
struct node *fs_node(const struct fd_table *, u64 fd);

/* ram.c */
extern const struct operations ram_file, ram_directory;
/* Hangs a node into a directory in memory. */
void ram_attach(struct node *directory, struct node *);

/* pipe.c: a pipe with one reader and one writer. */
struct node *pipe_new(struct fs *);

/* tar.c: fills the tree from a ustar archive. */
i64 fs_unpack(struct fs *, const u8 *archive, u64 size);

/* proc.c: a directory with the processes of a system. */
struct process_information {
  i64 pid, parent;
  char state; /* R running or ready, S waiting, Z ended */
  char name[16];
  char arguments[128]; /* each with its 0 */
  u64 arguments_size;
};
struct proc_source {
  /* The process number `index`, by ascending identity, or -ENOENT after the last. */
  i64 (*process)(u64 index, struct process_information *);
  /* Milliseconds since the system began. */
  u64 (*uptime)(void);
};
i64 proc_mount(struct fs *, const char *name, const struct proc_source *);
#endif
