// Depthwise convolutions of one row, and their filter gradient. `pitch` is the number of channels, a multiple of V's lanes;
// `unit` the floats between neighbouring taps.

// sum[q] += Σ_kx filter[kx]·row[q·S + kx]
template <class V, int K, int S, int Q>
INLINE void addTaps(const float* row, ptrdiff_t unit, const float* filter, int pitch, V (&sum)[Q]) {
  V f[K];
  UNROLL for (int kx = 0; kx < K; kx++) f[kx] = load<V>(filter + kx * pitch);
  UNROLL for (int i = 0; i <= (Q - 1) * S + K - 1; i++) {
    const V x = load<V>(row + i * unit);
    UNROLL for (int kx = 0; kx < K; kx++) {
      const int t = i - kx;
      if (t >= 0 && t % S == 0 && t / S < Q) sum[t / S] += f[kx] * x;
    }
  }
}

// Rows of an image and the rows of the filter that meet them.
struct Rows {
  const float *row[7], *filter[7];
  int count;
};

template <class V, int K, int S, int Q>
INLINE void outputs(const Rows& rows, ptrdiff_t at, ptrdiff_t unit, int channel, int pitch, float* out, ptrdiff_t outUnit) {
  V sum[Q] = {};
  for (int r = 0; r < rows.count; r++)
    addTaps<V, K, S, Q>(rows.row[r] + at + channel, unit, rows.filter[r] + channel, pitch, sum);
  UNROLL for (int q = 0; q < Q; q++) store<V>(out + q * outUnit + channel, sum[q]);
}

// out[j] = Σ_ky Σ_kx filter[ky][kx]·row[ky][j·S + kx] for j < width
template <class V, int K, int S>
void convolveRow(const Rows& rows, ptrdiff_t unit, int pitch, float* out, ptrdiff_t outUnit, int width) {
  for (int c = 0; c < pitch; c += LANES<V>) {
    int j = 0;
    for (; j + 8 <= width; j += 8) outputs<V, K, S, 8>(rows, j * S * unit, unit, c, pitch, out + j * outUnit, outUnit);
    for (; j + 4 <= width; j += 4) outputs<V, K, S, 4>(rows, j * S * unit, unit, c, pitch, out + j * outUnit, outUnit);
    for (; j < width; j++) outputs<V, K, S, 1>(rows, j * S * unit, unit, c, pitch, out + j * outUnit, outUnit);
  }
}
using ConvolveRow = void (*)(const Rows&, ptrdiff_t, int, float*, ptrdiff_t, int);

// A row of an image and the gradients of the output row that it takes part in.
struct RowPair {
  const float *row, *gradient;
};

template <class V, int K, int S, int Q, int A>
INLINE void addProducts(const float* row, ptrdiff_t unit, const float* gradient, ptrdiff_t gradientUnit, V (&sum)[K][A]) {
  V g[Q];
  UNROLL for (int q = 0; q < Q; q++) g[q] = load<V>(gradient + q * gradientUnit);
  UNROLL for (int i = 0; i <= (Q - 1) * S + K - 1; i++) {
    const V x = load<V>(row + i * unit);
    UNROLL for (int kx = 0; kx < K; kx++) {
      const int t = i - kx;
      if (t >= 0 && t % S == 0 && t / S < Q) sum[kx][t / S % A] += g[t / S] * x;
    }
  }
}

// filter[kx] += Σ over pairs Σ_j gradient[j]·row[j·S + kx]: the gradient of one row of the filter, [K][pitch]
template <class V, int K, int S>
void filterRowGradient(const RowPair* pairs, int count, ptrdiff_t unit, int pitch, ptrdiff_t gradientUnit, int width, float* filter) {
  constexpr int Q = WIDTH == 16 ? 8 : 4;
  constexpr int A = K == 3 && WIDTH == 16 ? 4 : K == 7 && WIDTH < 16 ? 1 : 2;
  for (int c = 0; c < pitch; c += LANES<V>) {
    V sum[K][A] = {};
    for (int r = 0; r < count; r++) {
      const float *row = pairs[r].row + c, *g = pairs[r].gradient + c;
      int j = 0;
      for (; j + Q <= width; j += Q) addProducts<V, K, S, Q, A>(row + j * S * unit, unit, g + j * gradientUnit, gradientUnit, sum);
      for (; j + 4 <= width; j += 4) addProducts<V, K, S, 4, A>(row + j * S * unit, unit, g + j * gradientUnit, gradientUnit, sum);
      for (; j < width; j++) addProducts<V, K, S, 1, A>(row + j * S * unit, unit, g + j * gradientUnit, gradientUnit, sum);
    }
    UNROLL for (int kx = 0; kx < K; kx++) {
      V total = sum[kx][0];
      UNROLL for (int a = 1; a < A; a++) total += sum[kx][a];
      float* at = filter + kx * pitch + c;
      store<V>(at, load<V>(at) + total);
    }
  }
}
using FilterRowGradient = void (*)(const RowPair*, int, ptrdiff_t, int, ptrdiff_t, int, float*);

// A gradient at stride 2 sees every second tap: also rows of 1, 2 and 4 of them.
template <class V> ConvolveRow convolveRowOf(int taps, int stride) {
  if (stride == 2) return taps == 3 ? convolveRow<V, 3, 2> : taps == 5 ? convolveRow<V, 5, 2> : convolveRow<V, 7, 2>;
  switch (taps) {
    case 2: return convolveRow<V, 2, 1>;
    case 3: return convolveRow<V, 3, 1>;
    case 4: return convolveRow<V, 4, 1>;
    case 5: return convolveRow<V, 5, 1>;
    case 7: return convolveRow<V, 7, 1>;
    default: return convolveRow<V, 1, 1>;
  }
}
template <class V> FilterRowGradient filterRowGradientOf(int taps, int stride) {
  if (stride == 2) return taps == 3 ? filterRowGradient<V, 3, 2> : taps == 5 ? filterRowGradient<V, 5, 2> : filterRowGradient<V, 7, 2>;
  return taps == 3 ? filterRowGradient<V, 3, 1> : taps == 5 ? filterRowGradient<V, 5, 1> : filterRowGradient<V, 7, 1>;
}
