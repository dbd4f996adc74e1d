#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/rfc3339.h"

static int64_t
parsed(const char *text)
{
    int64_t ns = -1;

    return rfc3339_parse(text, strlen(text), &ns) ? ns : -1;
}

static void
every_day_prints_as_the_system_says_and_reads_back(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 106751; day++) {
        time_t second = day * 86400 + day % 86400;
        int64_t ns = second * NS_PER_SECOND + 678 * NS_PER_MS;
        char expected[64], text[RFC3339_SIZE];
        struct tm tm;

        gmtime_r(&second, &tm);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.678Z", &tm);
        rfc3339_print(ns, text);
        assert_string_equal(text, expected);
        assert_true(parsed(text) == (tm.tm_year + 1900 < 2262 ? ns : INT64_MAX));
    }
}

static void
milliseconds_are_cut_not_rounded(void **state)
{
    char text[RFC3339_SIZE];

    (void)state;
    rfc3339_print(INT64_C(1767323045678999999), text);
    assert_string_equal(text, "2026-01-02T03:04:05.678Z");
    rfc3339_print(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    rfc3339_print(INT64_MAX, text);
    assert_string_equal(text, "2262-04-11T23:47:16.854Z");
}

static void
offsets_fractions_and_lower_case_are_read(void **state)
{
    int64_t second = INT64_C(1767323045) * NS_PER_SECOND;

    (void)state;
    assert_int_equal(parsed("2026-01-02T03:04:05Z"), second);
    assert_int_equal(parsed("2026-01-02t03:04:05z"), second);
    assert_int_equal(parsed("2026-01-02T04:34:05+01:30"), second);
    assert_int_equal(parsed("2026-01-01T19:04:05-08:00"), second);
    assert_int_equal(parsed("2026-01-02T03:04:05-00:00"), second);
    assert_int_equal(parsed("2026-01-02T03:04:05.5Z"), second + NS_PER_SECOND / 2);
    assert_int_equal(parsed("2026-01-02T03:04:05.000000001Z"), second + 1);
    assert_int_equal(parsed("1969-12-31T23:30:00-00:30"), 0);
    assert_int_equal(parsed("2261-12-31T23:59:59.999999999Z"),
                     INT64_C(9214646399999999999));
}

static void
what_is_below_a_ns_is_rounded_up(void **state)
{
    int64_t second = INT64_C(1767323045) * NS_PER_SECOND;

    (void)state;
    assert_int_equal(parsed("2026-01-02T03:04:05.0000000010000Z"), second + 1);
    assert_int_equal(parsed("2026-01-02T03:04:05.00000000100001Z"), second + 2);
    assert_int_equal(parsed("2026-01-02T03:04:05.1234567891Z"), second + 123456790);
    assert_int_equal(parsed("2026-01-02T03:04:04.9999999999999999999999Z"), second);
}

static void
what_int64_has_no_room_for_is_as_far_as_it_goes(void **state)
{
    static const char *const early[] = {
        "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "1000-02-28T00:00:00Z",
        "0000-01-01T00:00:00Z", "0000-02-29T00:00:00+23:59", "0001-12-31T00:00:00Z"};
    static const char *const late[] = {"2262-01-01T00:00:00Z", "2261-12-31T23:59:60Z",
                                       "2261-12-31T23:59:59-00:01",
                                       "9999-12-31T23:59:59.9999999999Z"};

    (void)state;
    for (size_t i = 0; i < COUNT(early); i++)
        assert_int_equal(parsed(early[i]), 0);
    for (size_t i = 0; i < COUNT(late); i++)
        assert_true(parsed(late[i]) == INT64_MAX);
    assert_int_equal(parsed(RFC3339_LATEST), INT64_C(9214646399) * NS_PER_SECOND);
}

static void
a_leap_second_is_the_next_second(void **state)
{
    (void)state;
    assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
    assert_int_equal(parsed("2016-12-31T15:59:60.25-08:00"),
                     parsed("2017-01-01T00:00:00.25Z"));
}

static void
what_is_no_such_time_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-1-02T03:04:05Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:00Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05+1:00",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+01:60",
        "2026-01-02T03:04:05+0100",
        "2026-01-02T03:04:05ZZ",
        "2026-01-02T03:04:05Z ",
        "+026-01-02T03:04:05Z",
        "9999-02-29T00:00:00Z",
        "0100-02-29T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-01-02T03:04:05.123456789012-Z",
        "2026-01-02T03:04:05,5Z",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(parsed(bad[i]), -1);
    assert_true(parsed("2024-02-29T00:00:00Z") > 0);
    assert_true(parsed("2000-02-29T00:00:00Z") > 0);
}

static void
every_cut_text_is_refused(void **state)
{
    const char *text = "2026-01-02T03:04:05.678+01:00";
    int64_t ns = 7;

    (void)state;
    for (size_t size = 0; size < strlen(text); size++)
        assert_false(rfc3339_parse(text, size, &ns));
    assert_int_equal(ns, 7);
    assert_true(rfc3339_parse(text, strlen(text), &ns));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_prints_as_the_system_says_and_reads_back),
        cmocka_unit_test(milliseconds_are_cut_not_rounded),
        cmocka_unit_test(offsets_fractions_and_lower_case_are_read),
        cmocka_unit_test(what_is_below_a_ns_is_rounded_up),
        cmocka_unit_test(what_int64_has_no_room_for_is_as_far_as_it_goes),
        cmocka_unit_test(a_leap_second_is_the_next_second),
        cmocka_unit_test(what_is_no_such_time_is_refused),
        cmocka_unit_test(every_cut_text_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
