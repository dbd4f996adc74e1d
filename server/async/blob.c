#include "async/blob.h"

#include "async/memory.h"

#include <stdlib.h>
#include <string.h>

static size_t
type_size(const char *type)
{
    return type ? strlen(type) + 1 : 0;
}

enum error
blob_new(struct registry *registry, const char *bytes, size_t size, const char *type,
         struct blob **out)
{
    struct quota *quota = &registry->peers->object_bytes;
    size_t behind = type_size(type);
    size_t counts = size + behind + BLOB_OVERHEAD;

    if (!memory_fits(registry->peers, counts))
        return ERROR_TOO_MUCH_MEMORY;
    if (!quota_take(quota, counts, registry->limits.max_object_bytes))
        return ERROR_TOO_MANY_BYTES;
    struct blob *blob = malloc(sizeof *blob + size + behind);
    if (blob == NULL) {
        quota_give(quota, counts);
        return ERROR_OUT_OF_MEMORY;
    }
    *blob = (struct blob){.registry = registry, .holders = 1, .size = size};
    if (size > 0)
        memcpy(blob->bytes, bytes, size);
    if (type)
        blob->type = memcpy(blob->bytes + size, type, behind);
    *out = blob;
    return OK;
}

void
blob_hold(struct blob *blob)
{
    if (blob)
        blob->holders++;
}

void
blob_release(struct blob *blob)
{
    if (blob == NULL || --blob->holders > 0)
        return;
    quota_give(&blob->registry->peers->object_bytes,
               blob->size + type_size(blob->type) + BLOB_OVERHEAD);
    free(blob);
}
