#include "raw.h"

#include <errno.h>
#include <signal.h>

static struct termios raw_of(const struct raw_terminal *terminal) {
  struct termios raw = terminal->before;

  if (!terminal->is_for_keys) {
    cfmakeraw(&raw);
    return raw;
  }
  raw.c_iflag &= ~(tcflag_t) IXON; /* ^Q and ^S */
  raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  return raw;
}

static bool is_alike(const struct termios *one, const struct termios *other) {
  return one->c_iflag == other->c_iflag && one->c_oflag == other->c_oflag &&
         one->c_cflag == other->c_cflag && one->c_lflag == other->c_lflag;
}

int raw_save(int fd, struct raw_terminal *ret_terminal, struct failure *why) {
  if (tcgetattr(fd, &ret_terminal->before) < 0)
    return fail(why, errno, "read the terminal's mode");
  ret_terminal->is_for_keys = false;
  return 0;
}

int raw_enter(int fd, const struct raw_terminal *terminal, struct failure *why) {
  const struct termios raw = raw_of(terminal);

  if (tcsetattr(fd, TCSANOW, &raw) < 0)
    return fail(why, errno, "set the terminal's mode");
  return 0;
}

/* From the background, too: SIGTTOU would stop us instead (tcsetattr(3p)). */
void raw_leave(int fd, const struct raw_terminal *terminal) {
  const struct termios raw = raw_of(terminal);
  struct termios now;
  sigset_t stop, before;

  if (tcgetattr(fd, &now) < 0 || !is_alike(&now, &raw))
    return;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTTOU);
  (void) pthread_sigmask(SIG_BLOCK, &stop, &before);
  (void) tcsetattr(fd, TCSANOW, &terminal->before);
  (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
}
