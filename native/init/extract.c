/* extract.c — extract TARGET: the files of an archive on stdin become TARGET/0, TARGET/1, …
 *
 * The names in the archive go to Node with the numbers, and never touch the disk: what they
 * mean is decided there. Links are only told about. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/hash.h"
#include "../core/inflate.h"
#include "../core/tar.h"
#include "report.h"
#include "verb.h"

static int next_piece(void *context, const unsigned char **ret_bytes, struct failure *why) {
  return inflate_next(context, ret_bytes, why);
}

/* Each takes an inode and memory of Node's; a hundred images of a hundred layers have fewer. */
#define MEMBERS_MAX 65536u
#define HOLES_MAX_BYTES ((int64_t) 4 << 30) /* of one file: they cost the archive nothing */

/* Holes are zeros to the hash, too. */
static void hash_hole(struct hash *hash, int64_t size) {
  static const unsigned char zeros[4096];

  for (; size > 0; size -= (int64_t) sizeof zeros)
    hash_update(hash, zeros, size < (int64_t) sizeof zeros ? (size_t) size : sizeof zeros);
}

static int write_contents(int fd, struct tar *tar, int64_t size, struct hash *hash,
                          struct failure *why) {
  const unsigned char *bytes = NULL;
  int64_t offset = 0;
  int64_t end = 0;
  int64_t holes = 0;
  int n;

  while ((n = tar_read(tar, &bytes, &offset, why)) > 0) {
    holes += offset - end;
    if (holes > HOLES_MAX_BYTES)
      break;
    hash_hole(hash, offset - end);
    hash_update(hash, bytes, (size_t) n);
    if (offset != end && lseek(fd, offset, SEEK_SET) < 0)
      return fail(why, errno, "seek");
    if (fd_write_all(fd, bytes, (size_t) n, why) < 0)
      return -why->errnum;
    end = offset + n;
  }
  if (n < 0)
    return n;
  if (holes > HOLES_MAX_BYTES || size - end > HOLES_MAX_BYTES - holes)
    return fail(why, EFBIG, "sparse file of %lld bytes", (long long) size);
  hash_hole(hash, size - end);
  if (end < size && ftruncate(fd, size) < 0)
    return fail(why, errno, "set size");
  return 0;
}

static int extract_file(int target, unsigned number, const struct tar_entry *entry, struct tar *tar,
                        struct failure *why) {
  char name[16];
  char digest[HASH_TEXT_SIZE];
  struct hash hash;

  snprintf(name, sizeof name, "%u", number);
  autoclose int fd =
      openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0)
    return fail(why, errno, "create file %s", name);
  hash_begin(&hash);
  if (write_contents(fd, tar, entry->size, &hash, why) < 0)
    return -why->errnum;
  hash_text(&hash, digest);
  if (close(steal_fd(&fd)) < 0)
    return fail(why, errno, "write");

  struct report report = report_open("file");
  report_text(&report, "name", entry->name);
  report_text(&report, "path", name);
  report_number(&report, "size", entry->size);
  report_text(&report, "digest", digest);
  report_send(&report);
  return 0;
}

static void report_link(const struct tar_entry *entry) {
  struct report report = report_open("link");

  report_text(&report, "name", entry->name);
  report_text(&report, "target", entry->link);
  report_send(&report);
}

static int extract_all(int target, struct tar *tar, struct failure *why) {
  const struct tar_entry *entry = NULL;
  unsigned files = 0;
  unsigned links = 0;
  int r;

  while ((r = tar_next(tar, &entry, why)) > 0) {
    if (files + links == MEMBERS_MAX)
      return fail(why, EBADMSG, "more than %u files: no image archive", MEMBERS_MAX);
    if (entry->type == TAR_FILE) {
      r = extract_file(target, files++, entry, tar, why);
      if (r < 0)
        return fail_while(why, "extract %.40s", entry->name);
    } else if (entry->type == TAR_SYMLINK || entry->type == TAR_HARD_LINK) {
      report_link(entry);
      links++;
    }
  }
  return r;
}

static int extract(int target, struct inflate *archive, struct failure *why) {
  struct inflate_summary summary;
  struct tar *tar = NULL;

  int r = tar_open((struct tar_source){next_piece, archive}, &tar, why);
  if (r < 0)
    return r;
  r = extract_all(target, tar, why);
  tar_close(tar);
  /* To its end: only there do checksums tell whether it was whole. */
  return r < 0 ? r : inflate_finish(archive, &summary, why);
}

int extract_main(int argc, char *argv[], struct failure *why) {
  struct inflate *archive = NULL;

  if (argc != 1)
    return fail(why, EINVAL, "extract needs a directory");
  autoclose int target = open(argv[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (target < 0)
    return fail(why, errno, "open %s", argv[0]);

  int r = inflate_open(STDIN_FILENO, -1, &archive, why);
  if (r < 0)
    return r;
  inflate_without_digests(archive);
  r = extract(target, archive, why);
  inflate_close(archive);
  if (r < 0)
    return r;
  struct report report = report_open("extracted");
  report_send(&report);
  return 0;
}
