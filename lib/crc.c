#include "crc.h"

#include <pthread.h>
#include <string.h>

enum { POLYNOMIAL = 0x82f63b78 }; /* reflected */

static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? (uint32_t)POLYNOMIAL : 0);
		table[i] = crc;
	}
}

uint32_t dp_crc32c_by_table(struct dp_str s)
{
	uint32_t crc = UINT32_MAX;

	pthread_once(&table_once, make_table);
	for (size_t i = 0; i < s.n; i++)
		crc = crc >> 8 ^ table[(crc ^ (unsigned char)s.p[i]) & 255];
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_instruction(struct dp_str s)
{
	uint64_t crc = UINT32_MAX;
	uint64_t word;
	size_t i = 0;

	for (; i + sizeof word <= s.n; i += sizeof word) {
		memcpy(&word, s.p + i, sizeof word);
		crc = __builtin_ia32_crc32di(crc, word);
	}
	for (; i < s.n; i++)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, (unsigned char)s.p[i]);
	return ~(uint32_t)crc;
}

uint32_t dp_crc32c(struct dp_str s)
{
	return __builtin_cpu_supports("sse4.2") ? by_instruction(s) : dp_crc32c_by_table(s);
}
#else
uint32_t dp_crc32c(struct dp_str s)
{
	return dp_crc32c_by_table(s);
}
#endif
