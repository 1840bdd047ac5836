/* Numbers and checksums of tar headers. */
#include <errno.h>

#include "tar_parts.h"

/* GNU: the first bit says base 256, the second is the sign. */
static int parse_base256(const unsigned char *from, size_t size, int64_t *ret_number) {
  const int is_negative = (from[0] & 0x40) != 0;
  const unsigned char flip = is_negative ? 0xff : 0;
  uint64_t number = 0;

  for (size_t i = 0; i < size; i++) {
    unsigned char c = from[i] ^ flip;

    if (i == 0)
      c &= 0x7f;
    if (number >> 55 != 0)
      return -EBADMSG;
    number = number << 8 | c;
  }
  *ret_number = is_negative ? -(int64_t) number - 1 : (int64_t) number;
  return 0;
}

static int is_blank(unsigned char c) {
  return c == ' ' || c == '\0';
}

int field_number(const unsigned char *block, size_t at, size_t size, int64_t *ret_number) {
  const unsigned char *from = block + at;
  const unsigned char *end = from + size;
  int64_t number = 0;

  if (from[0] & 0x80)
    return parse_base256(from, size, ret_number);
  while (from < end && is_blank(*from))
    from++;
  while (from < end && is_blank(end[-1]))
    end--;
  for (; from < end; from++) {
    if (*from < '0' || *from > '7')
      return -EBADMSG;
    number = number * 8 + (*from - '0'); /* at most 12 digits of 3 bits */
  }
  *ret_number = number;
  return 0;
}

/* Some old tars summed signed bytes. */
int field_is_checksum_right(const unsigned char *block) {
  int64_t wanted;
  int64_t plain = 0;
  int64_t with_sign = 0;

  if (field_number(block, AT_CHECKSUM, 8, &wanted) < 0)
    return 0;
  for (size_t i = 0; i < TAR_BLOCK; i++) {
    const int is_own = i >= AT_CHECKSUM && i < AT_CHECKSUM + 8;

    plain += is_own ? ' ' : block[i];
    with_sign += is_own ? ' ' : (signed char) block[i];
  }
  return wanted == plain || wanted == with_sign;
}

int field_decimal(const char *text, const char *end, int64_t *ret_number) {
  const int is_negative = text < end && *text == '-';
  uint64_t number = 0;

  text += is_negative;
  if (text == end || end - text > 19)
    return -EBADMSG;
  for (; text < end; text++) {
    if (*text < '0' || *text > '9')
      return -EBADMSG;
    number = number * 10 + (uint64_t) (*text - '0');
  }
  if (number > INT64_MAX)
    return -EBADMSG;
  *ret_number = is_negative ? -(int64_t) number : (int64_t) number;
  return 0;
}
