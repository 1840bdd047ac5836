#include "executable.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#define HEAD_BYTES 1024
#define LINE_BYTES 256u           /* what the kernel reads of a script (BINPRM_BUF_SIZE) */
#define MAX_PROGRAM_HEADERS 64u   /* of as many the interpreter is looked for */
#define STRING_BYTES (128u << 10) /* the longest argument or variable (MAX_ARG_STRLEN) */

/* Go's names, as in images. */
static const struct {
  uint16_t machine;
  const char *name;
} machines[] = {
    {EM_386, "386"},       {EM_X86_64, "amd64"},  {EM_ARM, "arm"},
    {EM_AARCH64, "arm64"}, {EM_PPC64, "ppc64le"}, {EM_S390, "s390x"},
    {EM_RISCV, "riscv64"}, {EM_MIPS, "mips"},     {258 /* LoongArch */, "loong64"},
};

static bool starts_with(const unsigned char *bytes, size_t size, const char *start, size_t length) {
  return size >= length && memcmp(bytes, start, length) == 0;
}

static bool is_of_this_machine(const unsigned char *bytes) {
#if defined(__x86_64__)
  return bytes[EI_CLASS] == ELFCLASS64 && bytes[18] == EM_X86_64;
#elif defined(__aarch64__)
  return bytes[EI_CLASS] == ELFCLASS64 && bytes[18] == EM_AARCH64;
#else
  (void) bytes;
  return true;
#endif
}

static const char *kind_of_program(const unsigned char *bytes, size_t size, char text[static 64]) {
  if (size < sizeof(Elf32_Ehdr))
    return ", a damaged program";
  const int is_big = bytes[EI_DATA] == ELFDATA2MSB;
  const unsigned machine = (unsigned) bytes[is_big ? 18 : 19] << 8 | bytes[is_big ? 19 : 18];

  if (bytes[EI_DATA] == ELFDATA2LSB && is_of_this_machine(bytes))
    return "";
  for (size_t i = 0; i < sizeof machines / sizeof *machines; i++)
    if (machines[i].machine == machine) {
      snprintf(text, 64, ", a program for %s", machines[i].name);
      return text;
    }
  snprintf(text, 64, ", a program for another processor (%u)", machine);
  return text;
}

static bool is_text(const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if ((bytes[i] < ' ' && strchr("\t\n\r\f\033", bytes[i]) == NULL) || bytes[i] == 0x7f ||
        bytes[i] == '\0')
      return false;
  return true;
}

const char *executable_kind(const unsigned char *bytes, size_t size, char text[static 64]) {
  if (size == 0)
    return ", an empty file";
  if (starts_with(bytes, size, ELFMAG, SELFMAG))
    return kind_of_program(bytes, size, text);
  if (starts_with(bytes, size, "#!", 2))
    return ", a script whose first line names no interpreter or is too long";
  if (starts_with(bytes, size, "MZ", 2))
    return ", a program for Windows";
  if (starts_with(bytes, size, "\xcf\xfa\xed\xfe", 4) ||
      starts_with(bytes, size, "\xca\xfe\xba\xbe", 4))
    return ", a program for macOS, or of Java";
  return is_text(bytes, size) ? ", a script without #!" : ", which is no program";
}

size_t executable_interpreter(const unsigned char *bytes, size_t size, const char **ret_path) {
  const char *text = (const char *) bytes;
  size_t from = 2;
  size_t end;

  if (!starts_with(bytes, size, "#!", 2))
    return 0;
  if (size > LINE_BYTES)
    size = LINE_BYTES;
  while (from < size && (text[from] == ' ' || text[from] == '\t'))
    from++;
  for (end = from; end < size && text[end] != '\0' && strchr(" \t\n", text[end]) == NULL; end++)
    continue;
  *ret_path = text + from;
  return end - from;
}

/* The path in PT_INTERP of a 64-bit program in our byte order: its length, 0 for none. */
static size_t read_loader(int fd, const unsigned char *bytes, size_t size, char *ret_path,
                          size_t room) {
  Elf64_Ehdr header;
  Elf64_Phdr program;

  if (size < sizeof header || memcmp(bytes, ELFMAG, SELFMAG) != 0 || bytes[EI_CLASS] != ELFCLASS64)
    return 0;
  memcpy(&header, bytes, sizeof header);
  if (header.e_phentsize != sizeof program || header.e_phoff > INT64_MAX / 2)
    return 0;
  for (unsigned i = 0; i < header.e_phnum && i < MAX_PROGRAM_HEADERS; i++) {
    const off_t at = (off_t) (header.e_phoff + i * sizeof program);

    if (pread(fd, &program, sizeof program, at) != (ssize_t) sizeof program)
      return 0;
    if (program.p_type != PT_INTERP || program.p_offset > INT64_MAX / 2)
      continue;
    const size_t length = program.p_filesz < room ? (size_t) program.p_filesz : room - 1;
    const ssize_t n = pread(fd, ret_path, length, (off_t) program.p_offset);
    return n > 0 ? strnlen(ret_path, (size_t) n) : 0;
  }
  return 0;
}

static int fail_interpreter(const char *path, const char *interpreter, size_t length, int errnum,
                            struct failure *why) {
  const bool is_crlf = length > 1 && interpreter[length - 1] == '\r';

  return fail(why, errnum, "exec %s, whose interpreter %.*s%s cannot be run", path,
              (int) (length < 200 ? length - is_crlf : 200), interpreter,
              is_crlf ? " and a carriage return" : "");
}

/* `st` is a regular file that execve() would not run. */
static int fail_file(const struct execution *execution, const struct stat *st, int errnum,
                     struct failure *why) {
  const char *path = execution->path;
  unsigned char bytes[HEAD_BYTES];
  char loader[LINE_BYTES];
  char text[64];
  const char *script = NULL;

  if (errnum == EACCES && (st->st_mode & 0111) == 0)
    return fail(why, errnum, "exec %s, which is not executable", path);
  autoclose int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  const ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
  if (n < 0)
    return fail(why, errnum, "exec %s", path);
  const size_t size = (size_t) n;

  if (errnum == ENOEXEC || errnum == EIO || errnum == EINVAL)
    return fail(why, ENOEXEC, "exec %s%s", path, executable_kind(bytes, size, text));
  size_t length = executable_interpreter(bytes, size, &script);
  if (length > 0)
    return fail_interpreter(path, script, length, errnum, why);
  length = read_loader(fd, bytes, size, loader, sizeof loader);
  if (length > 0)
    return fail_interpreter(path, loader, length, errnum, why);
  return fail(why, errnum, "exec %s", path);
}

static size_t bytes_of(char *const *strings, const char **ret_longest) {
  size_t longest = 0;
  size_t bytes = 0;

  *ret_longest = "";
  for (; *strings != NULL; strings++) {
    const size_t length = strlen(*strings) + 1;

    bytes += length + sizeof *strings;
    if (length > longest) {
      longest = length;
      *ret_longest = *strings;
    }
  }
  return bytes;
}

static int fail_too_long(const struct execution *execution, struct failure *why) {
  const char *argument;
  const char *variable;
  const size_t arguments = bytes_of(execution->argv, &argument);
  const size_t environment = bytes_of(execution->environment, &variable);

  if (strlen(argument) >= STRING_BYTES)
    return fail(why, E2BIG, "exec %.200s with an argument of %zu bytes, more than %u",
                execution->path, strlen(argument), STRING_BYTES - 1);
  if (strlen(variable) >= STRING_BYTES)
    return fail(why, E2BIG, "exec %.200s with the variable %.*s of %zu bytes, more than %u",
                execution->path, (int) strcspn(variable, "=") % 64, variable, strlen(variable),
                STRING_BYTES - 1);
  return fail(why, E2BIG, "exec %.200s with %zu bytes of arguments and %zu of environment",
              execution->path, arguments, environment);
}

int executable_fail(const struct execution *execution, int errnum, struct failure *why) {
  struct stat st;

  if (errnum == E2BIG)
    return fail_too_long(execution, why);
  if (stat(execution->path, &st) < 0 || !S_ISREG(st.st_mode))
    return fail(why, errnum, "exec %s", execution->path);
  return fail_file(execution, &st, errnum, why);
}
