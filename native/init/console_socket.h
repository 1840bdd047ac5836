/* console_socket.h — a terminal's master for whoever shows it, as other runtimes send it. */
#pragma once

#include "../core/failure.h"

/* Connect to the unix socket at `path`, of any length, and send it the descriptor. */
int console_socket_send(const char *path, int master, struct failure *why);
