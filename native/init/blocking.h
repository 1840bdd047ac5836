/* blocking.h — streams that somebody made non-blocking, for a command that expects them to block.
 *
 * Node does so with pipes and sockets as soon as they are its process.stdout: a description of an
 * open file has one mode for all who share it, and cat(1) ends with EAGAIN.
 */
#pragma once

/* 0, 1 and 2 block from here on. */
void blocking_streams(void);
