// Calls every kernel on every kind of shape, each input and output in memory of exactly its size, and the work space as large
// as was asked for: compiled with the address and undefined-behaviour sanitizers, which end the program at the first access
// that is out of bounds. What is computed is compared elsewhere.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>
#include "../../lib/engine/native/kernels.h"

namespace {

using namespace zarts;

// One piece of work space at a time, aligned to 64 bytes as the kernels expect and nothing behind it.
void* allocate(size_t bytes) {
  static void* held = nullptr;
  std::free(held);
  if (posix_memalign(&held, 64, bytes) != 0) std::abort();
  return held;
}

// Exactly `size` values between −1 and 1.
template <class T> std::unique_ptr<T[]> values(size_t size) {
  static unsigned state = 1;
  std::unique_ptr<T[]> made(new T[size]);
  for (size_t i = 0; i < size; i++) {
    state = state * 1664525u + 1013904223u;
    made[i] = static_cast<T>(state >> 8) / static_cast<T>(1 << 23) - 1;
  }
  return made;
}

long calls = 0;
bool sound = true;
template <class T> void look(const std::unique_ptr<T[]>& at, size_t size) {
  for (size_t i = 0; i < size; i++) sound = sound && std::isfinite(at[i]);
}

void block(const Kernels& k, int images, int height, int width, int channels, int outChannels, int size, int stride, int dilation, bool scaled) {
  const int padding = size == 0 ? 0 : dilation * (size - 1) / 2, reach = size == 0 ? 0 : dilation * (size - 1);
  const auto out = [&](int side) { return (side + 2 * padding - reach - 1) / stride + 1; };
  const BlockShape s = {images, height, width, channels, out(height), out(width), outChannels, size, stride, dilation, padding};
  const size_t in = static_cast<size_t>(images) * height * width * channels, to = static_cast<size_t>(images) * s.outHeight * s.outWidth * outChannels;
  const size_t taps = static_cast<size_t>(size) * size * channels, products = static_cast<size_t>(channels) * outChannels;
  const auto x = values<float>(in), scale = values<float>(channels), shift = values<float>(channels), depthwise = values<float>(taps);
  const auto pointwise = values<float>(products), a = values<float>(outChannels), b = values<float>(outChannels), c = values<float>(outChannels);
  const auto dy = values<float>(to), factors = values<float>(images), centres = values<float>(channels);
  auto z = values<float>(to), dx = values<float>(in), dDepthwise = values<float>(taps), dPointwise = values<float>(products);
  auto mean = values<double>(outChannels), variance = values<double>(outChannels), sum = values<double>(channels), product = values<double>(channels);
  const float *scales = scaled ? scale.get() : nullptr, *shifts = scaled ? shift.get() : nullptr;
  k.blockForward(s, {x.get(), scales, shifts, depthwise.get(), pointwise.get(), z.get(), mean.get(), variance.get()}, allocate);
  k.blockBackward(s,
                  {x.get(), scales, shifts, depthwise.get(), pointwise.get(), z.get(), dy.get(), a.get(), b.get(), c.get(), scaled ? factors.get() : nullptr,
                   dx.get(), dDepthwise.get(), dPointwise.get(), centres.get(), sum.get(), product.get()},
                  allocate);
  look(z, to), look(mean, outChannels), look(variance, outChannels), look(dx, in), look(dDepthwise, taps), look(dPointwise, products);
  calls += 2;
}

void maps(const Kernels& k, int terms, int channels, size_t pixels) {
  const size_t size = pixels * channels, all = static_cast<size_t>(terms) * channels;
  std::vector<std::unique_ptr<float[]>> held;
  std::vector<const float*> xs;
  for (int i = 0; i < terms; i++) held.push_back(values<float>(size)), xs.push_back(held.back().get());
  const auto scales = values<float>(all), shift = values<float>(channels), dy = values<float>(size);
  auto y = values<float>(size);
  auto sum = values<double>(channels), products = values<double>(all);
  k.weightedSum({xs.data(), terms, channels, pixels, scales.get(), shift.get(), y.get()}, allocate);
  k.products({dy.get(), xs.data(), terms, channels, pixels, scales.get(), sum.get(), products.get()}, allocate);
  look(y, size), look(sum, channels), look(products, all);
  calls += 2;
}

void pool(const Kernels& k, int images, int height, int width, int channels, int stride, bool max, int terms) {
  const PoolShape s = {images, height, width, channels, (height - 1) / stride + 1, (width - 1) / stride + 1, stride, max};
  const size_t in = static_cast<size_t>(images) * height * width * channels, to = static_cast<size_t>(images) * s.outHeight * s.outWidth * channels;
  const auto x = values<float>(in), a = values<float>(static_cast<size_t>(terms) * channels), b = values<float>(channels), c = values<float>(channels);
  auto p = values<float>(to), dx = values<float>(in);
  auto mean = values<double>(channels), variance = values<double>(channels);
  std::vector<std::unique_ptr<float[]>> held;
  std::vector<const float*> dys;
  for (int i = 0; i < terms; i++) held.push_back(values<float>(to)), dys.push_back(held.back().get());
  k.poolForward(s, {x.get(), p.get(), mean.get(), variance.get()}, allocate);
  k.poolBackward(s, {x.get(), p.get(), dys.data(), terms, a.get(), b.get(), c.get(), dx.get()}, allocate);
  look(p, to), look(mean, channels), look(variance, channels), look(dx, in);
  calls += 2;
}

void words(const Kernels& k) {
  const uint32_t key[] = {1, 2}, high[] = {3, 4};
  std::unique_ptr<uint64_t[]> pairs(new uint64_t[2 * COUNTERS]);
  k.philox(key, high, 0xfffffff0, pairs.get());
  calls++;
}

void everything(const Kernels& k) {
  words(k);
  const int sides[][2] = {{8, 8}, {7, 9}, {5, 4}, {33, 2}};
  for (const int channels : {3, 8, 16, 20, 36, 64}) {
    for (const auto& [height, width] : sides) {
      for (const int stride : {1, 2}) {
        for (const int size : {3, 5, 7})
          for (const int dilation : {1, 2}) block(k, 2, height, width, channels, channels, size, stride, dilation, size != 3);
        for (const bool max : {false, true})
          for (const int terms : {1, 3}) pool(k, 2, height, width, channels, stride, max, terms);
      }
      for (const bool scaled : {false, true}) block(k, 3, height, width, channels, 12, 0, 1, 1, scaled);
    }
    block(k, 2, 8, 6, channels, 2 * channels, 0, 2, 1, false);
    for (const int terms : {1, 2, 5, 9})
      for (const size_t pixels : {size_t{1}, size_t{63}, size_t{500}}) maps(k, terms, channels, pixels);
  }
}

}  // namespace

int main() {
  everything(kernels4());
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) everything(kernels8());
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    everything(kernels16());
#endif
  std::printf("%ld calls, all values %s\n", calls, sound ? "finite" : "NOT finite");
  return sound ? 0 : 1;
}
