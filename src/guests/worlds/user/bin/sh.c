/*
 * sh [FILE]: runs the commands in a file (/etc/rc), one a line: words, `a | b`, `> file` or `&` at the end, `#` comments.
 * It tells when a command fails. The whole of a Unix is seen from here: spawn, wait, pipes and descriptors.
 */
#include "../lib/user.h"

#define LINE_SIZE 128
#define MAX_WORDS 12

/* Puts the path of a program together; commands lie in /bin. */
static void path_of(const char *command, char path[LINE_SIZE]) {
  format_text(path, LINE_SIZE, command[0] == '/' ? "%s" : "/bin/%s", command);
}

static void report(const char *command, i64 pid) {
  i32 status;
  if (pid < 0) print("sh: %s: error %ld\n", command, -pid);
  else if (wait4(pid, &status) != pid) print("sh: %s: lost\n", command);
  else if (SIGNAL(status)) print("sh: %s: signal %d\n", command, SIGNAL(status));
  else if (EXIT_CODE(status)) print("sh: %s: exit code %d\n", command, EXIT_CODE(status));
}

static i64 start(const char *const *words, i32 input, i32 output) {
  char path[LINE_SIZE];
  i32 fds[3] = { input, output, 2 };
  path_of(words[0], path);
  return spawn(path, words, fds);
}

/* `left | right`: they run at the same time, with a pipe between them. */
static void run_pipe(const char *const *left, const char *const *right) {
  i32 ends[2];
  if (pipe(ends) != 0) return;
  i64 writer = start(left, 0, ends[1]);
  i64 reader = start(right, ends[0], 1);
  close(ends[0]);
  close(ends[1]);
  report(left[0], writer);
  report(right[0], reader);
}

static void run_into(const char *const *words, const char *path) {
  i64 fd = open(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (fd < 0) {
    print("sh: %s: error %ld\n", path, -fd);
    return;
  }
  report(words[0], start(words, 0, fd));
  close(fd);
}

/* Cuts a line into words; gives their number. */
static int split(char *line, const char *words[MAX_WORDS]) {
  int count = 0;
  while (count < MAX_WORDS - 1) {
    while (*line == ' ') line++;
    if (!*line || *line == '#') break;
    words[count++] = line;
    while (*line && *line != ' ') line++;
    if (*line) *line++ = 0;
  }
  words[count] = NULL;
  return count;
}

static void run_line(char *line) {
  const char *words[MAX_WORDS];
  int count = split(line, words);
  if (count == 0) return;
  for (int n = 1; n + 1 < count; n++) {
    const char *word = words[n];
    if (strcmp(word, "|") != 0 && strcmp(word, ">") != 0) continue;
    words[n] = NULL;
    if (word[0] == '|') run_pipe(words, words + n + 1);
    else run_into(words, words[n + 1]);
    return;
  }
  if (strcmp(words[count - 1], "&") == 0) {
    words[count - 1] = NULL;
    i64 pid = start(words, 0, 1);
    if (pid < 0) print("sh: %s: error %ld\n", words[0], -pid);
  } else {
    report(words[0], start(words, 0, 1));
  }
}

int main(int count, char **arguments) {
  i64 fd = open(count > 1 ? arguments[1] : "/etc/rc", O_RDONLY);
  if (fd < 0) {
    print("sh: no script\n");
    return 2;
  }
  char line[LINE_SIZE], c;
  u64 length = 0;
  while (read(fd, &c, 1) == 1) {
    if (c != '\n') {
      if (length < LINE_SIZE - 1) line[length++] = c;
      continue;
    }
    line[length] = 0;
    length = 0;
    run_line(line);
  }
  return 0;
}
