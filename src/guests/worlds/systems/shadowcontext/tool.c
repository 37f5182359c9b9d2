/*
 * ShadowContext (DSN 2014): a tool that inspects an untrusted machine from a trusted one. Its code and data stay in the
 * trusted machine; the system calls through which it looks are executed in the untrusted one, in the context of a dummy
 * process.
 */
#include "../client.h"
#include "../remote.h"

int main(int count, char **arguments) { return client(count, arguments, &remote_calls, 0); }
