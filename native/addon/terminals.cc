#include "terminals.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "promise.h"

extern "C" {
#include "../core/raw.h"
}

static raw_terminal ToTerminal(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Buffer<char>>();
  raw_terminal terminal = {};

  if (bytes.Length() == sizeof terminal) memcpy(&terminal, bytes.Data(), sizeof terminal);
  return terminal;
}

Napi::Value SaveTerminal(const Napi::CallbackInfo& info) {
  raw_terminal terminal = {};
  failure why = {};

  if (raw_save(info[0].As<Napi::Number>().Int32Value(), &terminal, &why) < 0)
    throw ToError(info.Env(), why);
  terminal.is_for_keys = info[1].As<Napi::Boolean>();
  return Napi::Buffer<char>::Copy(info.Env(), reinterpret_cast<const char*>(&terminal),
                                  sizeof terminal);
}

Napi::Value EnterRaw(const Napi::CallbackInfo& info) {
  const raw_terminal terminal = ToTerminal(info[1]);
  failure why = {};

  if (raw_enter(info[0].As<Napi::Number>().Int32Value(), &terminal, &why) < 0)
    throw ToError(info.Env(), why);
  return info.Env().Undefined();
}

Napi::Value LeaveRaw(const Napi::CallbackInfo& info) {
  const raw_terminal terminal = ToTerminal(info[1]);

  raw_leave(info[0].As<Napi::Number>().Int32Value(), &terminal);
  return info.Env().Undefined();
}

Napi::Value ResizeTerminal(const Napi::CallbackInfo& info) {
  winsize size = {};
  failure why = {};

  size.ws_col = static_cast<unsigned short>(info[1].As<Napi::Number>().Uint32Value());
  size.ws_row = static_cast<unsigned short>(info[2].As<Napi::Number>().Uint32Value());
  if (ioctl(info[0].As<Napi::Number>().Int32Value(), TIOCSWINSZ, &size) < 0) {
    fail(&why, errno, "set the size of a terminal");
    throw ToError(info.Env(), why);
  }
  return info.Env().Undefined();
}

Napi::Value OpenTerminal(const Napi::CallbackInfo& info) {
  failure why = {};

  const int slave =
      ioctl(info[0].As<Napi::Number>().Int32Value(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) {
    fail(&why, errno, "open a terminal by its master");
    throw ToError(info.Env(), why);
  }
  return Napi::Number::New(info.Env(), slave);
}
