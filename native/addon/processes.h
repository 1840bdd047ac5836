// processes.h — helpers started and reaped, and the descriptors between them and Node.
#pragma once

#include <napi.h>

// (path, argv, environment, fds) → { pid, pidfd }
Napi::Value Spawn(const Napi::CallbackInfo& info);
// (pidfd) → { exitCode, signal } | undefined while it runs
Napi::Value Reap(const Napi::CallbackInfo& info);
// () → [readEnd, writeEnd]
Napi::Value Pipe(const Napi::CallbackInfo& info);
// () → [end, end], SOCK_STREAM
Napi::Value SocketPair(const Napi::CallbackInfo& info);
// (socket) → the descriptor that came over it
Napi::Value Receive(const Napi::CallbackInfo& info);
// (pid, when it began in clock ticks, signal) → whether it was there; one that has ended is not
Napi::Value SignalProcess(const Napi::CallbackInfo& info);
