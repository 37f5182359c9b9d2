/*
 * Calls the awkward server, and tells what comes back. The path is what it tries:
 *   original, vmfunc, crossover   a call that is never answered
 *   forged                        calls of worlds that there are not, and from a process that is no world
 *   dropped, crashed              a world that drops itself, or crashes, while it serves
 *   ended                         a machine that ends instead of answering
 */
#include "../world/world.h"
#include "awkward.h"
#include "remote.h"

#define USER_LEVEL 3

static void tell(const char *what, i64 result) { print("%s: %ld\n", what, result); }

static i64 become_world(void) {
  return syscall(SYS_world_register, (u64)world_entry, WORLD_KEEP_IF, (u64)&this_world.call);
}

static void try_unanswered(const char *path) {
  tell("connect", remote_connect(path, USER_LEVEL));
  tell("first call", remote_request(SYS_getpid, 0, 0, 0));
  tell("second call", remote_request(SYS_getpid, 0, 0, 0));
}

static void try_unanswered_world(void) {
  i64 server = find_world(SERVER, USER_LEVEL);
  become_world();
  tell("a call that is answered", world_call(server, AWKWARD_ANSWER, 0));
  tell("a call that is not", world_call(server, AWKWARD_SPIN, 0));
  tell("the same world again", world_call(server, AWKWARD_ANSWER, 0));
}

static void try_forged(void) {
  i64 server = find_world(SERVER, USER_LEVEL), self;
  tell("a call from no world", world_call(server, AWKWARD_ANSWER, 0));
  self = become_world();
  tell("a call", world_call(server, AWKWARD_ANSWER, 0));
  tell("WID 0", world_call(0, AWKWARD_ANSWER, 0));
  tell("the next WID", world_call(self + 1, AWKWARD_ANSWER, 0));
  tell("WID -1", world_call(-1, AWKWARD_ANSWER, 0));
  tell("dropping somebody else's world", syscall(SYS_world_drop, server, 0, 0));
  tell("dropping the own one", syscall(SYS_world_drop, self, 0, 0));
  tell("a call after that", world_call(server, AWKWARD_ANSWER, 0));
}

static void try_dropped(void) {
  i64 server = find_world(SERVER, USER_LEVEL);
  become_world();
  tell("a call", world_call(server, AWKWARD_ANSWER, 0));
  tell("a callee that drops itself", world_call(server, AWKWARD_DROP, 0));
  tell("a dropped world", world_call(server, AWKWARD_ANSWER, 0));
}

static void try_crashed(void) {
  i64 server = find_world(SERVER, USER_LEVEL);
  become_world();
  tell("a callee that crashes", world_call(server, AWKWARD_CRASH, 0));
}

static void try_ended(void) {
  i64 server = find_world(SERVER, USER_LEVEL);
  tell("connect", remote_connect("original", USER_LEVEL));
  tell("a machine that ends", remote_request(AWKWARD_END, 0, 0, 0));
  tell("a machine that has ended", remote_request(AWKWARD_END, 0, 0, 0));
  become_world();
  tell("its world", world_call(server, AWKWARD_ANSWER, 0));
  tell("a view of it", remote_connect("vmfunc", USER_LEVEL));
}

int main(int count, char **arguments) {
  const char *what = count > 1 ? arguments[1] : "";
  if (strcmp(what, "forged") == 0) try_forged();
  else if (strcmp(what, "dropped") == 0) try_dropped();
  else if (strcmp(what, "crashed") == 0) try_crashed();
  else if (strcmp(what, "ended") == 0) try_ended();
  else if (strcmp(what, "crossover") == 0) try_unanswered_world();
  else try_unanswered(what);
  return 0;
}
