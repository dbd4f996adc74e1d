/* spelling.h: the nearest valid name for a misspelt one. */
#pragma once

#include "base/base.h"

/* Optimal string alignment distance (Damerau–Levenshtein with adjacent transpositions,
 * each substring edited once), case ignored; inputs over 64 bytes are far from all. */
size_t spelling_distance(const char *a, size_t a_size, const char *b);

/* The nearer of two candidates: *best (NULL at first) and *best_distance are replaced
 * where `candidate` is nearer to `word` than they are and near enough to be meant: at
 * most 2 edits and less than half of the longer word. */
void spelling_consider(const char *word, size_t size, const char *candidate,
                       const char **best, size_t *best_distance);
