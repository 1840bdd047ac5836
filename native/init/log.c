/* log.c — a container's log.
 *
 * Theory of operation: what is written is made into records in one buffer, and the buffer goes to
 * the file in one write(): one for each read of ours, or one for many lines where they come fast.
 * A record is never torn: where a write() falls short, the file is cut after the last whole one.
 */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"

/* "2026-11-22T09:00:00.123456789Z stdout F " */
#define PREFIX 40
#define FLAG 38

/* How long a line's end is waited for. */
#define LINE_END_MS 200

/* A line without an end is cut in two files when the first is so much beyond its size. */
#define OVERLONG (1u << 20)
/* And a new file that could not be made is tried again when so much more is written. */
#define TURN_AGAIN (1u << 20)

static const char *const streams[] = {"stdout", "stderr"};

static void format_prefix(char prefix[static PREFIX + 1], enum log_stream stream) {
  struct timespec now;
  struct tm parts;

  (void) clock_gettime(CLOCK_REALTIME, &now);
  (void) gmtime_r(&now.tv_sec, &parts);
  (void) strftime(prefix, PREFIX + 1, "%Y-%m-%dT%H:%M:%S", &parts);
  (void) snprintf(prefix + 19, PREFIX + 1 - 19, ".%09ldZ %s F ", now.tv_nsec, streams[stream]);
}

/* A keeper that was killed may have left a record without its end. What there is of it is kept
 * where it can be read. */
static void mend(struct log *log) {
  char tail[PREFIX + LOG_MAX_PART + 1];
  const size_t size = log->size < sizeof tail ? (size_t) log->size : sizeof tail;
  const ssize_t n = pread(log->file, tail, size, (off_t) (log->size - size));

  if (n <= 0 || tail[n - 1] == '\n')
    return;
  const char *end = memrchr(tail, '\n', (size_t) n);
  const size_t torn = end == NULL ? (size_t) n : (size_t) (tail + n - 1 - end);
  if (torn >= PREFIX && write(log->file, "\n", 1) == 1)
    log->size++;
  else if (ftruncate(log->file, (off_t) (log->size - torn)) == 0)
    log->size -= torn;
}

static void open_file(struct log *log) {
  struct stat status;

  log->file =
      openat(log->directory, log->name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (log->file < 0)
    return;
  log->size = fstat(log->file, &status) == 0 ? (uint64_t) status.st_size : 0;
  mend(log);
}

void log_open(struct log *log, const struct log_options *options) {
  const char *slash = strrchr(options->path, '/');
  char directory[PATH_MAX] = ".";

  if (slash != NULL)
    (void) snprintf(directory, sizeof directory, "%.*s", (int) (slash - options->path + 1),
                    options->path);
  log->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  log->name = slash == NULL ? options->path : slash + 1;
  log->max_bytes = options->max_bytes;
  log->max_files = options->max_files;
  open_file(log);
}

/* Name N of the log: LOG, LOG.1, …; "" where it would be too long. */
static void name_file(const struct log *log, unsigned number, char name[static NAME_MAX + 1]) {
  const int n = number == 0 ? snprintf(name, NAME_MAX + 1, "%s", log->name)
                            : snprintf(name, NAME_MAX + 1, "%s.%u", log->name, number);

  if (n > NAME_MAX)
    name[0] = '\0';
}

/* The oldest goes, each other becomes one older. Where one cannot be moved there is a gap, which
 * the next turn closes. None is moved over another: ext4 would have it on disk first, all of it
 * (auto_da_alloc), of which most is to go before it ever comes there. */
static bool age_files(const struct log *log) {
  char from[NAME_MAX + 1], to[NAME_MAX + 1];

  name_file(log, log->max_files - 1, to);
  if (unlinkat(log->directory, to, 0) < 0 && errno != ENOENT)
    return false;
  for (unsigned number = log->max_files - 1; number > 0; number--) {
    name_file(log, number - 1, from);
    name_file(log, number, to);
    if (renameat(log->directory, from, log->directory, to) < 0 && errno != ENOENT)
      return false;
  }
  return true;
}

/* The new one is made first: on a full disk the old one is written on. Those who read it have it
 * open, and find its end there when its name is another file's. */
static void turn_page(struct log *log) {
  char draft[NAME_MAX + 1];

  (void) snprintf(draft, sizeof draft, ".%.200s.new", log->name);
  autoclose int file = openat(log->directory, draft,
                              O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0 || !age_files(log) ||
      renameat(log->directory, draft, log->directory, log->name) < 0) {
    log->turn_at = log->size + TURN_AGAIN;
    return;
  }
  (void) close(log->file);
  log->file = steal_fd(&file);
  log->size = 0;
  log->turn_at = 0;
}

/* A part of one counts where that is all. */
static uint64_t count_lines(const char *bytes, size_t size) {
  const bool is_any = size > 0;
  uint64_t lines = 0;

  for (const char *end; size > 0; size -= (size_t) (end + 1 - bytes), bytes = end + 1) {
    end = memchr(bytes, '\n', size);
    if (end == NULL)
      break;
    lines += bytes[FLAG] == 'F';
  }
  return is_any && lines == 0 ? 1 : lines;
}

/* Whole records; how many bytes of them the file has now. */
static size_t append(struct log *log, const char *bytes, size_t size) {
  size_t written = 0;

  if (log->file < 0)
    open_file(log);
  while (log->file >= 0 && written < size) {
    const ssize_t n = write(log->file, bytes + written, size - written);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    written += (size_t) n;
  }
  if (written < size) {
    const char *end = written == 0 ? NULL : memrchr(bytes, '\n', written);

    log->lost_errnum = errno;
    written = end == NULL ? 0 : (size_t) (end + 1 - bytes);
    (void) ftruncate(log->file, (off_t) (log->size + written));
  }
  log->size += written;
  return written;
}

/* Whether the file takes something again. */
static bool tell_of_loss(struct log *log) {
  char note[PREFIX + 200];

  format_prefix(note, LOG_STDERR);
  const int n =
      snprintf(note + PREFIX, sizeof note - PREFIX, "marmita: %llu lines are missing here: %s\n",
               (unsigned long long) log->lost, strerror(log->lost_errnum));
  if (append(log, note, PREFIX + (size_t) n) == 0)
    return false;
  log->lost = 0;
  return true;
}

static void write_out(struct log *log) {
  size_t written = 0;

  if (log->used == 0)
    return;
  if (log->lost == 0 || tell_of_loss(log))
    written = append(log, log->bytes, log->used);
  log->lost += count_lines(log->bytes + written, log->used - written);
  log->used = 0;
}

static bool is_full(const struct log *log, bool is_line) {
  const uint64_t size = log->size + log->used;

  return log->max_bytes > 0 && size >= log->turn_at &&
         size >= log->max_bytes + (is_line ? 0 : OVERLONG);
}

/* What was kept back, and what came behind it. */
static void add_record(struct log *log, const char prefix[static PREFIX], struct log_part *part,
                       const char *bytes, size_t size, bool is_line) {
  if (log->used + PREFIX + part->used + size + 1 > sizeof log->bytes)
    write_out(log);
  char *to = log->bytes + log->used;
  memcpy(to, prefix, PREFIX);
  to[FLAG] = is_line ? 'F' : 'P';
  to += PREFIX;
  if (part->used > 0)
    memcpy(to, part->bytes, part->used);
  memcpy(to + part->used, bytes, size);
  to[part->used + size] = '\n';
  log->used += PREFIX + part->used + size + 1;
  part->used = 0;
  if (!is_full(log, is_line))
    return;
  write_out(log);
  if (log->file >= 0)
    turn_page(log);
}

static void keep_back(struct log *log, struct log_part *part, const char *bytes, size_t size) {
  memcpy(part->bytes + part->used, bytes, size);
  part->used += size;
  if (log->due_ms == 0)
    log->due_ms = clock_ms() + LINE_END_MS;
}

void log_write(struct log *log, enum log_stream stream, const char *bytes, size_t size) {
  struct log_part *part = &log->parts[stream];
  char prefix[PREFIX + 1];

  format_prefix(prefix, stream);
  while (size > 0) {
    const size_t room = LOG_MAX_PART - part->used;
    const char *end = memchr(bytes, '\n', size <= room ? size : room + 1);
    const bool is_line = end != NULL;

    if (!is_line && size <= room) {
      keep_back(log, part, bytes, size);
      break;
    }
    const size_t length = is_line ? (size_t) (end - bytes) : room;
    add_record(log, prefix, part, bytes, length, is_line);
    bytes += length + is_line;
    size -= length + is_line;
  }
  write_out(log);
  if (log->parts[LOG_STDOUT].used + log->parts[LOG_STDERR].used == 0)
    log->due_ms = 0;
}

int log_timeout(const struct log *log) {
  if (log->due_ms == 0)
    return -1;
  const int64_t left = log->due_ms - clock_ms();
  return left > 0 ? (int) left : 0;
}

void log_flush(struct log *log) {
  for (enum log_stream stream = LOG_STDOUT; stream <= LOG_STDERR; stream++) {
    char prefix[PREFIX + 1];

    if (log->parts[stream].used == 0)
      continue;
    format_prefix(prefix, stream);
    add_record(log, prefix, &log->parts[stream], "", 0, false);
  }
  write_out(log);
  log->due_ms = 0;
}

void log_close(struct log *log) {
  log_flush(log);
  if (log->lost > 0)
    (void) tell_of_loss(log);
  if (log->file >= 0)
    (void) close(log->file);
  if (log->directory >= 0)
    (void) close(log->directory);
}
