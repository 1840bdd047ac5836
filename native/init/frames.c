#include "frames.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

void frame_write_header(unsigned char header[static FRAME_HEADER], enum frame_type type,
                        size_t size) {
  const uint32_t bytes = htonl((uint32_t) size);

  memset(header, 0, FRAME_HEADER);
  header[0] = (unsigned char) type;
  memcpy(header + 4, &bytes, sizeof bytes);
}

int frame_open(struct frame *frame) {
  uint32_t bytes;

  memcpy(&bytes, frame->header + 4, sizeof bytes);
  frame->left = ntohl(bytes);
  if (frame->header[1] != 0 || frame->header[2] != 0 || frame->header[3] != 0 ||
      frame->left > FRAME_MAX)
    return -EPROTO;
  return frame->header[0] == FRAME_INPUT || frame->header[0] == FRAME_WORDS ? 0 : -EPROTO;
}

enum frame_type frame_type(const struct frame *frame) {
  return frame->header[0];
}
