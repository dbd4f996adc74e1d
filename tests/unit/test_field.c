#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/field.h"
#include "base/utf8.h"

struct sample {
    struct value_duration max_delay, delay;
    struct value_integer n, seed, room;
    struct value_number rate;
    struct value_flag keep;
    struct value_word format;
    struct value_words include;
    struct value_count need;
    struct value_integers limit;
    struct value_name id;
    struct value_label label;
    struct value_time at;
    struct value_choices choice;
    struct value_text file;
    struct value_flag drop;
    struct value_number chance;
};

static const char *const formats[] = {"json", "ndjson", "sse", "text", NULL};
static const char *const needs[] = {"all", "any", NULL};
static const char *const not_with_delay[] = {"max_delay", "seed", NULL};
static const char *const rate_needs[] = {"id", "label", NULL};
static const char *const not_with_drop[] = {"max_delay", "keep", NULL};

/* clang-format off */
static const struct field fields[] = {
    FIELD(struct sample, delay, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,
          .excludes = not_with_delay),
    FIELD(struct sample, max_delay, FIELD_DURATION, .max_limit = LIMIT_MAX_DELAY,
          .fallback = 10),
    FIELD(struct sample, n, FIELD_INTEGER, .required = true, .min = 1,
          .max_limit = LIMIT_MAX_N, .unit = "waits", .fallback = 3),
    FIELD(struct sample, seed, FIELD_SEED, .fallback_text = "7"),
    FIELD(struct sample, room, FIELD_SIZE, .min = 512, .max = 1 << 20,
          .fallback = 1024),
    FIELD(struct sample, rate, FIELD_NUMBER, .min = 0.25, .max = 1, .fallback = 0.5,
          .needs = rate_needs),
    FIELD(struct sample, keep, FIELD_FLAG, .fallback_text = "true"),
    FIELD(struct sample, format, FIELD_WORD, .words = formats, .fallback_text = "sse"),
    FIELD(struct sample, include, FIELD_WORDS, .words = formats),
    FIELD(struct sample, need, FIELD_COUNT, .words = needs, .max = 9,
          .fallback_text = "any"),
    FIELD(struct sample, limit, FIELD_INTEGERS, .min = 1, .max_limit = LIMIT_MAX_N,
          .fallback_text = "1,2,5"),
    FIELD(struct sample, id, FIELD_NAME),
    FIELD(struct sample, label, FIELD_LABEL, .fallback_text = "none"),
    FIELD(struct sample, at, FIELD_TIME),
    FIELD(struct sample, choice, FIELD_CHOICES, .max_limit = LIMIT_MAX_DELAY),
    FIELD(struct sample, file, FIELD_TEXT, .fallback_text = "/dev/null"),
    FIELD(struct sample, drop, FIELD_FLAG, .fallback_text = "false",
          .excludes = not_with_drop, .needs = rate_needs),
    FIELD(struct sample, chance, FIELD_NUMBER, .max = 1, .fallback_text = "0",
          .excludes = not_with_drop, .needs = rate_needs),
};
static const struct shape shape = SHAPE(struct sample, fields);
/* clang-format on */

static const double limits[LIMIT_COUNT] = {
    [LIMIT_MAX_DELAY] = 300,
    [LIMIT_MAX_N] = 1000,
};

static struct problem problem;
static struct sample in;

static const struct field *
field(const char *name)
{
    const struct field *found = shape_find(&shape, name, strlen(name));

    assert_non_null(found);
    return found;
}

static void
clear(void)
{
    shape_defaults(&shape, limits, &in);
    memset(&problem, 0, sizeof problem);
}

static enum error
send_bytes(const char *name, const char *text, size_t size)
{
    clear();
    return field_set_text(field(name), limits, text, size, &in, &problem);
}

static enum error
send(const char *name, const char *text)
{
    return send_bytes(name, text, strlen(text));
}

/* The value is refused with that detail, and the struct is as it was. */
static void
refuses(const char *name, const char *text, const char *detail)
{
    struct sample before;

    clear();
    before = in;
    assert_int_equal(send(name, text), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, detail);
    assert_string_equal(problem.param, name);
    assert_true(problem.has_value);
    assert_memory_equal(&in, &before, sizeof in);
}

static void
defaults_are_set_and_not_given(void **state)
{
    (void)state;
    memset(&in, 0xff, sizeof in);
    clear();
    for (size_t i = 0; i < shape.count; i++)
        assert_false(field_given(&fields[i], &in));
    assert_true(in.max_delay.seconds == 10);
    assert_true(in.delay.seconds == 0);
    assert_int_equal(in.n.value, 3);
    assert_int_equal(in.seed.value, 7);
    assert_int_equal(in.room.value, 1024);
    assert_true(in.keep.on);
    assert_int_equal(in.format.index, 2);
    assert_int_equal(in.include.set, 0);
    assert_int_equal(in.need.word, 1);
    assert_int_equal(in.limit.size, 3);
    assert_int_equal(in.limit.at[2], 5);
    assert_string_equal(in.label.bytes, "none");
    assert_string_equal(in.file.bytes, "/dev/null");
}

static void
a_default_is_never_above_the_limit(void **state)
{
    const double low[LIMIT_COUNT] = {[LIMIT_MAX_DELAY] = 5, [LIMIT_MAX_N] = 7};

    (void)state;
    shape_defaults(&shape, low, &in);
    assert_true(in.max_delay.seconds == 5);
    assert_true(field_max(field("max_delay"), low) == 5);
    assert_true(field_fallback(field("n"), low) == 3);
    assert_true(field_max(field("room"), low) == 1 << 20);
}

static void
every_kind_is_set_from_text(void **state)
{
    (void)state;
    assert_int_equal(send("max_delay", "250ms"), OK);
    assert_true(in.max_delay.given && in.max_delay.seconds == 0.25);
    assert_int_equal(send("n", "1000"), OK);
    assert_true(in.n.given && in.n.value == 1000);
    assert_int_equal(send("seed", "9223372036854775807"), OK);
    assert_true(in.seed.given && in.seed.value == INT64_MAX);
    assert_int_equal(send("room", "64KiB"), OK);
    assert_true(in.room.given && in.room.value == 65536);
    assert_int_equal(send("keep", "0"), OK);
    assert_true(in.keep.given && !in.keep.on);
    assert_int_equal(send("format", "text"), OK);
    assert_true(in.format.given && in.format.index == 3);
    assert_int_equal(send("include", "sse,json"), OK);
    assert_true(in.include.given && in.include.set == 5);
    assert_int_equal(send("id", "a.b_C-9"), OK);
    assert_true(in.id.given);
    assert_string_equal(in.id.bytes, "a.b_C-9");
    assert_int_equal(send("label", "täg 1"), OK);
    assert_true(in.label.given);
    assert_string_equal(in.label.bytes, "täg 1");
    assert_int_equal(send("at", "1970-01-01T00:00:01Z"), OK);
    assert_true(in.at.given && in.at.wall_ns == NS_PER_SECOND);
    assert_int_equal(send("file", "x y"), OK);
    assert_true(in.file.given);
    assert_string_equal(in.file.bytes, "x y");
}

static void
flags_have_four_spellings(void **state)
{
    (void)state;
    assert_int_equal(send("keep", "true"), OK);
    assert_true(in.keep.on);
    assert_int_equal(send("keep", "1"), OK);
    assert_true(in.keep.on);
    assert_int_equal(send("keep", "false"), OK);
    assert_false(in.keep.on);
    refuses("keep", "yes",
            "keep=yes is not true or false (or 1 or 0, where it is text)");
    refuses("keep", "TRUE",
            "keep=TRUE is not true or false (or 1 or 0, where it is text)");
}

static void
a_count_is_a_word_or_an_integer(void **state)
{
    (void)state;
    assert_int_equal(send("need", "all"), OK);
    assert_true(in.need.given && in.need.word == 0);
    assert_int_equal(send("need", "9"), OK);
    assert_true(in.need.given && in.need.word == -1 && in.need.count == 9);
    refuses("need", "10", "need=10 is above the limit of 9");
    refuses("need", "most",
            "need=most is not one of all, any, or an integer (digits only)");
}

static void
limits_are_inclusive_and_told(void **state)
{
    (void)state;
    assert_int_equal(send("max_delay", "300"), OK);
    refuses("max_delay", "301", "max_delay=301 is above the limit of 300 s");
    assert_string_equal(problem.value, "301");
    assert_true(problem.has_limits && problem.min == 0 && problem.max == 300);
    refuses("max_delay", "1h", "max_delay=1h is above the limit of 300 s");
    refuses("n", "0", "n=0 is below the limit of 1 waits");
    assert_true(problem.has_limits && problem.min == 1 && problem.max == 1000);
    refuses("n", "99999999999999999999",
            "n=99999999999999999999 is above the limit of 1000 waits");
    refuses("room", "1GiB", "room=1GiB is above the limit of 1048576 bytes");
    refuses("room", "1", "room=1 is below the limit of 512 bytes");
}

static void
malformed_numbers_are_refused(void **state)
{
    static const char *const bad[] = {"-1",  "+1", " 1",    "1 ",  "1_000", "0x10",
                                      "nan", "5.", ".5",    "inf", "1e",    "ten",
                                      "1,5", "--", "1e999", "1s2"};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(send("max_delay", bad[i]), ERROR_INVALID_PARAMETER);
        assert_false(problem.has_limits);
        assert_int_equal(send("n", bad[i]), ERROR_INVALID_PARAMETER);
        assert_int_equal(send("seed", bad[i]), ERROR_INVALID_PARAMETER);
        assert_int_equal(send("room", bad[i]), ERROR_INVALID_PARAMETER);
        assert_false(problem.has_limits);
    }
    refuses("n", "-1", "n=-1 is not an integer (digits only)");
    refuses("n", "1.5", "n=1.5 is not an integer (digits only)");
    refuses("max_delay", "-1",
            "max_delay=-1 is not a number of seconds or a number with a unit "
            "(us ms s m h)");
    refuses("seed", "9223372036854775808",
            "seed=9223372036854775808 is not an integer from 0 to 9223372036854775807");
}

static void
words_must_be_known(void **state)
{
    (void)state;
    refuses("format", "xml", "format=xml is not one of json, ndjson, sse, text");
    refuses("format", "JSON", "format=JSON is not one of json, ndjson, sse, text");
    refuses("include", "json,xml", "include=xml is not one of json, ndjson, sse, text");
    refuses("include", "json,sse,json", "include=json is in the list twice");
    refuses("include", "json,", "include=json, has an empty place in the list");
    refuses("include", ",", "include=, has an empty place in the list");
}

static void
lists_of_integers_are_checked_one_by_one(void **state)
{
    (void)state;
    assert_int_equal(send("limit", "5,1,1000"), OK);
    assert_true(in.limit.given && in.limit.size == 3 && in.limit.at[2] == 1000);
    refuses("limit", "1,0", "limit=0 is below the limit of 1");
    assert_true(problem.has_limits && problem.max == 1000);
    refuses("limit", "1001", "limit=1001 is above the limit of 1000");
    refuses("limit", "1,x", "limit=x is not an integer (digits only)");
    refuses("limit", "1,2,1", "limit=1 is in the list twice");
    refuses("limit", "1,,2", "limit=1,,2 has an empty place in the list");
    assert_int_equal(send("limit", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16"), OK);
    assert_int_equal(in.limit.size, 16);
    refuses("limit", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
            "limit=17 is one too many: at most 16");
}

static void
empty_values_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < shape.count; i++) {
        assert_int_equal(send(fields[i].name, ""), ERROR_INVALID_PARAMETER);
        assert_true(problem.has_value);
        assert_string_equal(problem.value, "");
    }
    refuses("max_delay", "", "max_delay is empty");
}

static void
names_are_short_and_plain(void **state)
{
    char name[66] = {0};

    (void)state;
    memset(name, 'a', 64);
    assert_int_equal(send("id", name), OK);
    name[64] = 'a';
    assert_int_equal(send("id", name), ERROR_INVALID_PARAMETER);
    refuses("id", "-a",
            "id=-a is not a name: a letter or digit, then at most 63 letters, digits, "
            "'.', '_' or '-'");
    assert_int_equal(send("id", "a/b"), ERROR_INVALID_PARAMETER);
    assert_int_equal(send("id", "é"), ERROR_INVALID_PARAMETER);
    assert_int_equal(send_bytes("id", "a\0b", 3), ERROR_INVALID_PARAMETER);
}

static void
labels_are_utf8_without_controls(void **state)
{
    char label[130] = {0};

    (void)state;
    memset(label, 'a', 128);
    assert_int_equal(send("label", label), OK);
    label[128] = 'a';
    assert_int_equal(send("label", label), ERROR_INVALID_PARAMETER);
    assert_non_null(strstr(problem.detail, "… is longer than 128 bytes"));
    refuses("label", "a\nb", "label=a\\x0ab has a control character in it");
    refuses("label", "a\xff", "label=a\xef\xbf\xbd is not valid UTF-8");
    assert_int_equal(send("label", "\x7f"), ERROR_INVALID_PARAMETER);
    assert_int_equal(send_bytes("label", "\0", 1), ERROR_INVALID_PARAMETER);
}

static void
times_are_rfc3339(void **state)
{
    (void)state;
    refuses("at", "tomorrow",
            "at=tomorrow is not a time as RFC 3339 writes it (2026-01-02T03:04:05Z)");
    refuses("at", "9999-12-31T23:59:59Z",
            "at=9999-12-31T23:59:59Z is above the limit of 2261-12-31T23:59:59Z");
}

static void
a_detail_is_valid_utf8_whatever_was_sent(void **state)
{
    char bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    for (size_t i = 0; i < shape.count; i++) {
        if (fields[i].kind == FIELD_TEXT)
            continue;
        for (size_t from = 0; from < sizeof bytes; from++) {
            assert_int_not_equal(
                send_bytes(fields[i].name, bytes + from, sizeof bytes - from), OK);
            assert_true(utf8_valid(problem.detail, strlen(problem.detail)));
            assert_true(strlen(problem.value) <= PROBLEM_VALUE_MAX);
        }
    }
}

static void
a_shown_value_is_cut_between_characters(void **state)
{
    char euros[91];

    (void)state;
    for (size_t i = 0; i < 30; i++)
        memcpy(euros + 3 * i, "€", 4);
    refuses("n", euros, "n=€€€€€€€€€€€€€… is not an integer (digits only)");
    assert_int_equal(strlen(problem.value), 90);
}

static void
a_second_value_is_a_duplicate(void **state)
{
    (void)state;
    assert_int_equal(send("n", "5"), OK);
    assert_int_equal(field_set_text(field("n"), limits, "6", 1, &in, &problem),
                     ERROR_DUPLICATE_PARAMETER);
    assert_string_equal(problem.detail, "n was given twice");
    assert_string_equal(problem.param, "n");
    assert_int_equal(field_set_integer(field("n"), limits, 6, &in, &problem),
                     ERROR_DUPLICATE_PARAMETER);
    assert_int_equal(field_set_double(field("n"), limits, 6.5, &in, &problem),
                     ERROR_DUPLICATE_PARAMETER);
    assert_int_equal(field_set_flag(field("n"), true, &in, &problem),
                     ERROR_DUPLICATE_PARAMETER);
    assert_int_equal(in.n.value, 5);
}

static void
a_refused_value_is_not_given(void **state)
{
    (void)state;
    assert_int_equal(send("n", "x"), ERROR_INVALID_PARAMETER);
    assert_int_equal(field_set_text(field("n"), limits, "6", 1, &in, &problem), OK);
    assert_int_equal(in.n.value, 6);
}

static enum error
send_integer(const char *name, int64_t value)
{
    clear();
    return field_set_integer(field(name), limits, value, &in, &problem);
}

static enum error
send_double(const char *name, double value)
{
    clear();
    return field_set_double(field(name), limits, value, &in, &problem);
}

static void
json_integers_fit_numbers(void **state)
{
    (void)state;
    assert_int_equal(send_integer("max_delay", 3), OK);
    assert_true(in.max_delay.given && in.max_delay.seconds == 3);
    assert_int_equal(send_integer("n", 4), OK);
    assert_int_equal(send_integer("seed", INT64_MAX), OK);
    assert_int_equal(in.seed.value, INT64_MAX);
    assert_int_equal(send_integer("room", 512), OK);
    assert_int_equal(send_integer("need", 2), OK);
    assert_int_equal(in.need.count, 2);
    assert_int_equal(send_integer("n", -1), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "n=-1 is below the limit of 1 waits");
    assert_int_equal(send_integer("seed", -1), ERROR_INVALID_PARAMETER);
    assert_int_equal(send_integer("max_delay", 301), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "max_delay=301 is above the limit of 300 s");
    assert_string_equal(problem.value, "301");
}

static void
json_integers_fit_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(send_integer("label", 5), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "label=5 must be a string: 1 to 128 bytes of "
                                        "UTF-8 without control characters");
    assert_int_equal(send_integer("keep", 1), ERROR_INVALID_PARAMETER);
    assert_int_equal(send_integer("format", 1), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail,
                        "format=1 must be a string: one of json, ndjson, sse, text");
    assert_int_equal(send_integer("limit", 1), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail,
                        "limit=1 must be a list of at most 16 integers, each once");
    assert_int_equal(send_integer("id", 1), ERROR_INVALID_PARAMETER);
    assert_int_equal(send_integer("at", 1), ERROR_INVALID_PARAMETER);
}

static void
json_fractions_fit_durations_only(void **state)
{
    (void)state;
    assert_int_equal(send_double("max_delay", 2.5), OK);
    assert_true(in.max_delay.given && in.max_delay.seconds == 2.5);
    assert_int_equal(send_double("max_delay", -0.0), OK);
    assert_false(signbit(in.max_delay.seconds));
    assert_int_equal(send_double("max_delay", -0.5), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "max_delay=-0.5 is below the limit of 0 s");
    assert_int_equal(send_double("max_delay", NAN), ERROR_INVALID_PARAMETER);
    assert_int_equal(send_double("max_delay", INFINITY), ERROR_INVALID_PARAMETER);
    assert_int_equal(send_double("n", 2), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "n=2.0 must be an integer (digits only)");
    assert_int_equal(send_double("n", 1e30), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "n=1e+30 must be an integer (digits only)");
}

static void
json_flags_fit_flags_only(void **state)
{
    (void)state;
    clear();
    assert_int_equal(field_set_flag(field("keep"), false, &in, &problem), OK);
    assert_true(in.keep.given && !in.keep.on);
    assert_int_equal(field_set_flag(field("n"), true, &in, &problem),
                     ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "n=true must be an integer (digits only)");
}

static void
json_arrays_are_appended_one_by_one(void **state)
{
    const struct field *limit = field("limit");

    (void)state;
    clear();
    memset(&in.limit, 0, sizeof in.limit);
    assert_int_equal(field_append_integer(limit, limits, 3, &in, &problem), OK);
    assert_int_equal(field_append_integer(limit, limits, 2, &in, &problem), OK);
    assert_true(in.limit.given && in.limit.size == 2 && in.limit.at[1] == 2);
    assert_int_equal(field_append_integer(limit, limits, 3, &in, &problem),
                     ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "limit=3 is in the list twice");
    assert_int_equal(field_append_text(limit, limits, "4", 1, &in, &problem),
                     ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "limit=4 must be an integer (digits only)");
    assert_int_equal(in.limit.size, 2);
}

static void
the_first_element_replaces_the_default(void **state)
{
    (void)state;
    clear();
    assert_int_equal(field_append_integer(field("limit"), limits, 1, &in, &problem),
                     OK);
    assert_int_equal(in.limit.size, 1);
    assert_int_equal(in.limit.at[0], 1);
}

static void
json_arrays_of_words_are_appended_one_by_one(void **state)
{
    const struct field *include = field("include");

    (void)state;
    clear();
    assert_int_equal(field_append_text(include, limits, "sse", 3, &in, &problem), OK);
    assert_int_equal(field_append_text(include, limits, "text", 4, &in, &problem), OK);
    assert_true(in.include.given && in.include.set == 12);
    assert_int_equal(field_append_text(include, limits, "sse", 3, &in, &problem),
                     ERROR_INVALID_PARAMETER);
    assert_int_equal(field_append_integer(include, limits, 5, &in, &problem),
                     ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail,
                        "include=5 must be one of json, ndjson, sse, text");
    assert_int_equal(in.include.set, 12);
}

static void
a_wrong_type_says_what_the_field_takes(void **state)
{
    (void)state;
    assert_int_equal(field_wrong_type(field("max_delay"), "null", 4, &problem),
                     ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail,
                        "max_delay=null must be a number of seconds or a "
                        "number with a unit (us ms s m h)");
    assert_string_equal(problem.param, "max_delay");
    assert_string_equal(problem.value, "null");
}

static void
choices_are_durations_with_weights(void **state)
{
    (void)state;
    char many[2 * CHOICES_MAX + 2] = "";

    assert_int_equal(send("choice", "100ms:0.9,2s,3:0"), OK);
    assert_int_equal(in.choice.size, 3);
    assert_true(in.choice.at[0].seconds == 0.1 && in.choice.at[0].weight == 0.9);
    assert_true(in.choice.at[1].seconds == 2 && in.choice.at[1].weight == 1);
    assert_true(in.choice.at[2].seconds == 3 && in.choice.at[2].weight == 0);
    refuses("choice",
            "1:", "choice=1: is not a duration, or one with a weight (2s:0.1)");
    refuses("choice", "1:NaN",
            "choice=1:NaN is not a duration, or one with a weight (2s:0.1)");
    refuses("choice", "1,", "choice=1, has an empty place in the list");
    refuses("choice", "301:1", "choice=301:1 is above the limit of 300 s");
    for (size_t i = 0; i <= CHOICES_MAX; i++)
        strcat(many, i ? ",1" : "1");
    refuses("choice", many, "choice=1 is one too many: at most 64");
    many[2 * CHOICES_MAX - 1] = '\0';
    assert_int_equal(send("choice", many), OK);
    assert_int_equal(in.choice.size, CHOICES_MAX);

    clear();
    assert_int_equal(
        field_append_text(field("choice"), limits, "1:2", 3, &in, &problem), OK);
    assert_int_equal(field_append_text(field("choice"), limits, "2", 1, &in, &problem),
                     OK);
    assert_true(in.choice.given && in.choice.size == 2);
    assert_true(in.choice.at[0].weight == 2 && in.choice.at[1].weight == 1);
    assert_int_equal(field_append_text(field("choice"), limits, "x", 1, &in, &problem),
                     ERROR_INVALID_PARAMETER);
    assert_int_equal(in.choice.size, 2);

    struct text out = {0};
    struct json_writer json = json_writer(&out);
    field_write(field("choice"), &in, &json);
    assert_string_equal(text_terminated(&out), "[\"1:2\",\"2:1\"]");
    text_free(&out);
}

static void
every_kind_is_written_as_json(void **state)
{
    static const char *const values[][3] = {
        {"delay", "250ms", "0.25"},
        {"n", "7", "7"},
        {"seed", "9223372036854775807", "9223372036854775807"},
        {"room", "1KiB", "1024"},
        {"rate", "0.75", "0.75"},
        {"keep", "0", "false"},
        {"format", "ndjson", "\"ndjson\""},
        {"include", "text,json", "[\"json\",\"text\"]"},
        {"limit", "5,2", "[5,2]"},
        {"id", "a.b", "\"a.b\""},
        {"label", "a\"b", "\"a\\\"b\""},
        {"at", "1970-01-01T00:00:01Z", "1000000000"},
        {"file", "/x", "\"/x\""},
    };

    (void)state;
    clear();
    for (size_t i = 0; i < COUNT(values); i++) {
        TEXT_AUTO out = {0};
        struct json_writer json = json_writer(&out);

        assert_int_equal(send(values[i][0], values[i][1]), OK);
        field_write(field(values[i][0]), &in, &json);
        assert_string_equal(text_terminated(&out), values[i][2]);
    }
}

static void
a_count_is_written_as_it_was_given(void **state)
{
    static const char *const values[][2] = {{"all", "\"all\""}, {"4", "4"}};

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        TEXT_AUTO out = {0};
        struct json_writer json = json_writer(&out);

        clear();
        assert_int_equal(send("need", values[i][0]), OK);
        field_write(field("need"), &in, &json);
        assert_string_equal(text_terminated(&out), values[i][1]);
    }
}

static void
a_seed_that_was_not_given_is_null(void **state)
{
    TEXT_AUTO out = {0};
    struct json_writer json = json_writer(&out);

    (void)state;
    clear();
    field_write(field("seed"), &in, &json);
    assert_string_equal(text_terminated(&out), "null");
}

static void
required_fields_must_be_given(void **state)
{
    (void)state;
    clear();
    assert_int_equal(shape_check(&shape, &in, &problem), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "n is required");
    assert_string_equal(problem.param, "n");
    assert_false(problem.has_value);
    assert_int_equal(send("n", "1"), OK);
    assert_int_equal(shape_check(&shape, &in, &problem), OK);
}

static void
fields_that_exclude_each_other_are_refused(void **state)
{
    (void)state;
    assert_int_equal(send("n", "1"), OK);
    assert_int_equal(field_set_text(field("max_delay"), limits, "1", 1, &in, &problem),
                     OK);
    assert_int_equal(shape_check(&shape, &in, &problem), OK);
    assert_int_equal(field_set_text(field("delay"), limits, "1", 1, &in, &problem), OK);
    assert_int_equal(shape_check(&shape, &in, &problem), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "delay and max_delay exclude each other");
    assert_string_equal(problem.param, "delay");
    assert_string_equal(problem.conflicts_with, "max_delay");
}

static void
what_is_off_excludes_and_needs_nothing(void **state)
{
    static const struct {
        const char *name, *value;
        enum error error;
    } given[] = {
        {"drop", "false", OK},
        {"drop", "0", OK},
        {"drop", "true", ERROR_INVALID_PARAMETER},
        {"chance", "0", OK},
        {"chance", "0.0", OK},
        {"chance", "0.1", ERROR_INVALID_PARAMETER},
        {"delay", "0", ERROR_INVALID_PARAMETER}, /* that is a delay */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(given); i++) {
        assert_int_equal(send("n", "1"), OK);
        assert_int_equal(field_set_text(field(given[i].name), limits, given[i].value,
                                        strlen(given[i].value), &in, &problem),
                         OK);
        assert_int_equal(
            field_set_text(field("max_delay"), limits, "1", 1, &in, &problem), OK);
        assert_int_equal(shape_check(&shape, &in, &problem), given[i].error);
    }
}

static void
what_is_off_is_excluded_by_nothing(void **state)
{
    (void)state;
    assert_int_equal(send("n", "1"), OK);
    assert_int_equal(field_set_flag(field("keep"), false, &in, &problem), OK);
    assert_int_equal(field_set_flag(field("drop"), true, &in, &problem), OK);
    assert_int_equal(field_set_text(field("id"), limits, "a", 1, &in, &problem), OK);
    assert_int_equal(shape_check(&shape, &in, &problem), OK);
    in.keep.on = true;
    assert_int_equal(shape_check(&shape, &in, &problem), ERROR_INVALID_PARAMETER);
    assert_string_equal(problem.detail, "drop and keep exclude each other");
}

static void
what_needs_another_is_refused_without(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *needed = rate_needs[i];

        assert_int_equal(send("n", "1"), OK);
        assert_int_equal(field_set_text(field("rate"), limits, "1", 1, &in, &problem),
                         OK);
        assert_int_equal(shape_check(&shape, &in, &problem), ERROR_INVALID_PARAMETER);
        assert_string_equal(problem.detail, "rate needs id or label");
        assert_string_equal(problem.param, "rate");
        assert_false(problem.has_value);
        assert_int_equal(field_set_text(field(needed), limits, "a", 1, &in, &problem),
                         OK);
        assert_int_equal(shape_check(&shape, &in, &problem), OK);
    }
}

static void
a_number_has_no_unit(void **state)
{
    (void)state;
    clear();
    assert_true(in.rate.value == 0.5 && !in.rate.given);
    assert_int_equal(send("rate", "0.75"), OK);
    assert_true(in.rate.value == 0.75 && in.rate.given);
    assert_int_equal(send("rate", "1e0"), OK);
    assert_true(in.rate.value == 1);
    refuses("rate", "0.75s", "rate=0.75s is not a number");
    refuses("rate", "-1", "rate=-1 is not a number");
    refuses("rate", "1.5", "rate=1.5 is above the limit of 1");
    refuses("rate", "0", "rate=0 is below the limit of 0.25");
    assert_int_equal(send_integer("rate", 1), OK);
    assert_true(in.rate.value == 1);
    assert_int_equal(send_double("rate", 0.3), OK);
    assert_true(in.rate.value == 0.3);
    assert_int_equal(send_double("rate", NAN), ERROR_INVALID_PARAMETER);
    assert_int_equal(send_double("rate", 1.5), ERROR_INVALID_PARAMETER);
}

static void
an_unknown_name_gets_the_nearest(void **state)
{
    (void)state;
    assert_int_equal(shape_unknown(&shape, "GET /wait", "max_dealy", 9, &problem),
                     ERROR_UNKNOWN_PARAMETER);
    assert_string_equal(problem.detail,
                        "max_dealy is not a parameter of GET /wait; did "
                        "you mean max_delay?");
    assert_string_equal(problem.param, "max_dealy");
}

static void
an_unknown_name_without_one_near_gets_them_all(void **state)
{
    const struct shape first = {sizeof in, fields, 3};
    const struct shape none = {0};

    (void)state;
    shape_unknown(&first, "GET /wait", "frequency", 9, &problem);
    assert_string_equal(problem.detail, "frequency is not a parameter of GET /wait; it "
                                        "takes delay, max_delay, n");
    shape_unknown(&none, "GET /healthz", "n", 1, &problem);
    assert_string_equal(problem.detail,
                        "n is not a parameter of GET /healthz; it takes no parameters");
    shape_unknown(&shape, "GET /wait", "a\0\xff", 3, &problem);
    assert_true(utf8_valid(problem.detail, strlen(problem.detail)));
}

static void
a_long_list_of_names_is_cut_to_fit(void **state)
{
    struct field many[40];
    const struct shape long_shape = {sizeof in, many, COUNT(many)};
    char name[100];

    (void)state;
    memset(name, 0x01, sizeof name);
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = (struct field){.name = "some_parameter"};
    shape_unknown(&long_shape, "PATCH /tasks/{id}", name, sizeof name, &problem);
    assert_true(utf8_valid(problem.detail, strlen(problem.detail)));
    shape_unknown(&long_shape, "PATCH /tasks/{id}", "zzz", 3, &problem);
    assert_string_equal(problem.detail + strlen(problem.detail) - 19,
                        "some_parameter, ...");
}

static void
names_are_found_by_all_their_bytes(void **state)
{
    (void)state;
    assert_ptr_equal(shape_find(&shape, "max_delayed", 9), field("max_delay"));
    assert_null(shape_find(&shape, "max_delay", 8));
    assert_null(shape_find(&shape, "", 0));
    for (int kind = FIELD_DURATION; kind <= FIELD_TEXT; kind++)
        assert_true(strlen(field_kind_text((enum field_kind)kind)) > 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_are_durations_with_weights),
        cmocka_unit_test(defaults_are_set_and_not_given),
        cmocka_unit_test(a_default_is_never_above_the_limit),
        cmocka_unit_test(every_kind_is_set_from_text),
        cmocka_unit_test(flags_have_four_spellings),
        cmocka_unit_test(a_count_is_a_word_or_an_integer),
        cmocka_unit_test(limits_are_inclusive_and_told),
        cmocka_unit_test(malformed_numbers_are_refused),
        cmocka_unit_test(words_must_be_known),
        cmocka_unit_test(lists_of_integers_are_checked_one_by_one),
        cmocka_unit_test(empty_values_are_refused),
        cmocka_unit_test(names_are_short_and_plain),
        cmocka_unit_test(labels_are_utf8_without_controls),
        cmocka_unit_test(times_are_rfc3339),
        cmocka_unit_test(a_detail_is_valid_utf8_whatever_was_sent),
        cmocka_unit_test(a_shown_value_is_cut_between_characters),
        cmocka_unit_test(a_second_value_is_a_duplicate),
        cmocka_unit_test(a_refused_value_is_not_given),
        cmocka_unit_test(json_integers_fit_numbers),
        cmocka_unit_test(json_integers_fit_nothing_else),
        cmocka_unit_test(json_fractions_fit_durations_only),
        cmocka_unit_test(json_flags_fit_flags_only),
        cmocka_unit_test(json_arrays_are_appended_one_by_one),
        cmocka_unit_test(the_first_element_replaces_the_default),
        cmocka_unit_test(json_arrays_of_words_are_appended_one_by_one),
        cmocka_unit_test(a_wrong_type_says_what_the_field_takes),
        cmocka_unit_test(every_kind_is_written_as_json),
        cmocka_unit_test(a_count_is_written_as_it_was_given),
        cmocka_unit_test(a_seed_that_was_not_given_is_null),
        cmocka_unit_test(required_fields_must_be_given),
        cmocka_unit_test(fields_that_exclude_each_other_are_refused),
        cmocka_unit_test(what_is_off_excludes_and_needs_nothing),
        cmocka_unit_test(what_is_off_is_excluded_by_nothing),
        cmocka_unit_test(what_needs_another_is_refused_without),
        cmocka_unit_test(a_number_has_no_unit),
        cmocka_unit_test(an_unknown_name_gets_the_nearest),
        cmocka_unit_test(an_unknown_name_without_one_near_gets_them_all),
        cmocka_unit_test(a_long_list_of_names_is_cut_to_fit),
        cmocka_unit_test(names_are_found_by_all_their_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
