#include "async/blob.h"

#include <stdlib.h>
#include <string.h>

static size_t
type_size(const char *type)
{
    return type ? strlen(type) + 1 : 0;
}

static size_t
counted(const struct blob *blob)
{
    return blob->size + type_size(blob->type) + BLOB_OVERHEAD;
}

enum error
blob_new(struct registry *registry, const char *bytes, size_t size, const char *type,
         struct blob **out)
{
    struct quota *quota = &registry->peers->object_bytes;
    size_t behind = type_size(type);
    struct blob *blob = calloc(1, sizeof *blob + size + behind);
    if (blob == NULL)
        return ERROR_OUT_OF_MEMORY;
    blob->registry = registry;
    blob->holders = 1;
    blob->size = size;
    if (size > 0)
        memcpy(blob->bytes, bytes, size);
    if (type)
        blob->type = memcpy(blob->bytes + size, type, behind);
    if (!quota_take(quota, counted(blob), registry->limits.max_object_bytes)) {
        free(blob);
        return ERROR_TOO_MANY_BYTES;
    }
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
    quota_give(&blob->registry->peers->object_bytes, counted(blob));
    free(blob);
}
