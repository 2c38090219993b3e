/* The program of the same name, and commands that come out of order. */
#define ORDER_IS_CHECKED
#include "../hostile_curve_server.c"
