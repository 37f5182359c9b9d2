/* Calls a function at an address where nothing is. */
int main(void) {
  void (*volatile nowhere)(void) = (void (*)(void))0x123456789000;
  nowhere();
  return 0;
}
