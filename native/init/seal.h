/* seal.h — a helper's own file that nobody can write to.
 *
 * A command may be the helper itself, by way of /proc/self/exe, and root of a container may be who
 * owns its file: what is open inside for reading could be opened again for writing once nobody
 * executes it (CVE-2019-5736). So whoever executes commands without a keeper is itself executed
 * from a sealed copy in memory, as runc does it. Node makes one for all that it starts (helper.ts).
 */
#pragma once

/* Execute this program again from a copy, unless it is one. Returns where it is, and where the
 * kernel has none to give: the helper's file then is what its owner and mode make of it. */
void seal_self(char *const *argv);
