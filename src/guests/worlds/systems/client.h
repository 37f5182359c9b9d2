/* What the callers of all systems have in common. */
#ifndef CLIENT_H
#define CLIENT_H
#include "../user/lib/calls.h"

/* Reads the arguments (path, iterations), connects, measures over `calls`, which lead to the server somehow, and says that
 * it is done. Gives the exit code. `cpl`: the level at which the server's world serves. */
int client(int count, char **arguments, const struct calls *calls, u64 cpl);
#endif
