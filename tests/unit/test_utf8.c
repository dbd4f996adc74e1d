#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/utf8.h"

/* RFC 3629 the other way round: what a code point is written as. */
static size_t
encode(uint32_t code, char out[4])
{
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = length; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(leads[length] | code);
    return length;
}

static void
every_code_point_is_a_sequence_but_surrogates(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x120000; code++) {
        char bytes[4];
        size_t length = encode(code, bytes);
        bool valid = code < 0xd800 || (code > 0xdfff && code < 0x110000);

        assert_int_equal(utf8_sequence(bytes, length), valid ? length : 0);
        if (length > 1)
            assert_int_equal(utf8_sequence(bytes, length - 1), 0);
    }
}

static void
overlong_forms_and_stray_bytes_are_none(void **state)
{
    static const char *const bad[] = {
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\x80",
        "\xbf",
        "\xc3(",
        "\xe2\x82(",
        "\xf0\x9f\x98(",
        "\xe2(\xac",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(utf8_sequence(bad[i], strlen(bad[i])), 0);
        assert_false(utf8_valid(bad[i], strlen(bad[i])));
    }
}

static void
a_text_is_valid_where_all_of_it_is(void **state)
{
    (void)state;
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid("aé€😀\0z", 12));
    assert_false(utf8_valid("aé€😀", 9));
    assert_false(utf8_valid("a\xff", 2));
}

static void
a_cut_falls_between_sequences(void **state)
{
    const char *text = "aé€😀"; /* 1 + 2 + 3 + 4 */
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};

    (void)state;
    for (size_t limit = 0; limit < COUNT(expected); limit++)
        assert_int_equal(utf8_cut(text, 10, limit), expected[limit]);
}

static void
a_cut_of_what_is_not_utf8_is_the_limit(void **state)
{
    (void)state;
    assert_int_equal(utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 4), 4);
    assert_int_equal(utf8_cut("\xff\xff\xff", 3, 2), 2);
    assert_int_equal(utf8_cut("\xf0\x9f\x98(x", 5, 3), 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_is_a_sequence_but_surrogates),
        cmocka_unit_test(overlong_forms_and_stray_bytes_are_none),
        cmocka_unit_test(a_text_is_valid_where_all_of_it_is),
        cmocka_unit_test(a_cut_falls_between_sequences),
        cmocka_unit_test(a_cut_of_what_is_not_utf8_is_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
