// The kernels as TensorFlow operations, for the CPU. What normalizes a map goes along with it as norm [4, channels]: with
// ẑ = norm[0]·z + norm[1]; its mean; its unbiased variance. The gradient of a normalized map is coefficients [3, channels]
// on the gradient dy of its place in a sum: dz = coefficients[0]·dy + coefficients[1]·z + coefficients[2].
#include <node_api.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>
#include "kernels.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace zarts {
namespace {

using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::OpInputList;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::shape_inference::InferenceContext;

constexpr double EPSILON = 1e-5;

// The instruction level, by its name in the x86-64 ABI, and its kernels; ZARTS_NATIVE asks for a lower one.
struct Level {
  const char* name;
  const Kernels* kernels;
};

Level chooseLevel() {
#ifdef __x86_64__
  const char* given = std::getenv("ZARTS_NATIVE");
  const std::string asked = given ? given : "";
  const bool wide = asked != "avx2" && asked != "sse" && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  if (wide) return {"x86-64-v4", &kernels16()};
  if (asked != "sse" && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"x86-64-v3", &kernels8()};
  if (__builtin_cpu_supports("sse4.2")) return {"x86-64-v2", &kernels4()};
  return {"none", nullptr};
#else
  return {"baseline", &kernels4()};
#endif
}

const Level& level() {
  static const Level chosen = chooseLevel();
  return chosen;
}

// A thread's memory for the buffers of one kernel at a time.
void* allocate(size_t bytes) {
  struct Memory {
    void* at = nullptr;
    size_t size = 0;
    ~Memory() { std::free(at); }
  };
  static thread_local Memory memory;
  if (bytes > memory.size) {
    std::free(memory.at);
    memory.size = (bytes + 4095) / 4096 * 4096;
    memory.at = std::aligned_alloc(4096, memory.size);
    if (!memory.at) std::abort();
  }
  return memory.at;
}

const float* data(const Tensor& t) { return t.flat<float>().data(); }
float* data(Tensor* t) { return t->flat<float>().data(); }
const float* dataOrNull(const Tensor& t) { return t.NumElements() == 0 ? nullptr : data(t); }

int dim(const Tensor& t, int i) { return static_cast<int>(t.dim_size(i)); }

void writeNorm(const std::vector<double>& mean, const std::vector<double>& variance, double count, float* norm) {
  const size_t channels = mean.size();
  for (size_t c = 0; c < channels; c++) {
    const double inverse = 1 / std::sqrt(variance[c] + EPSILON);
    norm[c] = static_cast<float>(inverse);
    norm[channels + c] = static_cast<float>(-mean[c] * inverse);
    norm[2 * channels + c] = static_cast<float>(mean[c]);
    norm[3 * channels + c] = static_cast<float>(variance[c] * (count > 1 ? count / (count - 1) : 1));
  }
}

// The coefficients of one channel of a map that is multiplied by `weight` after its normalization:
// dz = inverse·weight·(dy − Σ dy/count − ẑ·Σ dy·ẑ/count)
void writeCoefficients(double inverse, double shift, double weight, double sum, double products, double count, float* at, int channels) {
  const double a = inverse * weight, slope = products / count;
  at[0] = static_cast<float>(a);
  at[channels] = static_cast<float>(-a * inverse * slope);
  at[2 * channels] = static_cast<float>(-a * (sum / count + shift * slope));
}

class BlockOp : public OpKernel {
 public:
  explicit BlockOp(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("stride", &stride_));
    OP_REQUIRES_OK(c, c->GetAttr("dilation", &dilation_));
    OP_REQUIRES_OK(c, c->GetAttr("padding", &padding_));
  }

 protected:
  BlockShape shapeOf(const Tensor& x, const Tensor& depthwise, const Tensor& pointwise) const {
    BlockShape s{};
    s.images = dim(x, 0), s.height = dim(x, 1), s.width = dim(x, 2), s.channels = dim(x, 3);
    s.outChannels = dim(pointwise, 3);
    s.size = depthwise.NumElements() == 0 ? 0 : dim(depthwise, 0);
    s.stride = stride_, s.dilation = dilation_, s.padding = padding_;
    const int reach = s.size == 0 ? 0 : (s.size - 1) * dilation_;
    s.outHeight = (s.height + 2 * padding_ - reach - 1) / stride_ + 1;
    s.outWidth = (s.width + 2 * padding_ - reach - 1) / stride_ + 1;
    return s;
  }

 private:
  int stride_, dilation_, padding_;
};

class Block : public BlockOp {
 public:
  using BlockOp::BlockOp;
  void Compute(OpKernelContext* c) override {
    const Tensor &x = c->input(0), &norm = c->input(1), &depthwise = c->input(2), &pointwise = c->input(3);
    const BlockShape s = shapeOf(x, depthwise, pointwise);
    Tensor *z, *outNorm;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({s.images, s.outHeight, s.outWidth, s.outChannels}), &z));
    OP_REQUIRES_OK(c, c->allocate_output(1, TensorShape({4, s.outChannels}), &outNorm));
    std::vector<double> mean(s.outChannels), variance(s.outChannels);
    const float* scale = dataOrNull(norm);
    level().kernels->blockForward(s, {data(x), scale, scale ? scale + s.channels : nullptr, data(depthwise), data(pointwise), data(z), mean.data(), variance.data()}, allocate);
    writeNorm(mean, variance, static_cast<double>(s.images) * s.outHeight * s.outWidth, data(outNorm));
  }
};

class BlockGrad : public BlockOp {
 public:
  using BlockOp::BlockOp;
  void Compute(OpKernelContext* c) override {
    const Tensor &x = c->input(0), &norm = c->input(1), &depthwise = c->input(2), &pointwise = c->input(3);
    const Tensor &z = c->input(4), &dy = c->input(5), &coefficients = c->input(6);
    const BlockShape s = shapeOf(x, depthwise, pointwise);
    Tensor *dx, *dDepthwise, *dPointwise, *inCoefficients;
    const float* scale = dataOrNull(norm);
    OP_REQUIRES_OK(c, c->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(c, c->allocate_output(1, depthwise.shape(), &dDepthwise));
    OP_REQUIRES_OK(c, c->allocate_output(2, pointwise.shape(), &dPointwise));
    OP_REQUIRES_OK(c, c->allocate_output(3, scale ? TensorShape({3, s.channels}) : TensorShape({0}), &inCoefficients));
    std::vector<double> sum(s.channels), products(s.channels);
    const float* k = data(coefficients);
    level().kernels->blockBackward(
        s,
        {data(x), scale, scale ? scale + s.channels : nullptr, data(depthwise), data(pointwise), data(z), data(dy), k, k + s.outChannels,
         k + 2 * s.outChannels, data(dx), data(dDepthwise), data(dPointwise), sum.data(), products.data()},
        allocate);
    if (!scale) return;
    const double count = static_cast<double>(s.images) * s.height * s.width;
    for (int i = 0; i < s.channels; i++)
      writeCoefficients(scale[i], scale[s.channels + i], 1, sum[i], products[i], count, data(inCoefficients) + i, s.channels);
  }
};

// The terms of a node's sum: maps, what normalizes them (nothing: [0]), and the place of each in the vector of weights (−1: 1).
class SumOp : public OpKernel {
 public:
  explicit SumOp(OpKernelConstruction* c) : OpKernel(c) { OP_REQUIRES_OK(c, c->GetAttr("places", &places_)); }

 protected:
  struct Terms {
    OpInputList maps, norms;
    std::vector<const float*> xs;
    const float* weights;
  };
  absl::Status read(OpKernelContext* c, Terms& t) const {
    TF_RETURN_IF_ERROR(c->input_list("maps", &t.maps));
    TF_RETURN_IF_ERROR(c->input_list("norms", &t.norms));
    for (const Tensor& map : t.maps) t.xs.push_back(data(map));
    t.weights = data(c->input(0));
    return absl::OkStatus();
  }
  float weightOf(const Terms& t, int i) const { return places_[i] < 0 ? 1 : t.weights[places_[i]]; }
  std::vector<int> places_;
};

class Sum : public SumOp {
 public:
  using SumOp::SumOp;
  void Compute(OpKernelContext* c) override {
    Terms t;
    OP_REQUIRES_OK(c, read(c, t));
    Tensor* y;
    OP_REQUIRES_OK(c, c->allocate_output(0, t.maps[0].shape(), &y));
    const int channels = dim(*y, 3), terms = t.maps.size();
    std::vector<float> scales, shift(channels);
    std::vector<double> shifts(channels);
    for (int i = 0; i < terms; i++) {
      const float *norm = dataOrNull(t.norms[i]), weight = weightOf(t, i);
      for (int k = 0; k < channels; k++) {
        scales.push_back(norm ? weight * norm[k] : weight);
        if (norm) shifts[k] += static_cast<double>(weight) * norm[channels + k];
      }
    }
    for (int k = 0; k < channels; k++) shift[k] = static_cast<float>(shifts[k]);
    const size_t pixels = static_cast<size_t>(y->NumElements()) / channels;
    level().kernels->weightedSum({t.xs.data(), terms, channels, pixels, scales.data(), shift.data(), data(y)}, allocate);
  }
};

class SumGrad : public SumOp {
 public:
  using SumOp::SumOp;
  void Compute(OpKernelContext* c) override {
    Terms t;
    OP_REQUIRES_OK(c, read(c, t));
    const Tensor &weights = c->input(0), &dy = c->input(1);
    const int channels = dim(dy, 3), terms = t.maps.size();
    const size_t pixels = static_cast<size_t>(dy.NumElements()) / channels;
    std::vector<float> centres(static_cast<size_t>(terms) * channels);
    for (int i = 0; i < terms; i++)
      if (const float* norm = dataOrNull(t.norms[i])) std::copy_n(norm + 2 * channels, channels, centres.begin() + i * channels);
    std::vector<double> sum(channels), products(centres.size());
    level().kernels->products({data(dy), t.xs.data(), terms, channels, pixels, centres.data(), sum.data(), products.data()}, allocate);
    Tensor* dWeights;
    OP_REQUIRES_OK(c, c->allocate_output(0, weights.shape(), &dWeights));
    std::vector<double> total(weights.NumElements());
    for (int i = 0; i < terms; i++) {
      const float* norm = dataOrNull(t.norms[i]);
      Tensor* coefficients;
      OP_REQUIRES_OK(c, c->allocate_output(1 + i, norm ? TensorShape({3, channels}) : TensorShape({0}), &coefficients));
      for (int k = 0; k < channels; k++) {
        double product = products[i * channels + k];  // Σ dy·x, or Σ dy·ẑ
        if (norm) {
          product *= norm[k];
          writeCoefficients(norm[k], norm[channels + k], weightOf(t, i), sum[k], product, static_cast<double>(pixels), data(coefficients) + k, channels);
        }
        if (places_[i] >= 0) total[places_[i]] += product;
      }
    }
    for (size_t i = 0; i < total.size(); i++) data(dWeights)[i] = static_cast<float>(total[i]);
  }
};

class PoolOp : public OpKernel {
 public:
  explicit PoolOp(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("stride", &stride_));
    OP_REQUIRES_OK(c, c->GetAttr("max", &max_));
  }

 protected:
  PoolShape shapeOf(const Tensor& x) const {
    return {dim(x, 0), dim(x, 1), dim(x, 2), dim(x, 3), (dim(x, 1) - 1) / stride_ + 1, (dim(x, 2) - 1) / stride_ + 1, stride_, max_};
  }

 private:
  int stride_;
  bool max_;
};

class Pool : public PoolOp {
 public:
  using PoolOp::PoolOp;
  void Compute(OpKernelContext* c) override {
    const PoolShape s = shapeOf(c->input(0));
    Tensor *p, *norm;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({s.images, s.outHeight, s.outWidth, s.channels}), &p));
    OP_REQUIRES_OK(c, c->allocate_output(1, TensorShape({4, s.channels}), &norm));
    std::vector<double> mean(s.channels), variance(s.channels);
    level().kernels->poolForward(s, {data(c->input(0)), data(p), mean.data(), variance.data()}, allocate);
    writeNorm(mean, variance, static_cast<double>(s.images) * s.outHeight * s.outWidth, data(norm));
  }
};

class PoolGrad : public PoolOp {
 public:
  using PoolOp::PoolOp;
  void Compute(OpKernelContext* c) override {
    const Tensor &x = c->input(0), &p = c->input(1);
    const PoolShape s = shapeOf(x);
    OpInputList dys, coefficients;
    OP_REQUIRES_OK(c, c->input_list("dys", &dys));
    OP_REQUIRES_OK(c, c->input_list("coefficients", &coefficients));
    Tensor* dx;
    OP_REQUIRES_OK(c, c->allocate_output(0, x.shape(), &dx));
    std::vector<const float*> gradients;
    std::vector<float> a, b(s.channels), shift(s.channels);
    for (int i = 0; i < dys.size(); i++) {
      gradients.push_back(data(dys[i]));
      const float* k = data(coefficients[i]);
      a.insert(a.end(), k, k + s.channels);
      for (int j = 0; j < s.channels; j++) {
        b[j] += k[s.channels + j];
        shift[j] += k[2 * s.channels + j];
      }
    }
    level().kernels->poolBackward(s, {data(x), data(p), gradients.data(), dys.size(), a.data(), b.data(), shift.data(), data(dx)}, allocate);
  }
};

// Height or width of a window's output, where the input's is known.
tensorflow::shape_inference::DimensionHandle windowed(InferenceContext* c, int axis, int64_t reach, int64_t stride, int64_t padding) {
  const auto side = c->Dim(c->input(0), axis);
  if (!c->ValueKnown(side)) return c->UnknownDim();
  return c->MakeDim((c->Value(side) + 2 * padding - reach - 1) / stride + 1);
}

absl::Status blockShape(InferenceContext* c) {
  for (int i = 0; i < 2; i++) c->set_output(i, c->UnknownShape());
  int64_t stride, dilation, padding;
  TF_RETURN_IF_ERROR(c->GetAttr("stride", &stride));
  TF_RETURN_IF_ERROR(c->GetAttr("dilation", &dilation));
  TF_RETURN_IF_ERROR(c->GetAttr("padding", &padding));
  if (!c->RankKnown(c->input(0)) || !c->RankKnown(c->input(2)) || !c->RankKnown(c->input(3))) return absl::OkStatus();
  const auto out = c->Dim(c->input(3), 3);
  const bool plain = c->Rank(c->input(2)) == 1;
  const int64_t size = plain ? 1 : c->Value(c->Dim(c->input(2), 0));
  if (size < 0) return absl::OkStatus();
  const auto side = [&](int axis) { return windowed(c, axis, (size - 1) * dilation, stride, padding); };
  c->set_output(0, c->MakeShape({c->Dim(c->input(0), 0), side(1), side(2), out}));
  c->set_output(1, c->MakeShape({c->MakeDim(4), out}));
  return absl::OkStatus();
}

absl::Status poolShape(InferenceContext* c) {
  for (int i = 0; i < 2; i++) c->set_output(i, c->UnknownShape());
  int64_t stride;
  TF_RETURN_IF_ERROR(c->GetAttr("stride", &stride));
  if (!c->RankKnown(c->input(0))) return absl::OkStatus();
  const auto side = [&](int axis) { return windowed(c, axis, 2, stride, 1); };
  const auto channels = c->Dim(c->input(0), 3);
  c->set_output(0, c->MakeShape({c->Dim(c->input(0), 0), side(1), side(2), channels}));
  c->set_output(1, c->MakeShape({c->MakeDim(4), channels}));
  return absl::OkStatus();
}

// Each of the first `count` outputs has the shape of an input.
template <int count, int first> absl::Status likeInputs(InferenceContext* c) {
  for (int i = count; i < c->num_outputs(); i++) c->set_output(i, c->UnknownShape());
  for (int i = 0; i < count; i++) c->set_output(i, i == 0 ? c->input(first) : c->input(i + 1));
  return absl::OkStatus();
}

REGISTER_OP("ZartsBlock")
    .Input("x: float").Input("norm: float").Input("depthwise: float").Input("pointwise: float")
    .Output("z: float").Output("out_norm: float")
    .Attr("stride: int").Attr("dilation: int").Attr("padding: int").SetShapeFn(blockShape);
REGISTER_OP("ZartsBlockGrad")
    .Input("x: float").Input("norm: float").Input("depthwise: float").Input("pointwise: float")
    .Input("z: float").Input("dy: float").Input("coefficients: float")
    .Output("dx: float").Output("d_depthwise: float").Output("d_pointwise: float").Output("in_coefficients: float")
    .Attr("stride: int").Attr("dilation: int").Attr("padding: int").SetShapeFn(likeInputs<3, 0>);
REGISTER_OP("ZartsSum")
    .Input("weights: float").Input("maps: N * float").Input("norms: N * float").Output("y: float")
    .Attr("N: int >= 1").Attr("places: list(int)").SetShapeFn(likeInputs<1, 1>);
REGISTER_OP("ZartsSumGrad")
    .Input("weights: float").Input("dy: float").Input("maps: N * float").Input("norms: N * float")
    .Output("d_weights: float").Output("coefficients: N * float")
    .Attr("N: int >= 1").Attr("places: list(int)").SetShapeFn(likeInputs<1, 0>);
REGISTER_OP("ZartsPool")
    .Input("x: float").Output("p: float").Output("norm: float")
    .Attr("stride: int").Attr("max: bool").SetShapeFn(poolShape);
REGISTER_OP("ZartsPoolGrad")
    .Input("x: float").Input("p: float").Input("dys: N * float").Input("coefficients: N * float").Output("dx: float")
    .Attr("N: int >= 1").Attr("stride: int").Attr("max: bool").SetShapeFn(likeInputs<1, 0>);

#define REGISTER(name, type) REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_CPU), type)
REGISTER("ZartsBlock", Block);
REGISTER("ZartsBlockGrad", BlockGrad);
REGISTER("ZartsSum", Sum);
REGISTER("ZartsSumGrad", SumGrad);
REGISTER("ZartsPool", Pool);
REGISTER("ZartsPoolGrad", PoolGrad);

}  // namespace
}  // namespace zarts

// Loaded by Node, which makes the operations known to TensorFlow, the library says at which level they run.
NAPI_MODULE_INIT() {
  napi_value name;
  napi_create_string_utf8(env, zarts::level().name, NAPI_AUTO_LENGTH, &name);
  napi_set_named_property(env, exports, "level", name);
  return exports;
}
