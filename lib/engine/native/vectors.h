// Vectors of floats, and memory to work in. Everything here and in the files below it is compiled once for each instruction
// level, inside that level's namespace, and uses nothing of the standard library: the linker would keep one of the copies of
// a shared function, for the widest instructions perhaps, and older processors would meet it.
#define INLINE inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 64")

typedef float Floats4 __attribute__((vector_size(16)));
typedef float Floats8 __attribute__((vector_size(32)));
typedef float Floats16 __attribute__((vector_size(64)));

template <class V> constexpr int LANES = sizeof(V) / sizeof(float);

// Independent sums kept in registers: as many as hide the latency of multiply-adds and leave room for their operands.
constexpr int SUMS = WIDTH == 16 ? 16 : 8;

// memcpy, because activations are aligned to floats only.
template <class V> INLINE V load(const float* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}
template <class V> INLINE void store(float* to, V v) { __builtin_memcpy(to, &v, sizeof v); }

template <class V> INLINE V rectified(V v) {  // v where it is not negative, else 0: what is no number stays so
  const V zero = {};
  return v < zero ? zero : v;
}
template <class V> INLINE V maskedBy(V condition, V v) {  // v where the condition is positive, else 0
  const V zero = {};
  return condition > zero ? v : zero;
}

INLINE int least(int a, int b) { return a < b ? a : b; }
INLINE int greatest(int a, int b) { return a > b ? a : b; }
INLINE int roundedUp(int value, int to) { return (value + to - 1) / to * to; }

INLINE void copy(float* to, const float* from, size_t floats) { __builtin_memcpy(to, from, floats * sizeof(float)); }
INLINE void clear(float* at, size_t floats) { __builtin_memset(at, 0, floats * sizeof(float)); }

// Asks for memory ahead of its use.
INLINE void prefetch(const float* at, size_t floats) {
  for (size_t i = 0; i < floats; i += 16) __builtin_prefetch(at + i, 0, 2);
}
INLINE void prefetchToWrite(float* at, size_t floats) {
  for (size_t i = 0; i < floats; i += 16) __builtin_prefetch(at + i, 1, 2);
}

// Hands out pieces of one allocation. Begun without memory it only counts what is wanted of it.
struct Arena {
  char* base = nullptr;
  size_t used = 0;
  template <class T> T* take(size_t count) {
    T* at = reinterpret_cast<T*>(base + used);
    used += (count * sizeof(T) + 63) / 64 * 64 + 64;
    return at;
  }
};

// The buffers of a kernel, made twice: to count, and for real.
template <class Buffers, class Shape> Buffers buffersFor(const Shape& shape, Allocate allocate) {
  Arena arena;
  { Buffers counted(shape, arena); }
  arena.base = static_cast<char*>(allocate(arena.used));
  arena.used = 0;
  return Buffers(shape, arena);
}

// Calls f(V{}, channel) for the channels, in as wide vectors as there are channels left for.
template <class V, class F> INLINE void channelwise(int channels, F f) {
  if (channels % LANES<V> == 0) {
    for (int c = 0; c < channels; c += LANES<V>) f(V{}, c);
    return;
  }
  int c = 0;
  for (; c + LANES<V> <= channels; c += LANES<V>) f(V{}, c);
  for (; c + 4 <= channels; c += 4) f(Floats4{}, c);
  for (; c < channels; c++) f(float{}, c);
}

// As channelwise: f(V{}, channel) gives what is called for each pixel,
// with its place in maps whose pixels lie `fromPitch` and `toPitch` floats apart.
template <class V, class F> INLINE void pixelwise(int pixels, int channels, int fromPitch, int toPitch, F f) {
  if (channels > 2 * LANES<V>) {  // pixel by pixel, as they lie in memory
    for (ptrdiff_t p = 0; p < pixels; p++)
      channelwise<V>(channels, [&](auto v, int c) { f(v, c)(p * fromPitch + c, p * toPitch + c); });
    return;
  }
  channelwise<V>(channels, [&](auto v, int c) {
    const auto each = f(v, c);
    for (ptrdiff_t p = 0; p < pixels; p++) each(p * fromPitch + c, p * toPitch + c);
  });
}

// A [rows][columns] matrix with zeros on the right, as [rows][pitch].
INLINE void padColumns(const float* from, int rows, int columns, int pitch, float* to) {
  for (int r = 0; r < rows; r++) {
    copy(to + static_cast<size_t>(r) * pitch, from + static_cast<size_t>(r) * columns, columns);
    clear(to + static_cast<size_t>(r) * pitch + columns, pitch - columns);
  }
}

INLINE void addTo(double* total, const float* part, size_t count) {
  for (size_t i = 0; i < count; i++) total[i] += part[i];
}

// Sums of a channel's values and of their squares, both less a pivot that is about the mean: the variance then does not
// drown in the squares.
struct Moments {
  double *sum, *squares;  // [channels]
  float* pivot;
  int channels;
  void into(double* mean, double* variance, double count) const {
    for (int c = 0; c < channels; c++) {
      const double m = sum[c] / count, v = squares[c] / count - m * m;
      mean[c] = pivot[c] + m;
      variance[c] = v > 0 ? v : 0;
    }
  }
};
