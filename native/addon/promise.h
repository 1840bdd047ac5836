// promise.h — work on a thread of libuv's pool, as a promise; for work that never waits.
#pragma once

#include <napi.h>

#include <functional>
#include <utility>

extern "C" {
#include "../core/failure.h"
}

// What JavaScript gets of a failure: `{ message: what, errno }`. lib/native adds the code's name
// and the caller's stack.
inline Napi::Error ToError(Napi::Env env, const failure& why) {
  Napi::Error error = Napi::Error::New(env, why.what);
  error.Set("errno", Napi::Number::New(env, why.errnum));
  return error;
}

class Call : public Napi::AsyncWorker {
 public:
  using Work = std::function<int(failure*)>;

  static Napi::Promise Start(Napi::Env env, Work work) {
    auto* call = new Call(env, std::move(work));  // AsyncWorker deletes itself
    const Napi::Promise promise = call->deferred_.Promise();
    call->Queue();
    return promise;
  }

 private:
  Call(Napi::Env env, Work work) : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)) {}

  void Execute() override {
    if (work_(&why_) < 0) SetError(why_.what);
  }
  void OnOK() override { deferred_.Resolve(Env().Undefined()); }
  void OnError(const Napi::Error& error) override {
    error.Set("errno", Napi::Number::New(Env(), why_.errnum));
    deferred_.Reject(error.Value());
  }

  Napi::Promise::Deferred deferred_;
  Work work_;
  failure why_ = {};
};
