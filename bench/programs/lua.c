/* A host for Lua 5.4: runs the script on standard input, which finds the argument in the global N. Argument: rounds. */
#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>
#include <lua5.4/lualib.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  lua_State *state = luaL_newstate();
  if (state == NULL) return 1;
  luaL_openlibs(state);
  lua_pushinteger(state, argc > 1 ? atoi(argv[1]) : 1);
  lua_setglobal(state, "N");
  if (luaL_loadfile(state, NULL) != LUA_OK || lua_pcall(state, 0, 0, 0) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(state, -1));
    return 1;
  }
  lua_close(state);
  return 0;
}
