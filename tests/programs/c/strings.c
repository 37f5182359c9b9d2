/* String and memory functions at all alignments and lengths, against loops of bytes. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

static unsigned char source[400], target[400], wanted[400];
static uint32_t hash;
static void mix(long value) { hash = (hash ^ (uint32_t)value) * 16777619u; }
static int sign(int value) { return (value > 0) - (value < 0); }

int main(void) {
  int wrong = 0;
  for (int i = 0; i < 400; i++) source[i] = (unsigned char)(i * 37 + 11);
  for (int from = 0; from < 17; from += 2) {
    for (int to = 0; to < 17; to += 5) {
      for (int length = 0; length < 150; length += length < 40 ? 3 : 13) {
        memset(target, 0xaa, sizeof target);
        memset(wanted, 0xaa, sizeof wanted);
        for (int i = 0; i < length; i++) wanted[to + i] = source[from + i];
        memcpy(target + to, source + from, length);
        wrong += memcmp(target, wanted, sizeof target) != 0;
        memset(target + to, length, length);
        for (int i = 0; i < length; i++) wanted[to + i] = (unsigned char)length;
        wrong += memcmp(target, wanted, sizeof target) != 0;
      }
    }
  }
  for (int shift = -20; shift <= 20; shift += 3) {
    for (int length = 0; length < 200; length += 7) {
      memcpy(target, source, sizeof target);
      memcpy(wanted, source, sizeof wanted);
      for (int i = 0; i < length; i++) wanted[50 + shift + i] = source[50 + i];
      memmove(target + 50 + shift, target + 50, length);
      wrong += memcmp(target, wanted, sizeof target) != 0;
    }
  }
  char text[200];
  for (int at = 0; at < 20; at += 3) {
    for (int length = 0; length < 100; length += 3) {
      memset(text, 'x', sizeof text);
      text[at + length] = 0;
      if (length > 5) text[at + length - 3] = 'y', text[at + 2] = 'z';
      wrong += strlen(text + at) != (size_t)length;
      mix(strnlen(text + at, 33));
      char *found = strchr(text + at, 'y');
      mix(found == NULL ? -1 : found - text);
      found = strrchr(text + at, 'z');
      mix(found == NULL ? -1 : found - text);
      found = memchr(text + at, 0, 120);
      mix(found == NULL ? -1 : found - text);
      found = strstr(text + at, "xyx");
      mix(found == NULL ? -1 : found - text);
      mix(strcspn(text + at, "yz"));
      mix(strspn(text + at, "xz"));
      char copy[200];
      strcpy(copy, text + at);
      mix(sign(strcmp(copy, text + at)));
      if (length > 10) copy[7] = 'a';
      mix(sign(strcmp(copy, text + at)));
      mix(sign(strncmp(copy, text + at, 7)));
      mix(sign(memcmp(copy, text + at, length)));
      strncpy(copy, text + at, 30);
      strcat(copy, "");
      mix(copy[29]);
      found = memmem(text + at, length, "yx", 2);
      mix(found == NULL ? -1 : found - text);
    }
  }
  printf("wrong %d, hash %08x\n", wrong, hash);
  char words[] = "one, two;three  four";
  for (char *save, *word = strtok_r(words, " ,;", &save); word != NULL; word = strtok_r(NULL, " ,;", &save)) printf("[%s]", word);
  printf("\n%d %d %d %d\n", sign(strcasecmp("HeLLo", "hEllO")), sign(strncasecmp("abcX", "ABCY", 3)), sign(strcoll("a", "b")), ffs(0x40));
  printf("%s %s %s\n", strpbrk("hello world", "ow"), strdup("copy"), stpcpy(text, "abc") - 1);
  int kinds = 0;
  for (int c = 0; c < 128; c++) {
    kinds = kinds * 5 + !!isalpha(c) + 2 * !!isdigit(c) + !!isspace(c) * 3 + !!ispunct(c) * 4 + toupper(c) + tolower(c) * 2;
  }
  printf("%d\n", kinds);
  wchar_t wide[64];
  wcscpy(wide, L"wide text");
  wcscat(wide, L" more");
  printf("%d %ls %d\n", (int)wcslen(wide), wcschr(wide, L't'), sign(wcscmp(L"abc", L"abd")));
  char *joined;
  if (asprintf(&joined, "%s-%d", "as", 5) < 0) return 1;
  puts(joined);
  uint64_t numbers[4] = {0x0123456789abcdefu, 1, ~0ull, 0x8000000000000000u};
  for (int i = 0; i < 4; i++) {
    printf("%d %d %d %016llx ", __builtin_popcountll(numbers[i]), __builtin_clzll(numbers[i]), __builtin_ctzll(numbers[i]),
           (unsigned long long)__builtin_bswap64(numbers[i]));
  }
  puts("");
  return wrong != 0;
}
