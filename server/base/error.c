#include "base/error.h"

#include <assert.h>
#include <string.h>

static const struct error_info infos[ERROR_COUNT] = {
#define ERROR(symbol, status_, slug_, title_, text_)                                   \
    [ERROR_##symbol] = {                                                               \
        .status = (status_),                                                           \
        .slug = (slug_),                                                               \
        .title = (title_),                                                             \
        .text = (text_),                                                               \
    },
#include "base/errors.def"
#undef ERROR
};

const struct error_info *
error_info(enum error error)
{
    assert(error > OK && error < ERROR_COUNT);
    return &infos[error];
}

bool
error_has_any_status(enum error error)
{
    return error == ERROR_SIMULATED_FAILURE;
}

enum error
error_from_slug(const char *slug)
{
    for (unsigned i = OK + 1; i < ERROR_COUNT; i++)
        if (strcmp(infos[i].slug, slug) == 0)
            return (enum error)i;
    return OK;
}
