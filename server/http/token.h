/* token.h: what names of methods and fields consist of: tchar of RFC 9110 §5.6.2. */
#pragma once

#include <stdbool.h>

static inline bool
is_token_byte(unsigned char byte)
{
    static const bool token_bytes[256] = {
        ['0' ... '9'] = true,  ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,
        ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,         ['-'] = true,
        ['.'] = true,          ['^' ... '`'] = true, ['|'] = true,         ['~'] = true,
    };

    return token_bytes[byte];
}
