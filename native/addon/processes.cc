#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "promise.h"

extern "C" {
#include "../core/fd.h"
#include "../core/process_stat.h"
#include "../core/spawn.h"
#include "../core/syscalls.h"
}

static std::vector<std::string> ToStrings(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> strings;

  for (uint32_t i = 0; i < array.Length(); i++) strings.push_back(array.Get(i).As<Napi::String>());
  return strings;
}

static std::vector<char*> ToPointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;

  for (auto& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Napi::Value Spawn(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  auto argv = ToStrings(info[1]);
  auto environment = ToStrings(info[2]);
  const auto array = info[3].As<Napi::Array>();
  std::vector<int> fds;
  for (uint32_t i = 0; i < array.Length(); i++)
    fds.push_back(array.Get(i).As<Napi::Number>().Int32Value());

  const auto arguments = ToPointers(argv);
  const auto variables = ToPointers(environment);
  const spawn_request request = {path.c_str(), arguments.data(), variables.data(), fds.data(),
                                 fds.size()};
  spawned result = {};
  failure why = {};
  if (spawn_start(&request, &result, &why) < 0) throw ToError(info.Env(), why);

  auto object = Napi::Object::New(info.Env());
  object["pid"] = Napi::Number::New(info.Env(), result.pid);
  object["pidfd"] = Napi::Number::New(info.Env(), result.pidfd);
  return object;
}

Napi::Value Reap(const Napi::CallbackInfo& info) {
  const int pidfd = info[0].As<Napi::Number>().Int32Value();
  int exit_code = 0;
  int signal = 0;
  failure why = {};

  const int r = spawn_reap(pidfd, &exit_code, &signal, &why);
  if (r < 0) throw ToError(info.Env(), why);
  if (r == 0) return info.Env().Undefined();

  auto object = Napi::Object::New(info.Env());
  object["exitCode"] = Napi::Number::New(info.Env(), exit_code);
  object["signal"] = Napi::Number::New(info.Env(), signal);
  return object;
}

static Napi::Value ToPair(Napi::Env env, const int ends[2]) {
  auto pair = Napi::Array::New(env, 2);

  pair.Set(0u, Napi::Number::New(env, ends[0]));
  pair.Set(1u, Napi::Number::New(env, ends[1]));
  return pair;
}

Napi::Value Pipe(const Napi::CallbackInfo& info) {
  int ends[2];
  failure why = {};

  if (pipe2(ends, O_CLOEXEC) < 0) {
    fail(&why, errno, "create a pipe");
    throw ToError(info.Env(), why);
  }
  return ToPair(info.Env(), ends);
}

Napi::Value SocketPair(const Napi::CallbackInfo& info) {
  int ends[2];
  failure why = {};

  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
    fail(&why, errno, "create a socket");
    throw ToError(info.Env(), why);
  }
  return ToPair(info.Env(), ends);
}

Napi::Value Receive(const Napi::CallbackInfo& info) {
  int fd = -1;
  failure why = {};

  if (fd_receive(info[0].As<Napi::Number>().Int32Value(), &fd, &why) < 0)
    throw ToError(info.Env(), why);
  return Napi::Number::New(info.Env(), fd);
}

// Whether it is the one that began then. Once its descriptor is open nobody else gets its number.
static bool BeganAt(pid_t pid, int64_t start) {
  const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct process_stat stat = {};
  const bool is_there = proc >= 0 && process_stat_read(proc, std::to_string(pid).c_str(), &stat);

  if (proc >= 0) close(proc);
  return is_there && stat.start == start;
}

Napi::Value SignalProcess(const Napi::CallbackInfo& info) {
  const pid_t pid = info[0].As<Napi::Number>().Int32Value();
  const int64_t start = info[1].As<Napi::Number>().Int64Value();
  failure why = {};

  const int pidfd = sys_pidfd_open(pid);
  // EINVAL: it has just been reaped, and somebody still holds its number (Linux before 6.15).
  int r = pidfd >= 0 ? 0 : errno == EINVAL ? -ESRCH : -errno;
  if (r == 0 && !BeganAt(pid, start)) r = -ESRCH;
  if (r == 0 && sys_pidfd_send_signal(pidfd, info[2].As<Napi::Number>().Int32Value()) < 0)
    r = -errno;
  if (pidfd >= 0) close(pidfd);
  if (r < 0 && r != -ESRCH) {
    fail(&why, -r, "send a signal to process %d", static_cast<int>(pid));
    throw ToError(info.Env(), why);
  }
  return Napi::Boolean::New(info.Env(), r == 0);
}
