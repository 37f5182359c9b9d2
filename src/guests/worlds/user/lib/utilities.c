/* ps, ls, uptime and grep, over whatever system the calls lead to. */
#include "calls.h"

#define BUFFER_SIZE 512

static int failed(struct sink *sink, const char *name, const char *what, i64 error) {
  format(sink, "%s: %s: error %ld\n", name, what, -error);
  return 1;
}

/* Reads a small file as a text; gives its length, or -errno. */
static i64 read_text(const struct calls *calls, const char *path, char text[BUFFER_SIZE]) {
  i64 fd = calls->open(calls, path, O_RDONLY);
  if (fd < 0) return fd;
  i64 length = calls->read(calls, fd, text, BUFFER_SIZE - 1);
  calls->close(calls, fd);
  if (length >= 0) text[length] = 0;
  return length;
}

/* Calls `visit` for each entry of a directory, until it gives something else than 0. */
static i64 list(const struct calls *calls, const char *path, void *context,
                i64 (*visit)(void *context, const struct dirent64 *)) {
  i64 fd = calls->open(calls, path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return fd;
  u8 buffer[BUFFER_SIZE];
  i64 length, result = 0;
  while (!result && (length = calls->getdents64(calls, fd, buffer, sizeof buffer)) != 0) {
    if (length < 0) result = length;
    for (i64 at = 0; !result && at < length;) {
      const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);
      result = visit(context, entry);
      at += entry->d_reclen;
    }
  }
  calls->close(calls, fd);
  return result;
}

struct context {
  const struct calls *calls;
  struct sink *sink;
  const char *path;
};

/* ---- ps ---- */

/* The rest of the line that begins with `name` and a tab, into `value`. */
static void field(const char *text, const char *name, char *value, u64 size) {
  u64 length = strlen(name), used = 0;
  while (*text && !(memcmp(text, name, length) == 0 && text[length] == '\t')) {
    while (*text && *text++ != '\n') {}
  }
  if (*text) text += length + 1;
  while (*text && *text != '\n' && used < size - 1) value[used++] = *text++;
  value[used] = 0;
}

static i64 show_process(void *given, const struct dirent64 *entry) {
  const struct context *context = given;
  if (entry->d_name[0] < '0' || entry->d_name[0] > '9') return 0;
  char path[64], text[BUFFER_SIZE], pid[24], parent[24], arguments[128];
  format_text(path, sizeof path, "/proc/%s/status", entry->d_name);
  i64 length = read_text(context->calls, path, text);
  if (length < 0) return length;
  field(text, "Pid:", pid, sizeof pid);
  field(text, "PPid:", parent, sizeof parent);
  format_text(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
  length = read_text(context->calls, path, text);
  if (length < 0) return length;
  for (i64 n = 0; n + 1 < length; n++) {
    if (!text[n]) text[n] = ' ';
  }
  copy_text(arguments, text, sizeof arguments);
  format(context->sink, "%5s %5s %s\n", pid, parent, arguments);
  return 0;
}

int utility_ps(const struct calls *calls, struct sink *sink) {
  struct context context = { calls, sink, "/proc" };
  format(sink, "  PID  PPID COMMAND\n");
  i64 error = list(calls, "/proc", &context, show_process);
  return error ? failed(sink, "ps", "/proc", error) : 0;
}

/* ---- ls ---- */

static i64 show_entry(void *given, const struct dirent64 *entry) {
  const struct context *context = given;
  char path[256];
  struct stat stat;
  int is_root = strcmp(context->path, "/") == 0;
  format_text(path, sizeof path, is_root ? "%s%s" : "%s/%s", context->path, entry->d_name);
  i64 error = context->calls->stat(context->calls, path, &stat);
  if (error) return error;
  char kind = (stat.st_mode & S_IFMT) == S_IFDIR ? 'd' : (stat.st_mode & S_IFMT) == S_IFCHR ? 'c' : '-';
  format(context->sink, "%c %6ld %s\n", kind, stat.st_size, entry->d_name);
  return 0;
}

int utility_ls(const struct calls *calls, struct sink *sink, const char *path) {
  struct context context = { calls, sink, path };
  i64 error = list(calls, path, &context, show_entry);
  return error ? failed(sink, "ls", path, error) : 0;
}

/* ---- uptime ---- */

static i64 count_process(void *count, const struct dirent64 *entry) {
  if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') ++*(u64 *)count;
  return 0;
}

int utility_uptime(const struct calls *calls, struct sink *sink) {
  char text[BUFFER_SIZE];
  i64 length = read_text(calls, "/proc/uptime", text);
  if (length < 0) return failed(sink, "uptime", "/proc/uptime", length);
  u64 seconds = 0, processes = 0;
  for (const char *c = text; *c >= '0' && *c <= '9'; c++) seconds = 10 * seconds + (*c - '0');
  i64 error = list(calls, "/proc", &processes, count_process);
  if (error) return failed(sink, "uptime", "/proc", error);
  struct utsname name;
  error = calls->uname(calls, &name);
  if (error) return failed(sink, "uptime", "uname", error);
  format(sink, "%s up %lu:%02lu, %lu processes\n", name.nodename, seconds / 3600, seconds / 60 % 60, processes);
  return 0;
}

/* ---- grep ---- */

static int contains(const char *line, u64 length, const char *text) {
  u64 wanted = strlen(text);
  if (wanted == 0) return 1;
  for (u64 at = 0; at + wanted <= length; at++) {
    if (line[at] == text[0] && memcmp(line + at, text, wanted) == 0) return 1;
  }
  return 0;
}

struct search {
  struct sink *sink;
  const char *text, *path;
  int found;
};

static void search_line(struct search *search, const char *line, u64 length) {
  if (!contains(line, length, search->text)) return;
  search->found = 1;
  format(search->sink, "%s:", search->path);
  search->sink->put(search->sink, line, length);
  search->sink->put(search->sink, "\n", 1);
}

/* Searches the complete lines of a buffer; gives how many bytes they were. */
static u64 search_lines(struct search *search, const char *buffer, u64 size) {
  u64 start = 0;
  for (u64 at = 0; at < size; at++) {
    if (buffer[at] != '\n') continue;
    search_line(search, buffer + start, at - start);
    start = at + 1;
  }
  return start;
}

int utility_grep(const struct calls *calls, struct sink *sink, const char *text, const char *path) {
  i64 fd = calls->open(calls, path, O_RDONLY);
  if (fd < 0) return failed(sink, "grep", path, fd);
  struct search search = { sink, text, path, 0 };
  char buffer[BUFFER_SIZE];
  u64 used = 0;
  i64 count;
  while ((count = calls->read(calls, fd, buffer + used, sizeof buffer - used)) > 0) {
    used += count;
    u64 done = search_lines(&search, buffer, used);
    if (done == 0 && used == sizeof buffer) done = used; /* a line longer than the buffer is left out */
    used -= done;
    memmove(buffer, buffer + done, used);
  }
  if (used > 0) search_line(&search, buffer, used); /* the last line has no end */
  calls->close(calls, fd);
  return count < 0 ? failed(sink, "grep", path, count) : !search.found;
}
