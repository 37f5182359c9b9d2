/* An interpreter of bytecode, as scripting languages have it: a switch in a loop. Argument: rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { PUSH, LOAD, STORE, ADD, SUB, MUL, XOR, SHR, LESS, JUMP_IF, JUMP, CALL, RETURN, DUP, DROP, HALT };

/* sum = 0; for (i = 0; i < limit; i++) sum = scramble(sum + i * i); */
static int32_t code[64];
static void assemble(void) {
  int n = 0;
#define E(x) code[n++] = (x)
  E(PUSH), E(0), E(STORE), E(0), E(PUSH), E(0), E(STORE), E(1);
  int loop = n;
  E(LOAD), E(1), E(LOAD), E(2), E(LESS), E(JUMP_IF);
  int body = n;
  E(0), E(HALT);
  code[body] = n;
  E(LOAD), E(0), E(LOAD), E(1), E(DUP), E(MUL), E(ADD), E(CALL);
  int call = n;
  E(0), E(STORE), E(0), E(LOAD), E(1), E(PUSH), E(1), E(ADD), E(STORE), E(1), E(JUMP), E(loop);
  code[call] = n;
  E(DUP), E(PUSH), E(7), E(SHR), E(XOR), E(PUSH), E(16777619), E(MUL), E(RETURN);
}

static uint32_t run(uint32_t limit) {
  uint32_t stack[32], locals[4] = {0, 0, limit, 0};
  uint32_t *sp = stack;
  const int32_t *pc = code, *returns[8];
  int depth = 0;
  for (;;) {
    switch (*pc++) {
      case PUSH: *sp++ = *pc++; break;
      case LOAD: *sp++ = locals[*pc++]; break;
      case STORE: locals[*pc++] = *--sp; break;
      case ADD: sp--; sp[-1] += *sp; break;
      case SUB: sp--; sp[-1] -= *sp; break;
      case MUL: sp--; sp[-1] *= *sp; break;
      case XOR: sp--; sp[-1] ^= *sp; break;
      case SHR: sp--; sp[-1] >>= *sp & 31; break;
      case LESS: sp--; sp[-1] = sp[-1] < *sp; break;
      case JUMP_IF: pc = *--sp ? code + *pc : pc + 1; break;
      case JUMP: pc = code + *pc; break;
      case CALL: returns[depth++] = pc + 1; pc = code + *pc; break;
      case RETURN: pc = returns[--depth]; break;
      case DUP: *sp = sp[-1]; sp++; break;
      case DROP: sp--; break;
      case HALT: return locals[0];
    }
  }
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 1;
  uint32_t sum = 0;
  assemble();
  for (int r = 0; r < rounds; r++) sum = sum * 31 + run(10000 + r % 16);
  printf("%08x\n", sum);
  return 0;
}
