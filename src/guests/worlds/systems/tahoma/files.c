/* The browser operating system's files: in its own memory, with the same code that the kernel has for its own. */
#include "../../user/lib/user.h"
#include "os.h"

#define PAGE_LINES 40
#define TICKS_PER_MILLISECOND 1000000

struct fs files;
struct fd_table instance_fds;

static u64 time_stamp(void) {
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (u64)high << 32 | low;
}

/* What runs on the browser operating system: browser instances, each in its machine. */
static i64 instance(u64 index, struct process_information *out) {
  static const struct process_information instances[] = {
      {1, 0, 'R', "browser-os", "browser-os", 11},
      {2, 1, 'R', "instance", "instance\0mail.example", 22},
      {3, 1, 'S', "instance", "instance\0news.example", 22},
  };
  if (index >= sizeof instances / sizeof *instances) return -ENOENT;
  *out = instances[index];
  return 0;
}

static u64 started;
static u64 uptime(void) { return (time_stamp() - started) / TICKS_PER_MILLISECOND; }

static i64 make_notes(void) {
  char line[64];
  i64 fd = fs_open(&files, &instance_fds, "/notes", O_CREAT | O_WRONLY);
  if (fd < 0) return fd;
  for (int n = 0; n < PAGE_LINES; n++) {
    u64 size = format_text(line, sizeof line, "page %d of the cache is %s\n", n, n % 4 == 1 ? "mail" : "news");
    i64 written = fs_write(&instance_fds, fd, line, size);
    if (written < 0) return written;
  }
  return fs_close(&instance_fds, fd);
}

i64 files_init(void) {
  static const struct proc_source instances = {instance, uptime};
  i64 error;
  started = time_stamp();
  fs_init(&files, &program_memory);
  error = proc_mount(&files, "proc", &instances);
  return error ? error : make_notes();
}
