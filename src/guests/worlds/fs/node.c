/* Nodes and paths. */
#include "fs.h"

void fs_init(struct fs *fs, const struct memory_source *memory) {
  fs->memory = memory;
  fs->last_number = 0;
  fs->root = node_new(fs, &ram_directory, "", 0, S_IFDIR | 0755);
  fs->root->parent = fs->root;
}

struct node *node_new(struct fs *fs, const struct operations *operations, const char *name, u64 length, u32 mode) {
  struct node *node = fs->memory->allocate(sizeof *node);
  if (!node) return NULL;
  node->operations = operations;
  node->fs = fs;
  node->number = ++fs->last_number;
  node->mode = mode;
  node->references = 1;
  memcpy(node->name, name, length);
  return node;
}

void node_release(struct node *node) {
  if (--node->references == 0) node->operations->destroy(node);
}

/* Length of the first name of a path. */
static u64 name_length(const char *path) {
  u64 length = 0;
  while (path[length] && path[length] != '/') length++;
  return length;
}

/* One step down. Takes the reference to `directory`, gives one to `*found`. */
static i64 step(struct node *directory, const char *name, u64 length, struct node **found) {
  i64 error = 0;
  if ((directory->mode & S_IFMT) != S_IFDIR) {
    error = -ENOTDIR;
  } else if (length >= NAME_SIZE) {
    error = -ENAMETOOLONG;
  } else if (length == 1 && name[0] == '.') {
    *found = directory;
    return 0;
  } else if (length == 2 && name[0] == '.' && name[1] == '.') {
    *found = directory->parent;
    directory->parent->references++;
  } else {
    *found = directory->operations->lookup(directory, name, length);
    if (!*found) error = -ENOENT;
  }
  node_release(directory);
  return error;
}

/* Walks a path up to `end`. */
static i64 walk(struct fs *fs, const char *path, const char *end, struct node **found) {
  struct node *node = fs->root;
  node->references++;
  while (path < end) {
    u64 length = name_length(path);
    if (length > 0) {
      i64 error = step(node, path, length, &node);
      if (error) return error;
    }
    path += length;
    if (*path == '/') path++;
  }
  *found = node;
  return 0;
}

i64 fs_resolve(struct fs *fs, const char *path, struct node **found) {
  return walk(fs, path, path + strlen(path), found);
}

i64 fs_create(struct fs *fs, const char *path, u32 mode, struct node **created) {
  const char *name = path + strlen(path);
  while (name > path && name[-1] != '/') name--;
  u64 length = strlen(name);
  if (length == 0) return -EISDIR;
  if (length >= NAME_SIZE) return -ENAMETOOLONG;
  struct node *directory;
  i64 error = walk(fs, path, name, &directory);
  if (error) return error;
  if ((directory->mode & S_IFMT) != S_IFDIR) {
    error = -ENOTDIR;
  } else if (!directory->operations->create) {
    error = -EACCES;
  } else {
    *created = directory->operations->create(directory, name, length, mode);
    if (!*created) error = -ENOSPC;
  }
  node_release(directory);
  return error;
}
