/*
 * Memory for the kernel. Frames come from those given back, or from the untouched rest of RAM. Smaller pieces have sizes
 * that are powers of two; each size has a list of free pieces, which is filled by cutting up a frame.
 */
#include "kernel.h"

struct free_piece {
  struct free_piece *next;
};

#define SMALLEST_SHIFT 5
#define PAGE_SHIFT 12

static struct free_piece *free_pieces[PAGE_SHIFT + 1]; /* by the size's logarithm; the last: frames */
static u64 untouched, end_of_memory;

void memory_init(u64 start, u64 end) {
  untouched = (start + PAGE_SIZE - 1) & -PAGE_SIZE;
  end_of_memory = end & -PAGE_SIZE;
}

static void *take(struct free_piece **list) {
  struct free_piece *piece = *list;
  if (piece) *list = piece->next;
  return piece;
}

static void give(struct free_piece **list, void *memory) {
  struct free_piece *piece = memory;
  piece->next = *list;
  *list = piece;
}

void *frame_allocate(void) {
  void *frame = take(&free_pieces[PAGE_SHIFT]);
  if (!frame && untouched < end_of_memory) {
    frame = (void *)untouched;
    untouched += PAGE_SIZE;
  }
  if (frame) memset(frame, 0, PAGE_SIZE);
  return frame;
}

void frame_release(void *frame) {
  give(&free_pieces[PAGE_SHIFT], frame);
}

/* Logarithm of the size of the piece that holds this many bytes. */
static u32 shift_for(u64 size) {
  u32 shift = SMALLEST_SHIFT;
  while (1ul << shift < size) shift++;
  return shift;
}

static void *allocate(u64 size) {
  u32 shift = shift_for(size);
  if (shift >= PAGE_SHIFT) return shift == PAGE_SHIFT ? frame_allocate() : NULL;
  if (!free_pieces[shift]) {
    u8 *frame = frame_allocate();
    if (!frame) return NULL;
    for (u64 at = 0; at < PAGE_SIZE; at += 1ul << shift) give(&free_pieces[shift], frame + at);
  }
  return memset(take(&free_pieces[shift]), 0, 1ul << shift);
}

static void release(void *memory, u64 size) {
  give(&free_pieces[shift_for(size)], memory);
}

const struct memory_source kernel_memory = { allocate, release };
