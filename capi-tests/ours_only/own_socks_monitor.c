/* What the reference does not survive each time. */
#define MONITORED
#include "../socks.c"
