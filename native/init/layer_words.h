/* layer_words.h — the words by which verbs are told of layers.
 *
 *   FORM UPPER [--skip PATH]… [--lower DIRECTORY OWNERS]…
 *
 * FORM is kernel or fuse; all but OWNERS are those of core/upper.h. OWNERS is the table beside that
 * layer (core/owners.h), or empty. */
#pragma once

#include "../core/upper.h"

struct layer_words {
  struct upper_places places;
  char **owners;
  char **lists; /* of all three kinds */
};

/* To be freed by layer_words_free(), also after a failure. */
int layer_words_read(int argc, char *argv[], struct layer_words *words, struct failure *why);

void layer_words_free(struct layer_words *words);
