/* name.h: names that the server draws: 16 characters, 80 random bits. */
#pragma once

#include "base/fastrand.h"

enum { NAME_DRAWN_SIZE = 17 }; /* with the NUL */

void name_draw(struct fastrand *fastrand, char name[NAME_DRAWN_SIZE]);
