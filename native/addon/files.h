// files.h — what node:fs lacks: locks, whole directories in one job, file systems.
#pragma once

#include <napi.h>

// (path, exclusive) → descriptor | undefined while somebody else holds it
Napi::Value TryLock(const Napi::CallbackInfo& info);
// (directory, name, text) → descriptor of the new, locked file
Napi::Value CreateLocked(const Napi::CallbackInfo& info);
// (directory, [{ name, mode, bytes? }], durable) → promise
Napi::Value WriteTree(const Napi::CallbackInfo& info);
// (path) → promise
Napi::Value SyncFilesystem(const Napi::CallbackInfo& info);
// (path) → f_type of statfs(2)
Napi::Value FilesystemType(const Napi::CallbackInfo& info);
