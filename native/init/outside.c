#include "outside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "local_socket.h"

#define PROC_MAGIC 0x9fa0

static bool is_proc(int fd) {
  struct statfs filesystem;

  return fstatfs(fd, &filesystem) == 0 && filesystem.f_type == PROC_MAGIC;
}

static int open_proc(struct outside *outside, struct failure *why) {
  if (outside->proc >= 0)
    return 0;
  autoclose int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0)
    return fail(why, errno, "open /proc");
  if (!is_proc(proc))
    return fail(why, ENODEV, "open /proc: it is something else");
  outside->proc = steal_fd(&proc);
  return 0;
}

int outside_note_label(struct outside *outside, const union argument *arguments,
                       struct failure *why) {
  if (outside->label_count == OUTSIDE_MAX_LABELS)
    return fail(why, E2BIG, "have more than %d labels", OUTSIDE_MAX_LABELS);
  outside->labels[outside->label_count].file = arguments[0].text;
  outside->labels[outside->label_count++].text = arguments[1].text;
  return open_proc(outside, why);
}

int outside_note_listener(struct outside *outside, const union argument *arguments,
                          struct failure *why) {
  const int r = local_socket_connect(arguments[0].text, "seccomp listener", &outside->socket, why);

  outside->state[0] = arguments[1].text;
  outside->state[1] = arguments[2].text;
  return r < 0 ? r : open_proc(outside, why);
}

int outside_open(struct outside *outside, const struct plan *plan, struct failure *why) {
  for (size_t i = 0; i < plan->count; i++) {
    const struct operation *operation = &plan->operations[i];
    int r = 0;

    if (operation->code == PLAN_LABEL)
      r = outside_note_label(outside, operation->arguments, why);
    else if (operation->code == PLAN_SECCOMP_LISTENER)
      r = outside_note_listener(outside, operation->arguments, why);
    if (r < 0)
      return fail_in_step(why, plan_name(operation->code));
  }
  return 0;
}

static int apply_label(int proc, const char *file, const char *text, struct failure *why) {
  char path[64];

  if ((size_t) snprintf(path, sizeof path, "self/attr/%s", file) >= sizeof path)
    return fail(why, ENAMETOOLONG, "open /proc/self/attr/%s", file);
  autoclose int fd = openat(proc, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0)
    return fail(why, errno, "open /proc/self/attr/%s", file);
  if (!is_proc(fd)) /* something was mounted there */
    return fail(why, ENODEV, "open /proc/self/attr/%s: it is something else", file);
  if (write(fd, text, strlen(text)) < 0) /* the kernel takes it as one or not at all */
    return fail(why, errno, "write %s to /proc/self/attr/%s", text, file);
  return 0;
}

int outside_apply_labels(const struct outside *outside, struct failure *why) {
  for (int i = 0; i < outside->label_count; i++)
    if (apply_label(outside->proc, outside->labels[i].file, outside->labels[i].text, why) < 0)
      return -why->errnum;
  return 0;
}

int outside_number(const struct outside *outside) {
  char text[16] = "";

  (void) readlinkat(outside->proc, "self", text, sizeof text - 1);
  return atoi(text);
}
