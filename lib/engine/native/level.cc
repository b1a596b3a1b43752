// The kernels for vectors of up to WIDTH floats; compiled once for each WIDTH, with the instructions that it stands for.
#ifdef __x86_64__
#include <immintrin.h>
#endif
#include "kernels.h"

#define NAME(prefix, width) PASTE(prefix, width)
#define PASTE(prefix, width) prefix##width

namespace zarts {
namespace NAME(level, WIDTH) {
#include "vectors.h"
#include "depthwise.h"
#include "product.h"
#include "block.h"
#include "maps.h"
#include "philox.h"

#if WIDTH == 16
using Widest = Floats16;
#elif WIDTH == 8
using Widest = Floats8;
#else
using Widest = Floats4;
#endif

#if WIDTH == 16
// Whether half as many lanes hold all channels of one side.
bool narrow(const BlockShape& s) {
  return s.channels <= 8 || s.outChannels <= 8;
}
#endif

void blockForward(const BlockShape& s, const BlockForward& a, Allocate allocate) {
#if WIDTH == 16
  if (narrow(s)) return blockForwardBy<Floats8>(s, a, allocate);
#endif
  blockForwardBy<Widest>(s, a, allocate);
}
void blockBackward(const BlockShape& s, const BlockBackward& a, Allocate allocate) {
#if WIDTH == 16
  if (narrow(s)) return blockBackwardBy<Floats8>(s, a, allocate);
#endif
  blockBackwardBy<Widest>(s, a, allocate);
}
// Multiply-adds of sums that stay in registers, as many as hide each other's latency: what a core can do at most.
double multiplyAdds(double least) {
  constexpr int COUNT = 12;
  Widest sums[COUNT] = {};
  const Widest factor = Widest{} + 0.5f, term = Widest{} + 1.0f;
  const double round = COUNT * LANES<Widest>, rounds = least / round;
  double done = 0, kept = 0;
  for (; done < rounds; done++) UNROLL for (int i = 0; i < COUNT; i++) sums[i] = sums[i] * factor + term;
  for (const Widest& sum : sums) kept += sum[0];
  return done * round + 0 * kept;  // or nothing would have to be computed
}
}  // namespace NAME(level, WIDTH)

const Kernels& NAME(kernels, WIDTH)() {
  using namespace NAME(level, WIDTH);
  static constexpr Kernels all = {blockForward, blockBackward, weightedSumBy<Widest>, productsBy<Widest>, poolForwardBy<Widest>, poolBackwardBy<Widest>, philox, multiplyAdds};
  return all;
}
}  // namespace zarts
