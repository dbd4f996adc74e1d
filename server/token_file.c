#include "token_file.h"

#include <stdio.h>

bool
token_file_read(const struct token_file *file, struct tokens **tokens, struct text *why)
{
    if (file->path == NULL)
        return true;
    struct tokens *read = tokens_read(file->path, why);
    if (read == NULL)
        return false;
    if (tokens_exposed(read))
        LOG(file->log, LOG_LEVEL_WARN, "everybody on this machine may read the tokens",
            {"file", file->path}, {"hint", "chmod o-r"});
    *tokens = read;
    return true;
}

static void
log_kept(const struct log *log, struct text *why)
{
    LOG(log, LOG_LEVEL_ERROR, "tokens not read again, the old ones hold",
        {"reason", text_terminated(why)});
}

void
token_file_again(struct workers *workers, void *owner)
{
    const struct token_file *file = owner;
    struct tokens *tokens = NULL;
    char count[16];
    TEXT_AUTO why = {0};

    if (file->path == NULL) {
        LOG(file->log, LOG_LEVEL_INFO, "nothing to read again", {"signal", "SIGHUP"},
            {"hint", "there is no --token-file"});
        return;
    }
    if (!token_file_read(file, &tokens, &why)) {
        log_kept(file->log, &why);
        return;
    }
    snprintf(count, sizeof count, "%zu", tokens_count(tokens));
    if (workers_take_tokens(workers, tokens))
        LOG(file->log, LOG_LEVEL_INFO, "tokens read again", {"count", count});
    else {
        text_string(&why, "no memory");
        log_kept(file->log, &why);
    }
    tokens_free(tokens);
}
