/* CRC-32C (Castagnoli; RFC 3720, appendix B.4): what tells a damaged line from an intact one. */
#ifndef DP_CRC_H
#define DP_CRC_H

#include "buf.h"

#include <stdint.h>

/* Of the bytes of s. With the processor's own instruction where it has one (SSE 4.2). */
uint32_t dp_crc32c(struct dp_str s);

/* The same by table: what is used elsewhere, and what the tests compare with. */
uint32_t dp_crc32c_by_table(struct dp_str s);

#endif
