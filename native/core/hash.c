#include "hash.h"

#include <stdio.h>

void hash_begin(struct hash *hash) {
  (void) SHA256_Init(&hash->context);
}

void hash_update(struct hash *hash, const void *bytes, size_t size) {
  (void) SHA256_Update(&hash->context, bytes, size);
}

void hash_text(struct hash *hash, char ret_text[HASH_TEXT_SIZE]) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  char *to = ret_text + snprintf(ret_text, HASH_TEXT_SIZE, "sha256:");

  (void) SHA256_Final(digest, &hash->context);
  for (size_t i = 0; i < sizeof digest; i++)
    to += snprintf(to, 3, "%02x", digest[i]);
}
