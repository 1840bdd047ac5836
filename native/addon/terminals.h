// terminals.h — the mode of a terminal of this machine: kept, made raw, put back; its size.
#pragma once

#include <napi.h>

// (fd) → the mode it has, as bytes for the other two
Napi::Value SaveTerminal(const Napi::CallbackInfo& info);
// (fd, bytes) → undefined
Napi::Value EnterRaw(const Napi::CallbackInfo& info);
// (fd, bytes) → undefined
Napi::Value LeaveRaw(const Napi::CallbackInfo& info);
// (fd, columns, rows) → undefined
Napi::Value ResizeTerminal(const Napi::CallbackInfo& info);
// (master) → a descriptor of the terminal itself
Napi::Value OpenTerminal(const Napi::CallbackInfo& info);
