/* Memory for the file system: pieces of powers of two, those given back kept in a list for each size. */
#include "../../user/lib/user.h"
#include "os.h"

#define SMALLEST_SHIFT 5
#define SIZES 8 /* up to BLOCK_SIZE */
#define ARENA 0x10000

static void *given_back[SIZES];
static u64 arena, arena_left;

static u64 size_index(u64 size) {
  u64 index = 0;
  while (1ul << (index + SMALLEST_SHIFT) < size) index++;
  return index;
}

static void *allocate(u64 size) {
  u64 index = size_index(size), bytes = 1ul << (index + SMALLEST_SHIFT);
  void *piece = given_back[index];
  if (piece) {
    given_back[index] = *(void **)piece;
    return memset(piece, 0, bytes);
  }
  if (arena_left < bytes) {
    i64 address = mmap(ARENA);
    if (address < 0) return NULL;
    arena = address;
    arena_left = ARENA;
  }
  arena += bytes;
  arena_left -= bytes;
  return (void *)(arena - bytes);
}

static void release(void *piece, u64 size) {
  u64 index = size_index(size);
  *(void **)piece = given_back[index];
  given_back[index] = piece;
}

const struct memory_source program_memory = {allocate, release};
