/*
 * Hyper-Shell (ATC 2014): a shell whose utilities run outside of a machine, while their system calls are executed by the
 * kernel in it. The shell is a process of the host; with VMFUNC alone, which works in machines only, it is a process of a
 * management machine.
 */
#include "../client.h"
#include "../remote.h"

int main(int count, char **arguments) { return client(count, arguments, &remote_calls, 0); }
