/* The reference passes this nearly always; once, on a busy machine, its client waited for an answer in vain. */
#define WITH_GARBAGE
#include "../robustness.c"
