#include "layer_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Each list has room for all words, and for the end. */
static int read_lists(int argc, char *argv[], struct layer_words *words, struct failure *why) {
  const size_t room = (size_t) argc + 1;
  char **skip = words->lists;
  char **lower = skip + room;
  char **owners = lower + room;

  words->places.skip = skip;
  words->places.lowers = lower;
  words->owners = owners;
  for (int at = 0; at < argc;) {
    if (at + 1 < argc && strcmp(argv[at], "--skip") == 0) {
      *skip++ = argv[at + 1];
      at += 2;
    } else if (at + 2 < argc && strcmp(argv[at], "--lower") == 0) {
      *lower++ = argv[at + 1];
      *owners++ = argv[at + 2];
      at += 3;
    } else {
      return fail(why, EINVAL, "an odd word: %s", argv[at]);
    }
  }
  return 0;
}

int layer_words_read(int argc, char *argv[], struct layer_words *words, struct failure *why) {
  *words = (struct layer_words){0};
  if (argc < 2 || (strcmp(argv[0], "kernel") != 0 && strcmp(argv[0], "fuse") != 0))
    return fail(why, EINVAL, "a form and a directory are missing");
  words->places.form = argv[0][0] == 'k' ? UPPER_KERNEL : UPPER_FUSE;
  words->places.upper = argv[1];
  words->lists = calloc(3 * ((size_t) argc - 1), sizeof *words->lists);
  if (words->lists == NULL)
    return fail(why, ENOMEM, "read words");
  return read_lists(argc - 2, argv + 2, words, why);
}

void layer_words_free(struct layer_words *words) {
  free(words->lists);
}
