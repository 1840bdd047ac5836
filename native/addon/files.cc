#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "promise.h"

extern "C" {
#include "../core/draft.h"
#include "../core/fd.h"
#include "../core/lock.h"
#include "../core/sealed.h"
}

Napi::Value TryLock(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  int fd = -1;
  failure why = {};

  const lock_request request = {info[1].As<Napi::Boolean>(), info[2].As<Napi::Boolean>()};
  const int r = lock_try(path.c_str(), request, &fd, &why);
  if (r == -EWOULDBLOCK) return info.Env().Undefined();
  if (r < 0) throw ToError(info.Env(), why);
  return Napi::Number::New(info.Env(), fd);
}

Napi::Value CreateLocked(const Napi::CallbackInfo& info) {
  const std::string directory = info[0].As<Napi::String>();
  const std::string name = info[1].As<Napi::String>();
  const std::string text = info[2].As<Napi::String>();
  int fd = -1;
  failure why = {};

  if (lock_create(directory.c_str(), name.c_str(), text.c_str(), &fd, &why) < 0)
    throw ToError(info.Env(), why);
  return Napi::Number::New(info.Env(), fd);
}

Napi::Value MemoryFile(const Napi::CallbackInfo& info) {
  const auto bytes = info[0].As<Napi::Uint8Array>();
  failure why = {};

  const int fd = memfd_create("marmita", MFD_CLOEXEC);
  if (fd < 0) {
    fail(&why, errno, "create a file in memory");
    throw ToError(info.Env(), why);
  }
  if (fd_write_all(fd, bytes.Data(), bytes.ByteLength(), &why) < 0) {
    (void)close(fd);
    throw ToError(info.Env(), why);
  }
  return Napi::Number::New(info.Env(), fd);
}

Napi::Value SealedCopy(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  const int from = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int fd = from < 0 ? -1 : sealed_copy(from, info[1].As<Napi::Number>().Int32Value());

  if (from >= 0) (void)close(from);
  return fd < 0 ? info.Env().Undefined() : Napi::Number::New(info.Env(), fd);
}

namespace {

// The bytes are copied: JavaScript may reuse its buffers while the thread writes.
struct Tree {
  std::string path;
  std::vector<std::string> names;
  std::vector<std::string> bytes;
  std::vector<draft_entry> entries;
  bool durable;
};

}  // namespace

static std::shared_ptr<Tree> ToTree(const Napi::CallbackInfo& info) {
  const auto array = info[1].As<Napi::Array>();
  auto tree = std::make_shared<Tree>();

  tree->path = info[0].As<Napi::String>();
  tree->durable = info[2].As<Napi::Boolean>();
  tree->names.reserve(array.Length());  // entries point into both
  tree->bytes.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) {
    const auto object = array.Get(i).As<Napi::Object>();
    const Napi::Value content = object.Get("bytes");
    const bool is_directory = content.IsUndefined();

    tree->names.push_back(object.Get("name").As<Napi::String>());
    tree->bytes.emplace_back();
    if (!is_directory) {
      const auto bytes = content.As<Napi::Uint8Array>();
      tree->bytes.back().assign(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
    }
    tree->entries.push_back({tree->names.back().c_str(),
                             object.Get("mode").As<Napi::Number>().Uint32Value(), is_directory,
                             tree->bytes.back().data(), tree->bytes.back().size()});
  }
  return tree;
}

Napi::Value WriteTree(const Napi::CallbackInfo& info) {
  const auto tree = ToTree(info);

  return Call::Start(info.Env(), [tree](failure* why) {
    const draft draft = {tree->path.c_str(), tree->entries.data(), tree->entries.size(),
                         tree->durable};
    return draft_write(&draft, why);
  });
}

Napi::Value SyncFilesystem(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();

  return Call::Start(info.Env(), [path](failure* why) { return draft_sync(path.c_str(), why); });
}
