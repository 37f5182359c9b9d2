/*
 * The file system of the worlds' kernel, on the host with the compiler's checks of memory and undefined behaviour: random calls,
 * compared with a model that is too simple to be wrong. Memory runs out at times. Arguments: seed, number of calls.
 */
#include "../../../src/guests/worlds/fs/fs.h"

int printf(const char *, ...);
void *calloc(u64, u64);
void free(void *);
void abort(void);
u64 strtoul(const char *, char **, int);

#define CHECK(condition) check(condition, #condition, __LINE__)
static u64 calls;
static void check(int holds, const char *what, int line) {
  if (holds) return;
  printf("line %d, call %lu: not %s\n", line, calls, what);
  abort();
}

static u64 seed;
static u64 random_below(u64 end) {
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return seed % end;
}

/* ---- Memory that is counted, and sometimes refused ---- */

static u64 pieces;
static int scarce, refused;

static void *allocate(u64 size) {
  CHECK(size <= BLOCK_SIZE);
  if (scarce && random_below(8) == 0) {
    refused = 1;
    return NULL;
  }
  pieces++;
  return calloc(1, size);
}
static void release(void *memory, u64 size) {
  (void)size;
  pieces--;
  free(memory);
}
static const struct memory_source memory = { allocate, release };

/* ---- The model ---- */

#define FILES 6
#define PIPES 4
#define LIMIT 20000
struct model_file {
  int exists;
  u64 size;
  u8 bytes[LIMIT];
};
struct model_pipe {
  int readers, writers;
  u64 start, end; /* of bytes in it, counted from the beginning */
};
struct model_fd {
  int kind; /* 0 closed, 1 file, 2 pipe's reader, 3 its writer */
  int index;
  u32 flags;
  u64 offset;
};

static struct fs fs;
static struct fd_table table;
static struct model_file model_files[FILES];
static struct model_pipe model_pipes[PIPES];
static struct model_fd fds[MAX_FDS];

static const char *path_of(int index) {
  static const char *const paths[FILES] = { "/a", "b", "/d/c", "//d//long-name-of-a-file", "/d/./e", "/d/../f" };
  return paths[index];
}
/* What a pipe carries: each byte tells its place. */
static u8 pipe_byte(u64 at) { return at * 7 + at / 256; }

static int lowest_closed(void) {
  for (int fd = 0; fd < MAX_FDS; fd++) {
    if (!fds[fd].kind) return fd;
  }
  return -1;
}

static void try_open(void) {
  int index = random_below(FILES), expected = lowest_closed();
  u32 flags = random_below(3);
  if (random_below(2)) flags |= O_CREAT;
  if (random_below(8) == 0) flags |= O_TRUNC;
  if (random_below(4) == 0) flags |= O_APPEND;
  struct model_file *file = &model_files[index];
  i64 fd = fs_open(&fs, &table, path_of(index), flags);
  /* The file is created and emptied before a descriptor is looked for; only the creation itself may want memory. */
  struct stat stat;
  int created = !file->exists && fs_stat(&fs, path_of(index), &stat) == 0;
  if (!file->exists && !created) {
    CHECK(fd == -ENOENT || (refused && fd == -ENOSPC));
    CHECK(flags & O_CREAT ? refused : fd == -ENOENT);
    return;
  }
  CHECK(!created || flags & O_CREAT);
  file->exists = 1;
  if (flags & O_TRUNC && (flags & 3) != O_RDONLY) file->size = 0;
  if (expected < 0) {
    CHECK(fd == -EMFILE);
  } else if (fd == -ENOMEM) {
    CHECK(refused);
  } else {
    CHECK(fd == expected);
    fds[fd] = (struct model_fd){ 1, index, flags, 0 };
  }
}

static void try_read(void) {
  static u8 buffer[5000];
  u64 fd = random_below(MAX_FDS + 1), size = random_below(sizeof buffer);
  i64 count = fs_read(&table, fd, buffer, size);
  struct model_fd *m = &fds[fd];
  if (fd == MAX_FDS || !m->kind || m->kind == 3 || (m->kind == 1 && (m->flags & 3) == O_WRONLY)) {
    CHECK(count == -EBADF);
  } else if (m->kind == 1) {
    struct model_file *file = &model_files[m->index];
    u64 there = m->offset < file->size ? file->size - m->offset : 0;
    CHECK(count == (i64)(size < there ? size : there));
    CHECK(memcmp(buffer, file->bytes + m->offset, count) == 0);
    m->offset += count;
  } else {
    struct model_pipe *pipe = &model_pipes[m->index];
    u64 there = pipe->end - pipe->start;
    if (!there) {
      CHECK(count == (pipe->writers && size ? -EAGAIN : 0));
      return;
    }
    CHECK(count == (i64)(size < there ? size : there));
    for (i64 n = 0; n < count; n++) CHECK(buffer[n] == pipe_byte(pipe->start + n));
    pipe->start += count;
  }
}

static void try_write_file(struct model_fd *m, u64 fd, u64 size) {
  static u8 buffer[5000];
  struct model_file *file = &model_files[m->index];
  u64 offset = m->flags & O_APPEND ? file->size : m->offset;
  if (offset + size > LIMIT) return;
  for (u64 n = 0; n < size; n++) buffer[n] = random_below(256);
  i64 count = fs_write(&table, fd, buffer, size);
  CHECK(count == (i64)size || (refused && (count == -ENOSPC || (count >= 0 && count < (i64)size))));
  m->offset = offset + (count > 0 ? count : 0);
  if (count <= 0) return;
  if (offset > file->size) memset(file->bytes + file->size, 0, offset - file->size);
  memcpy(file->bytes + offset, buffer, count);
  if (m->offset > file->size) file->size = m->offset;
}

static void try_write_pipe(struct model_fd *m, u64 fd, u64 size) {
  static u8 buffer[5000];
  struct model_pipe *pipe = &model_pipes[m->index];
  for (u64 n = 0; n < size; n++) buffer[n] = pipe_byte(pipe->end + n);
  i64 count = fs_write(&table, fd, buffer, size);
  if (!pipe->readers) {
    CHECK(count == -EPIPE);
  } else if (count == -EAGAIN) {
    CHECK(size > 0 && pipe->end - pipe->start > 0);
  } else {
    CHECK(count >= 0 && count <= (i64)size && (count > 0 || size == 0));
    pipe->end += count;
  }
}

static void try_write(void) {
  u64 fd = random_below(MAX_FDS + 1), size = random_below(random_below(4) ? 300 : 5000);
  struct model_fd *m = &fds[fd];
  if (fd == MAX_FDS || !m->kind || m->kind == 2 || (m->kind == 1 && (m->flags & 3) == O_RDONLY)) {
    CHECK(fs_write(&table, fd, "", 1) == -EBADF);
  } else if (m->kind == 1) {
    try_write_file(m, fd, size);
  } else {
    try_write_pipe(m, fd, size);
  }
}

static void try_close(void) {
  u64 fd = random_below(MAX_FDS + 1);
  i64 result = fs_close(&table, fd);
  if (fd == MAX_FDS || !fds[fd].kind) {
    CHECK(result == -EBADF);
    return;
  }
  CHECK(result == 0);
  if (fds[fd].kind == 2) model_pipes[fds[fd].index].readers = 0;
  if (fds[fd].kind == 3) model_pipes[fds[fd].index].writers = 0;
  fds[fd].kind = 0;
}

static void try_pipe(void) {
  int index = 0;
  while (index < PIPES && (model_pipes[index].readers || model_pipes[index].writers)) index++;
  if (index == PIPES) return;
  i32 ends[2];
  int first = lowest_closed();
  i64 error = fs_pipe(&fs, &table, ends);
  if (error) {
    CHECK(error == -EMFILE || (refused && error == -ENOMEM));
    return;
  }
  CHECK(ends[0] == first);
  fds[ends[0]] = (struct model_fd){ 2, index, 0, 0 };
  CHECK(ends[1] == lowest_closed());
  fds[ends[1]] = (struct model_fd){ 3, index, 0, 0 };
  model_pipes[index] = (struct model_pipe){ 1, 1, 0, 0 };
}

static void try_stat(void) {
  int index = random_below(FILES);
  struct stat stat;
  i64 error = fs_stat(&fs, path_of(index), &stat);
  CHECK(error == (model_files[index].exists ? 0 : -ENOENT));
  if (!error) CHECK(stat.st_size == (i64)model_files[index].size && (stat.st_mode & S_IFMT) == S_IFREG);
}

int main(int count, char **arguments) {
  seed = count > 1 ? strtoul(arguments[1], NULL, 10) * 2 + 1 : 1;
  u64 end = count > 2 ? strtoul(arguments[2], NULL, 10) : 100000;
  static void (*const tries[])(void) = { try_open, try_read, try_read, try_write, try_write, try_close, try_pipe, try_stat };
  fs_init(&fs, &memory);
  struct node *directory;
  CHECK(fs_create(&fs, "/d", S_IFDIR | 0755, &directory) == 0);
  node_release(directory);
  for (; calls < end; calls++) {
    scarce = calls % 1000 > 800;
    refused = 0;
    tries[random_below(sizeof tries / sizeof tries[0])]();
  }
  scarce = 0;
  fs_close_all(&table);
  /* Only the tree is left: its nodes, and for each file its blocks. */
  u64 left = 2;
  for (int n = 0; n < FILES; n++) {
    if (model_files[n].exists) left++;
    fs_open(&fs, &table, path_of(n), O_WRONLY | O_TRUNC);
  }
  fs_close_all(&table);
  CHECK(pieces == left);
  printf("%lu calls\n", calls);
  return 0;
}
