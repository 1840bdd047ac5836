// files.h — what node:fs lacks: locks, whole directories in one job, the sync of a file system.
#pragma once

#include <napi.h>

// (path, exclusive, create) → descriptor | undefined while somebody else holds it
Napi::Value TryLock(const Napi::CallbackInfo& info);
// (directory, name, text) → descriptor of the new, locked file
Napi::Value CreateLocked(const Napi::CallbackInfo& info);
// (directory, [{ name, mode, bytes? }], durable) → promise
Napi::Value WriteTree(const Napi::CallbackInfo& info);
// (bytes) → descriptor of a file in memory that has them
Napi::Value MemoryFile(const Napi::CallbackInfo& info);
// (path, lowest) → descriptor of a sealed copy of that file, or undefined where there can be none
Napi::Value SealedCopy(const Napi::CallbackInfo& info);
// (path) → promise
Napi::Value SyncFilesystem(const Napi::CallbackInfo& info);
