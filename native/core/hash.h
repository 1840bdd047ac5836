/* hash.h — the names of blobs and layers: SHA-256 of a stream, as "sha256:<hex>". */
#pragma once

#include <stddef.h>

/* The plain functions of libcrypto are marked deprecated in favor of EVP, which looks its
 * algorithms up in providers at run time: 4 MB more in a static program, for the same code. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#define HASH_TEXT_SIZE (sizeof "sha256:" + 2 * SHA256_DIGEST_LENGTH)

struct hash {
  SHA256_CTX context;
};

void hash_begin(struct hash *hash);
void hash_update(struct hash *hash, const void *bytes, size_t size);

/* Ends the stream: nothing may be added after. */
void hash_text(struct hash *hash, char ret_text[HASH_TEXT_SIZE]);
