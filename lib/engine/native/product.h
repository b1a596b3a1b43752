// Products of a strip of pixels with small matrices. Pitches are multiples of V's lanes; P·N sums stay in registers.

// Where the moments of a product's columns go: Σ (z − pivot) and Σ (z − pivot)².
struct ColumnMoments {
  const float* pivot;
  float *sum, *squares;
};

// z[p][n] = Σ_k u[p][k]·w[k][n] for P pixels and N vectors of columns
template <class V, int P, int N, bool MOMENTS>
INLINE void productTile(const float* u, int uPitch, const float* w, int wPitch, int depth, float* z, int zPitch,
                        const V (&pivot)[N], V (&sum)[N], V (&squares)[N]) {
  V total[P][N] = {};
  for (int k = 0; k < depth; k++) {
    V row[N];
    UNROLL for (int n = 0; n < N; n++) row[n] = load<V>(w + static_cast<ptrdiff_t>(k) * wPitch + n * LANES<V>);
    UNROLL for (int p = 0; p < P; p++) {
      const float scalar = u[p * uPitch + k];
      UNROLL for (int n = 0; n < N; n++) total[p][n] += row[n] * scalar;
    }
  }
  UNROLL for (int p = 0; p < P; p++) UNROLL for (int n = 0; n < N; n++) {
    store<V>(z + p * zPitch + n * LANES<V>, total[p][n]);
    if (MOMENTS) {
      const V centred = total[p][n] - pivot[n];
      sum[n] += centred;
      squares[n] += centred * centred;
    }
  }
}

template <class V, int N, bool MOMENTS>
void productColumns(const float* u, int uPitch, const float* w, int wPitch, int depth, float* z, int zPitch, int pixels,
                    const ColumnMoments& moments) {
  V pivot[N] = {}, sum[N] = {}, squares[N] = {};
  if (MOMENTS) UNROLL for (int n = 0; n < N; n++) pivot[n] = load<V>(moments.pivot + n * LANES<V>);
  int p = 0;
  constexpr int P = SUMS / N;
  for (; p + P <= pixels; p += P) productTile<V, P, N, MOMENTS>(u + p * uPitch, uPitch, w, wPitch, depth, z + p * zPitch, zPitch, pivot, sum, squares);
  for (; p + 4 <= pixels; p += 4) productTile<V, 4, N, MOMENTS>(u + p * uPitch, uPitch, w, wPitch, depth, z + p * zPitch, zPitch, pivot, sum, squares);
  for (; p < pixels; p++) productTile<V, 1, N, MOMENTS>(u + p * uPitch, uPitch, w, wPitch, depth, z + p * zPitch, zPitch, pivot, sum, squares);
  if (MOMENTS) UNROLL for (int n = 0; n < N; n++) {
    store<V>(moments.sum + n * LANES<V>, sum[n]);
    store<V>(moments.squares + n * LANES<V>, squares[n]);
  }
}

// z = u·w: [pixels][depth] by [depth][columns]; with the moments of each column of z over these pixels
template <class V, bool MOMENTS>
void product(const float* u, int uPitch, const float* w, int columns, int depth, float* z, int zPitch, int pixels,
             const ColumnMoments& m = {}) {
  constexpr int L = LANES<V>;
  int c = 0;
  const auto from = [&](const ColumnMoments& all) { return MOMENTS ? ColumnMoments{all.pivot + c, all.sum + c, all.squares + c} : all; };
  if (WIDTH == 16)
    for (; c + 4 * L <= columns; c += 4 * L) productColumns<V, 4, MOMENTS>(u, uPitch, w + c, columns, depth, z + c, zPitch, pixels, from(m));
  for (; c + 2 * L <= columns; c += 2 * L) productColumns<V, 2, MOMENTS>(u, uPitch, w + c, columns, depth, z + c, zPitch, pixels, from(m));
  for (; c + L <= columns; c += L) productColumns<V, 1, MOMENTS>(u, uPitch, w + c, columns, depth, z + c, zPitch, pixels, from(m));
}

// w[m][n] += Σ_p u[p][m]·g[p][n] for M rows and N vectors of columns
template <class V, int M, int N>
INLINE void outerTile(const float* u, int uPitch, const float* g, int gPitch, int pixels, float* w, int wPitch) {
  V total[M][N];
  UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) total[m][n] = load<V>(w + m * wPitch + n * LANES<V>);
  for (int p = 0; p < pixels; p++) {
    V row[N];
    UNROLL for (int n = 0; n < N; n++) row[n] = load<V>(g + static_cast<ptrdiff_t>(p) * gPitch + n * LANES<V>);
    UNROLL for (int m = 0; m < M; m++) {
      const float scalar = u[static_cast<ptrdiff_t>(p) * uPitch + m];
      UNROLL for (int n = 0; n < N; n++) total[m][n] += row[n] * scalar;
    }
  }
  UNROLL for (int m = 0; m < M; m++) UNROLL for (int n = 0; n < N; n++) store<V>(w + m * wPitch + n * LANES<V>, total[m][n]);
}

template <class V, int N>
void outerColumns(const float* u, int uPitch, int rows, const float* g, int gPitch, int pixels, float* w) {
  constexpr int M = SUMS / N;
  int m = 0;
  for (; m + M <= rows; m += M) outerTile<V, M, N>(u + m, uPitch, g, gPitch, pixels, w + m * gPitch, gPitch);
  for (; m < rows; m += 4) outerTile<V, 4, N>(u + m, uPitch, g, gPitch, pixels, w + m * gPitch, gPitch);
}

// w += uᵀ·g: [pixels][uPitch], of which so many `rows` count (and up to three more), and [pixels][columns] to [rows][columns]
template <class V>
void addOuterProduct(const float* u, int uPitch, int rows, const float* g, int columns, int pixels, float* w) {
  constexpr int L = LANES<V>;
  int c = 0;
  if (WIDTH == 16)
    for (; c + 4 * L <= columns; c += 4 * L) outerColumns<V, 4>(u, uPitch, rows, g + c, columns, pixels, w + c);
  for (; c + 2 * L <= columns; c += 2 * L) outerColumns<V, 2>(u, uPitch, rows, g + c, columns, pixels, w + c);
  for (; c + L <= columns; c += L) outerColumns<V, 1>(u, uPitch, rows, g + c, columns, pixels, w + c);
}
