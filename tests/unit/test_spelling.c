#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/spelling.h"

static size_t
distance(const char *a, const char *b)
{
    size_t there = spelling_distance(a, strlen(a), b);

    assert_int_equal(there, spelling_distance(b, strlen(b), a));
    return there;
}

static const char *
nearest(const char *word)
{
    static const char *const names[] = {"max_delay", "min_delay", "delay", "n", "seed"};
    const char *best = NULL;
    size_t best_distance = 0;

    for (size_t i = 0; i < COUNT(names); i++)
        spelling_consider(word, strlen(word), names[i], &best, &best_distance);
    return best;
}

static void
an_edit_counts_one(void **state)
{
    (void)state;
    assert_int_equal(distance("", ""), 0);
    assert_int_equal(distance("", "abc"), 3);
    assert_int_equal(distance("seed", "seed"), 0);
    assert_int_equal(distance("sed", "seed"), 1);
    assert_int_equal(distance("sead", "seed"), 1);
    assert_int_equal(distance("max_dealy", "max_delay"), 1);
    assert_int_equal(distance("kitten", "sitting"), 3);
    assert_int_equal(distance("ca", "abc"), 3);
}

static void
case_does_not_count(void **state)
{
    (void)state;
    assert_int_equal(distance("MAX_Delay", "max_delay"), 0);
    assert_int_equal(distance("MAX_Dealy", "max_delay"), 1);
    assert_int_equal(distance("@", "`"), 1);
}

static void
long_words_are_far_from_all(void **state)
{
    char word[66] = {0};

    (void)state;
    memset(word, 'a', 64);
    assert_int_equal(distance(word, word), 0);
    word[64] = 'a';
    assert_true(distance(word, word) > 1000);
    assert_true(distance(word, "a") > 1000);
}

static void
the_nearest_name_is_meant(void **state)
{
    (void)state;
    assert_string_equal(nearest("max_dealy"), "max_delay");
    assert_string_equal(nearest("mindelay"), "min_delay");
    assert_string_equal(nearest("Seed"), "seed");
    assert_string_equal(nearest("dely"), "delay");
}

static void
a_name_too_far_is_not_meant(void **state)
{
    (void)state;
    assert_null(nearest("frequency"));
    assert_null(nearest("x"));
    assert_null(nearest("se"));
    assert_null(nearest(""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edit_counts_one),
        cmocka_unit_test(case_does_not_count),
        cmocka_unit_test(long_words_are_far_from_all),
        cmocka_unit_test(the_nearest_name_is_meant),
        cmocka_unit_test(a_name_too_far_is_not_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
