/* Whatever the library does with other programs: system and popen, which run the shell. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("shell is there %d\n", system(NULL) != 0);
  int status = system("echo from the shell; exit 9");
  printf("exit %d\n", WEXITSTATUS(status));
  FILE *pipe = popen("echo one; echo two", "r");
  char line[64];
  while (fgets(line, sizeof line, pipe) != NULL) printf("read %s", line);
  printf("closed %d\n", WEXITSTATUS(pclose(pipe)));
  pipe = popen("read x; echo \"got $x\"", "w");
  fprintf(pipe, "written\n");
  printf("closed %d\n", pclose(pipe));
  return 0;
}
