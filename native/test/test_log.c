/* test_log.c — lines, parts, files that are full, disks that are. */
#include "../init/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/tree.h"
#include "tap.h"

#define PREFIX 40 /* of a line: time, stream, flag, and the blanks behind them */

static char directory[64], path[128];
static struct log log_;

static void fatal(const char *what) {
  perror(what);
  exit(1);
}

static void begin(uint64_t max_bytes, unsigned max_files) {
  memset(&log_, 0, sizeof log_);
  log_open(&log_, &(struct log_options){path, max_bytes, max_files});
}

static void set_up(uint64_t max_bytes, unsigned max_files) {
  (void) snprintf(directory, sizeof directory, "/tmp/marmita-log-XXXXXX");
  if (mkdtemp(directory) == NULL)
    fatal("mkdtemp");
  (void) snprintf(path, sizeof path, "%s/log", directory);
  begin(max_bytes, max_files);
}

static void tear_down(void) {
  struct failure why;

  log_close(&log_);
  (void) tree_remove(AT_FDCWD, directory, &why);
}

static void put(const char *text) {
  log_write(&log_, LOG_STDOUT, text, strlen(text));
}

/* All of LOG.number, without the times: "stdout F text\n…". */
static const char *read_log(int number) {
  static char raw[1 << 21], text[1 << 21];
  char name[160];
  size_t used = 0;

  (void) snprintf(name, sizeof name, number == 0 ? "%s" : "%s.%d", path, number);
  const int fd = open(name, O_RDONLY);
  if (fd < 0)
    return "(none)";
  const ssize_t n = read(fd, raw, sizeof raw - 1);
  (void) close(fd);
  raw[n < 0 ? 0 : n] = '\0';
  for (char *line = raw, *end; *line != '\0'; line = end) {
    end = strchrnul(line, '\n');
    end += *end == '\n';
    if (end - line < PREFIX)
      return "(a line without a time)";
    memcpy(text + used, line + 31, (size_t) (end - line - 31));
    used += (size_t) (end - line - 31);
  }
  text[used] = '\0';
  return text;
}

static void writes_lines(void) {
  char raw[256] = {0};
  struct stat status;

  set_up(0, 5);
  put("one\ntwo\n\n");
  log_write(&log_, LOG_STDERR, "three\r\n", 7);
  is_text(read_log(0), "stdout F one\nstdout F two\nstdout F \nstderr F three\r\n", "lines");
  const int fd = open(path, O_RDONLY);
  (void) read(fd, raw, sizeof raw - 1);
  (void) close(fd);
  int year, month, day, hour, minute, second, nano;
  is_int(sscanf(raw, "%4d-%2d-%2dT%2d:%2d:%2d.%9dZ stdout F one\n", &year, &month, &day, &hour,
                &minute, &second, &nano),
         7, "each with its time");
  is_int(stat(path, &status) == 0 ? status.st_mode & 0777 : 0, 0600, "nobody else's to read");
  tear_down();
}

static void waits_for_the_rest_of_a_line(void) {
  set_up(0, 5);
  put("half");
  is_text(read_log(0), "", "a line without its end is kept back");
  is_int(log_timeout(&log_) > 0 && log_timeout(&log_) <= 200, 1, "for a moment");
  log_write(&log_, LOG_STDERR, "other\n", 6);
  put(" and half\nnext");
  is_text(read_log(0), "stderr F other\nstdout F half and half\n", "which is enough for the rest");
  (void) poll(NULL, 0, log_timeout(&log_));
  log_flush(&log_);
  is_text(read_log(0), "stderr F other\nstdout F half and half\nstdout P next\n",
          "or it is a part");
  is_int(log_timeout(&log_), -1, "then nothing is due");
  put(" one\n");
  log_close(&log_);
  begin(0, 5);
  put("more\nlast");
  log_close(&log_);
  begin(0, 5);
  is_text(read_log(0),
          "stderr F other\nstdout F half and half\nstdout P next\nstdout F  one\n"
          "stdout F more\nstdout P last\n",
          "a further run writes behind it; what has no end is a part");
  tear_down();
}

static void divides_long_lines(void) {
  static char long_line[3 * LOG_MAX_PART + 2];
  const char *text;

  set_up(0, 5);
  memset(long_line, 'x', sizeof long_line);
  long_line[LOG_MAX_PART] = '\n';
  log_write(&log_, LOG_STDOUT, long_line, LOG_MAX_PART + 1);
  text = read_log(0);
  is_int(strncmp(text, "stdout F xx", 11) == 0 && strlen(text) == LOG_MAX_PART + 10, 1,
         "a line of 16 KiB is one");
  tear_down();

  set_up(0, 5);
  long_line[LOG_MAX_PART] = 'x';
  long_line[2 * LOG_MAX_PART + 5] = '\n';
  for (size_t i = 0; i < 2 * LOG_MAX_PART + 6; i += 1000) /* in many pieces */
    log_write(&log_, LOG_STDOUT, long_line + i,
              i + 1000 < 2 * LOG_MAX_PART + 6 ? 1000 : 2 * LOG_MAX_PART + 6 - i);
  text = read_log(0);
  is_int(strncmp(text, "stdout P xx", 11), 0, "a longer one begins with a part");
  is_int(strncmp(text + LOG_MAX_PART + 10, "stdout P xx", 11), 0, "of that size");
  is_text(text + 2L * (LOG_MAX_PART + 10), "stdout F xxxxx\n", "and ends with its end");
  tear_down();
}

static void begins_new_files(void) {
  char line[32];

  set_up(3 * (PREFIX + 8), 3); /* of three lines */
  for (int i = 0; i < 14; i++) {
    (void) snprintf(line, sizeof line, "line %02d\n", i);
    put(line);
  }
  is_text(read_log(0), "stdout F line 12\nstdout F line 13\n", "the newest");
  is_text(read_log(1), "stdout F line 09\nstdout F line 10\nstdout F line 11\n", "the one before");
  is_text(read_log(2), "stdout F line 06\nstdout F line 07\nstdout F line 08\n", "and before that");
  is_text(read_log(3), "(none)", "older ones are gone");
  put("line 14\nline 15\nline 16\nline 17\nline 18\n");
  is_text(read_log(0), "stdout F line 18\n", "many lines at once are divided");
  is_text(read_log(1), "stdout F line 15\nstdout F line 16\nstdout F line 17\n", "as if they came");
  is_text(read_log(2), "stdout F line 12\nstdout F line 13\nstdout F line 14\n", "one by one");
  log_flush(&log_);
  put("a part");
  log_flush(&log_);
  put(" and");
  log_flush(&log_);
  put(" another");
  log_flush(&log_);
  is_text(read_log(0), "stdout F line 18\nstdout P a part\nstdout P  and\nstdout P  another\n",
          "a line is not divided between files");
  put("\n");
  is_text(read_log(0), "", "the next begins a new one");
  tear_down();

  set_up(PREFIX, 1);
  put("one\n");
  put("two\n");
  is_text(read_log(0), "", "where one file is all there may be, it begins anew");
  is_text(read_log(1), "(none)", "and has nothing before it");
  tear_down();
}

static void mends(const char *left, const char *wanted, const char *name) {
  struct failure why;

  (void) snprintf(directory, sizeof directory, "/tmp/marmita-log-XXXXXX");
  if (mkdtemp(directory) == NULL)
    fatal("mkdtemp");
  (void) snprintf(path, sizeof path, "%s/log", directory);
  const int fd = open(path, O_WRONLY | O_CREAT, 0600);
  (void) write(fd, left, strlen(left));
  (void) close(fd);
  begin(0, 5);
  put("new\n");
  is_text(read_log(0), wanted, name);
  log_close(&log_);
  (void) tree_remove(AT_FDCWD, directory, &why);
}

#define TIME "2026-11-22T09:00:00.123456789Z "

static void mends_what_was_torn(void) {
  mends(TIME "stdout F whole\n" TIME "stdout F to", "stdout F whole\nstdout F to\nstdout F new\n",
        "what there is of a line is kept");
  mends(TIME "stdout F whole\n2026-11-22T09", "stdout F whole\nstdout F new\n",
        "what cannot be read is not");
  mends(TIME "stdout F to", "stdout F to\nstdout F new\n", "of the first line, too");
  mends("2026", "stdout F new\n", "nor there");
}

/* Bytes of any kind, in pieces of any size, over several files: what was written is what is read.
 */
static void loses_nothing(void) {
  static char written[300000], joined[300000 + LOG_MAX_PART];
  char name[160];
  size_t used = 0;

  set_up(20000, 100);
  srand(7);
  for (size_t i = 0; i < sizeof written; i++)
    written[i] = (char) (rand() % 50 == 0 && rand() % 4 == 0 ? '\n' : rand() % 255 + (rand() % 2));
  for (size_t i = 0, size; i < sizeof written; i += size) {
    size = (size_t) (rand() % (rand() % 8 == 0 ? 40000 : 300)) + 1;
    size = size > sizeof written - i ? sizeof written - i : size;
    log_write(&log_, LOG_STDOUT, written + i, size);
    if (rand() % 20 == 0)
      log_flush(&log_);
  }
  log_flush(&log_);
  for (int number = 99; number >= 0; number--) {
    static char raw[1 << 18];
    (void) snprintf(name, sizeof name, number == 0 ? "%s" : "%s.%d", path, number);
    const int fd = open(name, O_RDONLY);
    const ssize_t size = fd < 0 ? 0 : read(fd, raw, sizeof raw);
    if (fd >= 0)
      (void) close(fd);
    for (char *line = raw, *end; line < raw + size; line = end + 1) {
      end = memchr(line, '\n', (size_t) (raw + size - line));
      const size_t length = (size_t) (end - line) - PREFIX + (line[PREFIX - 2] == 'F');
      memcpy(joined + used, line + PREFIX, length);
      used += length;
    }
  }
  is_int((long) used, sizeof written, "all that was written is there");
  is_int(memcmp(joined, written, sizeof written), 0, "and in its order");
  (void) snprintf(name, sizeof name, "%s.3", path);
  is_int(access(name, F_OK), 0, "in several files");
  tear_down();
}

static void limit_files(rlim_t size) {
  struct rlimit limit;

  (void) getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = size;
  (void) setrlimit(RLIMIT_FSIZE, &limit);
}

/* A file that may be no larger is as a disk that is full. */
static void counts_what_is_lost(void) {
  char wanted[256];

  set_up(0, 5);
  put("first\n");
  fflush(stdout); /* a file, maybe */
  limit_files(PREFIX + 6 + PREFIX + 7 + 20);
  put("second\nthird\nfourth\n");
  put("fifth\n");
  limit_files(RLIM_INFINITY);
  is_text(read_log(0), "stdout F first\nstdout F second\n", "no line is torn by a full disk");
  put("sixth\n");
  (void) snprintf(wanted, sizeof wanted,
                  "stdout F first\nstdout F second\n"
                  "stderr F marmita: 3 lines are missing here: %s\nstdout F sixth\n",
                  strerror(EFBIG));
  is_text(read_log(0), wanted, "what is missing is told where it is");
  tear_down();
}

static void goes_on_without_a_place(void) {
  set_up(PREFIX, 3);
  (void) chmod(directory, 0500);
  put("one\n");
  put("two\n");
  if (geteuid() != 0)
    is_text(read_log(0), "stdout F one\nstdout F two\n", "without a new file the old one grows");
  (void) chmod(directory, 0700);
  tear_down();

  set_up(0, 3);
  (void) close(log_.file);
  (void) unlink(path);
  (void) symlink("/dev/full", path);
  log_.file = -1;
  put("one\n");
  put("two\n");
  (void) unlink(path);
  put("three\n");
  is_int(strstr(read_log(0), "stderr F marmita: 2 lines are missing here") != NULL, 1,
         "a log that cannot be opened is tried again, and not by a link");
  tear_down();
}

int main(void) {
  (void) signal(SIGXFSZ, SIG_IGN);
  writes_lines();
  waits_for_the_rest_of_a_line();
  divides_long_lines();
  begins_new_files();
  mends_what_was_torn();
  loses_nothing();
  counts_what_is_lost();
  goes_on_without_a_place();
  return done_testing();
}
