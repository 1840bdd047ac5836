/* test_raw.c — a terminal of this machine that is made raw, or for keys, and put back. */
#include "../core/raw.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tap.h"

static void waits_for_keys_only(int slave) {
  struct raw_terminal saved;
  struct termios before = {0}, now = {0};
  struct failure why;

  (void) tcgetattr(slave, &before);
  before.c_iflag |= IXON;
  (void) tcsetattr(slave, TCSANOW, &before);
  is_int(raw_save(slave, &saved, &why), 0, "the mode is saved");
  saved.is_for_keys = true;
  is_int(raw_enter(slave, &saved, &why), 0, "the terminal is made for keys");
  (void) tcgetattr(slave, &now);
  is_int((long) (now.c_lflag & (ICANON | ECHO)) + (long) (now.c_iflag & IXON), 0,
         "each key comes as it is pressed, unseen, ^Q too");
  is_int((now.c_lflag & ISIG) != 0 && (now.c_oflag & OPOST) != 0, 1,
         "^C is a signal, and what is printed is changed as before");
  raw_leave(slave, &saved);
  (void) tcgetattr(slave, &now);
  is_int(now.c_iflag == before.c_iflag && now.c_lflag == before.c_lflag &&
             now.c_cc[VMIN] == before.c_cc[VMIN],
         1, "and is as it was");
}

int main(void) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

  (void) grantpt(master);
  (void) unlockpt(master);
  const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  is_int(slave >= 0, 1, "there is a terminal");
  waits_for_keys_only(slave);
  (void) close(slave);
  (void) close(master);
  return done_testing();
}
