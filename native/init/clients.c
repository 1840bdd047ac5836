#include "clients.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../core/cleanup.h"
#include "../core/clock.h"
#include "streams_parts.h"

#define BACKLOG 128
/* Connections at a time. */
#define ROUNDS 16
/* After no descriptor was left for one. */
#define DEAF_MS 200
/* How long the last word may take. */
#define LAST_WORD_MS 1000

/* A path may be longer than an address: its directory is named by a descriptor. Only its owner may
 * connect. One that a killed keeper has left is in the way. */
static int listen_at(int directory, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  autoclose int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int n =
      snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", directory, name);

  if (listener < 0)
    return -errno;
  if (n < 0 || (size_t) n >= sizeof address.sun_path)
    return -ENAMETOOLONG;
  if (unlinkat(directory, name, 0) < 0 && errno != ENOENT)
    return -errno;
  const mode_t mask = umask(0077);
  const int r = bind(listener, (struct sockaddr *) &address, sizeof address);
  const int errnum = errno;
  (void) umask(mask);
  if (r < 0)
    return -errnum;
  return listen(listener, BACKLOG) < 0 ? -errno : steal_fd(&listener);
}

void clients_open(struct clients *clients, const char *path) {
  const char *slash = path == NULL ? NULL : strrchr(path, '/');
  char directory[PATH_MAX] = ".";

  clients->listener = -1;
  clients->directory = -1;
  if (path == NULL)
    return;
  if (slash != NULL)
    (void) snprintf(directory, sizeof directory, "%.*s", (int) (slash - path + 1), path);
  clients->name = slash == NULL ? path : slash + 1;
  clients->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  clients->listener =
      clients->directory < 0 ? -errno : listen_at(clients->directory, clients->name);
  if (clients->listener < 0)
    (void) snprintf(clients->error, sizeof clients->error, "listen at its socket: %s",
                    strerror(-clients->listener));
}

/* One too many is told nothing: it finds the end at once. */
void clients_add(struct streams *streams, int fd) {
  struct clients *clients = &streams->clients;
  struct client *client = NULL;

  if (clients->count == CLIENTS_MAX)
    (void) close(fd);
  else
    client = client_new(fd);
  if (client == NULL)
    return;
  if (clients->greeting != NULL)
    client_say(client, clients->greeting);
  clients->list[clients->count++] = client;
}

/* False when there is nobody more now. */
static bool accept_one(struct streams *streams) {
  struct clients *clients = &streams->clients;
  const int fd = accept4(clients->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

  if (fd >= 0)
    clients_add(streams, fd);
  else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
    clients->deaf_until_ms = clock_ms() + DEAF_MS;
  return fd >= 0;
}

static void remove_those_over(struct streams *streams) {
  struct clients *clients = &streams->clients;
  size_t kept = 0;

  for (size_t i = 0; i < clients->count; i++)
    if (client_is_over(clients->list[i]))
      client_free(streams, clients->list[i]);
    else
      clients->list[kept++] = clients->list[i];
  clients->count = kept;
}

static struct pollfd watch_client(const struct streams *streams, const struct client *client) {
  const short reading = client_is_heard(streams, client) ? POLLIN : 0;
  const short writing = client_is_owed(streams, client) ? POLLOUT : 0;

  /* Of one that has hung up, and waits for room for what it said, poll() would tell for ever. */
  return (struct pollfd){
      .fd = reading == 0 && client->is_gone ? -1 : client->fd,
      .events = (short) (reading | writing),
  };
}

int clients_watch(struct streams *streams, struct pollfd polled[static CLIENTS_POLLED],
                  nfds_t *ret_count) {
  struct clients *clients = &streams->clients;
  const int64_t deaf_ms = clients->deaf_until_ms == 0 ? 0 : clients->deaf_until_ms - clock_ms();
  const bool is_listening = clients->greeting != NULL && deaf_ms <= 0;

  remove_those_over(streams);
  polled[0] = (struct pollfd){.fd = is_listening ? clients->listener : -1, .events = POLLIN};
  for (size_t i = 0; i < clients->count; i++)
    polled[i + 1] = watch_client(streams, clients->list[i]);
  *ret_count = clients->count + 1;
  return deaf_ms > 0 ? (int) deaf_ms : -1;
}

static void serve_client(struct streams *streams, struct client *client, short events) {
  if (events & (POLLHUP | POLLERR) && (client->has_ended || !client_is_heard(streams, client)))
    client->is_gone = true;
  if (events & POLLOUT && !client->is_gone)
    client_send(streams, client);
  if (events & (POLLIN | POLLHUP | POLLERR))
    client_hear(streams, client);
}

void clients_serve(struct streams *streams, const struct pollfd polled[static CLIENTS_POLLED]) {
  struct clients *clients = &streams->clients;

  for (size_t i = 0; i < clients->count; i++)
    if (polled[i + 1].revents != 0)
      serve_client(streams, clients->list[i], polled[i + 1].revents);
  if (polled[0].revents == 0)
    return;
  for (int i = 0; i < ROUNDS && accept_one(streams); i++)
    continue;
}

void clients_owe(struct clients *clients, int flow) {
  for (size_t i = 0; i < clients->count; i++)
    clients->list[i]->has[flow] = 0;
}

size_t clients_lack(const struct streams *streams, int flow) {
  const struct clients *clients = &streams->clients;
  size_t lacking = 0;

  for (size_t i = 0; i < clients->count; i++)
    if (client_lacks(streams, clients->list[i], flow))
      lacking += streams->flows[flow].size - clients->list[i]->has[flow];
  return lacking;
}

bool clients_are_attached(const struct clients *clients, int flow) {
  for (size_t i = 0; i < clients->count; i++)
    if (clients->list[i]->is_attached[flow] && !clients->list[i]->is_gone)
      return true;
  return false;
}

void clients_send(struct streams *streams) {
  struct clients *clients = &streams->clients;

  for (size_t i = 0; i < clients->count; i++)
    for (int flow = 0; flow < FLOWS; flow++)
      if (client_is_owed(streams, clients->list[i]))
        client_send(streams, clients->list[i]);
}

void clients_give_up(struct streams *streams) {
  struct clients *clients = &streams->clients;

  for (size_t i = 0; i < clients->count; i++)
    for (int flow = 0; flow < FLOWS; flow++)
      if (client_lacks(streams, clients->list[i], flow))
        client_give_up(clients->list[i]);
}

void clients_tell(struct clients *clients, const char *json) {
  for (size_t i = 0; i < clients->count; i++)
    client_say(clients->list[i], json);
}

/* In vain where somebody reads nothing. */
static void send_last_word(struct streams *streams) {
  struct pollfd polled[CLIENTS_POLLED];
  const int64_t end_ms = clock_ms() + LAST_WORD_MS;
  nfds_t count;

  for (;;) {
    size_t owed = 0;

    clients_send(streams);
    for (size_t i = 0; i < streams->clients.count; i++) {
      const struct client *client = streams->clients.list[i];
      const bool is_owed = client_is_owed(streams, client);

      polled[i] = (struct pollfd){.fd = is_owed ? client->fd : -1, .events = POLLOUT};
      owed += is_owed;
    }
    count = streams->clients.count;
    const int64_t left_ms = end_ms - clock_ms();
    if (owed == 0 || left_ms <= 0 || poll(polled, count, (int) left_ms) < 0)
      return;
  }
}

void clients_hide(struct clients *clients) {
  if (clients->listener >= 0 && clients->name != NULL)
    (void) unlinkat(clients->directory, clients->name, 0);
  clients->name = NULL;
}

/* Hidden first: whoever has come by then is accepted, whoever comes later finds nobody. */
void clients_close(struct streams *streams, const char *last_word) {
  struct clients *clients = &streams->clients;

  clients_hide(clients);
  if (clients->listener >= 0) {
    while (accept_one(streams))
      continue;
    (void) close(clients->listener);
  }
  if (last_word != NULL)
    clients_tell(clients, last_word);
  send_last_word(streams);
  for (size_t i = 0; i < clients->count; i++)
    client_free(streams, clients->list[i]);
  if (clients->directory >= 0)
    (void) close(clients->directory);
  free(clients->greeting);
}
