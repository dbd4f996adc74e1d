/*
 * profiles.h: names for sets of the parameters that say how delays are distributed: the
 * program's own, each with the source of its figures, and those of --profiles FILE.
 */
#pragma once

#include "api/draw.h"

struct profile {
    const char *name, *text, *source; /* "": no source */
    struct draw_in in;
    char unusable[160]; /* why, under this --max-delay; "": it can be used */
};

struct profiles {
    size_t count;
    struct profile *at; /* owned, with the strings of those behind the program's own */
};

/* `path` is NULL where there is no file. False: *why, with the line of the file; there
 * is nothing to free then. */
MUST_USE bool profiles_open(struct profiles *profiles, const double *limits,
                            const char *path, struct text *why);
void profiles_close(struct profiles *profiles);

/* What the profile of that name stands for; unknown names are an invalid-parameter. */
MUST_USE enum error profiles_find(struct exchange *exchange, const char *name,
                                  const struct draw_in **in, struct problem *problem);

/* The manual's section. */
void profiles_print(struct text *out);
