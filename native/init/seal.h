/* seal.h — a helper's own file that nobody can write to.
 *
 * A command may be the helper itself, by way of /proc/self/exe, and root of a container may be who
 * owns its file: what is open inside for reading could be opened again for writing once nobody
 * executes it (CVE-2019-5736). So whoever executes commands without a keeper is itself executed
 * from a copy in memory that is sealed (memfd_create(2)), as runc does it.
 */
#pragma once

/* Execute this program again from such a copy, unless it is. Returns where it is, and where the
 * kernel has none to give: the helper's file then is what its owner and mode make of it. */
void seal_self(char *const *argv);
