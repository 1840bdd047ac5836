/* One block: as a gzip member or as a zstd frame. */
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "deflate_parts.h"

/* Of libdeflate: smaller and twice as fast as zlib's 3 (docs/decisions/0060-blobs-in-blocks.md). */
#define GZIP_LEVEL 1
#define ZSTD_LEVEL 3

struct codec {
  enum codec_kind kind;
  struct libdeflate_compressor *gzip;
  ZSTD_CCtx *zstd;
};

int codec_find(const char *name, enum codec_kind *ret_kind, struct failure *why) {
  static const char *const names[] = {
      [CODEC_NONE] = "none", [CODEC_GZIP] = "gzip", [CODEC_ZSTD] = "zstd"};

  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) {
      *ret_kind = (enum codec_kind) i;
      return 0;
    }
  return fail(why, EINVAL, "compress with %.40s", name);
}

size_t codec_bound(enum codec_kind kind, size_t size) {
  switch (kind) {
    case CODEC_GZIP: return libdeflate_gzip_compress_bound(NULL, size);
    case CODEC_ZSTD: return ZSTD_compressBound(size);
    default: return 0;
  }
}

struct codec *codec_open(enum codec_kind kind) {
  struct codec *codec = calloc(1, sizeof *codec);

  if (codec == NULL)
    return NULL;
  codec->kind = kind;
  if (kind == CODEC_GZIP)
    codec->gzip = libdeflate_alloc_compressor(GZIP_LEVEL);
  if (kind == CODEC_ZSTD)
    codec->zstd = ZSTD_createCCtx();
  if (codec->gzip != NULL || codec->zstd != NULL)
    return codec;
  free(codec);
  return NULL;
}

size_t codec_pack(struct codec *codec, const void *bytes, size_t size, void *to) {
  const size_t room = codec_bound(codec->kind, size);

  if (codec->kind == CODEC_GZIP)
    return libdeflate_gzip_compress(codec->gzip, bytes, size, to, room);
  const size_t n = ZSTD_compressCCtx(codec->zstd, to, room, bytes, size, ZSTD_LEVEL);
  return ZSTD_isError(n) ? 0 : n;
}

void codec_close(struct codec *codec) {
  if (codec == NULL)
    return;
  if (codec->gzip != NULL)
    libdeflate_free_compressor(codec->gzip);
  (void) ZSTD_freeCCtx(codec->zstd);
  free(codec);
}
