/* Recursion without an end. */
static volatile int depth;
int deeper(int n) {
  volatile char frame[1000];
  frame[n % 1000] = 1;
  depth++;
  return deeper(n + 1) + frame[n % 1000];
}
int main(void) { return deeper(0); }
