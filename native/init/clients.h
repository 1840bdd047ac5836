/* clients.h — those who have connected to a keeper's socket. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "client.h"

#define CLIENTS_MAX 256
#define CLIENTS_POLLED (CLIENTS_MAX + 1)

struct clients {
  int listener; /* negative: there is none */
  int directory;
  const char *name; /* in there; NULL: it is gone, or there was none */
  char error[256];
  char *greeting;
  int64_t deaf_until_ms; /* no descriptor was left for who connects */
  size_t count;
  struct client *list[CLIENTS_MAX];
};

/* `path` outlives it; NULL: there is no socket. On failure `error` says why. */
void clients_open(struct clients *clients, const char *path);

/* Milliseconds, or -1. */
int clients_watch(struct streams *streams, struct pollfd polled[static CLIENTS_POLLED],
                  nfds_t *ret_count);
void clients_serve(struct streams *streams, const struct pollfd polled[static CLIENTS_POLLED]);

/* A connection, which is taken over. */
void clients_add(struct streams *streams, int fd);

/* Something new was read: it is owed to all that are attached. */
void clients_owe(struct clients *clients, int flow);
/* How many bytes of it are still to be sent. */
size_t clients_lack(const struct streams *streams, int flow);
bool clients_are_attached(const struct clients *clients, int flow);
/* Send what can be sent, whether or not poll() tells of room. */
void clients_send(struct streams *streams);
/* Who lacks something is not waited for any more. */
void clients_give_up(struct streams *streams);

void clients_tell(struct clients *clients, const char *json);
/* The socket goes; whoever has connected is still to be accepted. */
void clients_hide(struct clients *clients);

/* Those who have connected at the last moment are told, too. */
void clients_close(struct streams *streams, const char *last_word);
