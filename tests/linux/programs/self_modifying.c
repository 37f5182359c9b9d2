#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
int main(void) {
  unsigned char *code = mmap(0, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int (*f)(void) = (int (*)(void))code; long sum = 0;
  memcpy(code, "\xb8\x00\x00\x00\x00\xc3", 6);
  for (int i = 0; i < 2000; i++) { memcpy(code + 1, &i, 4); sum += f(); }
  printf("%ld\n", sum);
  unsigned char *own = code + 256; // patches the immediate of the next instruction while running: mov [rip+1], 7; mov eax, imm
  memcpy(own, "\xc6\x05\x01\x00\x00\x00\x07\xb8\x00\x00\x00\x00\xc3", 13);
  printf("%d\n", ((int (*)(void))own)());
  mprotect(code, 4096, PROT_READ | PROT_EXEC); printf("%d\n", f());
  unsigned char *copy = mremap(code, 8192, 8192, 0); mprotect(copy, 4096, PROT_READ | PROT_WRITE | PROT_EXEC); code[1] = 5; code[2] = code[3] = code[4] = 0; printf("%d\n", f());
  munmap(code, 8192); unsigned char *again = mmap(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  memcpy(again, "\xb8\x2a\x00\x00\x00\xc3", 6); printf("%d\n", f());
  return 0;
}
