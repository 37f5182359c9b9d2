/* Streams: buffering, seeking, pushing back, temporary files, formatted reading, wide characters, memory streams. */
#define _GNU_SOURCE
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

int main(void) {
  FILE *file = fopen("numbers", "w+");
  for (int i = 0; i < 800; i++) fprintf(file, "%d %x %.3f\n", i, i * 77, i / 7.0);
  printf("position %ld\n", ftell(file));
  rewind(file);
  long sum = 0;
  int a;
  unsigned b;
  double c, doubles = 0;
  while (fscanf(file, "%d %x %lf", &a, &b, &c) == 3) sum += a + b, doubles += c;
  printf("%ld %.3f eof %d error %d\n", sum, doubles, feof(file) != 0, ferror(file));
  fseek(file, 1000, SEEK_SET);
  char line[100];
  printf("%s", fgets(line, sizeof line, file));
  printf("%s", fgets(line, sizeof line, file));
  int ch = getc(file);
  ungetc('#', file);
  printf("%c then %c\n", ch, getc(file));
  fseek(file, -20, SEEK_END);
  size_t n = fread(line, 1, sizeof line, file);
  printf("%zu %.*s", n, (int)n, line);
  fseek(file, 0, SEEK_SET);
  fputs("OVERWRITTEN", file);
  fflush(file);
  rewind(file);
  char *text = NULL;
  size_t room = 0;
  ssize_t length = getline(&text, &room, file);
  printf("%zd %s", length, text);
  fclose(file);
  file = fopen("numbers", "a");
  fprintf(file, "appended");
  printf("append at %ld\n", ftell(file));
  fclose(file);
  printf("no file %d\n", fopen("no/such", "r") == NULL && errno == ENOENT);
  FILE *temporary = tmpfile();
  fwrite("binary\0data", 1, 11, temporary);
  rewind(temporary);
  printf("tmpfile %zu\n", fread(line, 1, 50, temporary));
  char *buffer;
  size_t size;
  FILE *memory = open_memstream(&buffer, &size);
  for (int i = 0; i < 200; i++) fprintf(memory, "%d,", i * i);
  fclose(memory);
  printf("memory %zu %.20s\n", size, buffer);
  memory = fmemopen(buffer, size, "r");
  int one, two;
  printf("%d", fscanf(memory, "%d,%d", &one, &two));
  printf(" %d %d\n", one, two);
  setvbuf(stdout, NULL, _IOFBF, 100);
  for (int i = 0; i < 50; i++) printf("%d ", i);
  puts("");
  printf("%d", remove("numbers"));
  printf(" %d\n", access("numbers", F_OK));
  while ((length = getline(&text, &room, stdin)) > 0) printf("<%.*s>", (int)length - 1, text);
  puts("");
  fprintf(stderr, "to standard error\n");
  puts(setlocale(LC_ALL, "C.UTF-8") != NULL ? "UTF-8" : "no UTF-8");
  wchar_t wide[50];
  n = mbstowcs(wide, "gr\xc3\xbc\xc3\x9f \xe2\x82\xac", 50);
  printf("%d %x\n", (int)n, n < 50 ? (unsigned)wide[2] : 0);
  errno = ENOENT;
  perror("perror");
  printf("%s|%s\n", strerror(EACCES), strsignal(11));
  printf("left unflushed");
  exit(3);
}
