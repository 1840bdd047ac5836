/* command.h — the operations of a plan that are about the user's command: those of a container's
 * first process, and of every one that is brought into a container that runs.
 */
#pragma once

#include "../core/plan.h"
#include "become.h"

/* Note in `command` what an operation says of it, or do to this process what has to be done before
 * there is one. An operation about anything else is passed over. A failure has the operation's
 * name as its step. */
int command_note(struct command *command, const struct operation *operation, struct failure *why);
