/* own_address.c
 *
 * Theory of operation: which addresses the container has is known when its network is connected,
 * and only inside of its network namespace. A child of ours goes there to look and writes the
 * file; we could not come back, for this machine's namespace is not ours. */
#include "own_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/fd.h"

/* Found too, or sudo and others wait for a name server; Debian's choice for a name of one's own. */
#define LOOPBACK "127.0.1.1"

/* Whether others can be told it: not of loopback, not of the link. */
static bool is_own(const struct ifaddrs *each) {
  if (each->ifa_addr == NULL || each->ifa_flags & IFF_LOOPBACK)
    return false;
  if (each->ifa_addr->sa_family == AF_INET)
    return true;
  const struct sockaddr_in6 *address = (const void *) each->ifa_addr;
  return each->ifa_addr->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr);
}

static bool add_addresses(FILE *text, const struct ifaddrs *first, int family, const char *names) {
  char address[INET6_ADDRSTRLEN];
  bool any = false;

  for (const struct ifaddrs *each = first; each != NULL; each = each->ifa_next) {
    if (!is_own(each) || each->ifa_addr->sa_family != family)
      continue;
    const void *bytes =
        family == AF_INET
            ? (const void *) &((const struct sockaddr_in *) (const void *) each->ifa_addr)->sin_addr
            : (const void *) &((const struct sockaddr_in6 *) (const void *) each->ifa_addr)
                  ->sin6_addr;
    if (inet_ntop(family, bytes, address, sizeof address) == NULL)
      continue;
    (void) fprintf(text, "%s\t%s\n", address, names);
    any = true;
  }
  return any;
}

/* Over the old text, not beside it: the file is mounted in the container. First the bytes, then
 * the size: where the disk is full there is room for what was there. */
static int overwrite(const char *path, const char *text, size_t size, struct failure *why) {
  autoclose int file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

  if (file < 0)
    return fail(why, errno, "open %s", path);
  if (pwrite(file, text, size, 0) != (ssize_t) size || ftruncate(file, (off_t) size) < 0)
    return fail(why, errno, "write %s", path);
  return 0;
}

static int write_hosts(const union argument *arguments, int namespace_fd, struct failure *why) {
  struct ifaddrs *addresses = NULL;
  autofree char *bytes = NULL;
  size_t size = 0;
  const char *names = arguments[2].text;

  if (namespace_fd >= 0 && (setns(namespace_fd, CLONE_NEWNET) < 0 || getifaddrs(&addresses) < 0))
    return fail(why, errno, "read the container's addresses");
  FILE *text = open_memstream(&bytes, &size);
  if (text == NULL)
    return fail(why, ENOMEM, "write %s", arguments[0].text);
  (void) fputs(arguments[1].text, text);
  const bool v4 = add_addresses(text, addresses, AF_INET, names);
  const bool v6 = add_addresses(text, addresses, AF_INET6, names);
  if (!v4 && !v6)
    (void) fprintf(text, "%s\t%s\n", LOOPBACK, names);
  if (addresses != NULL)
    freeifaddrs(addresses);
  if (fclose(text) != 0)
    return fail(why, ENOMEM, "write %s", arguments[0].text);
  return overwrite(arguments[0].text, bytes, size, why);
}

int own_address_write(const struct plan *plan, int namespace_fd, struct failure *why) {
  const struct operation *operation = plan_find(plan, PLAN_HOSTS);
  int status = 0;

  if (operation == NULL)
    return 0;
  if (namespace_fd < 0)
    return write_hosts(operation->arguments, namespace_fd, why);

  const pid_t pid = fork();
  if (pid < 0)
    return fail(why, errno, "fork");
  if (pid == 0) {
    struct failure ignored = {0};
    _exit(-write_hosts(operation->arguments, namespace_fd, &ignored));
  }
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return fail(why, errno, "wait for a child");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return 0;
  return fail(why, WIFEXITED(status) ? WEXITSTATUS(status) : EIO, "write %s",
              operation->arguments[0].text);
}
