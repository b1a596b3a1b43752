// The kernels as TensorFlow operations, for the CPU. What normalizes a map goes along with it as norm [2, channels]:
// ẑ = norm[0]·z + norm[1], and then y = gamma·ẑ + beta, where these are not empty. The gradient of such a map is
// coefficients [3, channels] on the gradient dy of the sum that it has a place in, dz = coefficients[0]·dy + coefficients[1]·z +
// coefficients[2], and where drop path gives each image a factor, factor·coefficients[0]. Where `skips` says so, what has a weight
// of zero is not computed: a map of zeros stands for it, its gradients are zero, and so is that of its weight.
#include <node_api.h>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>
#include "kernels.h"
#include "normal.h"
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

// Norm, mean and unbiased variance of a map as outputs 1 to 3.
absl::Status writeNorm(OpKernelContext* c, const std::vector<double>& mean, const std::vector<double>& variance, double count) {
  const int channels = static_cast<int>(mean.size());
  Tensor *norm, *means, *variances;
  TF_RETURN_IF_ERROR(c->allocate_output(1, TensorShape({2, channels}), &norm));
  TF_RETURN_IF_ERROR(c->allocate_output(2, TensorShape({channels}), &means));
  TF_RETURN_IF_ERROR(c->allocate_output(3, TensorShape({channels}), &variances));
  for (int k = 0; k < channels; k++) {
    const double inverse = 1 / std::sqrt(variance[k] + EPSILON);
    data(norm)[k] = static_cast<float>(inverse);
    data(norm)[channels + k] = static_cast<float>(-mean[k] * inverse);
    data(means)[k] = static_cast<float>(mean[k]);
    data(variances)[k] = static_cast<float>(variance[k] * (count > 1 ? count / (count - 1) : 1));
  }
  return absl::OkStatus();
}

// What makes y of a map: y = scale·z + shift; and the map's mean, as norm has it. A map without norm is y itself.
struct Affine {
  const float *norm, *gamma, *beta;
  int channels;
  Affine(const Tensor& norm, const Tensor& gamma, const Tensor& beta, int channels)
      : norm(dataOrNull(norm)), gamma(dataOrNull(gamma)), beta(dataOrNull(beta)), channels(channels) {}
  double inverse(int k) const { return norm ? norm[k] : 1; }
  double offset(int k) const { return norm ? norm[channels + k] : 0; }
  double factor(int k) const { return gamma ? gamma[k] : 1; }
  double scale(int k) const { return factor(k) * inverse(k); }
  double shift(int k) const { return factor(k) * offset(k) + (beta ? beta[k] : 0); }
  double centre(int k) const { return norm ? -offset(k) / inverse(k) : 0; }
};

// The coefficients of a channel of a map whose y is multiplied by `weight`, from Σ dy and Σ dy·ẑ:
// dz = inverse·gamma·weight·(dy − Σ dy/count − ẑ·Σ dy·ẑ/count)
void writeCoefficients(const Affine& of, int k, double weight, double sum, double products, double count, float* to) {
  const double a = of.scale(k) * weight, slope = products / count;
  to[k] = static_cast<float>(a);
  to[of.channels + k] = static_cast<float>(-a * of.inverse(k) * slope);
  to[2 * of.channels + k] = static_cast<float>(-a * (sum / count + of.offset(k) * slope));
}

class BlockOp : public OpKernel {
 public:
  explicit BlockOp(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("stride", &stride_));
    OP_REQUIRES_OK(c, c->GetAttr("dilation", &dilation_));
    OP_REQUIRES_OK(c, c->GetAttr("padding", &padding_));
    OP_REQUIRES_OK(c, c->GetAttr("place", &place_));
  }

 protected:
  // Whether what the block ends in weighs nothing: weights are the last input, −1 is the place of what is always computed.
  bool isSkipped(OpKernelContext* c) const { return place_ >= 0 && data(c->input(c->num_inputs() - 1))[place_] == 0; }
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

  // How the block sees x.
  struct Input {
    Affine affine;
    std::vector<float> scale, shift, centre;
    Input(OpKernelContext* c, int channels)
        : affine(c->input(1), c->input(2), c->input(3), channels), scale(channels), shift(channels), centre(channels) {
      for (int k = 0; k < channels; k++) {
        scale[k] = static_cast<float>(affine.scale(k));
        shift[k] = static_cast<float>(affine.shift(k));
        centre[k] = static_cast<float>(affine.centre(k));
      }
    }
    const float* scales() const { return affine.norm ? scale.data() : nullptr; }
  };

 private:
  int stride_, dilation_, padding_, place_;
};

void clear(Tensor* t) { std::fill_n(data(t), t->NumElements(), 0.0f); }

class Block : public BlockOp {
 public:
  using BlockOp::BlockOp;
  void Compute(OpKernelContext* c) override {
    const Tensor &x = c->input(0), &depthwise = c->input(4), &pointwise = c->input(5);
    const BlockShape s = shapeOf(x, depthwise, pointwise);
    const Input in(c, s.channels);
    Tensor* z;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({s.images, s.outHeight, s.outWidth, s.outChannels}), &z));
    std::vector<double> mean(s.outChannels), variance(s.outChannels);
    if (isSkipped(c)) {
      clear(z);
    } else {
      level().kernels->blockForward(
          s, {data(x), in.scales(), in.shift.data(), data(depthwise), data(pointwise), data(z), mean.data(), variance.data()}, allocate);
    }
    OP_REQUIRES_OK(c, writeNorm(c, mean, variance, static_cast<double>(s.images) * s.outHeight * s.outWidth));
  }
};

class BlockGrad : public BlockOp {
 public:
  using BlockOp::BlockOp;
  void Compute(OpKernelContext* c) override {
    const Tensor &x = c->input(0), &depthwise = c->input(4), &pointwise = c->input(5);
    const Tensor &z = c->input(6), &dy = c->input(7), &coefficients = c->input(8), &factors = c->input(9);
    const BlockShape s = shapeOf(x, depthwise, pointwise);
    const Input in(c, s.channels);
    Tensor *dx, *dDepthwise, *dPointwise, *inCoefficients, *dGamma, *dBeta;
    OP_REQUIRES_OK(c, c->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(c, c->allocate_output(1, depthwise.shape(), &dDepthwise));
    OP_REQUIRES_OK(c, c->allocate_output(2, pointwise.shape(), &dPointwise));
    OP_REQUIRES_OK(c, c->allocate_output(3, in.scales() ? TensorShape({3, s.channels}) : TensorShape({0}), &inCoefficients));
    OP_REQUIRES_OK(c, c->allocate_output(4, c->input(2).shape(), &dGamma));
    OP_REQUIRES_OK(c, c->allocate_output(5, c->input(3).shape(), &dBeta));
    if (isSkipped(c)) {
      for (Tensor* each : {dx, dDepthwise, dPointwise, inCoefficients, dGamma, dBeta}) clear(each);
      return;
    }
    std::vector<double> sum(s.channels), products(s.channels);
    const float* k = data(coefficients);
    level().kernels->blockBackward(
        s,
        {data(x), in.scales(), in.shift.data(), data(depthwise), data(pointwise), data(z), data(dy), k, k + s.outChannels, k + 2 * s.outChannels,
         dataOrNull(factors), data(dx), data(dDepthwise), data(dPointwise), in.centre.data(), sum.data(), products.data()},
        allocate);
    if (!in.scales()) return;
    const double count = static_cast<double>(s.images) * s.height * s.width;
    for (int i = 0; i < s.channels; i++) {
      const double product = products[i] * in.affine.inverse(i);
      writeCoefficients(in.affine, i, 1, sum[i], product, count, data(inCoefficients));
      if (in.affine.gamma) data(dGamma)[i] = static_cast<float>(product);
      if (in.affine.beta) data(dBeta)[i] = static_cast<float>(sum[i]);
    }
  }
};

// The terms of a node's sum: maps with what makes y of them, factors of their images, and the place of each in the vector of
// weights (−1: 1).
class SumOp : public OpKernel {
 public:
  explicit SumOp(OpKernelConstruction* c) : OpKernel(c) {
    OP_REQUIRES_OK(c, c->GetAttr("places", &places_));
    OP_REQUIRES_OK(c, c->GetAttr("skips", &skips_));
  }

 protected:
  struct Term {
    const float* x;
    Affine affine;
    const float* factors;
    double weight;
  };
  absl::Status read(OpKernelContext* c, std::vector<Term>& terms) const {
    OpInputList maps, norms, gammas, betas, factors;
    TF_RETURN_IF_ERROR(c->input_list("maps", &maps));
    TF_RETURN_IF_ERROR(c->input_list("norms", &norms));
    TF_RETURN_IF_ERROR(c->input_list("gammas", &gammas));
    TF_RETURN_IF_ERROR(c->input_list("betas", &betas));
    TF_RETURN_IF_ERROR(c->input_list("factors", &factors));
    for (int i = 0; i < maps.size(); i++) {
      const double weight = places_[i] < 0 ? 1 : data(c->input(0))[places_[i]];
      terms.push_back({data(maps[i]), {norms[i], gammas[i], betas[i], dim(maps[i], 3)}, dataOrNull(factors[i]), weight});
    }
    return absl::OkStatus();
  }
  // Images whose terms have the same factors: one at a time where there are any, otherwise all.
  static int imagesAtOnce(const std::vector<Term>& terms, int images) {
    return std::any_of(terms.begin(), terms.end(), [](const Term& t) { return t.factors; }) ? 1 : images;
  }
  static double factorOf(const Term& t, int image) { return t.factors ? t.factors[image] : 1; }
  bool isSkipped(const Term& t) const { return skips_ && t.weight == 0; }
  std::vector<int> places_;
  bool skips_;
};

class Sum : public SumOp {
 public:
  using SumOp::SumOp;
  void Compute(OpKernelContext* c) override {
    std::vector<Term> all, terms;
    OP_REQUIRES_OK(c, read(c, all));
    std::copy_if(all.begin(), all.end(), std::back_inserter(terms), [this](const Term& t) { return !isSkipped(t); });
    Tensor* y;
    OP_REQUIRES_OK(c, c->allocate_output(0, c->input(1).shape(), &y));
    if (terms.empty()) {
      clear(y);
      return;
    }
    const int channels = dim(*y, 3), images = dim(*y, 0), count = static_cast<int>(terms.size()), step = imagesAtOnce(terms, images);
    const size_t pixels = static_cast<size_t>(dim(*y, 1)) * dim(*y, 2) * step;
    for (int n = 0; n < images; n += step) {
      const size_t from = pixels / step * n * channels;
      std::vector<float> scales, shift;
      std::vector<double> shifts(channels);
      std::vector<const float*> xs;
      for (const Term& t : terms) {
        const double weight = t.weight * factorOf(t, n);
        xs.push_back(t.x + from);
        for (int k = 0; k < channels; k++) {
          scales.push_back(static_cast<float>(weight * t.affine.scale(k)));
          shifts[k] += weight * t.affine.shift(k);
        }
      }
      for (const double each : shifts) shift.push_back(static_cast<float>(each));
      level().kernels->weightedSum({xs.data(), count, channels, pixels, scales.data(), shift.data(), data(y) + from}, allocate);
    }
  }
};

class SumGrad : public SumOp {
 public:
  using SumOp::SumOp;
  void Compute(OpKernelContext* c) override {
    std::vector<Term> terms;
    OP_REQUIRES_OK(c, read(c, terms));
    const Tensor &weights = c->input(0), &dy = c->input(1);
    const int channels = dim(dy, 3), images = dim(dy, 0), count = static_cast<int>(terms.size()), step = imagesAtOnce(terms, images);
    const size_t pixels = static_cast<size_t>(dim(dy, 1)) * dim(dy, 2) * step, all = static_cast<size_t>(count) * channels;
    std::vector<int> counted;
    for (int i = 0; i < count; i++)
      if (!isSkipped(terms[i])) counted.push_back(i);
    std::vector<float> centres;
    for (const int i : counted)
      for (int k = 0; k < channels; k++) centres.push_back(static_cast<float>(terms[i].affine.centre(k)));
    // Σ dy and Σ dy·(x − centre), with each term's factors
    std::vector<double> sums(all), products(all), sum(channels), product(counted.size() * channels);
    for (int n = 0; n < images && !counted.empty(); n += step) {
      const size_t from = pixels / step * n * channels;
      std::vector<const float*> xs;
      for (const int i : counted) xs.push_back(terms[i].x + from);
      level().kernels->products(
          {data(dy) + from, xs.data(), static_cast<int>(counted.size()), channels, pixels, centres.data(), sum.data(), product.data()}, allocate);
      for (size_t i = 0; i < product.size(); i++) {
        const size_t term = counted[i / channels], at = term * channels + i % channels;
        const double factor = factorOf(terms[term], n);
        sums[at] += factor * sum[i % channels];
        products[at] += factor * product[i];
      }
    }
    Tensor* dWeights;
    OP_REQUIRES_OK(c, c->allocate_output(0, weights.shape(), &dWeights));
    std::vector<double> total(weights.NumElements());
    const double everything = static_cast<double>(dy.NumElements()) / channels;
    for (int i = 0; i < count; i++) {
      const Term& t = terms[i];
      Tensor *coefficients, *dGamma, *dBeta;
      OP_REQUIRES_OK(c, c->allocate_output(1 + i, t.affine.norm ? TensorShape({3, channels}) : TensorShape({0}), &coefficients));
      OP_REQUIRES_OK(c, c->allocate_output(1 + count + i, TensorShape({t.affine.gamma ? channels : 0}), &dGamma));
      OP_REQUIRES_OK(c, c->allocate_output(1 + 2 * count + i, TensorShape({t.affine.beta ? channels : 0}), &dBeta));
      for (int k = 0; k < channels; k++) {
        const double s = sums[i * channels + k], p = products[i * channels + k] * t.affine.inverse(k);  // Σ dy and Σ dy·ẑ
        if (t.affine.norm) writeCoefficients(t.affine, k, t.weight, s, p, everything, data(coefficients));
        if (t.affine.gamma) data(dGamma)[k] = static_cast<float>(t.weight * p);
        if (t.affine.beta) data(dBeta)[k] = static_cast<float>(t.weight * s);
        if (places_[i] >= 0) total[places_[i]] += t.affine.factor(k) * p + (t.affine.beta ? t.affine.beta[k] * s : 0);
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
    Tensor* p;
    OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape({s.images, s.outHeight, s.outWidth, s.channels}), &p));
    std::vector<double> mean(s.channels), variance(s.channels);
    level().kernels->poolForward(s, {data(c->input(0)), data(p), mean.data(), variance.data()}, allocate);
    OP_REQUIRES_OK(c, writeNorm(c, mean, variance, static_cast<double>(s.images) * s.outHeight * s.outWidth));
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
    OP_REQUIRES_OK(c, c->input_list("coefficients", &coefficients));  // empty for a pool without norm: dp = Σ dys
    Tensor* dx;
    OP_REQUIRES_OK(c, c->allocate_output(0, x.shape(), &dx));
    std::vector<const float*> gradients;
    std::vector<float> a, b(s.channels), shift(s.channels);
    for (int i = 0; i < dys.size(); i++) {
      gradients.push_back(data(dys[i]));
      const float* k = dataOrNull(coefficients[i]);
      for (int j = 0; j < s.channels; j++) a.push_back(k ? k[j] : 1);
      if (!k) continue;
      for (int j = 0; j < s.channels; j++) {
        b[j] += k[s.channels + j];
        shift[j] += k[2 * s.channels + j];
      }
    }
    level().kernels->poolBackward(s, {data(x), data(p), gradients.data(), dys.size(), a.data(), b.data(), shift.data(), data(dx)}, allocate);
  }
};

class Normal : public OpKernel {
 public:
  explicit Normal(OpKernelConstruction* c) : OpKernel(c) { OP_REQUIRES_OK(c, c->GetAttr("shape", &shape_)); }

  void Compute(OpKernelContext* c) override {
    const int32_t* seed = c->input(0).flat<int32_t>().data();
    KeptDraws::Key key(shape_);
    key.insert(key.end(), {seed[0], seed[1]});
    static KeptDraws* const kept = new KeptDraws;  // never destroyed: threads may outlive what is static
    const Tensor draws = kept->find(key);
    if (draws.NumElements() == 0) {
      Tensor* made;
      OP_REQUIRES_OK(c, c->allocate_output(0, TensorShape(shape_), &made));
      drawNormal(c, level().kernels->philox, seed, data(made), made->NumElements());
      kept->keep(key, *made);
    } else {
      c->set_output(0, draws);
    }
  }

 private:
  std::vector<int64_t> shape_;
};

// Height or width of a window's output, where the input's is known.
tensorflow::shape_inference::DimensionHandle windowed(InferenceContext* c, int axis, int64_t reach, int64_t stride, int64_t padding) {
  const auto side = c->Dim(c->input(0), axis);
  if (!c->ValueKnown(side)) return c->UnknownDim();
  return c->MakeDim((c->Value(side) + 2 * padding - reach - 1) / stride + 1);
}

absl::Status blockShape(InferenceContext* c) {
  for (int i = 0; i < 4; i++) c->set_output(i, c->UnknownShape());
  int64_t stride, dilation, padding;
  TF_RETURN_IF_ERROR(c->GetAttr("stride", &stride));
  TF_RETURN_IF_ERROR(c->GetAttr("dilation", &dilation));
  TF_RETURN_IF_ERROR(c->GetAttr("padding", &padding));
  if (!c->RankKnown(c->input(0)) || !c->RankKnown(c->input(4)) || !c->RankKnown(c->input(5))) return absl::OkStatus();
  const auto out = c->Dim(c->input(5), 3);
  const bool plain = c->Rank(c->input(4)) == 1;
  const int64_t size = plain ? 1 : c->Value(c->Dim(c->input(4), 0));
  if (size < 0) return absl::OkStatus();
  const auto side = [&](int axis) { return windowed(c, axis, (size - 1) * dilation, stride, padding); };
  c->set_output(0, c->MakeShape({c->Dim(c->input(0), 0), side(1), side(2), out}));
  c->set_output(1, c->MakeShape({c->MakeDim(2), out}));
  for (int i = 2; i < 4; i++) c->set_output(i, c->Vector(out));
  return absl::OkStatus();
}

absl::Status poolShape(InferenceContext* c) {
  for (int i = 0; i < 4; i++) c->set_output(i, c->UnknownShape());
  int64_t stride;
  TF_RETURN_IF_ERROR(c->GetAttr("stride", &stride));
  if (!c->RankKnown(c->input(0))) return absl::OkStatus();
  const auto side = [&](int axis) { return windowed(c, axis, 2, stride, 1); };
  const auto channels = c->Dim(c->input(0), 3);
  c->set_output(0, c->MakeShape({c->Dim(c->input(0), 0), side(1), side(2), channels}));
  c->set_output(1, c->MakeShape({c->MakeDim(2), channels}));
  for (int i = 2; i < 4; i++) c->set_output(i, c->Vector(channels));
  return absl::OkStatus();
}

// The first output has the shape of an input; the others are small.
template <int input> absl::Status likeInput(InferenceContext* c) {
  for (int i = 0; i < c->num_outputs(); i++) c->set_output(i, i == 0 ? c->input(input) : c->UnknownShape());
  return absl::OkStatus();
}

absl::Status normalShape(InferenceContext* c) {
  std::vector<int64_t> shape;
  TF_RETURN_IF_ERROR(c->GetAttr("shape", &shape));
  std::vector<tensorflow::shape_inference::DimensionHandle> sides;
  for (const int64_t side : shape) sides.push_back(c->MakeDim(side));
  c->set_output(0, c->MakeShape(sides));
  return absl::OkStatus();
}

REGISTER_OP("ZartsNormal").Input("seed: int32").Output("draws: float").Attr("shape: list(int)").SetShapeFn(normalShape);
REGISTER_OP("ZartsBlock")
    .Input("x: float").Input("norm: float").Input("gamma: float").Input("beta: float").Input("depthwise: float").Input("pointwise: float")
    .Input("weights: float").Output("z: float").Output("out_norm: float").Output("mean: float").Output("variance: float")
    .Attr("stride: int").Attr("dilation: int").Attr("padding: int").Attr("place: int").SetShapeFn(blockShape);
REGISTER_OP("ZartsBlockGrad")
    .Input("x: float").Input("norm: float").Input("gamma: float").Input("beta: float").Input("depthwise: float").Input("pointwise: float")
    .Input("z: float").Input("dy: float").Input("coefficients: float").Input("factors: float").Input("weights: float")
    .Output("dx: float").Output("d_depthwise: float").Output("d_pointwise: float").Output("in_coefficients: float")
    .Output("d_gamma: float").Output("d_beta: float")
    .Attr("stride: int").Attr("dilation: int").Attr("padding: int").Attr("place: int").SetShapeFn(likeInput<0>);
REGISTER_OP("ZartsSum")
    .Input("weights: float").Input("maps: N * float").Input("norms: N * float").Input("gammas: N * float").Input("betas: N * float")
    .Input("factors: N * float").Output("y: float")
    .Attr("N: int >= 1").Attr("places: list(int)").Attr("skips: bool").SetShapeFn(likeInput<1>);
REGISTER_OP("ZartsSumGrad")
    .Input("weights: float").Input("dy: float")
    .Input("maps: N * float").Input("norms: N * float").Input("gammas: N * float").Input("betas: N * float").Input("factors: N * float")
    .Output("d_weights: float").Output("coefficients: N * float").Output("d_gammas: N * float").Output("d_betas: N * float")
    .Attr("N: int >= 1").Attr("places: list(int)").Attr("skips: bool").SetShapeFn(likeInput<0>);
REGISTER_OP("ZartsPool")
    .Input("x: float").Output("p: float").Output("norm: float").Output("mean: float").Output("variance: float")
    .Attr("stride: int").Attr("max: bool").SetShapeFn(poolShape);
REGISTER_OP("ZartsPoolGrad")
    .Input("x: float").Input("p: float").Input("dys: N * float").Input("coefficients: N * float").Output("dx: float")
    .Attr("N: int >= 1").Attr("stride: int").Attr("max: bool").SetShapeFn(likeInput<0>);

#define REGISTER(name, type) REGISTER_KERNEL_BUILDER(Name(name).Device(tensorflow::DEVICE_CPU), type)
REGISTER("ZartsNormal", Normal);
REGISTER("ZartsBlock", Block);
REGISTER("ZartsBlockGrad", BlockGrad);
REGISTER("ZartsSum", Sum);
REGISTER("ZartsSumGrad", SumGrad);
REGISTER("ZartsPool", Pool);
REGISTER("ZartsPoolGrad", PoolGrad);

}  // namespace
}  // namespace zarts

static napi_value multiplyAdds(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value least, done;
  double value;
  if (napi_get_cb_info(env, info, &count, &least, nullptr, nullptr) != napi_ok || napi_get_value_double(env, least, &value) != napi_ok) return nullptr;
  napi_create_double(env, zarts::level().kernels ? zarts::level().kernels->multiplyAdds(value) : 0, &done);
  return done;
}

// Loaded by Node, which makes the operations known to TensorFlow, the library says at which level they run.
NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "multiplyAdds", NAPI_AUTO_LENGTH, multiplyAdds, nullptr, &function);
  napi_set_named_property(env, exports, "multiplyAdds", function);
  napi_value name;
  napi_create_string_utf8(env, zarts::level().name, NAPI_AUTO_LENGTH, &name);
  napi_set_named_property(env, exports, "level", name);
  return exports;
}
