/* each_world.h: a world of its own for each test of a file, closed and checked at its
 * end. cmocka.h comes before it. */
#pragma once

#include "world.h"

static struct world world;

static int
set_up(void **state)
{
    (void)state;
    world_open(&world, &WORLD_LIMITS);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
