// What reads whole maps once: a node's sum, the products of its gradient, and pools.

// Whole pixels that are whole vectors as well: the sums below run over these, whatever the number of channels.
template <class V> INLINE int periodOf(int channels) {
  int period = channels;
  while (period % LANES<V> != 0) period += channels;
  return period;
}

// A vector of each channel repeated over a period.
INLINE void repeatChannels(const float* from, int channels, int period, float* to) {
  for (int i = 0; i < period; i++) to[i] = from[i % channels];
}

// Floats of a map that are worked on together.
constexpr int CHUNK = 2048;

template <class V> struct SumBuffers {
  int period;
  float *scales, *shift;
  SumBuffers(const WeightedSum& s, Arena& arena) : period(periodOf<V>(s.channels)) {
    scales = arena.take<float>(static_cast<size_t>(s.terms) * period);
    shift = arena.take<float>(period);
  }
};

// y = shift (or what y is) + Σ_i scales[i]·xs[i] for M terms, in their order
template <class V, int M>
void addTerms(const float* const* xs, const float* scales, const float* shift, int period, size_t from, size_t to, float* y) {
  for (size_t at = from; at < to; at += period)
    for (int i = 0; i < period; i += LANES<V>) {
      V sum = shift ? load<V>(shift + i) : load<V>(y + at + i);
      UNROLL for (int m = 0; m < M; m++) sum += load<V>(scales + m * period + i) * load<V>(xs[m] + at + i);
      store<V>(y + at + i, sum);
    }
}

template <class V> void weightedSumBy(const WeightedSum& s, Allocate allocate) {
  const auto b = buffersFor<SumBuffers<V>>(s, allocate);
  for (int i = 0; i < s.terms; i++) repeatChannels(s.scales + static_cast<size_t>(i) * s.channels, s.channels, b.period, b.scales + static_cast<size_t>(i) * b.period);
  repeatChannels(s.shift, s.channels, b.period, b.shift);
  const size_t all = s.pixels * s.channels, whole = all / b.period * b.period;
  const size_t chunk = static_cast<size_t>(greatest(1, CHUNK / b.period)) * b.period;
  for (size_t from = 0; from < whole; from += chunk) {
    const size_t to = from + chunk < whole ? from + chunk : whole;
    for (int i = 0; i < s.terms; i += 4) {
      const float* const* xs = s.xs + i;
      const float *scales = b.scales + static_cast<size_t>(i) * b.period, *shift = i == 0 ? b.shift : nullptr;
      switch (least(4, s.terms - i)) {
        case 1: addTerms<V, 1>(xs, scales, shift, b.period, from, to, s.y); break;
        case 2: addTerms<V, 2>(xs, scales, shift, b.period, from, to, s.y); break;
        case 3: addTerms<V, 3>(xs, scales, shift, b.period, from, to, s.y); break;
        default: addTerms<V, 4>(xs, scales, shift, b.period, from, to, s.y);
      }
    }
  }
  for (size_t at = whole; at < all; at++) {
    const size_t i = at - whole;
    float sum = b.shift[i];
    for (int m = 0; m < s.terms; m++) sum += b.scales[static_cast<size_t>(m) * b.period + i] * s.xs[m][at];
    s.y[at] = sum;
  }
}

template <class V> struct ProductBuffers {
  int period;
  float* centres;
  double* totals;  // [terms + 1][period]
  ProductBuffers(const Products& s, Arena& arena) : period(periodOf<V>(s.channels)) {
    centres = arena.take<float>(static_cast<size_t>(s.terms) * period);
    totals = arena.take<double>(static_cast<size_t>(s.terms + 1) * period);
  }
};

template <class V> void productsBy(const Products& s, Allocate allocate) {
  const auto b = buffersFor<ProductBuffers<V>>(s, allocate);
  const int period = b.period;
  for (int i = 0; i < s.terms; i++) repeatChannels(s.centres + static_cast<size_t>(i) * s.channels, s.channels, period, b.centres + static_cast<size_t>(i) * period);
  for (int i = 0; i < (s.terms + 1) * period; i++) b.totals[i] = 0;
  const auto add = [&](int row, int i, V sum) {
    for (int l = 0; l < LANES<V>; l++) b.totals[static_cast<size_t>(row) * period + i + l] += sum[l];
  };
  const size_t all = s.pixels * s.channels, whole = all / period * period;
  const size_t chunk = static_cast<size_t>(greatest(1, CHUNK / period)) * period;
  for (size_t from = 0; from < whole; from += chunk) {
    const size_t to = from + chunk < whole ? from + chunk : whole;
    const size_t four = (to - from) / period / 4 * 4 * period + from;
    prefetch(s.dy + to, chunk);
    for (int i = 0; i < period; i += LANES<V>) {
      V sum = {};
      for (size_t at = from; at < to; at += period) sum += load<V>(s.dy + at + i);
      add(0, i, sum);
    }
    for (int m = 0; m < s.terms; m++) {
      const float* x = s.xs[m];
      prefetch(x + to, chunk);
      for (int i = 0; i < period; i += LANES<V>) {
        const V centre = load<V>(b.centres + static_cast<size_t>(m) * period + i);
        V sums[4] = {};
        size_t at = from;
        for (; at < four; at += 4 * static_cast<size_t>(period))
          UNROLL for (int q = 0; q < 4; q++)
            sums[q] += load<V>(s.dy + at + q * period + i) * (load<V>(x + at + q * period + i) - centre);
        for (; at < to; at += period) sums[0] += load<V>(s.dy + at + i) * (load<V>(x + at + i) - centre);
        add(m + 1, i, (sums[0] + sums[1]) + (sums[2] + sums[3]));
      }
    }
  }
  for (size_t at = whole; at < all; at++) {
    const size_t i = at - whole;
    b.totals[i] += s.dy[at];
    for (int m = 0; m < s.terms; m++)
      b.totals[(m + 1) * period + i] += static_cast<double>(s.dy[at]) * (s.xs[m][at] - b.centres[static_cast<size_t>(m) * period + i]);
  }
  for (int c = 0; c < s.channels; c++) s.sum[c] = 0;
  for (int i = 0; i < s.terms * s.channels; i++) s.products[i] = 0;
  for (int i = 0; i < period; i++) {
    s.sum[i % s.channels] += b.totals[i];
    for (int m = 0; m < s.terms; m++) s.products[m * s.channels + i % s.channels] += b.totals[(m + 1) * period + i];
  }
}

// ---- pools ----

struct PoolBuffers {
  Moments moments;
  PoolBuffers(const PoolShape& s, Arena& arena)
      : moments{arena.take<double>(s.channels), arena.take<double>(s.channels), arena.take<float>(s.channels), s.channels} {}
};

// The pixels of a window that are in the image.
struct Window {
  int top, bottom, left, right;
  Window(const PoolShape& s, int i, int j)
      : top(greatest(0, i * s.stride - 1)), bottom(least(s.height, i * s.stride + 2)),
        left(greatest(0, j * s.stride - 1)), right(least(s.width, j * s.stride + 2)) {}
  float count() const { return static_cast<float>((bottom - top) * (right - left)); }
};

template <class T> INLINE T pooled(const PoolShape& s, const float* image, const Window& w, int c) {
  const float* corner = image + (static_cast<size_t>(w.top) * s.width + w.left) * s.channels + c;
  T result = load<T>(corner);
  for (int y = w.top; y < w.bottom; y++)
    for (int x = w.left; x < w.right; x++) {
      if (y == w.top && x == w.left) continue;
      const T value = load<T>(image + (static_cast<size_t>(y) * s.width + x) * s.channels + c);
      if (s.max) result = value > result ? value : result;
      else result += value;
    }
  return s.max ? result : result / w.count();
}

template <class V> void poolForwardBy(const PoolShape& s, const PoolForward& a, Allocate allocate) {
  const auto b = buffersFor<PoolBuffers>(s, allocate);
  const size_t inImage = static_cast<size_t>(s.height) * s.width * s.channels;
  channelwise<V>(s.channels, [&](auto v, int c) {
    using T = decltype(v);
    store<T>(b.moments.pivot + c, pooled<T>(s, a.x, Window(s, 0, 0), c));
  });
  for (int c = 0; c < s.channels; c++) b.moments.sum[c] = b.moments.squares[c] = 0;
  for (int n = 0; n < s.images; n++)
    for (int i = 0; i < s.outHeight; i++) {
      float* row = a.p + (static_cast<size_t>(n) * s.outHeight + i) * s.outWidth * s.channels;
      channelwise<V>(s.channels, [&](auto v, int c) {
        using T = decltype(v);
        const T pivot = load<T>(b.moments.pivot + c);
        T sum = {}, squares = {};
        for (int j = 0; j < s.outWidth; j++) {
          const T value = pooled<T>(s, a.x + n * inImage, Window(s, i, j), c), centred = value - pivot;
          store<T>(row + static_cast<size_t>(j) * s.channels + c, value);
          sum += centred;
          squares += centred * centred;
        }
        float parts[2][sizeof(T) / sizeof(float)];
        store<T>(parts[0], sum);
        store<T>(parts[1], squares);
        addTo(b.moments.sum + c, parts[0], sizeof(T) / sizeof(float));
        addTo(b.moments.squares + c, parts[1], sizeof(T) / sizeof(float));
      });
    }
  b.moments.into(a.mean, a.variance, static_cast<double>(s.images) * s.outHeight * s.outWidth);
}

template <class V> void poolBackwardBy(const PoolShape& s, const PoolBackward& a, Allocate) {
  const size_t inImage = static_cast<size_t>(s.height) * s.width * s.channels;
  clear(a.dx, s.images * inImage);
  for (int n = 0; n < s.images; n++) {
    const float* image = a.x + n * inImage;
    float* dImage = a.dx + n * inImage;
    for (int i = 0; i < s.outHeight; i++) {
      const size_t row = (static_cast<size_t>(n) * s.outHeight + i) * s.outWidth * s.channels;
      channelwise<V>(s.channels, [&](auto v, int c) {
        using T = decltype(v);
        for (int j = 0; j < s.outWidth; j++) {
          const size_t at = row + static_cast<size_t>(j) * s.channels + c;
          const T p = load<T>(a.p + at);
          T g = load<T>(a.b + c) * p + load<T>(a.c + c);
          for (int m = 0; m < a.terms; m++) g += load<T>(a.a + static_cast<size_t>(m) * s.channels + c) * load<T>(a.dys[m] + at);
          const Window w(s, i, j);
          if (!s.max) g /= w.count();
          const T zero = {};
          for (int y = w.top; y < w.bottom; y++)
            for (int x = w.left; x < w.right; x++) {
              const size_t place = (static_cast<size_t>(y) * s.width + x) * s.channels + c;
              T share = g;
              if (s.max) {
                const auto won = load<T>(image + place) == p;
                share = won ? g : zero;
                g = won ? zero : g;  // given once
              }
              store<T>(dImage + place, load<T>(dImage + place) + share);
            }
        }
      });
    }
  }
}
