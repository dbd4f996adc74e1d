#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/problem.h"
#include "base/utf8.h"

static const char *
written(const struct problem *problem, struct text *text)
{
    struct json_writer json = json_writer(text);

    text_clear(text);
    problem_write(problem, &json);
    return text_terminated(text);
}

static void
a_problem_is_written_as_the_contract_shows(void **state)
{
    TEXT_AUTO text = {0};
    struct problem problem;

    (void)state;
    assert_int_equal(problem_set(&problem, ERROR_INVALID_PARAMETER,
                                 "max_delay=%d is above the limit of 300 s", 301),
                     ERROR_INVALID_PARAMETER);
    problem_param(&problem, "max_delay", 9);
    problem_value(&problem, "301", 3);
    problem_limits(&problem, 0, 300);
    assert_string_equal(
        written(&problem, &text),
        "{\"type\":\"/problems/invalid-parameter\",\"title\":\"Invalid "
        "parameter\",\"status\":400,\"detail\":\"max_delay=301 is above "
        "the limit of 300 s\",\"param\":\"max_delay\",\"value\":\"301\","
        "\"min\":0,\"max\":300}");
}

static void
what_is_not_known_is_left_out(void **state)
{
    TEXT_AUTO text = {0};
    struct problem problem;

    (void)state;
    problem_set(&problem, ERROR_DRAINING, "stopping");
    assert_string_equal(written(&problem, &text),
                        "{\"type\":\"/problems/draining\",\"title\":\"Draining\","
                        "\"status\":503,\"detail\":\"stopping\"}");
}

static void
a_status_of_its_own_replaces_that_of_the_error(void **state)
{
    TEXT_AUTO text = {0};
    struct problem problem;

    (void)state;
    problem_set(&problem, ERROR_SIMULATED_FAILURE, "asked");
    assert_int_equal(problem_status(&problem), 503);
    problem.status = 418;
    assert_int_equal(problem_status(&problem), 418);
    assert_non_null(strstr(written(&problem, &text), "\"status\":418,"));
    assert_true(error_has_any_status(ERROR_SIMULATED_FAILURE));
    assert_false(error_has_any_status(ERROR_TIMEOUT));
}

static void
a_conflict_names_both(void **state)
{
    TEXT_AUTO text = {0};
    struct problem problem;

    (void)state;
    problem_set(&problem, ERROR_INVALID_PARAMETER, "d");
    problem_param(&problem, "delay", 5);
    problem_conflict(&problem, "max_delay");
    assert_non_null(strstr(written(&problem, &text),
                           "\"param\":\"delay\",\"conflicts_with\":\"max_delay\"}"));
}

static void
nothing_is_left_of_the_problem_before(void **state)
{
    struct problem problem;

    (void)state;
    memset(&problem, 'x', sizeof problem);
    problem_set(&problem, ERROR_TIMEOUT, "t");
    assert_string_equal(problem.param, "");
    assert_string_equal(problem.conflicts_with, "");
    assert_false(problem.has_value);
    assert_false(problem.has_limits);
}

static void
what_is_no_utf8_is_not_told(void **state)
{
    struct problem problem;

    (void)state;
    problem_set(&problem, ERROR_INVALID_JSON, "near '\xc3\xa4\xcc' and \xff%c", 0xe2);
    assert_string_equal(problem.detail, "near '\xc3\xa4?' and ??");
}

static void
long_texts_are_cut_between_characters(void **state)
{
    char euros[601];
    struct problem problem;

    (void)state;
    for (size_t i = 0; i < 200; i++)
        memcpy(euros + 3 * i, "€", 4);
    problem_set(&problem, ERROR_INVALID_PARAMETER, "%s", euros);
    problem_param(&problem, euros, 600);
    problem_value(&problem, euros, 600);
    problem_conflict(&problem, "short");
    assert_int_equal(strlen(problem.detail), 318);
    assert_true(utf8_valid(problem.detail, 318));
    assert_int_equal(strlen(problem.param), 99);
    assert_int_equal(strlen(problem.value), 99);
    assert_true(utf8_valid(problem.value, 99));
}

static void
any_bytes_are_a_value(void **state)
{
    TEXT_AUTO text = {0};
    struct problem problem;

    (void)state;
    problem_set(&problem, ERROR_INVALID_PARAMETER, "d");
    problem_value(&problem, "a\0b\xff\n", 5);
    assert_non_null(strstr(written(&problem, &text), "\"value\":\"a\xef\xbf\xbd"
                                                     "b\xef\xbf\xbd\\n\"}"));
    problem_value(&problem, "", 0);
    assert_non_null(strstr(written(&problem, &text), "\"value\":\"\"}"));
}

static void
every_error_is_complete_and_found_by_its_slug(void **state)
{
    (void)state;
    for (unsigned error = OK + 1; error < ERROR_COUNT; error++) {
        const struct error_info *info = error_info((enum error)error);

        assert_in_range(info->status, 400, 599);
        assert_true(strlen(info->title) > 0);
        assert_true(strlen(info->text) > 0);
        assert_int_equal(error_from_slug(info->slug), error);
    }
    assert_int_equal(error_from_slug("nonsense"), OK);
    assert_int_equal(error_from_slug(""), OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_is_written_as_the_contract_shows),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(a_status_of_its_own_replaces_that_of_the_error),
        cmocka_unit_test(a_conflict_names_both),
        cmocka_unit_test(nothing_is_left_of_the_problem_before),
        cmocka_unit_test(what_is_no_utf8_is_not_told),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(any_bytes_are_a_value),
        cmocka_unit_test(every_error_is_complete_and_found_by_its_slug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
