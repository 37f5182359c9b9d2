/* Unpacks a ustar archive (POSIX.1-1988). */
#include "fs.h"

#define RECORD 512

struct header {
  char name[100], mode[8], uid[8], gid[8], size[12], time[12], checksum[8], type, link[100], magic[8];
};

static u64 octal(const char *digits, u64 length) {
  u64 value = 0;
  for (u64 n = 0; n < length && digits[n] >= '0' && digits[n] <= '7'; n++) value = 8 * value + (digits[n] - '0');
  return value;
}

static i64 write_all(struct node *node, const u8 *bytes, u64 size) {
  for (u64 done = 0; done < size;) {
    i64 count = node->operations->write(node, done, bytes + done, size - done);
    if (count < 0) return count;
    done += count;
  }
  return 0;
}

i64 fs_unpack(struct fs *fs, const u8 *archive, u64 size) {
  for (u64 at = 0; at + RECORD <= size;) {
    const struct header *header = (const struct header *)(archive + at);
    if (!header->name[0]) break;
    char path[sizeof header->name + 1] = "";
    memcpy(path, header->name, sizeof header->name);
    u64 length = octal(header->size, sizeof header->size);
    at += RECORD;
    if (length > size - at) return -EINVAL;
    int is_directory = header->type == '5';
    if (is_directory && path[strlen(path) - 1] == '/') path[strlen(path) - 1] = 0;
    struct node *node;
    u32 mode = octal(header->mode, sizeof header->mode);
    i64 error = fs_create(fs, path, (is_directory ? S_IFDIR : S_IFREG) | mode, &node);
    if (error) return error;
    if (!is_directory) error = write_all(node, archive + at, length);
    node_release(node);
    if (error) return error;
    at += (length + RECORD - 1) / RECORD * RECORD;
  }
  return 0;
}
