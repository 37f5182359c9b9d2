/* Code that is written, run, patched and run again: on its own page, from another page, behind mprotect, by a second mapping. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int (*function)(int);
static const unsigned char add_template[] = {0x8d, 0x87, 0, 0, 0, 0, 0xc3}; /* lea eax, [rdi + imm32]; ret */

static void write_add(unsigned char *at, int constant) {
  memcpy(at, add_template, sizeof add_template);
  memcpy(at + 2, &constant, 4);
}

int main(void) {
  unsigned char *code = mmap(NULL, 16384, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  long sum = 0;
  for (int i = 0; i < 300; i++) {
    write_add(code, i);
    sum += ((function)code)(1000);
  }
  printf("rewritten each time: %ld\n", sum);

  sum = 0;
  write_add(code + 64, 5);
  for (int i = 0; i < 5000; i++) sum += ((function)(code + 64))(i); /* hot */
  code[64 + 2] = 7;
  for (int i = 0; i < 5000; i++) sum += ((function)(code + 64))(i);
  printf("patched when hot: %ld\n", sum);

  /* A loop that changes the immediate of an instruction in itself: mov ecx,100; 1: add eax,1; inc byte [rip+?]; loop 1b; ret */
  static const unsigned char self[] = {
      0x31, 0xc0,                         /* xor eax, eax */
      0xb9, 100, 0, 0, 0,                 /* mov ecx, 100 */
      0x05, 1, 0, 0, 0,                   /* 1: add eax, imm32 */
      0x80, 0x05, 0xf5, 0xff, 0xff, 0xff, /* add byte [rip - 11], 1: that immediate's lowest byte */
      1,
      0xe2, 0xf2,                         /* loop 1b */
      0xc3};
  memcpy(code + 128, self, sizeof self);
  printf("changes itself: %d\n", ((function)(code + 128))(0));

  /* The next instruction is overwritten just before it runs: mov byte [rip + 1], 42; mov al, 0; movzx eax, al; ret */
  static const unsigned char ahead[] = {0xc6, 0x05, 1, 0, 0, 0, 42, 0xb0, 0, 0x0f, 0xb6, 0xc0, 0xc3};
  for (int i = 0; i < 200; i++) {
    memcpy(code + 256, ahead, sizeof ahead);
    sum += ((function)(code + 256))(0);
  }
  printf("changes what comes next: %ld\n", sum);

  unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  sum = 0;
  for (int i = 0; i < 50; i++) {
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    write_add(page, i * 3);
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    for (int k = 0; k < 100; k++) sum += ((function)page)(k);
  }
  printf("mprotect to and fro: %ld\n", sum);

  int fd = memfd_create("code", 0);
  if (fd < 0 || ftruncate(fd, 8192) != 0) return 1;
  unsigned char *writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  unsigned char *executable = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  sum = 0;
  for (int i = 0; i < 100; i++) {
    write_add(writable, i);
    sum += ((function)executable)(i);
  }
  printf("through a second mapping: %ld\n", sum);

  /* The page is replaced by another one under the same address. */
  sum = 0;
  for (int i = 0; i < 50; i++) {
    unsigned char *fresh = mmap(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    write_add(fresh, i);
    sum += ((function)fresh)(1);
  }
  printf("remapped: %ld\n", sum);

  /* A function that lies on two pages, its second half changed. */
  unsigned char *crossing = code + 4096 - 4;
  sum = 0;
  for (int i = 0; i < 300; i++) {
    write_add(crossing, i << 16 | 3);
    sum += ((function)crossing)(1);
  }
  printf("on two pages: %ld\n", sum);

  /* read(2) writes the code. */
  int pipes[2];
  if (pipe(pipes) != 0) return 1;
  sum = 0;
  for (int i = 0; i < 50; i++) {
    unsigned char bytes[sizeof add_template];
    write_add(bytes, i);
    if (write(pipes[1], bytes, sizeof bytes) != sizeof bytes || read(pipes[0], code + 512, sizeof bytes) != sizeof bytes) return 1;
    sum += ((function)(code + 512))(2);
  }
  printf("written by the kernel: %ld\n", sum);

  /* Blocks of code copied around with string instructions. */
  sum = 0;
  for (int i = 0; i < 64; i++) {
    write_add(code + 8192 + i * 16, i);
  }
  for (int i = 0; i < 64; i++) {
    void *to = code + 12288, *from = code + 8192 + i * 16;
    unsigned long count = sizeof add_template;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count)::"memory");
    sum += ((function)(code + 12288))(i);
  }
  printf("copied: %ld\n", sum);
  return 0;
}
