// Standard normal draws of a seed, to the bit those of TensorFlow's StatelessRandomNormal, and kept for a while: the passes of an
// alpha update, and the points of a landscape, differ in weights and alphas and draw the same.
#pragma once
#include <algorithm>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <utility>
#include <vector>
#include "kernels.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/lib/core/threadpool.h"
#include "tensorflow/core/lib/random/philox_random.h"
#include "tensorflow/core/lib/random/random_distributions_utils.h"

namespace zarts {

// Draws that were made last, by seed and shape. Nobody writes into them: TensorFlow reuses the memory only of tensors that
// it alone has.
class KeptDraws {
 public:
  using Key = std::vector<int64_t>;

  // An empty tensor where there are none.
  tensorflow::Tensor find(const Key& key) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto at = places_.find(key);
    if (at == places_.end()) return {};
    draws_.splice(draws_.begin(), draws_, at->second);
    return at->second->second;
  }

  void keep(const Key& key, const tensorflow::Tensor& draws) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (draws.TotalBytes() > MOST || places_.count(key)) return;
    draws_.emplace_front(key, draws);
    places_[key] = draws_.begin();
    bytes_ += draws.TotalBytes();
    while (bytes_ > MOST) {
      bytes_ -= draws_.back().second.TotalBytes();
      places_.erase(draws_.back().first);
      draws_.pop_back();
    }
  }

 private:
  // An alpha update of the smaller budgets with M = 10 draws a hundred megabytes in S4.
  static constexpr size_t MOST = size_t{128} << 20;
  std::mutex mutex_;
  std::list<std::pair<Key, tensorflow::Tensor>> draws_;
  std::map<Key, std::list<std::pair<Key, tensorflow::Tensor>>::iterator> places_;
  size_t bytes_ = 0;
};

// Philox is computed block by block, by `words`; what makes normal draws of its words is TensorFlow's own, and the system's
// logarithm, sine and cosine.
inline void drawNormal(tensorflow::OpKernelContext* c, decltype(Kernels::philox) words, const int32_t* seed, float* to, int64_t count) {
  using Random = tensorflow::random::PhiloxRandom;
  // TensorFlow runs its generator once on a seed, under a key of its own, to spread the seed over key and counter.
  const auto wide = [](int32_t value, int half) { return static_cast<uint32_t>(static_cast<uint64_t>(int64_t{value}) >> (32 * half)); };
  Random::Key own;
  own[0] = 0x3ec8f720, own[1] = 0x02461e29;
  Random::ResultType counter;
  for (int i = 0; i < 4; i++) counter[i] = wide(seed[i / 2], i % 2);
  const Random::ResultType spread = Random(counter, own)();
  const uint32_t key[2] = {spread[0], spread[1]}, high[2] = {spread[2], spread[3]};
  constexpr int64_t BLOCK = 4 * COUNTERS, CYCLES = 25 * BLOCK;
  const auto blocks = [&](int64_t from, int64_t end) {
    uint64_t pairs[2 * COUNTERS];
    for (int64_t b = from; b < end; b++) {
      words(key, high, b * COUNTERS, pairs);
      float* at = to + b * BLOCK;
      const int64_t left = count - b * BLOCK;
      for (int64_t i = 0; i < std::min(BLOCK, left); i += 2) {
        const uint64_t pair = pairs[i / 2 % 2 * COUNTERS + i / 4];
        float two[2];
        tensorflow::random::BoxMullerFloat(static_cast<uint32_t>(pair), static_cast<uint32_t>(pair >> 32), &two[0], &two[1]);
        at[i] = two[0];
        if (i + 1 < left) at[i + 1] = two[1];
      }
    }
  };
  c->device()->tensorflow_cpu_worker_threads()->workers->ParallelFor((count + BLOCK - 1) / BLOCK, CYCLES, blocks);
}

}  // namespace zarts
