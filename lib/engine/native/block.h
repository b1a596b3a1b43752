// The block forward and backward: relu(scale·x + shift) → depthwise → pointwise, strip by strip of a few rows, so that what
// lies between the three stays in the first-level cache. Inside, pixels have their channels rounded up to whole vectors.

// Pixels that a strip has about.
constexpr int STRIP = 64;
// Pixels whose gradients are added up in float32.
constexpr int GROUP = 1024;

// r = relu(scale·x + shift), or relu(x), for pixels that follow each other in x
template <class V>
INLINE void rectify(const float* x, int pixels, int channels, const float* scale, const float* shift, float* r, int pitch) {
  pixelwise<V>(pixels, channels, channels, pitch, [=](auto v, int c) {
    using T = decltype(v);
    const T factor = scale ? load<T>(scale + c) : v + 1, offset = scale ? load<T>(shift + c) : v;
    return [=](ptrdiff_t from, ptrdiff_t to) {
      const T value = load<T>(x + from) * factor + offset;
      store<T>(r + to, rectified<T>(value));
    };
  });
}

// dz = factor·a·dy + b·z + c
template <class V>
INLINE void normGradient(BlockBackward g, float factor, size_t at, int pixels, int channels, float* dz, int pitch) {
  const float *dy = g.dy + at, *z = g.z + at;
  pixelwise<V>(pixels, channels, channels, pitch, [=](auto v, int channel) {
    using T = decltype(v);
    const T a = factor * load<T>(g.a + channel), b = load<T>(g.b + channel), c = load<T>(g.c + channel);
    return [=](ptrdiff_t from, ptrdiff_t to) { store<T>(dz + to, a * load<T>(dy + from) + (b * load<T>(z + from) + c)); };
  });
}

// What a block is inside. `inner` channels lie between its two parts: a factorized reduction has those of both its pixels.
struct Inside {
  int inner, pitch, outPitch;  // pitch of x and of the inner channels
  Inside(const BlockShape& s, int lanes)
      : inner(s.size == 0 && s.stride == 2 ? 2 * s.channels : s.channels),
        pitch(roundedUp(inner, lanes)),
        outPitch(roundedUp(s.outChannels, lanes)) {}
  bool halves(const BlockShape& s) const { return inner != s.channels; }
};

// The pointwise filter as [pitch][outPitch]; of a factorized reduction the two filters on a diagonal of zeros.
INLINE void placePointwise(const BlockShape& s, const Inside& in, const float* from, float* to) {
  clear(to, static_cast<size_t>(in.pitch) * in.outPitch);
  for (int i = 0; i < in.inner; i++)
    for (int o = 0; o < s.outChannels; o++) {
      const bool second = in.halves(s) && 2 * o >= s.outChannels;
      if (in.halves(s) && second != (i >= s.channels)) continue;
      to[static_cast<size_t>(i) * in.outPitch + o] = from[static_cast<size_t>(i % s.channels) * s.outChannels + o];
    }
}
INLINE void takePointwise(const BlockShape& s, const Inside& in, const double* from, float* to) {
  for (int i = 0; i < s.channels; i++)
    for (int o = 0; o < s.outChannels; o++) {
      const int row = in.halves(s) && 2 * o >= s.outChannels ? i + s.channels : i;
      to[static_cast<size_t>(i) * s.outChannels + o] = static_cast<float>(from[static_cast<size_t>(row) * in.outPitch + o]);
    }
}

// Which outputs and taps share a convolution of neighbours: those of every `phases`th pixel, `unit` pixels apart.
struct Phases {
  int phases, unit, stride;
  explicit Phases(const BlockShape& s)
      : phases(s.stride < s.dilation ? s.dilation : 1), unit(s.dilation), stride(s.stride % s.dilation == 0 ? s.stride / s.dilation : 1) {}
};

INLINE int rowsOfStrip(const BlockShape& s) { return greatest(1, least(s.outHeight, STRIP / s.outWidth)); }

// Image rows that an output row reads, with their rows of the filter.
template <class F> INLINE void forRowsRead(const BlockShape& s, int out, F f) {
  for (int ky = 0; ky < s.size; ky++) {
    const int row = out * s.stride + ky * s.dilation - s.padding;
    if (row >= 0 && row < s.height) f(ky, row);
  }
}

// A rectified image with zeros on both sides of each row, its depthwise filter, and convolutions of its rows.
template <class V> struct DepthwiseInput {
  float *rows, *filter;
  ptrdiff_t rowPitch;
  int loaded = 0;

  DepthwiseInput(const BlockShape& s, int pitch, Arena& arena) : rowPitch(static_cast<ptrdiff_t>(s.width + 2 * s.padding) * pitch) {
    rows = arena.take<float>(rowPitch * s.height);
    filter = arena.take<float>(static_cast<size_t>(s.size) * s.size * pitch);
  }
  void prepare(const BlockShape& s, const float* depthwise, int pitch) {
    clear(rows, rowPitch * s.height);
    padColumns(depthwise, s.size * s.size, s.channels, pitch, filter);
  }
  float* pixel(const BlockShape& s, int row, int pitch) const { return rows + row * rowPitch + static_cast<ptrdiff_t>(s.padding) * pitch; }
  // Loads what output rows below `out` read; all of the image with the last of them.
  void loadFor(const BlockShape& s, int out, const float* image, const float* scale, const float* shift, int pitch) {
    const int need = out == s.outHeight ? s.height : least(s.height, (out - 1) * s.stride + (s.size - 1) * s.dilation - s.padding + 1);
    for (; loaded < need; loaded++)
      rectify<V>(image + static_cast<size_t>(loaded) * s.width * s.channels, s.width, s.channels, scale, shift, pixel(s, loaded, pitch), pitch);
  }
  // u = depthwise(r) of one output row
  void convolve(const BlockShape& s, int out, int pitch, float* u) const {
    const Phases p(s);
    const ConvolveRow convolveRow = convolveRowOf<V>(s.size, p.stride);
    for (int phase = 0; phase < p.phases; phase++) {
      Rows read{};
      forRowsRead(s, out, [&](int ky, int row) {
        read.row[read.count] = rows + row * rowPitch + static_cast<ptrdiff_t>(phase) * pitch;
        read.filter[read.count++] = filter + static_cast<ptrdiff_t>(ky) * s.size * pitch;
      });
      convolveRow(read, static_cast<ptrdiff_t>(p.unit) * pitch, pitch, u + static_cast<ptrdiff_t>(phase) * pitch,
                  static_cast<ptrdiff_t>(p.phases) * pitch, (s.outWidth - phase + p.phases - 1) / p.phases);
    }
  }
};

// The pixels of an output row of a factorized reduction, or of plain pixels, as what the product sees.
template <class V>
void gather(const BlockShape& s, const Inside& in, const float* x, size_t pixel, int pixels, const float* scale, const float* shift, float* r) {
  if (!in.halves(s)) return rectify<V>(x + pixel * s.channels, pixels, s.channels, scale, shift, r, in.pitch);
  for (int p = 0; p < pixels; p++) {
    const size_t out = pixel + p, row = out / s.outWidth, column = out % s.outWidth;
    const float* first = x + (2 * row * s.width + 2 * column) * s.channels;
    rectify<V>(first, 1, s.channels, scale, shift, r + static_cast<ptrdiff_t>(p) * in.pitch, s.channels);
    rectify<V>(first + static_cast<size_t>(s.width + 1) * s.channels, 1, s.channels, scale, shift,
               r + static_cast<ptrdiff_t>(p) * in.pitch + s.channels, s.channels);
  }
}

template <class V> struct ForwardBuffers {
  Inside in;
  DepthwiseInput<V> input;
  float *pointwise, *u, *z, *scale, *shift, *sum, *squares;
  Moments moments;
  ForwardBuffers(const BlockShape& s, Arena& arena) : in(s, LANES<V>), input(s, in.pitch, arena) {
    const size_t strip = greatest(STRIP, s.outWidth);
    pointwise = arena.take<float>(static_cast<size_t>(in.pitch) * in.outPitch);
    u = arena.take<float>(strip * in.pitch);
    z = arena.take<float>(strip * in.outPitch);
    sum = arena.take<float>(in.outPitch);
    squares = arena.take<float>(in.outPitch);
    moments = {arena.take<double>(in.outPitch), arena.take<double>(in.outPitch), arena.take<float>(in.outPitch), s.outChannels};
  }
  // Where output pixels go: into z itself where its channels fill whole vectors.
  bool direct(const BlockShape& s) const { return in.outPitch == s.outChannels; }
};

// z = u·pointwise for a strip, with its moments
template <class V>
void finishStrip(const BlockShape& s, const ForwardBuffers<V>& b, const float* u, int pixels, float* z, bool first) {
  const Inside& in = b.in;
  float* to = b.direct(s) ? z : b.z;
  if (first) {
    // The pivot is the mean of the first pixels.
    const int some = least(pixels, 16);
    product<V, false>(u, in.pitch, b.pointwise, in.outPitch, in.inner, to, in.outPitch, some);
    for (int c = 0; c < in.outPitch; c++) {
      float sum = 0;
      for (int p = 0; p < some; p++) sum += to[static_cast<size_t>(p) * in.outPitch + c];
      b.moments.pivot[c] = sum / static_cast<float>(some);
    }
  }
  product<V, true>(u, in.pitch, b.pointwise, in.outPitch, in.inner, to, in.outPitch, pixels, {b.moments.pivot, b.sum, b.squares});
  if (!b.direct(s))
    for (int p = 0; p < pixels; p++) copy(z + static_cast<size_t>(p) * s.outChannels, to + static_cast<size_t>(p) * in.outPitch, s.outChannels);
  addTo(b.moments.sum, b.sum, in.outPitch);
  addTo(b.moments.squares, b.squares, in.outPitch);
}

template <class V> void blockForwardBy(const BlockShape& s, const BlockForward& a, Allocate allocate) {
  auto b = buffersFor<ForwardBuffers<V>>(s, allocate);
  const Inside& in = b.in;
  placePointwise(s, in, a.pointwise, b.pointwise);
  for (int c = 0; c < in.outPitch; c++) b.moments.sum[c] = b.moments.squares[c] = 0;
  clear(b.u, static_cast<size_t>(greatest(STRIP, s.outWidth)) * in.pitch);
  const size_t inImage = static_cast<size_t>(s.height) * s.width * s.channels;
  const size_t outPixels = static_cast<size_t>(s.outHeight) * s.outWidth;
  if (s.size == 0) {
    const size_t all = s.images * outPixels;
    for (size_t at = 0; at < all; at += STRIP) {
      const int pixels = static_cast<int>(all - at < STRIP ? all - at : STRIP);
      gather<V>(s, in, a.x, at, pixels, a.scale, a.shift, b.u);
      if (!in.halves(s)) prefetch(a.x + (at + pixels) * s.channels, static_cast<size_t>(STRIP) * s.channels);
      finishStrip<V>(s, b, b.u, pixels, a.z + at * s.outChannels, at == 0);
    }
  } else {
    b.input.prepare(s, a.depthwise, in.pitch);
    const int rows = rowsOfStrip(s);
    for (int n = 0; n < s.images; n++) {
      const float* image = a.x + n * inImage;
      b.input.loaded = 0;
      for (int o = 0; o < s.outHeight; o += rows) {
        const int end = least(s.outHeight, o + rows), pixels = (end - o) * s.outWidth;
        b.input.loadFor(s, end, image, a.scale, a.shift, in.pitch);
        prefetch(image + static_cast<size_t>(b.input.loaded) * s.width * s.channels, static_cast<size_t>(rows) * s.stride * s.width * s.channels);
        for (int row = o; row < end; row++) b.input.convolve(s, row, in.pitch, b.u + static_cast<ptrdiff_t>(row - o) * s.outWidth * in.pitch);
        float* z = a.z + (n * outPixels + static_cast<size_t>(o) * s.outWidth) * s.outChannels;
        prefetchToWrite(z + static_cast<size_t>(pixels) * s.outChannels, static_cast<size_t>(pixels) * s.outChannels);
        finishStrip<V>(s, b, b.u, pixels, z, n == 0 && o == 0);
      }
    }
  }
  b.moments.into(a.mean, a.variance, static_cast<double>(s.images) * outPixels);
}

// The gradient of u, spread into rows with zeros on both sides, and the turned filter: what the gradient of r is a
// convolution of. Input pixels of every `phases`th column see the same taps.
template <class V> struct DepthwiseGradient {
  float *rows, *filter, *row;
  ptrdiff_t rowPitch;
  int phases, unit, left, emitted = 0;
  int taps[2], first[2];

  DepthwiseGradient(const BlockShape& s, int pitch, Arena& arena) : phases(greatest(s.stride, s.dilation)), unit(phases / s.stride), left(0) {
    int right = s.outWidth;
    for (int phase = 0; phase < phases; phase++) {
      taps[phase] = 0;
      first[phase] = 0;
      for (int kx = 0; kx < s.size; kx++)
        if (meets(s, phase, kx)) {
          taps[phase]++;
          first[phase] = (phase + s.padding - kx * s.dilation) / s.stride;  // the last kx reads the first pixel
        }
      left = greatest(left, -first[phase]);
    }
    right = greatest(right, (s.width - 1 + s.padding) / s.stride + 1);
    rowPitch = static_cast<ptrdiff_t>(left + right) * pitch;
    rows = arena.take<float>(rowPitch * s.outHeight);
    filter = arena.take<float>(static_cast<size_t>(s.size) * s.size * pitch);
    row = arena.take<float>(static_cast<size_t>(s.width) * pitch);
  }
  static bool meets(const BlockShape& s, int at, int k) { return (at + s.padding - k * s.dilation) % s.stride == 0; }
  float* filterRow(const BlockShape& s, int phase, int ky, int pitch) const {
    const int before = phase == 0 ? 0 : s.stride > 1 ? s.size * taps[0] : 0;
    return filter + static_cast<ptrdiff_t>(before + ky * taps[phase]) * pitch;
  }
  void prepare(const BlockShape& s, const float* padded, int pitch) {
    clear(rows, rowPitch * s.outHeight);
    for (int phase = 0; phase < phases; phase++)
      for (int ky = 0; ky < s.size; ky++) {
        float* to = filterRow(s, phase, ky, pitch);
        for (int kx = s.size - 1; kx >= 0; kx--)
          if (meets(s, phase, kx)) {
            copy(to, padded + static_cast<ptrdiff_t>(ky * s.size + kx) * pitch, pitch);
            to += pitch;
          }
      }
  }
  void place(const BlockShape& s, int out, const float* du, int pitch) {
    copy(rows + out * rowPitch + static_cast<ptrdiff_t>(left) * pitch, du, static_cast<size_t>(s.outWidth) * pitch);
  }
  // dr of one row of the image, into `row`
  void convolve(const BlockShape& s, int in, int pitch) const {
    for (int phase = 0; phase < phases; phase++) {
      Rows read{};
      if (taps[phase] > 0)
        for (int ky = 0; ky < s.size; ky++) {
          const int at = in + s.padding - ky * s.dilation;
          if (at < 0 || at % s.stride != 0 || at / s.stride >= s.outHeight) continue;
          read.row[read.count] = rows + at / s.stride * rowPitch + static_cast<ptrdiff_t>(left + first[phase]) * pitch;
          read.filter[read.count++] = filterRow(s, phase, ky, pitch);
        }
      convolveRowOf<V>(taps[phase], 1)(read, static_cast<ptrdiff_t>(unit) * pitch, pitch, row + static_cast<ptrdiff_t>(phase) * pitch,
                                       static_cast<ptrdiff_t>(phases) * pitch, (s.width - phase + phases - 1) / phases);
    }
  }
};

template <class V> struct BackwardBuffers {
  Inside in;
  DepthwiseInput<V> input;
  DepthwiseGradient<V> gradient;
  float *pointwise, *turned, *u, *dz, *du, *dPointwise, *dDepthwise, *sum, *products;
  double *totalPointwise, *totalDepthwise, *totalSum, *totalProducts;
  size_t pointwiseSize, depthwiseSize;
  BackwardBuffers(const BlockShape& s, Arena& arena) : in(s, LANES<V>), input(s, in.pitch, arena), gradient(s, in.pitch, arena) {
    const size_t strip = greatest(STRIP, s.outWidth);
    pointwiseSize = static_cast<size_t>(in.pitch) * in.outPitch;
    depthwiseSize = static_cast<size_t>(s.size) * s.size * in.pitch;
    pointwise = arena.take<float>(pointwiseSize);
    turned = arena.take<float>(pointwiseSize);
    u = arena.take<float>(strip * in.pitch);
    du = arena.take<float>(strip * in.pitch);
    dz = arena.take<float>(strip * in.outPitch);
    dPointwise = arena.take<float>(pointwiseSize);
    dDepthwise = arena.take<float>(depthwiseSize);
    sum = arena.take<float>(in.pitch);
    products = arena.take<float>(in.pitch);
    totalPointwise = arena.take<double>(pointwiseSize);
    totalDepthwise = arena.take<double>(depthwiseSize);
    totalSum = arena.take<double>(in.pitch);
    totalProducts = arena.take<double>(in.pitch);
  }
  void begin(const BlockShape& s, const BlockBackward& a) {
    placePointwise(s, in, a.pointwise, pointwise);
    for (int i = 0; i < in.pitch; i++)
      for (int o = 0; o < in.outPitch; o++) turned[static_cast<size_t>(o) * in.pitch + i] = pointwise[static_cast<size_t>(i) * in.outPitch + o];
    const size_t strip = greatest(STRIP, s.outWidth);
    clear(u, strip * in.pitch);
    clear(dz, strip * in.outPitch);
    for (size_t i = 0; i < pointwiseSize; i++) totalPointwise[i] = 0;
    for (size_t i = 0; i < depthwiseSize; i++) totalDepthwise[i] = 0;
    for (int i = 0; i < in.pitch; i++) totalSum[i] = totalProducts[i] = 0;
    beginGroup();
  }
  void beginGroup() {
    clear(dPointwise, pointwiseSize);
    clear(dDepthwise, depthwiseSize);
    clear(sum, in.pitch);
    clear(products, in.pitch);
  }
  void endGroup() {
    addTo(totalPointwise, dPointwise, pointwiseSize);
    addTo(totalDepthwise, dDepthwise, depthwiseSize);
    addTo(totalSum, sum, in.pitch);
    addTo(totalProducts, products, in.pitch);
    beginGroup();
  }
  void end(const BlockShape& s, const BlockBackward& a) const {
    takePointwise(s, in, totalPointwise, a.dPointwise);
    for (int t = 0; t < s.size * s.size; t++)
      for (int c = 0; c < s.channels; c++) a.dDepthwise[t * s.channels + c] = static_cast<float>(totalDepthwise[t * in.pitch + c]);
    if (a.scale)
      for (int c = 0; c < s.channels; c++) {
        a.sum[c] = totalSum[c];
        a.products[c] = totalProducts[c];
      }
  }
};

// dx = dr where r is positive; given `sum` also Σ dx and Σ dx·(x − centre) of these pixels
template <class V>
INLINE void maskPixels(const float* dr, const float* r, const float* x, int pixels, int channels, int pitch, float* dx, const float* centres,
                       float* sum, float* products) {
  if (!sum)
    return pixelwise<V>(pixels, channels, pitch, channels, [=](auto v, int) {
      using T = decltype(v);
      return [=](ptrdiff_t from, ptrdiff_t to) { store<T>(dx + to, maskedBy<T>(load<T>(r + from), load<T>(dr + from))); };
    });
  channelwise<V>(channels, [=](auto v, int c) {
    using T = decltype(v);
    const T centre = load<T>(centres + c);
    T s = v, p = v;
    for (ptrdiff_t j = 0; j < pixels; j++) {
      const T g = maskedBy<T>(load<T>(r + j * pitch + c), load<T>(dr + j * pitch + c));
      store<T>(dx + j * channels + c, g);
      s += g;
      p += g * (load<T>(x + j * channels + c) - centre);
    }
    store<T>(sum + c, load<T>(sum + c) + s);
    store<T>(products + c, load<T>(products + c) + p);
  });
}

// A strip's share in the gradient of the pointwise filter, and the gradient of what it was applied to.
template <class V> INLINE void productGradients(const BlockShape& s, const BackwardBuffers<V>& b, int pixels) {
  const Inside& in = b.in;
  addOuterProduct<V>(b.u, in.pitch, in.inner, b.dz, in.outPitch, pixels, b.dPointwise);
  product<V, false>(b.dz, in.outPitch, b.turned, in.pitch, s.outChannels, b.du, in.pitch, pixels);
}

template <class V> void pointwiseBackward(const BlockShape& s, const BlockBackward& a, BackwardBuffers<V>& b) {
  const Inside& in = b.in;
  const size_t outPixels = static_cast<size_t>(s.outHeight) * s.outWidth, all = s.images * outPixels;
  if (in.halves(s)) clear(a.dx, static_cast<size_t>(s.images) * s.height * s.width * s.channels);
  int strips = 0, pixels;
  for (size_t at = 0; at < all; at += pixels) {
    const size_t end = a.factors ? (at / outPixels + 1) * outPixels : all;
    pixels = static_cast<int>(end - at < STRIP ? end - at : STRIP);
    gather<V>(s, in, a.x, at, pixels, a.scale, a.shift, b.u);
    // Strips end with images where images have factors.
    const float factor = a.factors ? a.factors[at / outPixels] : 1;
    normGradient<V>(a, factor, at * s.outChannels, pixels, s.outChannels, b.dz, in.outPitch);
    productGradients<V>(s, b, pixels);
    if (!in.halves(s)) {
      maskPixels<V>(b.du, b.u, a.x + at * s.channels, pixels, s.channels, in.pitch, a.dx + at * s.channels, a.centres,
                    a.scale ? b.sum : nullptr, b.products);
    } else {
      for (int p = 0; p < pixels; p++) {
        const size_t out = at + p, row = out / s.outWidth, column = out % s.outWidth;
        for (int half = 0; half < 2; half++) {
          const ptrdiff_t from = static_cast<ptrdiff_t>(p) * in.pitch + half * s.channels;
          float* to = a.dx + ((2 * row + half) * s.width + 2 * column + half) * s.channels;
          maskPixels<V>(b.du + from, b.u + from, nullptr, 1, s.channels, in.pitch, to, nullptr, nullptr, nullptr);
        }
      }
    }
    if (++strips % (GROUP / STRIP) == 0) b.endGroup();
  }
}

template <class V> void depthwiseBackward(const BlockShape& s, const BlockBackward& a, BackwardBuffers<V>& b) {
  const Inside& in = b.in;
  b.input.prepare(s, a.depthwise, in.pitch);
  b.gradient.prepare(s, b.input.filter, in.pitch);
  const size_t inImage = static_cast<size_t>(s.height) * s.width * s.channels, outPixels = static_cast<size_t>(s.outHeight) * s.outWidth;
  const int rows = rowsOfStrip(s), group = greatest(1, static_cast<int>(GROUP / outPixels));
  const Phases p(s);
  const FilterRowGradient filterRowGradient = filterRowGradientOf<V>(s.size, p.stride);
  for (int n = 0; n < s.images; n++) {
    const float* image = a.x + n * inImage;
    b.input.loaded = b.gradient.emitted = 0;
    for (int o = 0; o < s.outHeight; o += rows) {
      const int end = least(s.outHeight, o + rows), pixels = (end - o) * s.outWidth;
      const size_t at = (n * outPixels + static_cast<size_t>(o) * s.outWidth) * s.outChannels, next = at + static_cast<size_t>(pixels) * s.outChannels;
      b.input.loadFor(s, end, image, a.scale, a.shift, in.pitch);
      normGradient<V>(a, a.factors ? a.factors[n] : 1, at, pixels, s.outChannels, b.dz, in.outPitch);
      prefetch(a.dy + next, static_cast<size_t>(pixels) * s.outChannels);
      for (int row = o; row < end; row++) b.input.convolve(s, row, in.pitch, b.u + static_cast<ptrdiff_t>(row - o) * s.outWidth * in.pitch);
      prefetch(a.z + next, static_cast<size_t>(pixels) * s.outChannels);
      productGradients<V>(s, b, pixels);
      prefetch(image + static_cast<size_t>(b.input.loaded) * s.width * s.channels, static_cast<size_t>(rows) * s.stride * s.width * s.channels);
      for (int row = o; row < end; row++) b.gradient.place(s, row, b.du + static_cast<ptrdiff_t>(row - o) * s.outWidth * in.pitch, in.pitch);
      // The filter's gradient, one of its rows after the other, over the rows of the strip.
      for (int phase = 0; phase < p.phases; phase++)
        for (int ky = 0; ky < s.size; ky++) {
          RowPair pairs[STRIP];
          int count = 0;
          for (int row = o; row < end; row++) {
            const int read = row * s.stride + ky * s.dilation - s.padding;
            if (read < 0 || read >= s.height) continue;
            pairs[count++] = {b.input.rows + read * b.input.rowPitch + static_cast<ptrdiff_t>(phase) * in.pitch,
                              b.du + (static_cast<ptrdiff_t>(row - o) * s.outWidth + phase) * in.pitch};
          }
          filterRowGradient(pairs, count, static_cast<ptrdiff_t>(p.unit) * in.pitch, in.pitch, static_cast<ptrdiff_t>(p.phases) * in.pitch,
                            (s.outWidth - phase + p.phases - 1) / p.phases, b.dDepthwise + static_cast<ptrdiff_t>(ky) * s.size * in.pitch);
        }
      // The image's rows that no later strip adds to.
      const int complete = end == s.outHeight ? s.height : greatest(0, end * s.stride - s.padding);
      for (; b.gradient.emitted < complete; b.gradient.emitted++) {
        const int row = b.gradient.emitted;
        b.gradient.convolve(s, row, in.pitch);
        const size_t from = static_cast<size_t>(row) * s.width * s.channels;
        maskPixels<V>(b.gradient.row, b.input.pixel(s, row, in.pitch), image + from, s.width, s.channels, in.pitch, a.dx + n * inImage + from,
                      a.centres, a.scale ? b.sum : nullptr, b.products);
      }
    }
    if ((n + 1) % group == 0) b.endGroup();
  }
}

template <class V> void blockBackwardBy(const BlockShape& s, const BlockBackward& a, Allocate allocate) {
  auto b = buffersFor<BackwardBuffers<V>>(s, allocate);
  b.begin(s, a);
  if (s.size == 0) pointwiseBackward<V>(s, a, b);
  else depthwiseBackward<V>(s, a, b);
  b.endGroup();
  b.end(s, a);
}
