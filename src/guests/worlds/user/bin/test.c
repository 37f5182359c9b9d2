/* test: what the kernel must do and refuse, checked by a program; prints what it sees. */
#include "../lib/user.h"

static void line(const char *what, i64 value) {
  print("%s: %ld\n", what, value);
}

static void files(void) {
  i64 fd = open("/tmp/file", O_RDWR | O_CREAT);
  line("open a new file", fd);
  line("write", write(fd, "0123456789", 10));
  line("read at the end", read(fd, &(char){ 0 }, 1));
  struct stat status;
  line("fstat", fstat(fd, &status));
  line("size", status.st_size);
  line("close", close(fd));
  line("close again", close(fd));
  line("append", write(open("/tmp/file", O_WRONLY | O_APPEND), "abc", 3));
  fd = open("/tmp/file", O_RDONLY);
  char text[16] = "";
  line("read", read(fd, text, 15));
  print("text: %s\n", text);
  line("write to what was opened for reading", write(fd, "x", 1));
  line("truncate", open("/tmp/file", O_WRONLY | O_TRUNC));
  stat("/tmp/file", &status);
  line("size", status.st_size);
  static char block[5000];
  memset(block, 'b', sizeof block);
  line("write 5000 bytes", write(open("/tmp/big", O_WRONLY | O_CREAT), block, sizeof block));
  fd = open("/tmp/big", O_RDONLY);
  memset(block, 0, sizeof block);
  line("read them", read(fd, block, sizeof block));
  line("the last one", block[4999]);
}

static void refusals(void) {
  struct stat status;
  line("no such file", open("/no/such/file", O_RDONLY));
  line("a file is no directory", stat("/etc/motd/x", &status));
  line("write to a directory", open("/etc", O_WRONLY));
  line("create in /proc", open("/proc/x", O_WRONLY | O_CREAT));
  line("a long name", open("/tmp/0123456789012345678901234567", O_RDONLY));
  line("path in the kernel", open((const char *)0x400000, O_RDONLY));
  line("path nowhere", open((const char *)0x8000000000, O_RDONLY));
  line("buffer in the kernel", read(0, (void *)0x400000, 1));
  line("buffer without an end", write(1, "", 1ul << 62));
  line("buffer in the code", read(0, (void *)(u64)main, 1));
  line("bad descriptor", read(99, &status, 1));
  line("no such call", syscall(777, 0, 0, 0));
  line("no such own call", syscall(1999, 0, 0, 0));
  line("no children", wait4(-1, NULL));
  line("no such program", spawn("/bin/none", (const char *[]){ "none", NULL }, NULL));
  line("no program", spawn("/etc/motd", (const char *[]){ "motd", NULL }, NULL));
  line("call another machine", syscall(SYS_remote_call, 2, 0, 0));
  line("serve", syscall(SYS_serve, 0, 0, 0));
}

static void memory(void) {
  u8 *bytes = (u8 *)mmap(10000);
  print("memory at %lx\n", (u64)bytes);
  bytes[9999] = 7;
  line("its last byte", bytes[9999]);
  line("fresh memory is", bytes[5000]);
  line("more than there are addresses", mmap(1ul << 40));
  line("more than there is", mmap(1ul << 29));
  line("a page", mmap(1) > 0);
}

static void pipes(void) {
  i32 ends[2];
  line("pipe", pipe(ends));
  line("write", write(ends[1], "through", 7));
  char text[8] = "";
  line("read", read(ends[0], text, 4));
  line("read the rest", read(ends[0], text + 4, 4));
  print("text: %s\n", text);
  close(ends[1]);
  line("read without a writer", read(ends[0], text, 1));
  pipe(ends);
  close(ends[0]);
  line("write without a reader", write(ends[1], "x", 1));
  /* A child writes more than the pipe holds, so both have to wait for each other. */
  pipe(ends);
  i64 child = spawn("/bin/cat", (const char *[]){ "cat", "/tmp/big", NULL }, (i32[]){ 0, ends[1], 2 });
  close(ends[1]);
  u64 total = 0;
  i64 length;
  static char buffer[700];
  while ((length = read(ends[0], buffer, sizeof buffer)) > 0) total += length;
  line("bytes from the child", total);
  i32 status = -1;
  line("the child is the one", wait4(child, &status) == child);
  line("its status", status);
}

/* Two programs that never yield share the processor: the second one's messages come between those of the first. */
static void preemption(const char *name) {
  i64 child = spawn("/bin/test", (const char *[]){ name, "spin", NULL }, NULL);
  sched_yield();
  print("the parent runs\n");
  wait4(child, NULL);
}

static void spin(void) {
  print("the child spins\n");
  struct timespec start, now;
  clock_gettime(&start);
  do {
    for (volatile int n = 0; n < 10000; n++) {}
    clock_gettime(&now);
  } while ((now.tv_sec - start.tv_sec) * 1000000000 + now.tv_nsec - start.tv_nsec < 5000000);
  print("the child ends\n");
}

/* A flag that user code may set, and with which the kernel's IRET would fault. */
static void nested_task(void) {
  __asm__ volatile("pushf; orq $0x4000, (%%rsp); popf" ::: "memory", "cc");
  line("yield with NT", sched_yield());
  i64 child = spawn("/bin/echo", (const char *[]){ "echo", "meanwhile", NULL }, NULL);
  line("wait with NT", wait4(child, NULL) == child);
}

int main(int count, char **arguments) {
  if (count > 1) {
    spin();
    return 0;
  }
  files();
  refusals();
  memory();
  pipes();
  preemption(arguments[0]);
  nested_task();
  struct utsname name;
  uname(&name);
  print("%s %s %s\n", name.sysname, name.nodename, name.machine);
  return 3;
}
