// addon.cc — the table of what JavaScript may call. Arguments are checked in lib/native, the only
// caller; nothing here decides anything.
#include "files.h"
#include "processes.h"
#include "terminals.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  const struct {
    const char* name;
    Napi::Value (*function)(const Napi::CallbackInfo&);
  } table[] = {
      {"spawn", Spawn},
      {"reap", Reap},
      {"pipe", Pipe},
      {"socketPair", SocketPair},
      {"receive", Receive},
      {"signalProcess", SignalProcess},
      {"tryLock", TryLock},
      {"createLocked", CreateLocked},
      {"memoryFile", MemoryFile},
      {"sealedCopy", SealedCopy},
      {"writeTree", WriteTree},
      {"syncFilesystem", SyncFilesystem},
      {"saveTerminal", SaveTerminal},
      {"enterRaw", EnterRaw},
      {"leaveRaw", LeaveRaw},
      {"resizeTerminal", ResizeTerminal},
      {"openTerminal", OpenTerminal},
  };

  for (const auto& row : table)
    exports[row.name] = Napi::Function::New(env, row.function, row.name);
  return exports;
}

NODE_API_MODULE(marmita, Init)
