/* field_parse.c: the kinds: what each takes, and how it comes into its member. */
#include "base/field_private.h"

#include <assert.h>
#include <string.h>

#include "base/number.h"
#include "base/rfc3339.h"
#include "base/utf8.h"

/* ---- values --------------------------------------------------------- */

static enum error
check_limits(const struct entry *entry, double value)
{
    double max = field_max(entry->field, entry->limits);

    if (value < entry->field->min)
        return entry_outside_limits(entry, "below", entry->field->min);
    if (value > max)
        return entry_outside_limits(entry, "above", max);
    return OK;
}

static enum error
set_seconds(const struct entry *entry, double seconds)
{
    enum error e = check_limits(entry, seconds);

    if (e)
        return e;
    ((struct value_duration *)entry->member)->seconds = seconds + 0.0; /* no -0 */
    return OK;
}

static enum error
set_duration_text(const struct entry *entry)
{
    double seconds;

    if (!number_parse_duration(entry->text, entry->size, &seconds))
        return entry_malformed(entry);
    return set_seconds(entry, seconds);
}

static enum error
set_duration_integer(const struct entry *entry, int64_t value)
{
    return set_seconds(entry, (double)value);
}

static enum error
set_number(const struct entry *entry, double value)
{
    enum error e = check_limits(entry, value);

    if (e)
        return e;
    ((struct value_number *)entry->member)->value = value + 0.0; /* no -0 */
    return OK;
}

static enum error
set_number_text(const struct entry *entry)
{
    double value;

    if (!number_parse(entry->text, entry->size, &value))
        return entry_malformed(entry);
    return set_number(entry, value);
}

static enum error
set_number_integer(const struct entry *entry, int64_t value)
{
    return set_number(entry, (double)value);
}

static bool
is_digits(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

/* An integer of the text; one that int64_t has no room for is above any limit. */
static enum error
parse_integer(const struct entry *entry, int64_t *value)
{
    if (number_parse_integer(entry->text, entry->size, value))
        return OK;
    if (is_digits(entry->text, entry->size))
        return entry_outside_limits(entry, "above",
                                    field_max(entry->field, entry->limits));
    return entry_malformed(entry);
}

static enum error
set_integer(const struct entry *entry, int64_t value)
{
    enum error e = check_limits(entry, (double)value);

    if (e)
        return e;
    ((struct value_integer *)entry->member)->value = value;
    return OK;
}

static enum error
set_integer_text(const struct entry *entry)
{
    int64_t value;
    enum error e = parse_integer(entry, &value);

    return e ? e : set_integer(entry, value);
}

static enum error
set_seed(const struct entry *entry, int64_t value)
{
    if (value < 0)
        return entry_malformed(entry);
    ((struct value_integer *)entry->member)->value = value;
    return OK;
}

static enum error
set_seed_text(const struct entry *entry)
{
    int64_t value;

    if (!number_parse_integer(entry->text, entry->size, &value))
        return entry_malformed(entry);
    return set_seed(entry, value);
}

static enum error
set_size_text(const struct entry *entry)
{
    int64_t value;

    if (!number_parse_size(entry->text, entry->size, &value))
        return entry_malformed(entry);
    return set_integer(entry, value);
}

static bool
text_is(const struct entry *entry, const char *word)
{
    return strlen(word) == entry->size && memcmp(word, entry->text, entry->size) == 0;
}

static enum error
set_flag_text(const struct entry *entry)
{
    struct value_flag *flag = entry->member;
    bool on = text_is(entry, "true") || text_is(entry, "1");

    if (!on && !text_is(entry, "false") && !text_is(entry, "0"))
        return entry_malformed(entry);
    flag->on = on;
    return OK;
}

/* The place of the text among the field's words, -1 where it is none of them. */
static int
word_index(const struct entry *entry)
{
    const char *const *words = entry->field->words;

    for (int i = 0; words != NULL && words[i] != NULL; i++)
        if (text_is(entry, words[i]))
            return i;
    return -1;
}

static enum error
set_word_text(const struct entry *entry)
{
    struct value_word *word = entry->member;
    int index = word_index(entry);

    if (index < 0)
        return entry_malformed(entry);
    word->index = index;
    return OK;
}

static enum error
set_count(const struct entry *entry, int64_t value)
{
    enum error e = check_limits(entry, (double)value);
    struct value_count *count = entry->member;

    if (e)
        return e;
    count->word = -1;
    count->count = value;
    return OK;
}

static enum error
set_count_text(const struct entry *entry)
{
    struct value_count *count = entry->member;
    int index = word_index(entry);
    int64_t value;
    enum error e;

    if (index >= 0) {
        count->word = index;
        count->count = 0;
        return OK;
    }
    e = parse_integer(entry, &value);
    return e ? e : set_count(entry, value);
}

static enum error
set_name_text(const struct entry *entry)
{
    struct value_name *name = entry->member;

    if (entry->size > NAME_MAX_BYTES)
        return entry_malformed(entry);
    for (size_t i = 0; i < entry->size; i++) {
        char c = entry->text[i];
        bool common =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!common && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return entry_malformed(entry);
    }
    memcpy(name->bytes, entry->text, entry->size);
    name->bytes[entry->size] = '\0';
    return OK;
}

static enum error
set_label_text(const struct entry *entry)
{
    struct value_label *label = entry->member;

    if (entry->size > LABEL_MAX_BYTES)
        return entry_refuse(entry, "is longer than %d bytes", LABEL_MAX_BYTES);
    if (!utf8_valid(entry->text, entry->size))
        return entry_refuse(entry, "is not valid UTF-8");
    for (size_t i = 0; i < entry->size; i++)
        if ((unsigned char)entry->text[i] < ' ' || entry->text[i] == 0x7f)
            return entry_refuse(entry, "has a control character in it");
    memcpy(label->bytes, entry->text, entry->size);
    label->bytes[entry->size] = '\0';
    return OK;
}

static enum error
set_time_text(const struct entry *entry)
{
    struct value_time *time = entry->member;

    int64_t wall_ns;

    if (!rfc3339_parse(entry->text, entry->size, &wall_ns))
        return entry_malformed(entry);
    if (wall_ns == INT64_MAX)
        return entry_refuse(entry, "is above the limit of %s", RFC3339_LATEST);
    time->wall_ns = wall_ns;
    return OK;
}

static enum error
set_text_text(const struct entry *entry)
{
    ((struct value_text *)entry->member)->bytes = entry->text;
    return OK;
}

/* ---- lists ---------------------------------------------------------- */

enum error
entry_append_integer(const struct entry *entry, int64_t value)
{
    struct value_integers *list = entry->member;
    enum error e = check_limits(entry, (double)value);

    if (e)
        return e;
    for (size_t i = 0; i < list->size; i++)
        if (list->at[i] == value)
            return entry_refuse(entry, "is in the list twice");
    if (list->size == INTEGERS_MAX)
        return entry_refuse(entry, "is one too many: at most %d", INTEGERS_MAX);
    list->at[list->size++] = value;
    return OK;
}

static enum error
append_integer_text(const struct entry *entry)
{
    int64_t value;
    enum error e = parse_integer(entry, &value);

    return e ? e : entry_append_integer(entry, value);
}

enum error
entry_append_word(const struct entry *entry)
{
    struct value_words *words = entry->member;
    int index = word_index(entry);

    if (index < 0)
        return entry_malformed(entry);
    assert(index < 32);
    if (words->set & (UINT32_C(1) << index))
        return entry_refuse(entry, "is in the list twice");
    words->set |= UINT32_C(1) << index;
    return OK;
}

/* Splits the text at its commas and adds each part to `list`. */
static enum error
set_list(const struct entry *entry, enum error (*append)(const struct entry *),
         void *list)
{
    const char *end = entry->text + entry->size;
    const char *comma;

    for (const char *at = entry->text;; at = comma + 1) {
        struct entry element = *entry;
        enum error e;

        comma = memchr(at, ',', (size_t)(end - at));
        if (comma == NULL)
            comma = end;
        if (comma == at)
            return entry_refuse(entry, "has an empty place in the list");
        element.text = at;
        element.size = (size_t)(comma - at);
        element.member = list;
        e = append(&element);
        if (e || comma == end)
            return e;
    }
}

static enum error
set_integers_text(const struct entry *entry)
{
    struct value_integers list = {0};
    enum error e = set_list(entry, append_integer_text, &list);

    if (e)
        return e;
    *(struct value_integers *)entry->member = list;
    return OK;
}

static enum error
set_words_text(const struct entry *entry)
{
    struct value_words words = {0};
    enum error e = set_list(entry, entry_append_word, &words);

    if (e)
        return e;
    *(struct value_words *)entry->member = words;
    return OK;
}

/* "0.1:0.9", a duration and its weight, or the duration alone. */
static bool
parse_choice(const struct entry *entry, double *seconds, double *weight)
{
    const char *colon = memchr(entry->text, ':', entry->size);
    size_t size = colon ? (size_t)(colon - entry->text) : entry->size;

    *weight = 1;
    return number_parse_duration(entry->text, size, seconds)
           && (colon == NULL
               || number_parse(colon + 1, entry->size - size - 1, weight));
}

enum error
entry_append_choice(const struct entry *entry)
{
    struct value_choices *list = entry->member;
    double seconds, weight;

    if (!parse_choice(entry, &seconds, &weight))
        return entry_malformed(entry);
    enum error e = check_limits(entry, seconds);

    if (e)
        return e;
    if (list->size == CHOICES_MAX)
        return entry_refuse(entry, "is one too many: at most %d", CHOICES_MAX);
    list->at[list->size].seconds = seconds + 0.0; /* no -0 */
    list->at[list->size++].weight = weight;
    return OK;
}

static enum error
set_choices_text(const struct entry *entry)
{
    struct value_choices list = {0};
    enum error e = set_list(entry, entry_append_choice, &list);

    if (e)
        return e;
    *(struct value_choices *)entry->member = list;
    return OK;
}

/* ---- the table ------------------------------------------------------ */

/* clang-format off */
const struct kind field_kinds[] = {
    [FIELD_DURATION] = {
        .set_text = set_duration_text,
        .set_integer = set_duration_integer,
        .set_double = set_seconds,
        .text = "a number of seconds or a number with a unit (us ms s m h)",
        .number = true,
    },
    [FIELD_NUMBER] = {
        .set_text = set_number_text,
        .set_integer = set_number_integer,
        .set_double = set_number,
        .text = "a number",
        .number = true,
    },
    [FIELD_INTEGER] = {
        .set_text = set_integer_text,
        .set_integer = set_integer,
        .text = "an integer (digits only)",
        .number = true,
    },
    [FIELD_SEED] = {
        .set_text = set_seed_text,
        .set_integer = set_seed,
        .text = "an integer from 0 to 9223372036854775807",
    },
    [FIELD_SIZE] = {
        .set_text = set_size_text,
        .set_integer = set_integer,
        .text = "a number of bytes or an integer with a unit (B KiB MiB GiB)",
        .number = true,
    },
    [FIELD_FLAG] = {
        .set_text = set_flag_text,
        .text = "true or false (or 1 or 0, where it is text)",
    },
    [FIELD_WORD] = {
        .set_text = set_word_text,
        .text = "one of its words",
        .string = true,
    },
    [FIELD_WORDS] = {
        .set_text = set_words_text,
        .text = "a list of its words, each once",
    },
    [FIELD_COUNT] = {
        .set_text = set_count_text,
        .set_integer = set_count,
        .text = "one of its words, or an integer (digits only)",
    },
    [FIELD_INTEGERS] = {
        .set_text = set_integers_text,
        .text = "a list of at most 16 integers, each once",
    },
    [FIELD_NAME] = {
        .set_text = set_name_text,
        .text = "a name: a letter or digit, then at most 63 letters, digits, '.', '_' "
                "or '-'",
        .string = true,
    },
    [FIELD_LABEL] = {
        .set_text = set_label_text,
        .text = "1 to 128 bytes of UTF-8 without control characters",
        .string = true,
    },
    [FIELD_TIME] = {
        .set_text = set_time_text,
        .text = "a time as RFC 3339 writes it (2026-01-02T03:04:05Z)",
        .string = true,
    },
    [FIELD_CHOICES] = {
        .set_text = set_choices_text,
        .text = "a list of at most 64 durations, each with a weight or without "
                "(100ms:0.9,2s:0.1)",
    },
    [FIELD_TEXT] = {
        .set_text = set_text_text,
        .text = "a text that is not empty",
        .string = true,
    },
};
/* clang-format on */
_Static_assert(INTEGERS_MAX == 16, "the text of FIELD_INTEGERS says so");
_Static_assert(CHOICES_MAX == 64, "the text of FIELD_CHOICES says so");

const char *
field_kind_text(enum field_kind kind)
{
    return field_kinds[kind].text;
}
