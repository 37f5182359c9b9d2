/* Pipes, fork, exec of itself, wait: exit codes, signals, inherited descriptors, copy on write, vfork, posix_spawn, popen-like use. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int child_main(char **argv) {
  char line[64];
  int n = 0;
  while (fgets(line, sizeof line, stdin) != NULL) n++;
  printf("child: %s, %d lines, variable %s\n", argv[2], n, getenv("FOR_CHILD"));
  return atoi(argv[2]);
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "child") == 0) return child_main(argv);
  setvbuf(stdout, NULL, _IOLBF, 0);
  setenv("FOR_CHILD", "set", 1);
  int in[2], out[2], status;
  if (pipe(in) != 0 || pipe(out) != 0) return 1;
  pid_t pid = fork();
  if (pid == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[0]), close(in[1]), close(out[0]), close(out[1]);
    execl("/proc/self/exe", argv[0], "child", "17", NULL);
    execl(argv[0], argv[0], "child", "17", NULL);
    _exit(99);
  }
  close(in[0]), close(out[1]);
  dprintf(in[1], "one\ntwo\nthree\n");
  close(in[1]);
  char text[200] = {0};
  ssize_t got, all = 0;
  while ((got = read(out[0], text + all, sizeof text - 1 - all)) > 0) all += got;
  waitpid(pid, &status, 0);
  printf("%sexit %d\n", text, WEXITSTATUS(status));

  /* Memory is copied on write; shared memory is not. */
  static int private_value = 1;
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 5; i++) {
    if ((pid = fork()) == 0) {
      private_value += 10;
      __sync_fetch_and_add(shared, private_value);
      _exit(i);
    }
  }
  int sum = 0;
  while ((pid = wait(&status)) > 0) sum += WEXITSTATUS(status);
  printf("children %d, shared %d, private %d, then %d\n", sum, *shared, private_value, errno == ECHILD);

  if ((pid = fork()) == 0) raise(SIGKILL);
  waitpid(pid, &status, 0);
  printf("signaled %d %d\n", WIFSIGNALED(status), WTERMSIG(status));
  if ((pid = fork()) == 0) abort();
  waitpid(pid, &status, 0);
  printf("aborted %d %d\n", WIFSIGNALED(status), WTERMSIG(status));
  if ((pid = fork()) == 0) {
    raise(SIGSTOP);
    _exit(3);
  }
  waitpid(pid, &status, WUNTRACED);
  printf("stopped %d %d\n", WIFSTOPPED(status), WSTOPSIG(status));
  printf("nothing yet %d\n", waitpid(pid, &status, WNOHANG));
  kill(pid, SIGCONT);
  siginfo_t info;
  waitid(P_PID, pid, &info, WEXITED);
  printf("waitid %d %d\n", info.si_code == CLD_EXITED, info.si_status);

  char *arguments[] = {argv[0], "child", "5", NULL};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  int error = posix_spawn(&pid, argv[0], &actions, NULL, arguments, environ);
  waitpid(pid, &status, 0);
  printf("spawned %d, exit %d\n", error, WEXITSTATUS(status));
  printf("spawn of nothing: %d\n", posix_spawn(&pid, "/no/such/program", NULL, NULL, arguments, environ) == ENOENT);
  if ((pid = vfork()) == 0) _exit(8);
  waitpid(pid, &status, 0);
  printf("vfork exit %d\n", WEXITSTATUS(status));

  /* A descriptor with close-on-exec is gone, another is not. */
  int stays = open("/dev/null", O_WRONLY), goes = open("/dev/null", O_WRONLY | O_CLOEXEC);
  printf("flags %d %d\n", fcntl(stays, F_GETFD), fcntl(goes, F_GETFD));
  if (fork() == 0) {
    execl("/no/such/program", "x", NULL);
    _exit(errno == ENOENT ? 40 : 41);
  }
  wait(&status);
  printf("exec failed: %d\n", WEXITSTATUS(status));

  /* A pipeline of three. */
  int a[2], b[2];
  if (pipe(a) != 0 || pipe(b) != 0) return 1;
  if (fork() == 0) {
    for (int i = 0; i < 20000; i++) if (write(a[1], "0123456789", 10) != 10) _exit(1);
    _exit(0);
  }
  close(a[1]);
  if (fork() == 0) {
    char buffer[700];
    close(b[0]);
    while ((got = read(a[0], buffer, sizeof buffer)) > 0) {
      for (ssize_t i = 0; i < got; i++) buffer[i] += 1;
      if (write(b[1], buffer, got) != got) _exit(1);
    }
    _exit(0);
  }
  close(a[0]), close(b[1]);
  long total = 0, bytes = 0;
  char buffer[1000];
  while ((got = read(b[0], buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < got; i++) total += buffer[i];
    bytes += got;
  }
  while (wait(NULL) > 0) {}
  printf("pipeline %ld %ld\n", bytes, total);
  signal(SIGPIPE, SIG_IGN);
  if (pipe(a) != 0) return 1;
  close(a[0]);
  printf("broken pipe %d %d\n", (int)write(a[1], "x", 1), errno == EPIPE);
  struct rusage usage;
  printf("rusage %d\n", getrusage(RUSAGE_CHILDREN, &usage));
  return 5;
}
