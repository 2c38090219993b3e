/* What the reference does at times only. */
#define WITHOUT_HANDLER
#include "../zap.c"
