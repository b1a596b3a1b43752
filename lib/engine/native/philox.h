// Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011; 4×32 bits, ten rounds, the constants are its own):
// counters side by side in lanes of 64 bits, of whose contents the lower halves count.
typedef uint64_t Wide __attribute__((vector_size(4 * WIDTH)));

INLINE Wide productsOfLow(Wide a, Wide b) {
#if !defined(__x86_64__)
  return (a & 0xffffffff) * (b & 0xffffffff);
#elif WIDTH == 16
  return (Wide)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif WIDTH == 8
  return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#else
  return (Wide)_mm_mul_epu32((__m128i)a, (__m128i)b);
#endif
}

void philox(const uint32_t key[2], const uint32_t high[2], uint64_t first, uint64_t* pairs) {
  constexpr int LANES64 = WIDTH / 2, CHAINS = 4;  // as many as hide the latency of products
  constexpr uint64_t LOW = 0xffffffff;
  for (int at = 0; at < COUNTERS; at += CHAINS * LANES64) {
    Wide a[CHAINS], b[CHAINS], c[CHAINS], d[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
      for (int lane = 0; lane < LANES64; lane++) a[i][lane] = first + at + i * LANES64 + lane;
      b[i] = a[i] >> 32, c[i] = Wide{} + high[0], d[i] = Wide{} + high[1];
    }
    uint32_t left = key[0], right = key[1];
    for (int round = 0; round < 10; round++) {
      for (int i = 0; i < CHAINS; i++) {
        const Wide p = productsOfLow(a[i], Wide{} + 0xD2511F53), q = productsOfLow(c[i], Wide{} + 0xCD9E8D57);
        a[i] = q >> 32 ^ b[i] ^ left, b[i] = q;
        c[i] = p >> 32 ^ d[i] ^ right, d[i] = p;
      }
      left += 0x9E3779B9, right += 0xBB67AE85;
    }
    for (int i = 0; i < CHAINS; i++) {
      uint64_t* to = pairs + at + i * LANES64;
      const Wide ab = (a[i] & LOW) | b[i] << 32, cd = (c[i] & LOW) | d[i] << 32;
      __builtin_memcpy(to, &ab, sizeof ab);
      __builtin_memcpy(to + COUNTERS, &cd, sizeof cd);
    }
  }
}
