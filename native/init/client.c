/* client.c — one that has connected to a keeper's socket.
 *
 * Theory of operation: its bytes are read no further than they can be passed on. The header of a
 * frame is read by itself; then input goes straight into the chunk of what is typed, when that is
 * empty, and an order into a buffer of its own, when there is room for its answer. So who sends
 * without end fills a socket, and who does not read answers is not heard.
 *
 * What it is owed of a flow lies there until it has it: no copy is made. It is sent when poll()
 * tells of room, which is when three quarters of the socket are free (unix_writable()): so there
 * is room for what is left at the end, and who reads late finds it there.
 */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "streams_parts.h"

/* Reads at a time. */
#define ROUNDS 16

/* Of which the kernel gives what it lets ordinary users have, and counts its own needs, twice. */
#define SOCKET_BUFFER (256 << 10)

static bool is_of_our_user(int fd) {
  struct ucred peer = {0};
  socklen_t size = sizeof peer;

  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

struct client *client_new(int fd) {
  struct client *client = is_of_our_user(fd) ? calloc(1, sizeof *client) : NULL;
  const int size = SOCKET_BUFFER;

  if (client == NULL) {
    (void) close(fd);
    return NULL;
  }
  (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  client->fd = fd;
  client->sending = -1;
  return client;
}

void client_give_up(struct client *client) {
  client->has_ended = true;
  client->is_gone = true;
}

/* A client that takes none of its words is not listened to, so that only
 * what it did not ask for can be too much. */
void client_say(struct client *client, const char *json) {
  size_t size = strlen(json);

  if (size > 0 && json[size - 1] == '\n')
    size--;
  if (client->is_gone)
    return;
  if (client->words_used + FRAME_HEADER + size > sizeof client->words || size > FRAME_MAX) {
    client_give_up(client);
    return;
  }
  unsigned char *to = (unsigned char *) client->words + client->words_used;
  frame_write_header(to, FRAME_WORDS, size);
  memcpy(to + FRAME_HEADER, json, size);
  client->words_used += FRAME_HEADER + size;
}

static void answer(struct client *client, int r, const struct failure *why) {
  char what[CLIENT_ANSWER - 128];
  char text[CLIENT_ANSWER - FRAME_HEADER];
  size_t used = 0;

  if (r >= 0) {
    client_say(client, "{\"event\":\"done\"}");
    return;
  }
  for (const char *from = why->what; *from != '\0' && used + 7 < sizeof what; from++) {
    const unsigned char c = (unsigned char) *from;
    if (c == '"' || c == '\\' || c < 0x20)
      used += (size_t) snprintf(what + used, sizeof what - used, "\\u%04x", c);
    else
      what[used++] = (char) c;
  }
  what[used] = '\0';
  (void) snprintf(text, sizeof text, "{\"event\":\"failed\",\"errno\":%d,\"what\":\"%s\"}",
                  why->errnum, what);
  client_say(client, text);
}

bool client_lacks(const struct streams *streams, const struct client *client, int flow) {
  return !client->is_gone && client->has[flow] < streams->flows[flow].size &&
         (client->is_attached[flow] || client->sending == flow);
}

static void stop_typing(struct streams *streams, struct client *client) {
  if (client->is_typing && client->is_once)
    input_end(&streams->input);
  client->is_typing = false;
}

void client_free(struct streams *streams, struct client *client) {
  char nowhere[1024];

  if (streams->input.terminal == NULL)
    stop_typing(streams, client);
  /* Else what it said unheard would be told to it as an error. */
  while (recv(client->fd, nowhere, sizeof nowhere, MSG_DONTWAIT) > 0)
    continue;
  (void) close(client->fd);
  free(client);
}

static int attach(struct streams *streams, struct client *client, char *words,
                  struct failure *why) {
  bool output = false, errors = false, input = false, once = false;
  char *rest = NULL;

  for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
    bool *slot = strcmp(word, "stdin") == 0    ? &input
                 : strcmp(word, "stdout") == 0 ? &output
                 : strcmp(word, "stderr") == 0 ? &errors
                 : strcmp(word, "once") == 0   ? &once
                                               : NULL;
    if (slot == NULL)
      return fail(why, EINVAL, "attach does not know %.40s", word);
    *slot = true;
  }
  if (!streams->options.is_relayed)
    return fail(why, ENOTSUP, "attach to a container whose streams are those of who started it");
  client->is_attached[FLOW_OUTPUT] = output;
  client->is_attached[FLOW_ERRORS] = errors;
  client->is_typing = input;
  client->is_once = once;
  for (int i = 0; i < FLOWS; i++)
    if (client->sending != i)
      client->has[i] = streams->flows[i].size; /* what comes from now on */
  return 0;
}

static void obey(struct streams *streams, struct client *client) {
  static const char word[] = "attach";
  struct failure why = {0};
  char *order = client->order;
  int r;

  order[client->order_used] = '\0';
  if (client->order_used == sizeof client->order - 1)
    r = fail(&why, E2BIG, "read an order");
  else if (strncmp(order, word, sizeof word - 1) == 0 && (order[6] == ' ' || order[6] == '\0'))
    r = attach(streams, client, order + sizeof word - 1, &why);
  else
    r = streams->options.obey(streams->options.whose, order, &why);
  if (strncmp(order, "signal ", 7) == 0 || strncmp(order, "end ", 4) == 0)
    streams->is_hurried = streams->is_draining;
  answer(client, r, &why);
}

static void end_frame(struct streams *streams, struct client *client, bool is_empty) {
  if (frame_type(&client->frame) == FRAME_WORDS)
    obey(streams, client);
  else if (is_empty)
    stop_typing(streams, client);
  client->frame = (struct frame){0};
  client->order_used = 0;
}

/* What a read() gave: false when there is nothing more now. */
static bool took(struct client *client, ssize_t n) {
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
    client->has_ended = true;
  return n > 0;
}

static bool read_header(struct streams *streams, struct client *client) {
  struct frame *frame = &client->frame;
  const ssize_t n =
      recv(client->fd, frame->header + frame->have, FRAME_HEADER - frame->have, MSG_DONTWAIT);

  if (!took(client, n))
    return false;
  frame->have += (size_t) n;
  if (frame->have < FRAME_HEADER)
    return true;
  if (frame_open(frame) < 0) {
    client_give_up(client);
    return false;
  }
  if (frame->left == 0)
    end_frame(streams, client, true);
  return true;
}

/* The end of an order that is too long is read, and left out. */
static bool read_body(struct streams *streams, struct client *client) {
  static char nowhere[4096];
  struct frame *frame = &client->frame;
  char *to = nowhere;
  size_t room = sizeof nowhere;
  const bool is_input = frame_type(frame) == FRAME_INPUT;

  if (is_input && client->is_typing) {
    to = streams->input.bytes;
    room = sizeof streams->input.bytes;
  } else if (!is_input && client->order_used < sizeof client->order - 1) {
    to = client->order + client->order_used;
    room = sizeof client->order - 1 - client->order_used;
  }
  const ssize_t n = recv(client->fd, to, frame->left < room ? frame->left : room, MSG_DONTWAIT);
  if (!took(client, n))
    return false;
  frame->left -= (size_t) n;
  if (is_input && client->is_typing)
    input_put(&streams->input, (size_t) n);
  else if (!is_input && to != nowhere)
    client->order_used += (size_t) n;
  if (frame->left == 0)
    end_frame(streams, client, false);
  return true;
}

bool client_is_heard(const struct streams *streams, const struct client *client) {
  const struct frame *frame = &client->frame;
  const bool is_in_input = frame->left > 0 && frame_type(frame) == FRAME_INPUT;

  if (client->has_ended)
    return false;
  if (is_in_input && client->is_typing)
    return input_has_room(&streams->input);
  return client->is_gone || client->words_used + CLIENT_ANSWER <= sizeof client->words;
}

void client_hear(struct streams *streams, struct client *client) {
  for (int i = 0; i < ROUNDS && client_is_heard(streams, client); i++) {
    const bool is_whole = client->frame.have == FRAME_HEADER;

    if (!(is_whole ? read_body : read_header)(streams, client))
      return;
  }
}

static void send_words(struct client *client) {
  const ssize_t n =
      send(client->fd, client->words, client->words_used, MSG_DONTWAIT | MSG_NOSIGNAL);

  if (n > 0) {
    client->words_used -= (size_t) n;
    memmove(client->words, client->words + n, client->words_used);
  } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
    client->is_gone = true;
  }
}

static void begin_frame(struct client *client, const struct flow *flow, int number) {
  static const enum frame_type types[] = {FRAME_OUTPUT, FRAME_ERRORS};

  frame_write_header(client->header, types[number], flow->size - client->has[number]);
  client->header_left = FRAME_HEADER;
  client->sending = number;
}

static void send_flow(struct client *client, const struct flow *flow) {
  size_t *has = &client->has[client->sending];
  struct iovec parts[] = {
      {client->header + FRAME_HEADER - client->header_left, client->header_left},
      {(char *) flow->bytes + *has, flow->size - *has},
  };
  const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  const ssize_t n = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

  if (n < 0 && errno != EAGAIN && errno != EINTR)
    client->is_gone = true;
  if (n <= 0)
    return;
  const size_t of_header = (size_t) n < client->header_left ? (size_t) n : client->header_left;
  client->header_left -= of_header;
  *has += (size_t) n - of_header;
  if (*has == flow->size)
    client->sending = -1;
}

void client_send(struct streams *streams, struct client *client) {
  for (int i = 0; i < FLOWS && client->sending < 0 && client->words_used == 0; i++)
    if (client_lacks(streams, client, i))
      begin_frame(client, &streams->flows[i], i);
  if (client->sending >= 0)
    send_flow(client, &streams->flows[client->sending]);
  else if (client->words_used > 0)
    send_words(client);
}

bool client_is_owed(const struct streams *streams, const struct client *client) {
  if (client->is_gone)
    return false;
  return client->words_used > 0 || client->sending >= 0 ||
         client_lacks(streams, client, FLOW_OUTPUT) || client_lacks(streams, client, FLOW_ERRORS);
}

bool client_is_over(const struct client *client) {
  return client->has_ended && client->is_gone;
}
