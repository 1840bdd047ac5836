/* streams_parts.h — what streams.c, flow.c and clients.c share. */
#pragma once

#include "clients.h"
#include "flow.h"
#include "input.h"
#include "log.h"
#include "streams.h"

enum { FLOW_OUTPUT, FLOW_ERRORS, FLOWS };

struct streams {
  struct streams_options options;
  bool is_draining; /* the command has ended */
  bool is_hurried;  /* and somebody wants the end */
  struct size size; /* of the terminal, when it was changed */
  struct flow flows[FLOWS];
  struct input input;
  struct clients clients;
  struct terminal terminal; /* what flow 0 and the input lead to, where there is one */
  struct log log;
};
