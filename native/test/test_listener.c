/* test_listener.c — whoever answers system calls has the descriptor before any has to be answered.
 */
#include "../init/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"
#include "../core/tree.h"
#include "tap.h"

static const int asked[] = {SYS_mkdirat, SYS_sendmsg, SYS_sendto, SYS_wait4, SYS_nanosleep};

/* These wait for an answer, everything else goes on. */
static void fill(struct seccomp_filter *filter, struct sock_filter *instructions) {
  const size_t count = sizeof asked / sizeof *asked;
  size_t at = 0;

  instructions[at++] =
      (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < count; i++)
    instructions[at++] = (struct sock_filter) BPF_JUMP(
        BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) asked[i], (uint8_t) (count - i), 0);
  instructions[at++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  instructions[at++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  *filter = (struct seccomp_filter){.count = (unsigned short) at, .instructions = instructions};
}

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  (void) snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  return bind(fd, (const struct sockaddr *) &address, sizeof address) < 0 || listen(fd, 1) < 0 ? -1
                                                                                               : fd;
}

/* What the container's process does: 0 when all went as it should. */
static int be_container(const char *path, const char *state, const char *rest) {
  struct outside outside = OUTSIDE_NONE;
  const union argument arguments[] = {{.text = path}, {.text = state}, {.text = rest}};
  struct sock_filter instructions[16];
  struct seccomp_filter filter;
  struct failure why = {0};

  fill(&filter, instructions);
  if (outside_note_listener(&outside, arguments, &why) < 0 ||
      prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return 1;
  const int socket = outside.socket;
  if (listener_install(&filter, &outside, &why) < 0) {
    (void) fprintf(stderr, "# %s: %s\n", why.what, strerror(why.errnum));
    return 2;
  }
  if (fcntl(socket, F_GETFD) >= 0)
    return 3;
  return syscall(SYS_mkdirat, AT_FDCWD, "/marmita", 0700) < 0 && errno == EXDEV ? 0 : 4;
}

/* Answer one call with EXDEV. */
static int answer(int listener) {
  struct seccomp_notif call;
  struct seccomp_notif_resp response = {.error = -EXDEV};
  struct pollfd polled = {.fd = listener, .events = POLLIN};

  memset(&call, 0, sizeof call);
  if (poll(&polled, 1, 10000) != 1 || ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
    return -1;
  response.id = call.id;
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) < 0 ? -1 : call.data.nr;
}

/* Text and descriptor, read in small pieces. */
static int receive(int connection, char *text, size_t size) {
  struct iovec data = {.iov_base = text, .iov_len = 7};
  union fd_rights rights = {0};
  struct msghdr message = {
      .msg_iov = &data, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
  ssize_t n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  const int listener = fd_detach(&message);
  size_t at = n > 0 ? (size_t) n : 0;

  while (at + 1 < size && (n = read(connection, text + at, size - 1 - at)) > 0)
    at += (size_t) n;
  text[at] = '\0';
  return listener;
}

static void hands_over(const char *folder, const char *name, bool is_further) {
  static char state[400000], got[400100], wanted[400100];
  char path[300];
  int status = 0;

  (void) snprintf(path, sizeof path, "%s/%s", folder, name);
  memset(state, 'x', sizeof state - 1); /* more than a socket holds */
  memcpy(state, "{\"state\":{\"x\":\"", 14);
  strcpy(state + sizeof state - 10, "\",\"pid\":");
  autoclose int server = listen_at(path);
  (void) fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0)
    _exit(be_container(path, state, is_further ? "" : "},\"pid\":"));
  autoclose int connection = accept(server, NULL, NULL);
  autoclose int listener = receive(connection, got, sizeof got);

  if (is_further)
    (void) snprintf(wanted, sizeof wanted, "%s%d}", state, (int) pid);
  else
    (void) snprintf(wanted, sizeof wanted, "%s%d},\"pid\":%d}", state, (int) pid, (int) pid);
  is_int(strcmp(got, wanted), 0, "the state comes, whole and with the process's number");
  is_int(listener >= 0, 1, "and a descriptor");
  is_int(answer(listener), SYS_mkdirat, "through which a call is answered");
  (void) waitpid(pid, &status, 0);
  is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0, "as the process sees it");
}

static void notices_nobody(const char *folder) {
  char path[300];
  int status = 0;

  (void) snprintf(path, sizeof path, "%s/nobody", folder);
  const pid_t pid = fork();
  if (pid == 0)
    _exit(be_container(path, "{", ""));
  (void) waitpid(pid, &status, 0);
  is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 1,
         "where nobody listens nothing is installed");
}

/* Who hears of it and goes: the calls are refused, and nobody hangs. */
static void survives_a_deaf_one(const char *folder) {
  char path[300];
  int status = 0;

  (void) snprintf(path, sizeof path, "%s/deaf", folder);
  autoclose int server = listen_at(path);
  const pid_t pid = fork();
  if (pid == 0) {
    (void) alarm(20);
    _exit(be_container(path, "{", ""));
  }
  autoclose int connection = accept(server, NULL, NULL);
  char got[64];
  const int listener = receive(connection, got, sizeof got);
  (void) close(listener);
  (void) waitpid(pid, &status, 0);
  is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 4, "nobody but who was told has it");
}

int main(void) {
  char folder[] = "/tmp/marmita-test-XXXXXX";
  struct failure why;

  if (mkdtemp(folder) == NULL)
    return 1;
  hands_over(folder, "first", false);
  hands_over(folder, "further", true);
  notices_nobody(folder);
  survives_a_deaf_one(folder);
  is_int(tree_remove(AT_FDCWD, folder, &why), 0, "all is deleted again");
  return done_testing();
}
