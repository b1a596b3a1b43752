// TensorFlow's libraries write two lines to stderr while they are being loaded, before any setting of theirs is read.
// hush() points the process's stderr at /dev/null, speak() puts it back: for the moment of loading, no longer.

#include <fcntl.h>
#include <node_api.h>
#include <stdio.h>
#include <unistd.h>

static int saved = -1;

static napi_value hush(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  if (saved >= 0) return NULL;
  fflush(stderr);
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0) return NULL;
  saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (saved >= 0) dup2(null, STDERR_FILENO);
  close(null);
  return NULL;
}

static napi_value speak(napi_env env, napi_callback_info info) {
  (void)env, (void)info;
  if (saved < 0) return NULL;
  fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);
  saved = -1;
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "hush", NAPI_AUTO_LENGTH, hush, NULL, &function);
  napi_set_named_property(env, exports, "hush", function);
  napi_create_function(env, "speak", NAPI_AUTO_LENGTH, speak, NULL, &function);
  napi_set_named_property(env, exports, "speak", function);
  return exports;
}
