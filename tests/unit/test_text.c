#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fastrand.h"
#include "base/json_writer.h"
#include "base/number.h"

static void
a_text_grows_as_it_is_appended_to(void **state)
{
    TEXT_AUTO text = {0};

    (void)state;
    for (int i = 0; i < 10000; i++)
        text_format(&text, "%d,", i % 10);
    assert_false(text.failed);
    assert_int_equal(text.size, 20000);
    assert_memory_equal(text.bytes + 19990, "5,6,7,8,9,", 10);
    assert_int_equal(strlen(text_terminated(&text)), 20000);
    assert_int_equal(text.size, 20000);
}

static void
a_long_format_is_written_whole(void **state)
{
    TEXT_AUTO text = {0};

    (void)state;
    text_format(&text, "%0*d%s", 5000, 7, "end");
    assert_int_equal(text.size, 5003);
    assert_memory_equal(text.bytes + 4998, "07end", 5);
}

static void
an_empty_text_terminates(void **state)
{
    TEXT_AUTO text = {0};

    (void)state;
    text_append(&text, NULL, 0);
    assert_string_equal(text_terminated(&text), "");
    assert_false(text.failed);
}

static void
a_fixed_text_fails_where_it_is_full_and_stays_so(void **state)
{
    char buffer[8];
    struct text text = text_over(buffer, sizeof buffer);

    (void)state;
    text_format(&text, "%s", "12345678");
    assert_false(text.failed);
    assert_int_equal(text.size, 8);
    assert_string_equal(text_terminated(&text), "");
    assert_true(text.failed);
    text_clear(&text);
    text_string(&text, "1234567");
    assert_string_equal(text_terminated(&text), "1234567");
    text_string(&text, "too long");
    text_string(&text, "x");
    assert_true(text.failed);
    assert_int_equal(text.size, 7);
    text_free(&text);
    assert_null(text.bytes);
}

static void
what_no_memory_holds_fails(void **state)
{
    TEXT_AUTO text = {0};

    (void)state;
    text_string(&text, "abc");
    text_append(&text, "x", SIZE_MAX - 1);
    assert_true(text.failed);
    text_string(&text, "def");
    assert_int_equal(text.size, 3);
    assert_string_equal(text_terminated(&text), "");
}

static void
json_has_its_commas(void **state)
{
    TEXT_AUTO text = {0};
    struct json_writer json = json_writer(&text);

    (void)state;
    json_begin_object(&json);
    json_member_integer(&json, "a", INT64_MIN);
    json_key(&json, "b");
    json_begin_array(&json);
    json_write_double(&json, 0.41);
    json_write_flag(&json, true);
    json_write_null(&json);
    json_begin_object(&json);
    json_end_object(&json);
    json_begin_array(&json);
    json_end_array(&json);
    json_write_bytes(&json, "xyz", 2);
    json_end_array(&json);
    json_member_string(&json, "c", "d");
    json_member_string(&json, "e", NULL);
    json_member_flag(&json, "f", false);
    json_member_null(&json, "g");
    json_member_double(&json, "h", 2);
    json_member_seconds(&json, "i", 250 * NS_PER_MS);
    json_end_object(&json);
    assert_string_equal(
        text_terminated(&text),
        "{\"a\":-9223372036854775808,\"b\":[0.41,true,null,{},[],\"xy\"],"
        "\"c\":\"d\",\"e\":null,\"f\":false,\"g\":null,\"h\":2,"
        "\"i\":0.25}");
}

static void
assert_escaped(const char *bytes, size_t size, const char *expected)
{
    TEXT_AUTO text = {0};

    json_escape(&text, bytes, size);
    assert_string_equal(text_terminated(&text), expected);
}

static void
strings_are_escaped(void **state)
{
    (void)state;
    assert_escaped("", 0, "");
    assert_escaped("plain /", 7, "plain /");
    assert_escaped("a\"b\\c", 5, "a\\\"b\\\\c");
    assert_escaped("\b\t\n\f\r", 5, "\\b\\t\\n\\f\\r");
    assert_escaped("a\0\x1f\x7fz", 5, "a\\u0000\\u001f\\u007fz");
    assert_escaped("é😀", 6, "é😀");
}

static void
line_ends_of_unicode_are_escaped(void **state)
{
    (void)state;
    assert_escaped("\xc2\x85", 2, "\\u0085");
    assert_escaped("\xc2\x9b", 2, "\\u009b");
    assert_escaped("\xc2\xa0", 2, "\xc2\xa0");
    assert_escaped("\xe2\x80\xa8\xe2\x80\xa9", 6, "\\u2028\\u2029");
    assert_escaped("\xe2\x80\xaa", 3, "\xe2\x80\xaa");
}

static void
what_is_not_utf8_becomes_the_replacement_character(void **state)
{
    (void)state;
    assert_escaped("a\xff"
                   "b",
                   3,
                   "a\xef\xbf\xbd"
                   "b");
    assert_escaped("\xc3", 1, "\xef\xbf\xbd");
    assert_escaped("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static const char *
seconds_text(int64_t ns, struct text *text)
{
    struct json_writer json = json_writer(text);

    text_clear(text);
    json_write_seconds(&json, ns);
    return text_terminated(text);
}

static void
seconds_print_as_number_print_does(void **state)
{
    TEXT_AUTO text = {0};
    struct fastrand fastrand;
    char expected[NUMBER_TEXT_MAX];

    (void)state;
    fastrand_seed(&fastrand, 4);
    for (int i = 0; i < 100000; i++) {
        uint64_t most = UINT64_C(8388608000000000) >> i % 53;
        int64_t ns = (int64_t)(fastrand_bits(&fastrand) % (most + 1));

        number_print(ns_to_seconds(ns), expected);
        assert_string_equal(seconds_text(ns, &text), expected);
    }
}

static void
no_ns_is_lost_in_print(void **state)
{
    TEXT_AUTO text = {0};
    struct fastrand fastrand;

    (void)state;
    fastrand_seed(&fastrand, 5);
    for (int i = 0; i < 100000; i++) {
        int64_t ns = (int64_t)(fastrand_bits(&fastrand) % 9000000000000000U);
        const char *printed = seconds_text(ns, &text);

        assert_true(llroundl(strtold(printed, NULL) * 1e9L) == ns);
        assert_true(strtod(printed, NULL) == ns_to_seconds(ns));
    }
}

static void
seconds_have_no_idle_zeros(void **state)
{
    TEXT_AUTO text = {0};

    (void)state;
    assert_string_equal(seconds_text(0, &text), "0");
    assert_string_equal(seconds_text(1, &text), "1e-09");
    assert_string_equal(seconds_text(99999, &text), "9.9999e-05");
    assert_string_equal(seconds_text(100000, &text), "0.0001");
    assert_string_equal(seconds_text(300 * NS_PER_SECOND, &text), "300");
    assert_string_equal(seconds_text(-1500 * NS_PER_MS, &text), "-1.5");
    assert_string_equal(seconds_text(8999999999999999, &text), "8999999.999999999");
    assert_string_equal(seconds_text(INT64_MIN, &text), "-9223372036.854775808");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows_as_it_is_appended_to),
        cmocka_unit_test(a_long_format_is_written_whole),
        cmocka_unit_test(an_empty_text_terminates),
        cmocka_unit_test(a_fixed_text_fails_where_it_is_full_and_stays_so),
        cmocka_unit_test(what_no_memory_holds_fails),
        cmocka_unit_test(json_has_its_commas),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(line_ends_of_unicode_are_escaped),
        cmocka_unit_test(what_is_not_utf8_becomes_the_replacement_character),
        cmocka_unit_test(seconds_print_as_number_print_does),
        cmocka_unit_test(no_ns_is_lost_in_print),
        cmocka_unit_test(seconds_have_no_idle_zeros),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
