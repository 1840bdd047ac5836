/* archive.c — archive MTIME: the members listed on stdin become a tar on stdout.
 *
 * The list is of words, each ended by a NUL: what the member is, its name, and one word more.
 *
 *   file NAME PATH       a regular file with what is at PATH
 *   blob NAME PATH       …whose SHA-256 is the last part of NAME, else the archive fails
 *   bytes NAME SIZE      …with the SIZE bytes that follow that word
 *   symlink NAME TARGET, hardlink NAME TARGET
 *   directory NAME ""
 *
 * Members belong to root, everybody may read them, and MTIME, in seconds, is the time of all. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/hash.h"
#include "../core/tar_write.h"
#include "report.h"
#include "verb.h"

#define PIECE_BYTES (256u << 10)

struct archive {
  struct tar_output output;
  struct tar_writer *tar;
  int64_t mtime;
  long long members;
  struct hash *hash; /* of the file being copied, where its name promises one */
  char piece[PIECE_BYTES];
};

struct member {
  char *kind;
  char *name;
  char *word;
};

/* 1: a word; 0: the end of the list. The caller frees it. */
static int read_word(char **ret_word, struct failure *why) {
  size_t room = 0;

  errno = 0;
  const ssize_t n = getdelim(ret_word, &room, '\0', stdin);
  if (n > 0 && (*ret_word)[n - 1] == '\0')
    return 1;
  if (n < 0 && feof(stdin))
    return 0;
  return fail(why, errno != 0 ? errno : EPROTO, "read the list of members");
}

/* What is not hashed may go straight from file to file. */
static int copy_contents(struct archive *archive, int fd, struct failure *why) {
  ssize_t n = 1;

  if (archive->hash == NULL)
    return tar_write_copy(archive->tar, fd, why);
  for (int64_t left; n > 0 && (left = tar_write_left(archive->tar)) > 0;) {
    do
      n = read(fd, archive->piece, left < (int64_t) PIECE_BYTES ? (size_t) left : PIECE_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0)
      return fail(why, errno, "read");
    hash_update(archive->hash, archive->piece, (size_t) n);
    if (tar_write_contents(archive->tar, archive->piece, (size_t) n, why) < 0)
      return -why->errnum;
  }
  return 0;
}

static struct tar_entry entry_of(const struct archive *archive, const struct member *member) {
  return (struct tar_entry){
      .type = TAR_FILE, .name = member->name, .link = "", .mode = 0644, .mtime = archive->mtime};
}

static int add_file(struct archive *archive, const struct member *member, struct failure *why) {
  struct tar_entry entry = entry_of(archive, member);
  struct stat status;

  autoclose int fd = open(member->word, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat(fd, &status) < 0)
    return fail(why, errno, "open %s", member->word);
  if (!S_ISREG(status.st_mode))
    return fail(why, EINVAL, "read %s: no regular file", member->word);
  entry.size = status.st_size;
  if (tar_write_entry(archive->tar, &entry, why) < 0)
    return -why->errnum;
  if (copy_contents(archive, fd, why) < 0)
    return fail_while(why, "archive %.48s", member->name);
  if (tar_write_left(archive->tar) > 0)
    return fail(why, EIO, "read %s: it has become shorter", member->word);
  return 0;
}

/* Of what was copied, not of what was there before: whoever reads the archive can rely on it. */
static int add_blob(struct archive *archive, const struct member *member, struct failure *why) {
  const char *slash = strrchr(member->name, '/');
  const char *promised = slash == NULL ? member->name : slash + 1;
  char digest[HASH_TEXT_SIZE];
  struct hash hash;

  hash_begin(&hash);
  archive->hash = &hash;
  const int r = add_file(archive, member, why);
  archive->hash = NULL;
  if (r < 0)
    return r;
  hash_text(&hash, digest);
  if (strcmp(digest + strlen("sha256:"), promised) != 0)
    return fail(why, EBADMSG, "blob sha256:%.64s holds bytes of %s", promised, digest);
  return 0;
}

static int add_bytes(struct archive *archive, const struct member *member, struct failure *why) {
  struct tar_entry entry = entry_of(archive, member);
  char *end = NULL;

  entry.size = strtoll(member->word, &end, 10);
  if (entry.size < 0 || *end != '\0')
    return fail(why, EPROTO, "read the size of %.60s", member->name);
  if (tar_write_entry(archive->tar, &entry, why) < 0)
    return -why->errnum;
  for (int64_t left; (left = tar_write_left(archive->tar)) > 0;) {
    const size_t most = left < (int64_t) PIECE_BYTES ? (size_t) left : PIECE_BYTES;
    const size_t n = fread(archive->piece, 1, most, stdin);

    if (n == 0)
      return fail(why, EPROTO, "read the contents of %.60s", member->name);
    if (tar_write_contents(archive->tar, archive->piece, n, why) < 0)
      return -why->errnum;
  }
  return 0;
}

static int add_symlink(struct archive *archive, const struct member *member, struct failure *why) {
  struct tar_entry entry = entry_of(archive, member);

  entry.type = TAR_SYMLINK;
  entry.link = member->word;
  entry.mode = 0777;
  return tar_write_entry(archive->tar, &entry, why);
}

static int add_hard_link(struct archive *archive, const struct member *member,
                         struct failure *why) {
  struct tar_entry entry = entry_of(archive, member);

  entry.type = TAR_HARD_LINK;
  entry.link = member->word;
  return tar_write_entry(archive->tar, &entry, why);
}

static int add_directory(struct archive *archive, const struct member *member,
                         struct failure *why) {
  struct tar_entry entry = entry_of(archive, member);

  entry.type = TAR_DIRECTORY;
  entry.mode = 0755;
  return tar_write_entry(archive->tar, &entry, why);
}

static const struct kind {
  const char *name;
  int (*add)(struct archive *archive, const struct member *member, struct failure *why);
} kinds[] = {
    {"file", add_file},       {"blob", add_blob},          {"bytes", add_bytes},
    {"symlink", add_symlink}, {"hardlink", add_hard_link}, {"directory", add_directory},
};

static int add(struct archive *archive, const struct member *member, struct failure *why) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(member->kind, kinds[i].name) == 0)
      return kinds[i].add(archive, member, why);
  return fail(why, EPROTO, "a member of kind %.40s", member->kind);
}

/* 1: there was one; 0: the list has ended. */
static int add_next(struct archive *archive, struct failure *why) {
  autofree char *kind = NULL;
  autofree char *name = NULL;
  autofree char *word = NULL;

  int r = read_word(&kind, why);
  if (r <= 0)
    return r;
  r = read_word(&name, why);
  if (r > 0)
    r = read_word(&word, why);
  if (r == 0)
    return fail(why, EPROTO, "read the list of members");
  const struct member member = {kind, name, word};
  archive->members++;
  return r < 0 || add(archive, &member, why) < 0 ? -why->errnum : 1;
}

static int add_all(struct archive *archive, struct failure *why) {
  int r;

  do
    r = add_next(archive, why);
  while (r > 0);
  return r < 0 ? r : tar_write_finish(archive->tar, why);
}

int archive_main(int argc, char *argv[], struct failure *why) {
  char *end = NULL;

  if (argc != 1)
    return fail(why, EINVAL, "archive needs a time");
  autofree struct archive *archive = calloc(1, sizeof *archive);
  if (archive == NULL)
    return fail(why, ENOMEM, "archive");
  archive->mtime = strtoll(argv[0], &end, 10);
  if (*end != '\0')
    return fail(why, EINVAL, "archive: no time: %s", argv[0]);
  (void) signal(SIGPIPE, SIG_IGN); /* whoever reads may stop: EPIPE says so */
  archive->output.fd = STDOUT_FILENO;
  if (tar_write_open(tar_sink_of(&archive->output), &archive->tar, why) < 0)
    return -why->errnum;
  const int r = add_all(archive, why);
  const uint64_t size = tar_write_size(archive->tar);
  tar_write_close(archive->tar);
  if (r < 0)
    return r;
  struct report report = report_open("archived");
  report_number(&report, "size", (long long) size);
  report_number(&report, "members", archive->members);
  report_send(&report);
  return 0;
}
