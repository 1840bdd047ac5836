/* client.h — one that has connected to a keeper's socket: what it says, what it is told. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "frames.h"

/* No order is longer. */
#define CLIENT_ORDER 512
/* Words still to be sent; and what an answer may take of that. */
#define CLIENT_WORDS 8192
#define CLIENT_ANSWER 1024

struct streams;

struct client {
  int fd;
  bool is_attached[2]; /* to what is written */
  bool is_typing;      /* attached to what is read */
  bool is_once;        /* its end is the end of that */
  bool has_ended;      /* it says nothing more */
  bool is_gone;        /* it reads nothing more */
  /* What comes. */
  struct frame frame;
  size_t order_used;
  char order[CLIENT_ORDER];
  /* What goes: a frame that is begun is finished before anything else. */
  int sending; /* a flow, or -1 */
  size_t header_left;
  unsigned char header[FRAME_HEADER];
  size_t has[2]; /* of what was read from each flow */
  size_t words_used;
  char words[CLIENT_WORDS]; /* in their frames */
};

/* Takes the socket over, on failure too: NULL then. */
struct client *client_new(int fd);
/* What it has open is let go of; what it typed ends, if that was its wish. */
void client_free(struct streams *streams, struct client *client);

/* One JSON object, in its turn. */
void client_say(struct client *client, const char *json);

/* Whether there is anything to read from it, and room for it; to send to it. */
bool client_is_heard(const struct streams *streams, const struct client *client);
void client_hear(struct streams *streams, struct client *client);
bool client_is_owed(const struct streams *streams, const struct client *client);
void client_send(struct streams *streams, struct client *client);

/* Whether it is still to have some of what was read from that flow. */
bool client_lacks(const struct streams *streams, const struct client *client, int flow);

/* It has hung up, or we have had enough of it: what it said before that was heard. */
bool client_is_over(const struct client *client);
void client_give_up(struct client *client);
