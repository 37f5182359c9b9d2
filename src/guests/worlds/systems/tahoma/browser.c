/*
 * Tahoma (S&P 2006): a browser instance in a machine of its own. It has no files; what it needs it asks of the browser
 * operating system, which runs at user level in the manager machine.
 */
#include "../client.h"
#include "../remote.h"

#define USER_LEVEL 3

int main(int count, char **arguments) { return client(count, arguments, &remote_calls, USER_LEVEL); }
