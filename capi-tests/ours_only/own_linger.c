/* The end after a disconnect without linger, in every order. The reference hangs now and then. */
#include "../check.h"
#include "../raw.h"
#include "../ending.h"

static void disconnected_without_linger (void)
{
    for (int round = 0; round < 100; round++)
        for (int i = 0; i < 7; i++)
            if (strchr (orders[i], 'D'))
                end_in_order (orders[i], 0, round & 1);
}

RUN_CASES (CASE (disconnected_without_linger))
