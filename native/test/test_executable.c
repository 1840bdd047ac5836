/* test_executable.c — what execve() refuses, in words. */
#include "../core/executable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static const char *kind(const char *bytes, size_t size) {
  static char text[64];

  return executable_kind((const unsigned char *) bytes, size, text);
}

static void tells_kinds(void) {
  char elf[64] = "\177ELF\2\1\1";

  is_text(kind("", 0), ", an empty file", "nothing is an empty file");
  is_text(kind("echo x\n", 7), ", a script without #!", "text is a script");
  is_text(kind("caf\xc3\xa9\n", 6), ", a script without #!", "so is text of other alphabets");
  is_text(kind("a\0b", 3), ", which is no program", "bytes are not");
  is_text(kind("MZ\x90", 3), ", a program for Windows", "what Windows runs is known");
  is_text(kind("\177ELF\2\1\1", 7), ", a damaged program", "a program is as long as its header");
  elf[18] = 22;
  is_text(kind(elf, sizeof elf), ", a program for s390x", "another processor has its name");
  elf[5] = 2;
  elf[18] = 0;
  elf[19] = 21;
  is_text(kind(elf, sizeof elf), ", a program for ppc64le", "also in the other order of bytes");
  elf[19] = 1;
  is_text(kind(elf, sizeof elf), ", a program for another processor (1)", "or its number");
}

static void interprets(const char *bytes, const char *wanted, const char *title) {
  const char *path = "";
  const size_t length = executable_interpreter((const unsigned char *) bytes, strlen(bytes), &path);
  char found[512];

  snprintf(found, sizeof found, "%.*s", (int) length, path);
  is_text(found, wanted, title);
}

static void finds_interpreters(void) {
  char line[400] = "#!/";

  interprets("#!/bin/sh\necho", "/bin/sh", "an interpreter ends with its line");
  interprets("#! \t/bin/sh -e", "/bin/sh", "or at a blank, and may stand behind some");
  interprets("#!/bin/sh", "/bin/sh", "or with the file");
  interprets("#!\n/bin/sh", "", "but must be there");
  interprets("echo #!/bin/sh", "", "and at the start");
  memset(line + 3, 'x', sizeof line - 4);
  char read[400] = "";
  memcpy(read, line + 2, 254);
  interprets(line, read, "no further than the kernel reads");
}

static void refuse(const char *path, int errnum, const char *wanted, const char *title) {
  char *const nothing[] = {NULL};
  const struct execution execution = {path, nothing, nothing};
  struct failure why;

  (void) executable_fail(&execution, errnum, &why);
  is_text(strchr(why.what, ',') == NULL ? "" : strchr(why.what, ','), wanted, title);
}

static void looks_at_files(void) {
  char path[] = "/tmp/test-executable-XXXXXX";
  const int fd = mkstemp(path);

  refuse(path, EACCES, ", which is not executable", "a file without the permission");
  (void) fchmod(fd, 0755);
  refuse(path, ENOEXEC, ", an empty file", "an empty one");
  (void) !write(fd, "#!/bin/b\r\n", 10);
  refuse(path, ENOENT, ", whose interpreter /bin/b and a carriage return cannot be run",
         "a script of another system");
  (void) unlink(path);
  (void) close(fd);
  refuse(path, ENOENT, "", "of what is not there nothing is said");
}

static void names_what_is_too_long(void) {
  char *argument = calloc(140000, 1);
  char *argv[] = {argument, NULL};
  char variable[] = "A=b";
  char *environment[] = {variable, NULL};
  const struct execution execution = {"/x", argv, environment};
  struct failure why;

  memset(argument, 'a', 139999);
  is_int(executable_fail(&execution, E2BIG, &why), -E2BIG, "too long is refused");
  is_text(why.what, "exec /x with an argument of 139999 bytes, more than 131071", "by its size");
  argument[10] = '\0';
  (void) executable_fail(&execution, E2BIG, &why);
  is_text(why.what, "exec /x with 19 bytes of arguments and 12 of environment", "or all of it");
  free(argument);
}

int main(void) {
  tells_kinds();
  finds_interpreters();
  looks_at_files();
  names_what_is_too_long();
  return done_testing();
}
