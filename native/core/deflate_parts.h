/* deflate_parts.h — what the files of deflate.h share. Nobody else includes it. */
#pragma once

#include "deflate.h"

/* What one thread compresses with. */
struct codec;

enum codec_kind { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };

int codec_find(const char *name, enum codec_kind *ret_kind, struct failure *why);
/* Bytes that a block may become, at most; 0: it stays as it is. */
size_t codec_bound(enum codec_kind kind, size_t size);

/* NULL: there is no memory. */
struct codec *codec_open(enum codec_kind kind);
/* One block into `to`, which has codec_bound() bytes: their number, 0 when it failed. */
size_t codec_pack(struct codec *codec, const void *bytes, size_t size, void *to);
void codec_close(struct codec *codec);
