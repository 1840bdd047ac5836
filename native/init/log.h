/* log.h — a container's log: CRI lines, begun anew in a further file when one is full.
 *
 *   2026-11-22T09:00:00.123456789Z stdout F text    a line, or the last part of one
 *   2026-11-22T09:00:00.123456789Z stderr P text    a part: what comes next belongs to it
 *
 * Every read of what was written has one time. A line without its end is kept back a moment, for
 * the rest to come, and then is a part. LOG is being written; LOG.1 came before it, LOG.2 before
 * that. A new file begins with a line, unless one has no end.
 *
 * Nothing here fails. What the disk does not take is lost, and counted in a line of its own once
 * there is room again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_MAX_PART 16384
#define LOG_BUFFER 131072

enum log_stream { LOG_STDOUT, LOG_STDERR };

struct log {
  int directory; /* that of LOG */
  int file;      /* -1: it could not be opened; tried again with each write */
  const char *name;
  uint64_t size, max_bytes;
  unsigned max_files;
  uint64_t turn_at; /* no new file is begun before that size: it was tried in vain */
  uint64_t lost;    /* lines, since the last that was written */
  int lost_errnum;
  int64_t due_ms; /* when what is kept back is due; 0: nothing is */
  size_t used;    /* of `bytes`: whole records only */
  struct log_part {
    size_t used;
    char bytes[LOG_MAX_PART];
  } parts[2]; /* kept back, of each stream */
  char bytes[LOG_BUFFER];
};

struct log_options {
  const char *path;   /* outlives the log */
  uint64_t max_bytes; /* 0: no limit */
  unsigned max_files; /* at least 1 */
};

/* `log` is all zeros, and large: what is not written to stays untouched. */
void log_open(struct log *log, const struct log_options *options);

void log_write(struct log *log, enum log_stream stream, const char *bytes, size_t size);

/* For how long nothing is due: milliseconds, or -1 for ever. Then log_flush(). */
int log_timeout(const struct log *log);

/* What is kept back is written: it is due, or there is to be no more. */
void log_flush(struct log *log);

void log_close(struct log *log);
