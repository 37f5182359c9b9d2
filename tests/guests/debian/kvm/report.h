/* What the programs say: text and numbers on standard output, and which system call has failed. */
#pragma once

#include "system.h"

static inline size_t length_of(const char *text)
{
    size_t length = 0;
    while (text[length] != 0) length++;
    return length;
}

static inline void print(const char *text)
{
    write_out(text, length_of(text));
}

static inline void print_number(unsigned long value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    write_out(digits + at, sizeof digits - at);
}

static inline _Noreturn void fail(const char *what, long number)
{
    print("kvm: ");
    print(what);
    print(" failed: ");
    print_number((unsigned long)(number < 0 ? -number : number));
    print("\n");
    end_process(1);
}

static inline long checked(const char *what, long result)
{
    if (result < 0) fail(what, result);
    return result;
}
