/* regex, fnmatch, wordexp-free globbing, iconv-free wide classes, random numbers of the library, time zones. */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(void) {
  const char *patterns[] = {"^([a-z]+)@([a-z]+)\\.com$", "(a|b)*c", "[[:digit:]]{2,4}", "x?y+z*", "(.)(.).*"};
  const char *texts[] = {"user@example.com", "ababababc", "year 12345", "yyyz", "hello"};
  for (int i = 0; i < 5; i++) {
    regex_t regex;
    if (regcomp(&regex, patterns[i], REG_EXTENDED) != 0) return 1;
    for (int k = 0; k < 5; k++) {
      regmatch_t match[3];
      if (regexec(&regex, texts[k], 3, match, 0) != 0) {
        printf("- ");
        continue;
      }
      printf("%d-%d,%d-%d ", match[0].rm_so, match[0].rm_eo, match[1].rm_so, match[1].rm_eo);
    }
    puts("");
    regfree(&regex);
  }
  regex_t bad;
  printf("bad %d\n", regcomp(&bad, "(unclosed", REG_EXTENDED) != 0);
  printf("%d %d %d\n", fnmatch("*.c", "main.c", 0), fnmatch("a[!b]c", "abc", 0), fnmatch("*/x", "a/b/x", FNM_PATHNAME));
  srand(5);
  int first = rand();
  srand(5);
  printf("%d\n", first == rand());
  srand48(99);
  printf("%.10f %ld\n", drand48(), lrand48());
  unsigned seed = 7;
  printf("%d\n", rand_r(&seed));
  setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
  tzset();
  time_t winter = 1700000000, summer = 1690000000;
  char text[80];
  strftime(text, sizeof text, "%F %T %Z", localtime(&winter));
  puts(text);
  strftime(text, sizeof text, "%F %T %Z", localtime(&summer));
  puts(text);
  struct tm parsed = {0};
  strptime("2024-02-29 13:14:15", "%Y-%m-%d %H:%M:%S", &parsed);
  printf("%d %d %d\n", parsed.tm_mon, parsed.tm_yday, parsed.tm_hour);
  printf("%.0f\n", difftime(winter, summer));
  return 0;
}
