/*
 * A program in a domain of Xen's. It has three pages, and says which guest frames they are. When domain 0 has made a view
 * (altp2m) in which the first is the other, it goes there and back by VMFUNC, and looks at what the first holds.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
/* VM function 0 switches the EPTP (SDM vol. 3C, section 26.5.5). */
#define EPTP_SWITCHING 0
#define FIRST_VIEW 0
#define SECOND_VIEW 1
#define NO_VIEW 9
#define MOST_SECONDS 60
#define SWITCHES 100000

static sigjmp_buf refused;

static void on_refusal(int signal) {
    (void)signal;
    siglongjmp(refused, 1);
}

/* Xen injects #UD where there is no such view, or none at all. */
static bool go_to(uint32_t view) {
    if (sigsetjmp(refused, 1) != 0) return false;
    __asm__ volatile("vmfunc" : : "a"(EPTP_SWITCHING), "c"(view) : "memory");
    return true;
}

static void check(const char *name, bool good) { printf("%s %s\n", good ? "ok" : "FAILED", name); }

static uint64_t frame_of(const volatile char *page) {
    const uint64_t frame_bits = (1ull << 55) - 1;
    uint64_t entry = 0;
    FILE *map = fopen("/proc/self/pagemap", "rb");
    if (map == NULL || fseek(map, (long)((uintptr_t)page / PAGE * sizeof entry), SEEK_SET) != 0 ||
        fread(&entry, sizeof entry, 1, map) != 1) {
        perror("/proc/self/pagemap");
        exit(1);
    }
    fclose(map);
    return entry & frame_bits;
}

/* What a page holds in a view; 0 if there is no such view. */
static char in_view(uint32_t view, const volatile char *page) {
    if (!go_to(view)) return 0;
    char seen = *page;
    if (!go_to(FIRST_VIEW)) return 0;
    return seen;
}

int main(void) {
    char *memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED || mlock(memory, 3 * PAGE) != 0) {
        perror("memory");
        return 1;
    }
    volatile char *first = memory, *other = memory + PAGE, *notes = memory + 2 * PAGE;
    memset(memory, 'a', PAGE);
    memset(memory + PAGE, 'b', PAGE);
    signal(SIGILL, on_refusal);
    printf("switch_views: frames %" PRIx64 " %" PRIx64 " %" PRIx64 "\n", frame_of(first), frame_of(other), frame_of(notes));
    fflush(stdout);

    const struct timespec moment = {.tv_nsec = 10000000};
    time_t begun = time(NULL);
    while (in_view(SECOND_VIEW, first) != 'b' && time(NULL) - begun < MOST_SECONDS) nanosleep(&moment, NULL);
    check("the other page in the second view", in_view(SECOND_VIEW, first) == 'b');
    check("the page itself in the first view", in_view(FIRST_VIEW, first) == 'a');
    check("no such view", in_view(NO_VIEW, first) == 0 && *first == 'a');

    check("to the second view", go_to(SECOND_VIEW));
    *first = 'c';
    check("back", go_to(FIRST_VIEW));
    check("written through the second view", *first == 'a' && *other == 'c');

    int wrong = 0;
    for (int n = 0; n < SWITCHES; n++) wrong += in_view(n % 2 ? SECOND_VIEW : FIRST_VIEW, first) != (n % 2 ? 'c' : 'a');
    check("many switches", wrong == 0);
    return 0;
}
