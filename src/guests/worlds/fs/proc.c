/* /proc: text that is made when somebody reads it. Its nodes live as long as somebody refers to them. */
#include "../lib/format.h"
#include "fs.h"

#define TEXT_SIZE 256

/* A file: its name, and how its text is made; gives the length. */
struct proc_file {
  const char *name;
  u64 (*make)(const struct node *, char text[TEXT_SIZE]);
};

static const struct proc_source *source_of(const struct node *node) {
  return node->context;
}

/* Finds a process by its identity. */
static i64 find(const struct proc_source *source, i64 pid, struct process_information *process) {
  for (u64 index = 0; source->process(index, process) == 0; index++) {
    if (process->pid == pid) return 0;
  }
  return -ENOENT;
}

static u64 make_uptime(const struct node *node, char text[TEXT_SIZE]) {
  u64 time = source_of(node)->uptime();
  return format_text(text, TEXT_SIZE, "%lu.%02lu\n", time / 1000, time % 1000 / 10);
}

static u64 make_status(const struct node *node, char text[TEXT_SIZE]) {
  struct process_information process;
  if (find(source_of(node), node->value, &process)) return 0;
  return format_text(text, TEXT_SIZE, "Name:\t%s\nState:\t%c\nPid:\t%ld\nPPid:\t%ld\n", process.name, process.state,
                     process.pid, process.parent);
}

static u64 make_cmdline(const struct node *node, char text[TEXT_SIZE]) {
  struct process_information process;
  if (find(source_of(node), node->value, &process)) return 0;
  memcpy(text, process.arguments, process.arguments_size);
  return process.arguments_size;
}

/* The files: the first in /proc itself, the others in the directory of each process. */
static const struct proc_file FILES[] = {
  { "uptime", make_uptime },
  { "status", make_status },
  { "cmdline", make_cmdline },
};
#define FILE_COUNT 3
#define FIRST_OF_PROCESS 1

/* Numbers of nodes: above those of other files, by process and file. */
static u64 number_of(u64 pid, u64 file) {
  return 1ul << 32 | pid << 8 | file;
}
#define DIRECTORY 0xff

static i64 read_file(struct node *node, u64 offset, void *buffer, u64 size, const struct proc_file *file) {
  char text[TEXT_SIZE];
  u64 length = file->make(node, text);
  if (offset >= length) return 0;
  if (size > length - offset) size = length - offset;
  memcpy(buffer, text + offset, size);
  return size;
}

static i64 read(struct node *node, u64 offset, void *buffer, u64 size) {
  return read_file(node, offset, buffer, size, &FILES[node->number & 0xff]);
}

static void destroy(struct node *node) {
  node->fs->memory->release(node, sizeof *node);
}

static const struct operations file_operations = { .read = read, .destroy = destroy };

static struct node *make(struct node *parent, const struct operations *operations, const char *name, u64 length,
                         u32 mode, u64 number) {
  struct node *node = node_new(parent->fs, operations, name, length, mode);
  if (!node) return NULL;
  node->number = number;
  node->parent = parent;
  node->context = parent->context;
  node->value = number >> 8 & 0xffffff;
  return node;
}

static int matches(const char *name, const char *text, u64 length) {
  return strlen(name) == length && memcmp(name, text, length) == 0;
}

static void fill(struct entry *entry, const char *name, u32 mode, u64 number) {
  entry->number = number;
  entry->mode = mode;
  copy_text(entry->name, name, NAME_SIZE);
}

/* ---- The directory of a process ---- */

static struct node *process_lookup(struct node *directory, const char *name, u64 length) {
  for (u64 file = FIRST_OF_PROCESS; file < FILE_COUNT; file++) {
    if (!matches(FILES[file].name, name, length)) continue;
    return make(directory, &file_operations, name, length, S_IFREG | 0444, number_of(directory->value, file));
  }
  return NULL;
}

static i64 process_entry(struct node *directory, u64 index, struct entry *entry) {
  u64 file = FIRST_OF_PROCESS + index;
  if (file >= FILE_COUNT) return -ENOENT;
  fill(entry, FILES[file].name, S_IFREG | 0444, number_of(directory->value, file));
  return 0;
}

static const struct operations process_operations = {
  .lookup = process_lookup,
  .entry = process_entry,
  .destroy = destroy,
};

/* ---- /proc itself ---- */

static struct node *root_lookup(struct node *directory, const char *name, u64 length) {
  if (matches(FILES[0].name, name, length)) {
    return make(directory, &file_operations, name, length, S_IFREG | 0444, number_of(0, 0));
  }
  i64 pid = 0;
  for (u64 n = 0; n < length; n++) {
    if (name[n] < '0' || name[n] > '9') return NULL;
    pid = 10 * pid + (name[n] - '0');
  }
  struct process_information process;
  if (find(source_of(directory), pid, &process)) return NULL;
  return make(directory, &process_operations, name, length, S_IFDIR | 0555, number_of(pid, DIRECTORY));
}

static i64 root_entry(struct node *directory, u64 index, struct entry *entry) {
  if (index == 0) {
    fill(entry, FILES[0].name, S_IFREG | 0444, number_of(0, 0));
    return 0;
  }
  struct process_information process;
  if (source_of(directory)->process(index - 1, &process)) return -ENOENT;
  char name[NAME_SIZE];
  format_text(name, sizeof name, "%ld", process.pid);
  fill(entry, name, S_IFDIR | 0555, number_of(process.pid, DIRECTORY));
  return 0;
}

static const struct operations root_operations = { .lookup = root_lookup, .entry = root_entry, .destroy = destroy };

i64 proc_mount(struct fs *fs, const char *name, const struct proc_source *source) {
  struct node *node = node_new(fs, &root_operations, name, strlen(name), S_IFDIR | 0555);
  if (!node) return -ENOMEM;
  node->context = source;
  ram_attach(fs->root, node);
  return 0;
}
