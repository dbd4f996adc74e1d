/* alloc.h: memory for what every request makes and frees. */
#pragma once

#include "base/base.h"

#include <stdlib.h>
#include <string.h>

/* As calloc, which takes nothing from the cache of its thread (glibc before 2.41),
 * though free puts it there: a third of the instructions. For what is small. NULL: out
 * of memory. The caller frees it. */
static inline void *
alloc_zeroed(size_t size)
{
    void *memory = malloc(size);

    return memory ? memset(memory, 0, size) : NULL;
}
