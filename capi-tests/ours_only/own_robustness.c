/* The reference passes this, but on a busy machine now and then its client waits for an answer in vain. */
#define WITH_GARBAGE
#include "../robustness.c"
