/* test_process.c — what of a command can be told before it is executed. */
#include "../core/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static char folder[] = "/tmp/marmita-process-XXXXXX";

static void make(const char *name, mode_t mode) {
  char path[64];

  snprintf(path, sizeof path, "%s/%s", folder, name);
  (void) close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode));
}

static int find(const char *command, const char *directories, struct failure *why) {
  char word[64], variable[128];
  char *argv[] = {word, NULL};
  char *environment[] = {variable, NULL};

  snprintf(word, sizeof word, "%s", command);
  snprintf(variable, sizeof variable, "PATH=%s", directories);
  return process_find(argv, environment, why);
}

static void finds_what_execve_would(void) {
  struct failure why = {0};
  char path[64];

  make("tool", 0755);
  make("text", 0644);
  snprintf(path, sizeof path, "%s/tool", folder);
  is_int(find(path, "", &why), 0, "a path is found");
  is_int(find("tool", folder, &why), 0, "a name is, along PATH");

  snprintf(path, sizeof path, "/no/such:%s", folder);
  is_int(find("tool", path, &why), 0, "behind a directory that is not there");
  is_int(find("none", path, &why), -ENOENT, "or not");
  is_text(why.what, "exec none: not found in $PATH", "with the words of execution");

  is_int(find("text", folder, &why), -EACCES, "what is not executable is denied");
  snprintf(path, sizeof path, "%s/text/more", folder);
  is_int(find(path, "", &why), -ENOTDIR, "what is below a file is not there");
  is_int(find(folder, "", &why), -EISDIR, "a directory is called that");
  is_int(find("", folder, &why), -ENOENT, "nothing is not found");
  is_int(find("/dev/null", "", &why), -EACCES, "nor is a device");
}

/* One of the age of runc's first profiles: what it does not know is EPERM, not ENOSYS. */
static int install_old_filter(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_faccessat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof code / sizeof *code, code};

  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
             ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
             : -1;
}

static void finds_below_an_old_filter(void) {
  struct failure why = {0};
  int status = -1;
  const pid_t pid = fork();

  if (pid == 0) {
    if (install_old_filter() < 0)
      _exit(2);
    _exit(find("tool", folder, &why) == 0 && find("text", folder, &why) == -EACCES ? 0 : 1);
  }
  (void) waitpid(pid, &status, 0);
  is_int(status, 0, "a filter of old rules keeps us from nothing");
}

static void sets_variables(void) {
  char first[] = "A=1", second[] = "AB=2";
  char *given[] = {first, second, NULL};
  char **environment = given;
  struct failure why;

  is_int(process_set_variable(&environment, "AB=3", &why), 0, "a variable is set");
  is_text(environment[0], "A=1", "others stay");
  is_text(environment[1], "AB=3", "in the place of what it was");
  is_int(environment[2] == NULL, 1, "and none comes to it");
  is_text(given[1], "AB=2", "nothing is changed that was given");

  char **const changed = environment;
  is_int(process_set_variable(&environment, "B=", &why), 0, "another is set");
  is_text(environment[2], "B=", "behind the others");
  is_int(environment[3] == NULL, 1, "which end with it");
  free(environment[1]);
  free(environment[2]);
  free(environment);
  free(changed);
}

int main(void) {
  if (mkdtemp(folder) == NULL)
    return 1;
  finds_what_execve_would();
  finds_below_an_old_filter();
  sets_variables();
  if (chdir(folder) == 0) {
    (void) unlink("tool");
    (void) unlink("text");
  }
  (void) rmdir(folder);
  return done_testing();
}
