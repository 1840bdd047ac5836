#include "process.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "executable.h"

#define PIPEFS_MAGIC 0x50495045

void process_reset_signals(void) {
  /* The kernel's own struct sigaction, empty: SIG_DFL. sigaction() refuses 32 and 33, which the
   * C library of whoever started us may have left ignored (glibc's posix_spawn does). */
  const unsigned long fresh[4] = {0};
  sigset_t none;

  for (int number = 1; number < NSIG; number++)
    (void) syscall(SYS_rt_sigaction, number, fresh, NULL, sizeof(uint64_t)); /* KILL, STOP refuse */
  sigemptyset(&none);
  (void) sigprocmask(SIG_SETMASK, &none, NULL);
}

int process_check_stdio(struct failure *why) {
  struct stat status;

  for (int fd = 0; fd <= 2; fd++)
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
      return fail(why, EISDIR, "hand over descriptor %d", fd);
  return 0;
}

/* Without a name in any directory. */
static bool is_pipe(int fd) {
  struct statfs filesystem;

  return fstatfs(fd, &filesystem) == 0 && filesystem.f_type == PIPEFS_MAGIC;
}

void process_own_stdio(uid_t uid) {
  struct stat status;

  for (int fd = 0; fd <= 2; fd++)
    if (is_pipe(fd) && fstat(fd, &status) == 0 && status.st_uid != uid)
      (void) fchown(fd, uid, (gid_t) -1); /* a pipe of somebody else's stays so */
}

const char *process_environment(char *const *environment, const char *name) {
  const size_t length = strlen(name);

  for (; *environment != NULL; environment++)
    if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
      return *environment + length + 1;
  return NULL;
}

int process_set_variable(char ***environment, const char *variable, struct failure *why) {
  const size_t length = strcspn(variable, "=") + 1;
  size_t count = 0, place;

  while ((*environment)[count] != NULL)
    count++;
  for (place = 0; place < count; place++)
    if (strncmp((*environment)[place], variable, length) == 0)
      break;
  char **changed = calloc(count + 2, sizeof *changed);
  char *copy = strdup(variable);
  if (changed == NULL || copy == NULL) {
    free(changed);
    free(copy);
    return fail(why, ENOMEM, "set %.*s", (int) length - 1, variable);
  }
  memcpy(changed, *environment, count * sizeof *changed);
  changed[place] = copy;
  *environment = changed;
  return 0;
}

/* What is done with each file that may be the one: an errno why it is not, or 0. */
typedef int (*attempt)(const char *path, char *const *argv, char *const *environment);

/* The kernel says EACCES for a directory: say what it is. */
static int exec_file(const char *path, char *const *argv, char *const *environment) {
  struct stat status;

  (void) execve(path, argv, environment);
  const int errnum = errno;
  if (errnum == EACCES && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
    return EISDIR;
  return errnum;
}

/* A filter of system calls may be there already that denies us to look: then execve() says it. */
static int unless_filtered(int errnum) {
  return errnum == EPERM || errnum == ENOSYS ? 0 : errnum;
}

/* What execve() would say of a file before it reads it. access(2) asks for the real ids, which are
 * the effective ones by then; faccessat2(2), which asks for these, is unknown to older filters. */
static int look_at_file(const char *path, char *const *argv, char *const *environment) {
  struct stat status;

  (void) argv;
  (void) environment;
  if (stat(path, &status) < 0)
    return unless_filtered(errno);
  if (S_ISDIR(status.st_mode))
    return EISDIR;
  if (!S_ISREG(status.st_mode))
    return EACCES;
  return access(path, X_OK) < 0 ? unless_filtered(errno) : 0;
}

/* Whether the search along PATH goes on after this errno, as in execvp(3). */
static int is_elsewhere(int errnum) {
  return errnum == ENOENT || errnum == ENOTDIR || errnum == EACCES || errnum == EISDIR;
}

static bool is_file(const char *path) {
  struct stat status;

  return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* The first file along PATH counts that is there and cannot be run, unless a later one can. */
static int try_along(const char *directories, attempt try, struct execution *execution,
                     struct failure *why) {
  char path[PATH_MAX];
  char found[PATH_MAX] = "";
  int errnum_of_found = 0;
  bool is_denied = false;

  execution->path = path;
  for (const char *from = directories;; from++) {
    const size_t length = strcspn(from, ":");
    const int n = snprintf(path, sizeof path, "%.*s%s%s", (int) length, from,
                           length == 0 ? "./" : "/", execution->argv[0]);

    if (n > 0 && (size_t) n < sizeof path) {
      const int errnum = try(path, execution->argv, execution->environment);

      if (errnum == 0)
        return 0;
      if (!is_elsewhere(errnum))
        return executable_fail(execution, errnum, why);
      if (errnum == EACCES)
        is_denied = true;
      if (found[0] == '\0' && is_file(path)) {
        memcpy(found, path, (size_t) n + 1);
        errnum_of_found = errnum;
      }
    }
    from += length;
    if (*from == '\0')
      break;
  }
  if (found[0] == '\0' && is_denied)
    return fail(why, EACCES, "exec %s", execution->argv[0]);
  if (found[0] == '\0')
    return fail(why, ENOENT, "exec %s: not found in $PATH", execution->argv[0]);
  execution->path = found;
  return executable_fail(execution, errnum_of_found, why);
}

static int find(char *const *argv, char *const *environment, attempt try, struct failure *why) {
  struct execution execution = {.path = argv[0], .argv = argv, .environment = environment};

  if (argv[0] == NULL || argv[0][0] == '\0')
    return fail(why, ENOENT, "exec \"\"");
  if (strchr(argv[0], '/') != NULL) {
    const int errnum = try(argv[0], argv, environment);

    return errnum == 0 ? 0 : executable_fail(&execution, errnum, why);
  }

  const char *directories = process_environment(environment, "PATH");
  return try_along(directories == NULL ? "" : directories, try, &execution, why);
}

int process_find(char *const *argv, char *const *environment, struct failure *why) {
  return find(argv, environment, look_at_file, why);
}

int process_exec(char *const *argv, char *const *environment, struct failure *why) {
  return find(argv, environment, exec_file, why);
}
