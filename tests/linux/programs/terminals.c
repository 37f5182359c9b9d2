#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#define SHOW(x) do { errno = 0; long r_ = (x); if (r_ < 0) printf("%s: errno %d\n", #x, errno); else printf("%s: %ld\n", #x, r_); } while (0)
static void escaped(const char *what, const char *text, ssize_t length) {
  printf("%s %zd \"", what, length); for (ssize_t i = 0; i < length; i++) if (text[i] < 32 || text[i] > 126) printf("\\x%02x", (unsigned char)text[i]); else putchar(text[i]); puts("\"");
}
static int m, s; static char b[256];
static void screen(void) { struct pollfd p = {m, POLLIN, 0}; poll(&p, 1, 20); ssize_t n = (p.revents & POLLIN) ? read(m, b, sizeof b) : 0; escaped("screen", b, n); }
static void type(const char *keys) { SHOW(write(m, keys, strlen(keys))); usleep(40000); }
static void line(void) { struct pollfd p = {s, POLLIN, 0}; SHOW(poll(&p, 1, 20)); if (p.revents & POLLIN) { ssize_t n = read(s, b, sizeof b); escaped("line", b, n); } }
static void caught(int n) { printf("signal %d\n", n); }
int main(void) {
  setvbuf(stdout, 0, _IONBF, 0); struct stat st, by_path; struct termios t; struct winsize w = {24, 80, 0, 0}; int n;
  m = open("/dev/ptmx", O_RDWR | O_NOCTTY); SHOW(m >= 0); SHOW(open(ptsname(m), O_RDWR | O_NOCTTY)); SHOW(grantpt(m)); SHOW(unlockpt(m)); s = open(ptsname(m), O_RDWR | O_NOCTTY); SHOW(s >= 0); SHOW(fstat(s, &st)); SHOW(stat(ptsname(m), &by_path)); printf("%d %d %o %d\n", st.st_ino == by_path.st_ino, st.st_rdev == by_path.st_rdev, st.st_mode & S_IFMT, major(st.st_rdev)); SHOW(isatty(s)); SHOW(isatty(m)); SHOW(strcmp(ttyname(s), ptsname(m)));
  SHOW(tcgetattr(s, &t)); printf("%x %x %x %x %d %d\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, t.c_cc[VERASE], t.c_cc[VMIN]); SHOW(ioctl(s, TIOCSWINSZ, &w)); memset(&w, 0, sizeof w); SHOW(ioctl(m, TIOCGWINSZ, &w)); printf("%d %d\n", w.ws_row, w.ws_col); SHOW(tcgetpgrp(s)); SHOW(tcgetsid(s));
  SHOW(write(s, "one\ntwo\ttab\n", 12)); screen(); type("hello"); screen(); line(); type("\r"); screen(); line(); type("ab\x7f\x7f\x7f" "c\n"); screen(); line(); type("x\ty\x7f\x7f" "z w\x17" "q\x15" "k\x16\x03\n"); screen(); line(); type("no end\x04"); screen(); line(); type("\x04"); line(); type("1\n2\n"); SHOW(ioctl(s, FIONREAD, &n)); printf("%d\n", n); SHOW(read(s, b, 1)); line(); line(); screen(); type("\x01\x12"); screen(); type("\n"); screen(); line();
  t.c_lflag &= ~(ICANON | ECHO); SHOW(tcsetattr(s, TCSANOW, &t)); type("raw\x7f\r"); screen(); line(); t.c_cc[VMIN] = 3; tcsetattr(s, TCSANOW, &t); type("ab"); line(); type("c"); line(); t.c_cc[VMIN] = 0; t.c_cc[VTIME] = 1; tcsetattr(s, TCSANOW, &t); SHOW(read(s, b, 10)); type("z"); SHOW(read(s, b, 10)); cfmakeraw(&t); tcsetattr(s, TCSANOW, &t); SHOW(write(s, "a\nb", 3)); screen(); type("\x03\x1a\r"); line(); type("kept"); SHOW(tcflush(s, TCIFLUSH)); line();
  SHOW(close(s)); struct pollfd p = {m, POLLIN | POLLOUT, 0}; SHOW(poll(&p, 1, 0)); printf("%x\n", p.revents); SHOW(read(m, b, 1)); s = open(ptsname(m), O_RDWR | O_NOCTTY); SHOW(read(m, b, 0)); SHOW(close(m)); p.fd = s; SHOW(poll(&p, 1, 0)); printf("%x\n", p.revents); SHOW(read(s, b, 1)); SHOW(write(s, "x", 1)); SHOW(tcgetattr(s, &t)); close(s);
  // A session of its own: controlling terminal, signals, jobs, hangup.
  pid_t pid = forkpty(&m, 0, 0, 0); if (pid == 0) {
    signal(SIGINT, caught); signal(SIGWINCH, caught); SHOW(tcgetsid(0) == getpid()); SHOW(tcgetpgrp(0) == getpid()); int tty = open("/dev/tty", O_RDWR); SHOW(tty >= 0); SHOW(isatty(tty)); SHOW(pause()); SHOW(pause()); SHOW(read(0, b, 64)); 
    pid_t job = fork(); if (job == 0) { setpgid(0, 0); read(0, b, 1); _exit(1); } int status; SHOW(waitpid(job, &status, WUNTRACED) == job); SHOW(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN); setpgid(job, job); signal(SIGTTOU, SIG_IGN); SHOW(tcsetpgrp(0, job)); kill(-job, SIGCONT); SHOW(waitpid(job, &status, 0) == job); SHOW(status); SHOW(tcsetpgrp(0, getpgrp())); SHOW(tcsetpgrp(0, 99999999)); signal(SIGHUP, caught); puts("ready"); pause(); _exit(5);
  }
  usleep(100000); SHOW(write(m, "\x03", 1)); usleep(100000); w.ws_row = 50; SHOW(ioctl(m, TIOCSWINSZ, &w)); usleep(100000); SHOW(write(m, "in\n", 3)); usleep(100000); SHOW(write(m, "j\n", 2)); usleep(100000); char all[4096]; int length = 0; while (!memmem(all, length, "ready", 5)) { ssize_t got = read(m, all + length, sizeof all - length); if (got <= 0) break; length += got; } escaped("all", all, length); SHOW(close(m)); int status; waitpid(pid, &status, 0); printf("%x\n", status);
  pid = forkpty(&m, 0, 0, 0); if (pid == 0) { if (fork() == 0) { pause(); _exit(1); } puts("leader ends"); _exit(0); } waitpid(pid, &status, 0); length = 0; for (;;) { ssize_t got = read(m, all + length, sizeof all - length); if (got <= 0) { printf("%d\n", errno); break; } length += got; } escaped("all", all, length); close(m);
  return 0;
}
