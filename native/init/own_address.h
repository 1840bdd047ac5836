/* own_address.h — /etc/hosts with the container's own name and the addresses it was given. */
#pragma once

#include "../core/failure.h"
#include "../core/plan.h"

/* Carry out the plan's `hosts`, where it has one: the text, and a line for each address of the
 * network behind `namespace_fd`; one of the loopback network where that is -1. */
int own_address_write(const struct plan *plan, int namespace_fd, struct failure *why);
