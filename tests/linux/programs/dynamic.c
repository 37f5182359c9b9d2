#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
  void *m = dlopen("libm.so.6", RTLD_NOW); double (*cosine)(double) = (double (*)(double))dlsym(m, "cos"); printf("%.6f\n", cosine(2.0));
  printf("missing %d\n", dlopen("libnowhere.so", RTLD_NOW) == 0); printf("dlerror %d\n", dlerror() != 0);
  if (argc > 1) { void *own = dlopen(argv[1], RTLD_NOW); int (*twice)(int) = (int (*)(int))dlsym(own, "twice"); printf("%d\n", twice(21)); dlclose(own); }
  dlclose(m); return 0;
}
