/* dlopen, dlsym, dlerror, dlclose of a library that the test builds; its path is the first argument. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int exported = 11;

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  void *none = dlopen("./no_such_library.so", RTLD_NOW);
  printf("none: %d %d\n", none == NULL, dlerror() != NULL);
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
  if (library == NULL) {
    printf("failed: %s\n", dlerror());
    return 1;
  }
  int (*triple)(int) = (int (*)(int))dlsym(library, "triple");
  double (*root)(double) = (double (*)(double))dlsym(library, "root_of_sum");
  int *counter = dlsym(library, "counter");
  int (*own)(void) = (int (*)(void))dlsym(library, "thread_local_value");
  printf("%d %d %.6f\n", triple(14), *counter, root(1.5));
  *counter = 100;
  printf("%d %d %d\n", triple(1), *counter, own() + own());
  printf("missing: %d\n", dlsym(library, "missing") == NULL && dlerror() != NULL);
  printf("main's own: %d\n", *(int *)dlsym(dlopen(NULL, RTLD_NOW), "exported"));
  Dl_info info;
  printf("dladdr: %d %s\n", dladdr((void *)triple, &info) != 0, info.dli_sname);
  printf("closed: %d\n", dlclose(library));
  return 0;
}
