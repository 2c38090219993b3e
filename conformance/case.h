/* Included before every test program: lets the runner choose cases by name. */
#pragma once
#include "unity.h"

#ifdef __cplusplus
extern "C"
#endif
void conformance_case (void (*function) (void), const char *name, int line);

#undef RUN_TEST
#define RUN_TEST(function) conformance_case (function, #function, __LINE__)
