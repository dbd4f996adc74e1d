#include "api/ends.h"

const char *const ends_return_when_words[] = {"all", "first", "first_error", NULL};
enum { LOSERS_CANCEL, LOSERS_KEEP };
const char *const ends_losers_words[] = {"cancel", "keep", NULL};
enum { ON_ERROR_COLLECT, ON_ERROR_CANCEL };
const char *const ends_on_error_words[] = {"collect", "cancel", NULL};
const char *const ends_needs_n[] = {"n", NULL};
const char *const ends_losers_needs[] = {"return_when", NULL};

struct ending
ends_ending(const struct ends_in *in)
{
    const struct value_count *when = &in->return_when;

    return (struct ending){
        .most = when->word < 0 ? (size_t)when->count : when->word == RETURN_FIRST,
        .first_error = when->word == RETURN_FIRST_ERROR,
        .keep = in->losers.index == LOSERS_KEEP,
        .cancel_on_error = in->on_error.index == ON_ERROR_CANCEL,
    };
}
