/* main.c — marmita-init VERB [--userns] ARGUMENTS…: the table of verbs.
 *
 * Node starts it with FD_EVENTS as a socket for events. With --userns, FD_EXTRA is a user
 * namespace to enter first: from there on the process is root of that namespace. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "detach.h"
#include "report.h"
#include "seal.h"
#include "verb.h"

static const struct verb {
  const char *name;
  verb_function function;
} verbs[] = {
    {"run", run_main},             /* keep one container from its plan to its end */
    {"create", create_main},       /* start one that nobody of ours keeps, up to its command */
    {"exec", exec_main},           /* one more command in a container that runs */
    {"join", join_main},           /* the same where nobody keeps it */
    {"mapped", mapped_main},       /* make the user namespace with the full id range */
    {"diff", diff_main},           /* what a container changed */
    {"apply", apply_main},         /* a layer's tar on stdin becomes a directory */
    {"extract", extract_main},     /* an archive's files become flat, hashed files */
    {"blob", blob_main},           /* stdin becomes one hashed file */
    {"export", export_main},       /* all that a container sees becomes a tar on stdout */
    {"pack", pack_main},           /* what a container wrote becomes a layer's blob */
    {"archive", archive_main},     /* files become an archive on stdout */
    {"freeze", freeze_main},       /* what a container wrote becomes a layer below it */
    {"duplicate", duplicate_main}, /* copy trees, whoever inside owns them */
    {"copy-from", copy_from_main}, /* a path of a container, or of here, becomes a tar on stdout */
    {"copy-to", copy_to_main},     /* a tar on stdin goes to a path of a container, or of here */
    {"remove", remove_main},       /* delete trees, whoever inside owns them */
    {"measure", measure_main},     /* how much lies in trees, whoever inside owns them */
    {"probe", probe_main},         /* can this directory carry an overlay? */
    {"hold", hold_main},           /* stop a container's processes */
    {"resume", resume_main},       /* and let them go on */
    {"pause", pause_main},         /* stop a container's processes, continue them at our end */
    {"device-rules", device_rules_main}, /* a control group gets an eBPF program */
    {"seccomp", seccomp_main},           /* rules become a filter */
};

static struct {
  char *bytes;
  size_t size;
} arguments;

/* One text after another, where the kernel put them (proc(5), cmdline). */
static void note_arguments(int argc, char *argv[]) {
  const char *last = argv[argc - 1];

  arguments.bytes = argv[0];
  arguments.size = (size_t) (last + strlen(last) - argv[0]);
}

void verb_retitle(const char *title) {
  memset(arguments.bytes, 0, arguments.size);
  strncat(arguments.bytes, title, arguments.size);
}

/* What runs in that namespace, and has CAP_SYS_PTRACE there, may look into all that come: so we
 * hide first. Our own file of the score is out of our reach then, and kept for who needs it. */
static int enter_userns(struct failure *why) {
  autoclose int score = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

  if (prctl(PR_SET_DUMPABLE, 0) < 0)
    return fail(why, errno, "hide");
  if (setns(FD_EXTRA, CLONE_NEWUSER) < 0)
    return fail(why, errno, "enter user namespace");
  (void) close(FD_EXTRA);
  if (score >= 0)
    (void) dup3(score, FD_OOM_SCORE, O_CLOEXEC);
  return 0;
}

static int carry_out(int argc, char *argv[], struct failure *why) {
  const int inside = argc > 2 && strcmp(argv[2], "--userns") == 0;

  if (argc < 2)
    return fail(why, EINVAL, "a verb is missing");
  if (strcmp(argv[1], "run") == 0 && run_is_detached(argc - 2, argv + 2) && detach_begin(why) < 0)
    return -why->errnum;
  if (inside && enter_userns(why) < 0)
    return -why->errnum;
  detach_stay();
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (strcmp(argv[1], verbs[i].name) == 0)
      return verbs[i].function(argc - 2 - inside, argv + 2 + inside, why);
  return fail(why, EINVAL, "unknown verb %s", argv[1]);
}

/* The command of a container may be this program once more, by way of /proc/self/exe: it must not
 * live long enough for anything there to open its file, nor start what could (CVE-2019-5736). */
static bool is_started_by_marmita(void) {
  struct stat status;

  return fstat(FD_EVENTS, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* Those whose child executes a command with nobody of ours above it. */
static bool is_sealed(const char *verb) {
  return strcmp(verb, "create") == 0 || strcmp(verb, "join") == 0;
}

int main(int argc, char *argv[]) {
  struct failure why = {0};

  if (!is_started_by_marmita()) {
    (void) dprintf(STDERR_FILENO, "marmita-init is started by marmita, not by hand\n");
    return EXIT_FAILURE;
  }
  if (argc > 1 && is_sealed(argv[1]))
    seal_self(argv);
  note_arguments(argc, argv);
  if (carry_out(argc, argv, &why) >= 0)
    return EXIT_SUCCESS;
  report_failed(&why);
  return EXIT_FAILURE;
}
