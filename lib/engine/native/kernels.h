// What operations.cc asks of the kernels: plain data, and one table of functions for each instruction level.
//
// Images are [images][height][width][channels] in float32. Every sum has one fixed order: the same inputs give the same bits,
// whichever thread computes them. Sums over pixels run over a few dozen in float32, then go on in float64.
#pragma once
#include <cstddef>
#include <cstdint>

namespace zarts {

// A block: z = (depthwise(relu(scale·x + shift)))·pointwise, the depthwise filter of size·size taps.
// size 0 leaves the depthwise part out; then stride 2 is a factorized reduction: the first half of the outputs sees the
// pixels (2i, 2j), the second half (2i+1, 2j+1).
struct BlockShape {
  int images, height, width, channels;
  int outHeight, outWidth, outChannels;
  int size, stride, dilation, padding;
};

struct BlockForward {
  const float *x, *scale, *shift;      // scale null: relu(x)
  const float *depthwise, *pointwise;  // [size][size][channels], [channels][outChannels]
  float* z;
  double *mean, *variance;  // of z, over all pixels: [outChannels]
};

// From the gradient dz = a·dy + b·z + c (per channel) those of all that the block reads; with factors, one for each image,
// dz = factor·a·dy + b·z + c.
struct BlockBackward {
  const float *x, *scale, *shift, *depthwise, *pointwise;
  const float *z, *dy, *a, *b, *c, *factors;
  float *dx;  // of scale·x + shift
  float *dDepthwise, *dPointwise;
  const float* centres;    // scale given: [channels]
  double *sum, *products;  // and then Σ dx and Σ dx·(x − centre), [channels]
};

// y = Σ_i scales[i]·xs[i] + shift
struct WeightedSum {
  const float* const* xs;
  int terms, channels;
  size_t pixels;
  const float *scales, *shift;  // [terms][channels], [channels]
  float* y;
};

// sum = Σ dy and products[i] = Σ dy·(xs[i] − centres[i]), over all pixels
struct Products {
  const float* dy;
  const float* const* xs;
  int terms, channels;
  size_t pixels;
  const float* centres;   // [terms][channels]
  double *sum, *products;  // [channels], [terms][channels]
};

// 3×3 pooling with padding 1; padded pixels neither win nor count.
struct PoolShape {
  int images, height, width, channels, outHeight, outWidth, stride;
  bool max;
};

struct PoolForward {
  const float* x;
  float* p;
  double *mean, *variance;
};

// From Σ_i a[i]·dys[i] + b·p + c, the gradient of p, that of x; of equal maxima the first one has it.
struct PoolBackward {
  const float *x, *p;
  const float* const* dys;
  int terms;
  const float *a, *b, *c;  // [terms][channels], [channels], [channels]
  float* dx;
};

// Counters whose words are computed at a time.
constexpr int COUNTERS = 64;

// Memory of the calling thread, kept between calls; aligned to 64 bytes.
using Allocate = void* (*)(size_t bytes);

struct Kernels {
  void (*blockForward)(const BlockShape&, const BlockForward&, Allocate);
  void (*blockBackward)(const BlockShape&, const BlockBackward&, Allocate);
  void (*weightedSum)(const WeightedSum&, Allocate);
  void (*products)(const Products&, Allocate);
  void (*poolForward)(const PoolShape&, const PoolForward&, Allocate);
  void (*poolBackward)(const PoolShape&, const PoolBackward&, Allocate);
  // The words of COUNTERS counters from `first` on, whose upper halves are `high`: pairs[i] has words 0 and 1 of the i-th, the
  // lower one first, pairs[COUNTERS + i] words 2 and 3.
  void (*philox)(const uint32_t key[2], const uint32_t high[2], uint64_t first, uint64_t* pairs);
  double (*multiplyAdds)(double least);
};

const Kernels& kernels4();
const Kernels& kernels8();
const Kernels& kernels16();

}  // namespace zarts
