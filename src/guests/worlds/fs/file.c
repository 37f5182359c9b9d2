/* Open files: the system calls that work on descriptors and paths. */
#include "fs.h"

static struct file *file_at(const struct fd_table *table, u64 fd) {
  return fd < MAX_FDS ? table->files[fd] : NULL;
}

struct node *fs_node(const struct fd_table *table, u64 fd) {
  struct file *file = file_at(table, fd);
  return file ? file->node : NULL;
}

/* Lowest free descriptor from `fd` on. */
static i64 free_fd(const struct fd_table *table, u64 fd) {
  for (; fd < MAX_FDS; fd++) {
    if (!table->files[fd]) return fd;
  }
  return -EMFILE;
}

/* Opens a node at a free descriptor. Takes the reference to the node. */
static i64 install(struct fd_table *table, struct node *node, u32 flags) {
  i64 fd = free_fd(table, 0);
  struct file *file = fd < 0 ? NULL : node->fs->memory->allocate(sizeof *file);
  if (!file) {
    node_release(node);
    return fd < 0 ? fd : -ENOMEM;
  }
  *file = (struct file){ .node = node, .flags = flags, .references = 1 };
  table->files[fd] = file;
  return fd;
}

static int writable(u32 flags) {
  return (flags & 3) != O_RDONLY;
}

i64 fs_open(struct fs *fs, struct fd_table *table, const char *path, u32 flags) {
  struct node *node;
  i64 error = fs_resolve(fs, path, &node);
  if (error == -ENOENT && flags & O_CREAT) error = fs_create(fs, path, S_IFREG | 0644, &node);
  if (error) return error;
  int is_directory = (node->mode & S_IFMT) == S_IFDIR;
  if (is_directory && writable(flags)) error = -EISDIR;
  else if (!is_directory && flags & O_DIRECTORY) error = -ENOTDIR;
  else if (writable(flags) && !node->operations->write) error = -EACCES;
  if (error) {
    node_release(node);
    return error;
  }
  if (flags & O_TRUNC && writable(flags) && node->operations->truncate) node->operations->truncate(node);
  return install(table, node, flags);
}

static void file_release(struct file *file) {
  if (--file->references > 0) return;
  struct node *node = file->node;
  const struct memory_source *memory = node->fs->memory;
  if (node->operations->closed) node->operations->closed(node, file->flags);
  node_release(node);
  memory->release(file, sizeof *file);
}

i64 fs_close(struct fd_table *table, u64 fd) {
  struct file *file = file_at(table, fd);
  if (!file) return -EBADF;
  table->files[fd] = NULL;
  file_release(file);
  return 0;
}

void fs_close_all(struct fd_table *table) {
  for (u64 fd = 0; fd < MAX_FDS; fd++) fs_close(table, fd);
}

i64 fs_share(const struct fd_table *from, u64 from_fd, struct fd_table *to, u64 to_fd) {
  struct file *file = file_at(from, from_fd);
  if (!file || to_fd >= MAX_FDS || to->files[to_fd]) return -EBADF;
  file->references++;
  to->files[to_fd] = file;
  return 0;
}

i64 fs_read(struct fd_table *table, u64 fd, void *buffer, u64 size) {
  struct file *file = file_at(table, fd);
  if (!file || (file->flags & 3) == O_WRONLY) return -EBADF;
  if (!file->node->operations->read) return -EISDIR;
  i64 count = file->node->operations->read(file->node, file->offset, buffer, size);
  if (count > 0) file->offset += count;
  return count;
}

i64 fs_write(struct fd_table *table, u64 fd, const void *buffer, u64 size) {
  struct file *file = file_at(table, fd);
  if (!file || !writable(file->flags)) return -EBADF;
  if (file->flags & O_APPEND) file->offset = file->node->size;
  i64 count = file->node->operations->write(file->node, file->offset, buffer, size);
  if (count > 0) file->offset += count;
  return count;
}

static void describe(const struct node *node, struct stat *stat) {
  *stat = (struct stat){
    .st_dev = 1,
    .st_ino = node->number,
    .st_nlink = 1,
    .st_mode = node->mode,
    .st_size = node->size,
    .st_blksize = BLOCK_SIZE,
    .st_blocks = (node->size + 511) / 512,
  };
}

i64 fs_stat(struct fs *fs, const char *path, struct stat *stat) {
  struct node *node;
  i64 error = fs_resolve(fs, path, &node);
  if (error) return error;
  describe(node, stat);
  node_release(node);
  return 0;
}

i64 fs_fstat(struct fd_table *table, u64 fd, struct stat *stat) {
  struct file *file = file_at(table, fd);
  if (!file) return -EBADF;
  describe(file->node, stat);
  return 0;
}

i64 fs_getdents64(struct fd_table *table, u64 fd, void *buffer, u64 size) {
  struct file *file = file_at(table, fd);
  if (!file) return -EBADF;
  struct node *node = file->node;
  if (!node->operations->entry) return -ENOTDIR;
  u64 used = 0;
  struct entry entry;
  while (node->operations->entry(node, file->offset, &entry) == 0) {
    u64 name_size = strlen(entry.name) + 1;
    u64 length = (__builtin_offsetof(struct dirent64, d_name) + name_size + 7) & ~7ul;
    if (used + length > size) return used > 0 ? (i64)used : -EINVAL;
    struct dirent64 *record = (struct dirent64 *)((u8 *)buffer + used);
    record->d_ino = entry.number;
    record->d_off = ++file->offset;
    record->d_reclen = length;
    record->d_type = entry.mode >> 12;
    memcpy(record->d_name, entry.name, name_size);
    used += length;
  }
  return used;
}

i64 fs_pipe(struct fs *fs, struct fd_table *table, i32 fds[2]) {
  struct node *pipe = pipe_new(fs);
  if (!pipe) return -ENOMEM;
  pipe->references++;
  i64 reader = install(table, pipe, O_RDONLY);
  if (reader < 0) {
    node_release(pipe);
    return reader;
  }
  i64 writer = install(table, pipe, O_WRONLY);
  if (writer < 0) {
    fs_close(table, reader);
    return writer;
  }
  fds[0] = reader;
  fds[1] = writer;
  return 0;
}
