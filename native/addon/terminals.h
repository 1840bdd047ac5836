// terminals.h — the mode of a terminal of this machine: kept, made raw, put back.
#pragma once

#include <napi.h>

// (fd) → the mode it has, as bytes for the other two
Napi::Value SaveTerminal(const Napi::CallbackInfo& info);
// (fd, bytes) → undefined
Napi::Value EnterRaw(const Napi::CallbackInfo& info);
// (fd, bytes) → undefined
Napi::Value LeaveRaw(const Napi::CallbackInfo& info);
