/* test_passwd.c — users and groups of files that lie. */
#include "../core/passwd.h"

#include <errno.h>
#include <stdlib.h>

#include "tap.h"

static const struct accounts accounts = {
    .passwd = "root:x:0:0:root:/root:/bin/sh\n"
              "malformed\n"
              "short:x:7\n"
              "negative:x:-1:0::/:/bin/sh\n"
              "huge:x:4294967295:0::/:/bin/sh\n"
              "www:x:33:33:www:/var/www:/bin/sh\n"
              "1000:x:44:44::/numbers:/bin/sh\n"
              "nohome:x:50:50:::\n"
              "last:x:60:60::/last:/bin/sh",
    .group = "root:x:0:\n"
             "www:x:33:\n"
             "staff:x:50:root,www\n"
             "tail:x:70:wwwx,xwww,www",
};

static char *none[] = {NULL};

static int resolve(const char *user, struct identity *ret_identity) {
  struct failure why;

  return passwd_resolve(user, none, &accounts, ret_identity, &why);
}

static void finds_users(struct identity *who) {
  is_int(resolve("www", who), 0, "a user is found by name");
  is_int(who->uid, 33, "with the uid of its line");
  is_int(who->gid, 33, "the gid");
  is_text(who->home, "/var/www", "the home");
  is_int((long) who->group_count, 3, "and the groups that list it, whole names only");
  is_int(who->groups[0], 33, "its own before them");
  is_int(who->groups[1], 50, "in the file's order");
  is_int(who->groups[2], 70, "up to the last line without a newline");

  is_int(resolve("", who), 0, "no user means root");
  is_text(who->home, "/root", "with root's home");
  is_int(resolve("last", who), 0, "the last line counts without a newline");
  is_int(resolve("nohome", who), 0, "a line without a home is taken");
  is_text(who->home, "/", "with / for it");
}

static void takes_numbers(struct identity *who) {
  is_int(resolve("33", who), 0, "a number finds its line");
  is_int(who->gid, 33, "with its group");
  is_int(resolve("12345", who), 0, "a number without a line stands for itself");
  is_int(who->uid, 12345, "as uid");
  is_int(who->gid, 0, "with group 0");
  is_int(resolve("1000", who), 0, "a name of digits is no name");
  is_int(who->uid, 1000, "but the number");
  is_int(resolve("33:50", who), 0, "a group of digits is no name either");
  is_int(who->gid, 50, "but the number");
  is_int(resolve("4294967295", who), -ENOENT, "(uid_t) -1 is no id");
}

static void takes_groups(struct identity *who) {
  char staff[] = "staff", number[] = "777", nobody[] = "nobody";
  char *further[] = {staff, number, NULL};
  char *missing[] = {nobody, NULL};
  struct failure why;

  is_int(resolve("www:staff", who), 0, "a group is found by name");
  is_int(who->gid, 50, "and taken for the primary one");
  is_int((long) who->group_count, 1, "without the user's other groups");
  is_int(resolve("www:9", who), 0, "a group may be a number");
  is_int(who->gid, 9, "that stands for itself");
  is_int(resolve("www:", who), 0, "an empty group is none");
  is_int(resolve("www:nobody", who), -ENOENT, "an unknown one is refused");
  is_int(resolve("nobody", who), -ENOENT, "as is an unknown user");
  is_int(resolve("negative", who), -ENOENT, "and one whose line is malformed");

  is_int(passwd_resolve("0", further, &accounts, who, &why), 0, "further groups are added");
  is_int((long) who->group_count, 3, "once each, after those of the files");
  is_int(who->groups[2], 777, "by name and by number");
  is_int(passwd_resolve("0", missing, &accounts, who, &why), -ENOENT, "if they exist");
}

int main(void) {
  static struct identity who;

  finds_users(&who);
  takes_numbers(&who);
  takes_groups(&who);
  return done_testing();
}
