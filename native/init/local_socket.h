/* local_socket.h — a unix socket that somebody listens at. */
#pragma once

#include "../core/failure.h"

/* Connect to the one at `path`, of any length; `what` is it for words: "console socket". */
int local_socket_connect(const char *path, const char *what, int *ret_socket, struct failure *why);
