/* token_file.h: --token-file, as it is read at the start and at each SIGHUP. */
#pragma once

#include "workers.h"

struct token_file {
    const char *path; /* NULL: there is none */
    const struct log *log;
};

/* Reads it; *tokens, which the caller owns, stays as it is where there is none. Warns
 * where everybody may read the file. False: *why says what is wrong with it. */
MUST_USE bool token_file_read(const struct token_file *file, struct tokens **tokens,
                              struct text *why);

/* Reads it again: what workers_plan calls at SIGHUP, with a struct token_file. Where
 * that fails, the workers keep the tokens that they have. */
void token_file_again(struct workers *workers, void *file);
