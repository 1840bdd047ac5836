/* verb.h — what every verb of marmita-init is given, and what it gives back. */
#pragma once

#include <stdbool.h>

#include "../core/failure.h"

/* The descriptors Node hands over, beside 0, 1 and 2. */
enum { FD_EVENTS = 3, FD_EXTRA = 4 };

/* Inside of a user namespace: our own /proc/self/oom_score_adj, where that could be opened. */
enum { FD_OOM_SCORE = FD_EXTRA };

/* A verb returns 0, or -errno with `why` filled: main() reports it and exits 1. */
typedef int (*verb_function)(int argc, char *argv[], struct failure *why);

int run_main(int argc, char *argv[], struct failure *why);
/* Whether that is to go on in a process that is none of Node's: its words, before anything is done.
 */
bool run_is_detached(int argc, char *const *argv);
int create_main(int argc, char *argv[], struct failure *why);
int mapped_main(int argc, char *argv[], struct failure *why);
int diff_main(int argc, char *argv[], struct failure *why);
int apply_main(int argc, char *argv[], struct failure *why);
int extract_main(int argc, char *argv[], struct failure *why);
int archive_main(int argc, char *argv[], struct failure *why);
int export_main(int argc, char *argv[], struct failure *why);
int pack_main(int argc, char *argv[], struct failure *why);
int blob_main(int argc, char *argv[], struct failure *why);
int freeze_main(int argc, char *argv[], struct failure *why);
int duplicate_main(int argc, char *argv[], struct failure *why);
int copy_from_main(int argc, char *argv[], struct failure *why);
int copy_to_main(int argc, char *argv[], struct failure *why);
int remove_main(int argc, char *argv[], struct failure *why);
int measure_main(int argc, char *argv[], struct failure *why);
int device_rules_main(int argc, char *argv[], struct failure *why);
int probe_main(int argc, char *argv[], struct failure *why);
int hold_main(int argc, char *argv[], struct failure *why);
int resume_main(int argc, char *argv[], struct failure *why);
int join_main(int argc, char *argv[], struct failure *why);
int exec_main(int argc, char *argv[], struct failure *why);
int pause_main(int argc, char *argv[], struct failure *why);
int seccomp_main(int argc, char *argv[], struct failure *why);

/* What others read as the command line of this process, from now on. */
void verb_retitle(const char *title);
