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
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/lib/core/threadpool.h"
#include "tensorflow/core/lib/random/philox_random.h"
#include "tensorflow/core/lib/random/random_distributions.h"

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

class Normal : public tensorflow::OpKernel {
 public:
  explicit Normal(tensorflow::OpKernelConstruction* c) : OpKernel(c) { OP_REQUIRES_OK(c, c->GetAttr("shape", &shape_)); }

  void Compute(tensorflow::OpKernelContext* c) override {
    const int32_t* seed = c->input(0).flat<int32_t>().data();
    KeptDraws::Key key(shape_);
    key.insert(key.end(), {seed[0], seed[1]});
    static KeptDraws* const kept = new KeptDraws;  // never destroyed: threads may outlive what is static
    tensorflow::Tensor draws = kept->find(key);
    if (draws.NumElements() == 0) {
      tensorflow::Tensor* made;
      OP_REQUIRES_OK(c, c->allocate_output(0, tensorflow::TensorShape(shape_), &made));
      draw(c, seed, made->flat<float>().data(), made->NumElements());
      kept->keep(key, *made);
    } else {
      c->set_output(0, draws);
    }
  }

 private:
  using Random = tensorflow::random::PhiloxRandom;

  static void draw(tensorflow::OpKernelContext* c, const int32_t* seed, float* to, int64_t count) {
    // TensorFlow runs its generator once on a seed, under a key of its own, to spread the seed over key and counter.
    const auto wide = [](int32_t value, int half) { return static_cast<uint32_t>(static_cast<uint64_t>(int64_t{value}) >> (32 * half)); };
    Random::Key key;
    key[0] = 0x3ec8f720, key[1] = 0x02461e29;
    Random::ResultType counter;
    for (int i = 0; i < 4; i++) counter[i] = wide(seed[i / 2], i % 2);
    const Random::ResultType spread = Random(counter, key)();
    key[0] = spread[0], key[1] = spread[1];
    counter[0] = counter[1] = 0, counter[2] = spread[2], counter[3] = spread[3];
    constexpr int64_t GROUP = Random::kResultElementCount, CYCLES = 150;
    const auto groups = [&](int64_t from, int64_t end) {
      Random random(counter, key);
      random.Skip(from);
      tensorflow::random::NormalDistribution<Random, float> normal;
      for (int64_t g = from; g < end; g++) {
        const auto four = normal(&random);
        const int64_t n = std::min(GROUP, count - g * GROUP);
        for (int64_t i = 0; i < n; i++) to[g * GROUP + i] = four[i];
      }
    };
    c->device()->tensorflow_cpu_worker_threads()->workers->ParallelFor((count + GROUP - 1) / GROUP, CYCLES, groups);
  }

  std::vector<int64_t> shape_;
};

}  // namespace zarts
