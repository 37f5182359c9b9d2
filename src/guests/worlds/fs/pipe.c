/* Pipes: a ring of bytes between the open files that write and those that read. */
#include "fs.h"

#define RING_SIZE 2048

struct pipe {
  struct node node; /* first: a pipe is a node */
  u32 readers, writers;
  u64 read, written; /* bytes so far */
  u8 ring[RING_SIZE];
};

static i64 read(struct node *node, u64 offset, void *buffer, u64 size) {
  (void)offset;
  struct pipe *pipe = (struct pipe *)node;
  u64 there = pipe->written - pipe->read;
  if (there == 0) return pipe->writers > 0 && size > 0 ? -EAGAIN : 0;
  if (size > there) size = there;
  for (u64 n = 0; n < size; n++) ((u8 *)buffer)[n] = pipe->ring[pipe->read++ % RING_SIZE];
  return size;
}

static i64 write(struct node *node, u64 offset, const void *buffer, u64 size) {
  (void)offset;
  struct pipe *pipe = (struct pipe *)node;
  if (pipe->readers == 0) return -EPIPE;
  u64 room = RING_SIZE - (pipe->written - pipe->read);
  if (room == 0 && size > 0) return -EAGAIN;
  if (size > room) size = room;
  for (u64 n = 0; n < size; n++) pipe->ring[pipe->written++ % RING_SIZE] = ((const u8 *)buffer)[n];
  return size;
}

static void closed(struct node *node, u32 flags) {
  struct pipe *pipe = (struct pipe *)node;
  if ((flags & 3) == O_RDONLY) pipe->readers--;
  else pipe->writers--;
}

static void destroy(struct node *node) {
  node->fs->memory->release(node, sizeof(struct pipe));
}

static const struct operations operations = { .read = read, .write = write, .closed = closed, .destroy = destroy };

struct node *pipe_new(struct fs *fs) {
  struct pipe *pipe = fs->memory->allocate(sizeof *pipe);
  if (!pipe) return NULL;
  pipe->node = (struct node){
    .operations = &operations,
    .fs = fs,
    .number = ++fs->last_number,
    .mode = S_IFIFO | 0600,
    .references = 1,
  };
  pipe->readers = pipe->writers = 1;
  return &pipe->node;
}
