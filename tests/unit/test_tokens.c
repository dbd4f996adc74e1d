#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/tokens.h"

enum { EXIT_SKIPPED = 77 };

static const char one[] = "0123456789abcdef0123456789abcdef";
static const char two[] = "fedcba9876543210fedcba9876543210";

static struct tokens *
read_tokens(const char *text)
{
    char path[] = "/tmp/waitd-tokens-XXXXXX";
    TEXT_AUTO why = {0};
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct tokens *tokens = tokens_read(path, &why);
    unlink(path);
    assert_non_null(tokens);
    return tokens;
}

static struct tokens *
two_tokens(void)
{
    char text[sizeof one + sizeof two + 1];

    snprintf(text, sizeof text, "%s\n%s\n", one, two);
    return read_tokens(text);
}

static void
each_is_accepted_and_nothing_else(void **state)
{
    struct tokens *tokens = two_tokens();
    struct tokens *copy = tokens_copy(tokens);
    char longest[TOKEN_SIZE_MAX + 1];

    (void)state;
    tokens_free(tokens);
    assert_int_equal(tokens_count(copy), 2);
    assert_true(tokens_accept(copy, one, sizeof one - 1));
    assert_true(tokens_accept(copy, two, sizeof two - 1));
    for (size_t size = 0; size < sizeof one - 1; size++)
        assert_false(tokens_accept(copy, one, size));
    for (size_t i = 0; i < sizeof one - 1; i++) {
        char wrong[sizeof one];

        memcpy(wrong, one, sizeof one);
        wrong[i] ^= 1;
        assert_false(tokens_accept(copy, wrong, sizeof one - 1));
    }
    memset(longest, 'x', sizeof longest);
    assert_false(tokens_accept(copy, longest, TOKEN_SIZE_MAX));
    assert_false(tokens_accept(copy, longest, sizeof longest));
    tokens_free(copy);
}

/* ---- how long it takes: as many instructions as the process executes ---------------
 */

/* Stops itself before and behind. The token always lies at the same place. */
static void
be_counted(const struct tokens *tokens, const char *token)
{
    char offered[sizeof one];
    size_t size = strlen(token);

    memcpy(offered, token, size);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(EXIT_FAILURE);
    raise(SIGSTOP);
    bool accepted = tokens_accept(tokens, offered, size);
    raise(SIGSTOP);
    _exit(accepted);
}

static bool
is_stopped_by(pid_t pid, int signum)
{
    int status;

    return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)
           && WSTOPSIG(status) == signum;
}

/* The instructions from the one stop to the other; 0: none can be counted here. */
static uint64_t
count_instructions(const struct tokens *tokens, const char *token)
{
    uint64_t count = 0;
    pid_t pid = fork();

    if (pid == 0)
        be_counted(tokens, token);
    if (!is_stopped_by(pid, SIGSTOP))
        return 0;
    do {
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0)
            return 0;
        count++;
    } while (is_stopped_by(pid, SIGTRAP));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return count;
}

static void
however_much_is_right_it_takes_the_same(void **state)
{
    struct tokens *tokens = two_tokens();
    char wrong[sizeof one];
    uint64_t count = count_instructions(tokens, one);
    bool *skipped = *state;

    if (count == 0) { /* not here */
        tokens_free(tokens);
        *skipped = true;
        skip();
    }
    assert_true(count > 100);
    assert_int_equal(count_instructions(tokens, two), count);
    for (size_t i = 0; i < sizeof one - 1; i += 5) {
        memcpy(wrong, one, sizeof one);
        wrong[i] ^= 1;
        assert_int_equal(count_instructions(tokens, wrong), count);
    }
    memset(wrong, 'x', sizeof one - 1);
    assert_int_equal(count_instructions(tokens, wrong), count);
    tokens_free(tokens);
}

int
main(void)
{
    bool skipped = false;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_accepted_and_nothing_else),
        cmocka_unit_test_prestate(however_much_is_right_it_takes_the_same, &skipped),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    return skipped && !failed ? EXIT_SKIPPED : failed;
}
