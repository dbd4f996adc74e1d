#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct heard {
    char bytes[8192];
    ssize_t size;
};

static int64_t
fixed_ns(const struct clock *clock)
{
    (void)clock;
    return INT64_C(1767323045678000000);
}

static const struct clock fixed_clock = {.monotonic_ns = fixed_ns, .wall_ns = fixed_ns};

static const char *
logged(enum log_format format, enum log_level level, const struct log_field *fields,
       struct heard *heard)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    struct log log = {ends[1], LOG_LEVEL_INFO, format, &fixed_clock};

    log_event(&log, level, "listening", fields);
    close(ends[1]);
    heard->size = read(ends[0], heard->bytes, sizeof heard->bytes - 1);
    close(ends[0]);
    assert_true(heard->size >= 0);
    heard->bytes[heard->size] = '\0';
    return heard->bytes;
}

static void
a_text_line_has_time_level_event_and_fields(void **state)
{
    struct heard heard;
    const struct log_field fields[] = {
        {"address", "127.0.0.1"}, {"left", NULL}, {"port", "8080"}, {NULL, NULL}};

    (void)state;
    assert_string_equal(
        logged(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, fields, &heard),
        "2026-01-02T03:04:05.678Z info listening address=127.0.0.1 port=8080\n");
}

static void
a_json_line_is_an_object(void **state)
{
    struct heard heard;
    const struct log_field fields[] = {
        {"left", NULL}, {"who", "a \"b\"\n"}, {NULL, NULL}};

    (void)state;
    assert_string_equal(logged(LOG_FORMAT_JSON, LOG_LEVEL_ERROR, fields, &heard),
                        "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"error\","
                        "\"event\":\"listening\",\"who\":\"a \\\"b\\\"\\n\"}\n");
}

static void
values_that_are_not_plain_are_quoted(void **state)
{
    struct heard heard;
    const struct log_field fields[] = {{"a", ""},     {"b", "x y"},     {"c", "x\ny"},
                                       {"d", "k=v"},  {"e", "\x1b[0m"}, {"f", "é"},
                                       {"g", "\xff"}, {NULL, NULL}};

    (void)state;
    assert_string_equal(logged(LOG_FORMAT_TEXT, LOG_LEVEL_WARN, fields, &heard),
                        "2026-01-02T03:04:05.678Z warn listening a=\"\" b=\"x y\" "
                        "c=\"x\\ny\" d=\"k=v\" e=\"\\u001b[0m\" f=\"é\" "
                        "g=\"\xef\xbf\xbd\"\n");
}

static void
lower_levels_are_silent(void **state)
{
    struct heard heard;
    const struct log_field none[] = {{NULL, NULL}};

    (void)state;
    logged(LOG_FORMAT_TEXT, LOG_LEVEL_DEBUG, none, &heard);
    assert_int_equal(heard.size, 0);
}

static void
a_long_value_is_cut_and_a_line_is_bounded(void **state)
{
    struct heard heard;
    char word[300], controls[300];
    const struct log_field fields[] = {{"cut", word},     {"a", controls},
                                       {"b", controls},   {"c", controls},
                                       {"last", "there"}, {NULL, NULL}};

    (void)state;
    memset(word, 'w', sizeof word);
    word[sizeof word - 1] = '\0';
    memset(controls, 1, sizeof controls);
    controls[sizeof controls - 1] = '\0';
    for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
        const char *line =
            logged((enum log_format)format, LOG_LEVEL_INFO, fields, &heard);

        assert_true(heard.size <= 2048);
        assert_int_equal(strspn(strchr(line, 'w'), "w"), 200);
        assert_ptr_equal(strchr(line, '\n'), line + heard.size - 1);
        assert_non_null(strstr(line, "there"));
        assert_int_equal(line[heard.size - 2] == '}', format == LOG_FORMAT_JSON);
    }
}

static void
the_macro_ends_its_list(void **state)
{
    int ends[2];
    char bytes[256] = {0};

    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log log = {ends[1], LOG_LEVEL_INFO, LOG_FORMAT_TEXT, &fixed_clock};

    LOG(&log, LOG_LEVEL_INFO, "stopped");
    LOG(&log, LOG_LEVEL_INFO, "started", {"pid", "7"}, {"port", "8080"});
    assert_true(read(ends[0], bytes, sizeof bytes - 1) > 0);
    close(ends[0]);
    close(ends[1]);
    assert_string_equal(bytes,
                        "2026-01-02T03:04:05.678Z info stopped\n"
                        "2026-01-02T03:04:05.678Z info started pid=7 port=8080\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_line_has_time_level_event_and_fields),
        cmocka_unit_test(a_json_line_is_an_object),
        cmocka_unit_test(values_that_are_not_plain_are_quoted),
        cmocka_unit_test(lower_levels_are_silent),
        cmocka_unit_test(a_long_value_is_cut_and_a_line_is_bounded),
        cmocka_unit_test(the_macro_ends_its_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
