#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include "async/addresses.h"

static struct addresses addresses;

static int
open_table(void **state)
{
    (void)state;
    addresses_open(&addresses);
    addresses.most = 2;
    return 0;
}

static int
close_table(void **state)
{
    (void)state;
    addresses_close(&addresses);
    return 0;
}

static struct address *
enter(uint64_t host)
{
    struct address *address = NULL;

    assert_int_equal(addresses_enter(&addresses, host, &address), OK);
    assert_non_null(address);
    return address;
}

static void
refuse(uint64_t host)
{
    struct address *address;

    assert_int_equal(addresses_enter(&addresses, host, &address),
                     ERROR_TOO_MANY_CONNECTIONS);
    assert_null(address);
}

static void
each_host_counts_for_itself(void **state)
{
    (void)state;
    struct address *first = enter(1);
    struct address *second = enter(1);
    refuse(1);
    struct address *other = enter(2);

    assert_ptr_equal(first, second);
    addresses_leave(&addresses, first);
    addresses_leave(&addresses, enter(1));
    addresses_leave(&addresses, second);
    addresses_leave(&addresses, other);
}

static void
without_a_limit_none_is_counted(void **state)
{
    (void)state;
    struct address *address;

    addresses.most = 0;
    assert_int_equal(addresses_enter(&addresses, 1, &address), OK);
    assert_null(address);
}

static uint64_t
host(const char *text)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *four = (void *)&address;
    struct sockaddr_in6 *six = (void *)&address;

    if (inet_pton(AF_INET, text, &four->sin_addr) == 1)
        address.ss_family = AF_INET;
    else {
        assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
        address.ss_family = AF_INET6;
    }
    return addresses_host(&address);
}

static void
a_host_is_an_ipv4_address_or_a_64_of_ipv6(void **state)
{
    (void)state;
    assert_true(host("192.0.2.1") == host("192.0.2.1"));
    assert_true(host("192.0.2.1") == host("::ffff:192.0.2.1"));
    assert_true(host("192.0.2.1") != host("192.0.2.2"));
    assert_true(host("192.0.2.1") != host("193.0.2.1"));
    assert_true(host("2001:db8:0:1::1") == host("2001:db8:0:1:ffff::2"));
    assert_true(host("2001:db8:0:1::1") != host("2001:db8:0:2::1"));
    assert_true(host("2001:db8:0:1::1") != host("2001:db9:0:1::1"));
    assert_true(host("::1") != host("127.0.0.1"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_host_counts_for_itself, open_table,
                                        close_table),
        cmocka_unit_test_setup_teardown(without_a_limit_none_is_counted, open_table,
                                        close_table),
        cmocka_unit_test(a_host_is_an_ipv4_address_or_a_64_of_ipv6),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
