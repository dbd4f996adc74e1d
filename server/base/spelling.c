#include "base/spelling.h"

#include <stdbool.h>
#include <string.h>

enum { WORD_MAX = 64, EDITS_MAX = 2 };

static char
lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool
same(char a, char b)
{
    return lower(a) == lower(b);
}

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Row i of the table of distances, from the two rows above it. */
static void
fill_row(const char *a, size_t i, const char *b, size_t b_size,
         size_t rows[3][WORD_MAX + 1])
{
    size_t *row = rows[i % 3];
    const size_t *above = rows[(i + 2) % 3];
    const size_t *second = rows[(i + 1) % 3];

    row[0] = i;
    for (size_t j = 1; j <= b_size; j++) {
        row[j] = least(above[j], row[j - 1]) + 1;
        row[j] = least(row[j], above[j - 1] + !same(a[i - 1], b[j - 1]));
        if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
            row[j] = least(row[j], second[j - 2] + 1);
    }
}

size_t
spelling_distance(const char *a, size_t a_size, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t b_size = strlen(b);

    if (a_size > WORD_MAX || b_size > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++)
        fill_row(a, i, b, b_size, rows);
    return rows[a_size % 3][b_size];
}

void
spelling_consider(const char *word, size_t size, const char *candidate,
                  const char **best, size_t *best_distance)
{
    size_t distance = spelling_distance(word, size, candidate);
    size_t candidate_size = strlen(candidate);
    size_t longer = candidate_size > size ? candidate_size : size;

    if (distance > EDITS_MAX || distance * 2 >= longer)
        return;
    if (*best == NULL || distance < *best_distance) {
        *best = candidate;
        *best_distance = distance;
    }
}
